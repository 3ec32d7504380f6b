"""Structures as of a place in the binlog, without a lock.

Rows without names (binlog_row_metadata=MINIMAL) are read by the structures of the stream's place. Nobody says what they
were then; but what is the same before the place is taken and behind it was so at the place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from faust_cdc.errors import TransientError
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.structure_ledger import TOGETHER, StructureLedger
from faust_cdc.relational.model import Table, TableId

log = logging.getLogger(__name__)

TRIES = 10


def never() -> bool:
    """Ask for no stop."""
    return False


def snapshot_at(
    ledger: StructureLedger,
    read: Callable[[Iterable[TableId]], dict[TableId, Table]],
    maps_tell: bool,
    should_stop: Callable[[], bool],
    take: Callable[[], SourceOffset],
    rows_follow: bool,
) -> SourceOffset:
    """Let the ledger write down the structures of a place that `take` says, and return it.

    Where table maps tell the structures of rows (`maps_tell`), those of now will do; `read` returns them. Raises
    TransientError when asked to stop, and what the others raise.
    """
    if maps_tell or not ledger.tells:
        place = take()
        ledger.snapshot(place, rows_follow)
    else:
        place, tables = placed(
            take, lambda: in_parts(read, ledger.to_be_told(), should_stop), ledger.captures, should_stop
        )
        ledger.snapshot(place, rows_follow, tables)
    return place


def in_parts(
    read: Callable[[Iterable[TableId]], dict[TableId, Table]],
    wanted: Sequence[TableId],
    should_stop: Callable[[], bool],
) -> dict[TableId, Table]:
    """Return what `read` returns of some tables at a time. Raises TransientError when asked to stop."""
    found: dict[TableId, Table] = {}
    for first in range(0, len(wanted), TOGETHER):
        _ensure_wanted(should_stop)
        found |= read(wanted[first : first + TOGETHER])
    return found


def placed(
    take: Callable[[], SourceOffset],
    read: Callable[[], dict[TableId, Table]],
    captures: Callable[[TableId], bool] = lambda _: True,
    should_stop: Callable[[], bool] = never,
) -> tuple[SourceOffset, dict[TableId, Table]]:
    """Return a place that `take` says, and the tables as they stood there; `read` returns those of now.

    Only those that `captures` chooses have rows to be read. Where they change each time that they are read, the last
    ones, and the log says so. Raises what the two raise, and TransientError when asked to stop.
    """
    before = read()
    for tried in range(1, TRIES + 1):
        _ensure_wanted(should_stop)
        place = take()
        tables = read()
        differing = (one for one in before.keys() | tables.keys() if before.get(one) != tables.get(one))
        changed = sorted(filter(captures, differing))
        if not changed:
            break
        log.info("Structures changed while the stream's place was taken, which is done again: %s", changed[0])
        before = tables
        if tried == TRIES:
            log.warning(
                "Each time in %d that the structures of %d tables were read, some changed meanwhile, the last time %s: "
                "rows of theirs behind %s:%d may not fit what the schema history says of them.",
                TRIES, len(tables), ", ".join(map(str, changed[:TRIES])), place.file, place.pos,
            )  # fmt: skip
    return place, tables


def _ensure_wanted(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise TransientError("Stopped while the structures of the stream's place were read.")
