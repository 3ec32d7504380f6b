"""The combinations that the promises of snapshots are held against, in an order in which few of them show much."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product

from faust_cdc.config.snapshot_settings import LockingMode
from tests.pipeline.test_snapshot_modes import BASED

SERVERS = ("mysql", "mariadb", "mysql_without_gtids")
LOCKINGS = (LockingMode.WATERMARK, LockingMode.MINIMAL, LockingMode.EXTENDED, LockingMode.NONE)
READERS = (1, 4)


@dataclass(frozen=True)
class Plan:
    """What is read when, in two lives of a task: `modes` of both, and what is done besides."""

    modes: tuple[str, str]
    snapshots: int
    """How often all rows are read by both lives."""
    signal: str = ""
    """`type` of a snapshot that is signalled in the first life; in the second another one reads everything again."""
    is_cut: bool = False
    """The first life ends in the midst of its last snapshot, and the second goes on with it."""
    is_emptied: bool = False
    """There are no rows, and no binlog of them, before the first life."""
    is_quiet: bool = False
    """Nothing is written before the first life has its place: it would be left out."""
    is_lost: bool = False
    """The offset of the first life names what the server never had."""
    is_joined: bool = False
    """The second life captures tables that the first did not."""

    @property
    def is_read_anew(self) -> bool:
        """Whether the second life reads all rows again, and leaves out what is changed between both."""
        return self.is_lost or self.modes[1] in ("always", "configuration_based")

    @property
    def has_chunks(self) -> bool:
        """Whether rows are read in chunks whatever the locking mode is."""
        return bool(self.signal) or self.is_joined


PLANS = {
    "initial": Plan(("initial", "initial"), 1),
    "initial, cut": Plan(("initial", "initial"), 1, is_cut=True),
    "always": Plan(("always", "always"), 2),
    "initial_only": Plan(("initial_only", "initial"), 1),
    "no_data": Plan(("no_data", "no_data"), 0, is_emptied=True, is_quiet=True),
    "never": Plan(("never", "never"), 0, is_emptied=True),
    "recovery": Plan(("initial", "recovery"), 1),
    "when_needed": Plan(("when_needed", "when_needed"), 1),
    "when_needed, lost": Plan(("when_needed", "when_needed"), 2, is_lost=True),
    "configuration_based": Plan(("configuration_based", "configuration_based"), 2),
    "incremental": Plan(("initial", "initial"), 3, "INCREMENTAL"),
    "incremental, cut": Plan(("initial", "initial"), 3, "INCREMENTAL", is_cut=True),
    "blocking": Plan(("initial", "initial"), 3, "BLOCKING"),
    "joined": Plan(("initial", "initial"), 1, is_joined=True),
}
SWITCHES = {f"{BASED}snapshot.data": "true", f"{BASED}snapshot.schema": "true", f"{BASED}start.stream": "true"}


@dataclass(frozen=True)
class Combination:
    """One of all."""

    server: str
    plan: str
    locking: LockingMode
    readers: int
    row_metadata: str
    """`binlog_row_metadata`."""

    def __str__(self) -> str:
        return f"{self.server}-{self.plan}-{self.locking.value}-{self.readers}-{self.row_metadata}"

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is written while a life begins: without a lock MySQL has changes twice there, or never."""
        return self.locking is LockingMode.NONE and self.server != "mariadb"


def all_of_them(seed: int) -> list[Combination]:
    """Return all, in an order in which few of them show every choice.

    Readers are no choice where nothing is read in chunks: they and the rows' metadata come by turns there, and
    metadata everywhere, the other way round with the next seed. A snapshot under locks starts over when it is cut.
    """
    found = []
    for number, (server, (name, plan), locking) in enumerate(product(SERVERS, PLANS.items(), LOCKINGS)):
        is_chunked = locking is LockingMode.WATERMARK or plan.has_chunks
        if plan.is_cut and locking is not LockingMode.WATERMARK:
            continue
        turn = number // len(LOCKINGS) + LOCKINGS.index(locking) + seed
        for readers in READERS if is_chunked else READERS[turn % 2 :][:1]:
            row_metadata = ("FULL", "MINIMAL")[(turn + READERS.index(readers)) % 2]
            found.append(Combination(server, name, locking, readers, row_metadata))
    return ordered(found)


def ordered(given: list[Combination]) -> list[Combination]:
    """Return them so that the first ones show every choice, each server and number of readers alike often."""
    left, shown, found = list(given), set[object](), list[Combination]()
    used: Counter[object] = Counter()

    def worth(one: Combination) -> tuple[int, int, int]:
        return len(choices(one) - shown), -used[one.server], -used[one.readers]

    while left:
        best = max(left, key=worth)
        left.remove(best)
        shown |= choices(best)
        used.update((best.server, best.readers))
        found.append(best)
    return found


def choices(one: Combination) -> set[object]:
    """Return what is to be shown early of a combination; besides, what comes first is the default."""
    return {one.plan, one.locking, (one.server, one.readers), (one.server, one.row_metadata)}
