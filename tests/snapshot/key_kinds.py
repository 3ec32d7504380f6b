"""Tables with keys of every kind, a writer that changes them, and what their topics must then say.

Every row has a number `n` that names its key's literal among all that are used, and every change a new and greater
`v`: what a topic says is then held against its table without reading the keys, and the keys by being one of each `n`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.lab import MariaDbServer, SqlServer
from tests.oracle.topics import RawRecord
from tests.snapshot.writers import DEADLOCK, RandomWriter

KEYS = 240
"""Of each kind; half of them are there at the start."""
MARK = KEYS - 3
"""Number of the row that no writer touches: `mark` writes it, and with it an edge into each topic."""
MARKS = 10**9
"""The `v` of the first mark; greater than any of a writer."""
PAUSE_S = 0.015
"""Between two transactions of a writer: readers, stream and judge share an interpreter with it."""
EPOCH = datetime(1970, 1, 1)
GENERAL = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"


@dataclass(frozen=True)
class KeyKind:
    """How a table is declared, and the literals of its rows but for `v` and `n`: of each column one."""

    columns: str
    key: str
    names: tuple[str, ...]
    literals: list[tuple[str, ...]]
    width: int
    """How many of the columns are the key."""
    has_key: bool = True
    """Whether rows are told apart by it; if not, what is inserted is inserted twice."""

    def where(self, number: int) -> str:
        return " AND ".join(f"{name} = {one}" for name, one in self._pairs(number)[: self.width])

    def assignments(self, number: int) -> str:
        return ", ".join(f"{name} = {one}" for name, one in self._pairs(number))

    def rows(self, number: int, v: int) -> str:
        return ", ".join([f"({', '.join(self.literals[number])}, {v}, {number})"] * (1 if self.has_key else 2))

    def _pairs(self, number: int) -> list[tuple[str, str]]:
        return list(zip(self.names, self.literals[number], strict=True))


def one_column(type_text: str, literals: list[str], key: str = "PRIMARY KEY (k)", *, has_key: bool = True) -> KeyKind:
    return KeyKind(f"k {type_text} NOT NULL", key, ("k",), [(one,) for one in literals], 1, has_key)


LABELS = [f"'e{n}'" for n in range(KEYS)]
WIDE = (
    "id INT, small TINYINT, huge BIGINT UNSIGNED, amount DECIMAL(12,3), ratio DOUBLE, share FLOAT, at DATETIME(6), "
    "since TIMESTAMP(3) NULL, day DATE, span TIME(6), y YEAR, e ENUM('x','é'), s SET('p','q'), bits BIT(12), doc JSON, "
    "bytes VARBINARY(20), words VARCHAR(30) CHARACTER SET utf8mb4, old VARCHAR(9) CHARACTER SET latin1, long_text TEXT"
)


def wide_row(number: int) -> tuple[str, ...]:
    """Return the literals of a row of many types, or of NULLs."""
    if number % 10 == 9:
        return (str(number), *["NULL"] * 18)
    return (
        f"{number}",
        f"{number - 120}",
        f"{2**64 - 1 - number}",
        f"{-number}.125",
        f"{number}e-3",
        f"{number}.5",
        f"'2024-02-29 23:59:59.{number:06}'",
        f"'2024-01-01 00:00:00.{number:03}'",
        "'1999-12-31'",
        f"'-12:34:56.{number:06}'",
        f"{1901 + number}",
        "'é'",
        "'p,q'",
        f"b'{number:012b}'",
        f'\'{{"k": [{number}, null, "é"]}}\'',
        f"X'00ff{number:02x}'",
        f"'wörd {number}'",
        f"'é{number}'",
        f"REPEAT('t', {number})",
    )


KINDS = {
    "signed": one_column("BIGINT", [str((n - KEYS // 2) * 47_000_000_000_000_000) for n in range(KEYS)]),
    "beyond": one_column("BIGINT UNSIGNED", [str(2**63 - KEYS // 2 + n) for n in range(KEYS - 1)] + [str(2**64 - 1)]),
    # Three texts that are one key to the collation, which pays no heed to case, accents and blanks at the end.
    "words": one_column(
        f"VARCHAR(20) {GENERAL}", [f"'{word}'" for n in range(KEYS // 3) for word in (f"ab{n}", f"AB{n}", f"áb{n} ")]
    ),
    "octets": one_column("BINARY(4)", [f"X'{(n - KEYS // 2) * 0x5300 % 2**32:08x}'" for n in range(KEYS)]),
    "amounts": one_column(
        "DECIMAL(30,6)", [str((n - KEYS // 2) * Decimal("1234567890123456.789012")) for n in range(KEYS)]
    ),
    "moments": one_column(
        "DATETIME(6)", [f"'{EPOCH + timedelta(microseconds=n - KEYS // 2)}'" for n in range(KEYS) if n != KEYS // 2]
    ),
    "pairs": KeyKind(
        f"a SMALLINT NOT NULL, b VARCHAR(9) {GENERAL} NOT NULL, c DATE NOT NULL",
        "PRIMARY KEY (a, b DESC, c)",
        ("a", "b", "c"),
        [
            (str(n % 7 - 3), f"'{'aAbBéE'[n % 6]}'", f"'{EPOCH.date() + timedelta(days=n // 5 - 30)}'")
            for n in range(KEYS)
        ],
        3,
    ),
    # No primary key: the key of its records is that of the first unique index over columns that are never NULL.
    "uniques": one_column("MEDIUMINT", [str(n * 7 - 900) for n in range(KEYS)], "UNIQUE KEY (k)"),
    "guids": one_column("CHAR(36) CHARACTER SET ascii", [f"'{uuid5(NAMESPACE_URL, str(n))}'" for n in range(KEYS)]),
    # Its order is not that of its labels: no ranges can be made of it.
    "labels": one_column(f"ENUM({', '.join(LABELS)})", LABELS),
    "wide": KeyKind(WIDE, "PRIMARY KEY (id)", tuple(one.split()[0] for one in WIDE.split(", ")),
                    [wide_row(n) for n in range(KEYS)], 1),
    "keyless": one_column("INT", [str(n) for n in range(KEYS)], "KEY (k)", has_key=False),
}  # fmt: skip
WHOLE = ("keyless", "labels")
"""Those that are read in one piece, and not beside their stream: an incremental snapshot refuses them by name."""
UUIDS = one_column("UUID", [f"'{uuid5(NAMESPACE_URL, str(n))}'" for n in range(KEYS)])


def kinds_of(source: SqlServer) -> dict[str, KeyKind]:
    """Return the kinds that a server has, by the names of their tables."""
    return {**KINDS, "uuids": UUIDS} if isinstance(source, MariaDbServer) else KINDS


def create(source: SqlServer, database: str, kinds: Mapping[str, KeyKind]) -> None:
    """Make the tables, with half of their rows."""
    for table, kind in kinds.items():
        numbers = [n for n in range(len(kind.literals)) if n % 2 == 0 or n >= MARK]
        source.execute(
            f"CREATE TABLE {table} ({kind.columns}, v INT NOT NULL, n INT NOT NULL, {kind.key}); "
            f"INSERT IGNORE INTO {table} VALUES {', '.join(kind.rows(n, -n) for n in numbers)}",
            database,
        )


def mark(source: SqlServer, database: str, kinds: Mapping[str, KeyKind], v: int) -> None:
    """Write the row `MARK` of each table anew."""
    statements = [
        f"DELETE FROM {table} WHERE {kind.where(MARK)}; INSERT INTO {table} VALUES {kind.rows(MARK, v)}"
        for table, kind in kinds.items()
    ]
    source.execute(f"BEGIN; {'; '.join(statements)}; COMMIT", database)


class KeyWriter(RandomWriter):
    """Changes rows of the tables, named as their kinds, and their keys: one of several writers, each with its keys."""

    def __init__(
        self, source: SqlServer, database: str, kinds: Mapping[str, KeyKind], seed: int, lane: int, lanes: int
    ) -> None:
        super().__init__(source, database, list(kinds), KEYS, seed, PAUSE_S, frozenset({DEADLOCK}))
        self._kinds, self._lane, self._lanes = kinds, lane, lanes
        # What a collation takes for one key are three numbers in a row.
        self._numbers = [n for n in range(MARK) if n // 3 % lanes == lane]

    def taken_back(self) -> set[int]:
        """Return the `v` of rows that were never committed."""
        return {self._v(operation) for operation in self.undone}

    def _v(self, operation: int) -> int:
        return operation * self._lanes + self._lane + 1

    def _statement(self) -> str:
        dice, v = self._random, self._v(self.operations)
        table, one, other = dice.choice(self._tables), dice.choice(self._numbers), dice.choice(self._numbers)
        kind = self._kinds[table]
        return dice.choice(
            (
                f"INSERT IGNORE INTO {table} VALUES {kind.rows(one, v)}",
                f"UPDATE {table} SET v = {v} WHERE {kind.where(one)}",
                f"DELETE FROM {table} WHERE {kind.where(one)}",
                f"UPDATE IGNORE {table} SET {kind.assignments(other)}, n = {other}, v = {v} WHERE {kind.where(one)}",
            )
        )


class Told:
    """What a topic says of its table: each record is held against those before it."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.snapshots = 0
        """How many have read the row `MARK`."""
        self.mark = 0
        """The last `v` that the stream said of it."""

    def take(self, record: RawRecord, key: Any, value: Any) -> None:
        """Take the next record, which is no tombstone."""
        before, after = (value[side] and (value[side]["n"], value[side]["v"]) for side in ("before", "after"))
        if (after or before)[0] == MARK:
            self.snapshots += value["op"] == "r"
            self.mark = after[1] if value["op"] == "c" else self.mark
        if value["op"] == "r":
            self._read(record, key, after)
        else:
            self._changed(record, key, before, after)

    def anew(self) -> None:
        """Begin again: another snapshot reads everything, and the changes between are not told."""
        raise NotImplementedError

    def rows(self) -> Counter[tuple[int, int]]:
        """Return what a reader of the topic has in the end."""
        raise NotImplementedError

    def _read(self, record: RawRecord, key: Any, row: tuple[int, int]) -> None:
        raise NotImplementedError

    def _changed(
        self, record: RawRecord, key: Any, before: tuple[int, int] | None, after: tuple[int, int] | None
    ) -> None:
        raise NotImplementedError

    def _fault(self, record: RawRecord, text: str) -> None:
        self.faults.append(f"{record.topic} at {record.kafka_offset}: {text}")


class ToldByKey(Told):
    """A topic whose records have keys.

    A change starts from what was said last, a row of a snapshot is what was said last, and nothing older than what was
    ever said follows it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[int, int | None] = {}
        """Number → `v`, None for a row that is not there; the present life of the topic."""
        self._newest: dict[int, int] = {}
        self._key_of: dict[int, str] = {}
        self._number_of: dict[str, int] = {}
        self._is_read: set[int] = set()

    def anew(self) -> None:
        self._said.clear()
        self._is_read.clear()

    def rows(self) -> Counter[tuple[int, int]]:
        return Counter((number, v) for number, v in self._said.items() if v is not None)

    def _read(self, record: RawRecord, key: Any, row: tuple[int, int]) -> None:
        number, v = row
        if number in self._is_read:
            self._fault(record, f"{row} is read twice by one snapshot")
        self._is_read.add(number)
        if self._said.get(number, v) != v:
            self._fault(record, f"{row} is read behind {self._said[number]}")
        self._say(record, key, number, v, v)

    def _changed(
        self, record: RawRecord, key: Any, before: tuple[int, int] | None, after: tuple[int, int] | None
    ) -> None:
        number, v = after or before or (0, 0)
        if number == MARK and after:
            self._is_read.clear()  # what is asked for behind a mark is another snapshot
        from_ = before and before[1]
        if number in self._said and self._said[number] != from_:
            self._fault(record, f"{before} becomes {after} behind {self._said[number]}")
        self._say(record, key, number, v, after and v)

    def _say(self, record: RawRecord, key: Any, number: int, v: int, said: int | None) -> None:
        name = json.dumps(key, default=repr, sort_keys=True)
        if self._key_of.setdefault(number, name) != name or self._number_of.setdefault(name, number) != number:
            self._fault(record, f"{name} is number {number}: {self._key_of[number]}, {self._number_of.get(name)}")
        if v < self._newest.get(number, v):
            self._fault(record, f"{(number, v)} is older than {self._newest[number]}")
        self._newest[number] = v
        self._said[number] = said


class ToldWhole(Told):
    """A topic without keys: a snapshot's rows stand in one piece, and are all that the changes before have left."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Counter[tuple[int, int]] = Counter()
        self._copy: Counter[tuple[int, int]] | None = None
        self._is_known = False
        """Whether anything of the present life is told yet."""

    def anew(self) -> None:
        self._end_copy()
        self._rows, self._is_known = Counter(), False

    def rows(self) -> Counter[tuple[int, int]]:
        self._end_copy()
        return +self._rows

    def _read(self, record: RawRecord, key: Any, row: tuple[int, int]) -> None:
        if self._copy is None:
            self._copy = Counter()
        self._copy[row] += 1

    def _changed(
        self, record: RawRecord, key: Any, before: tuple[int, int] | None, after: tuple[int, int] | None
    ) -> None:
        self._end_copy()
        self._is_known = True
        for row, sign in ((before, -1), (after, 1)):
            if row is not None:
                self._rows[row] += sign
                if self._rows[row] < 0:
                    self._fault(record, f"{row} goes and never came")

    def _end_copy(self) -> None:
        if self._copy is None:
            return
        if self._is_known and self._copy != +self._rows:
            left, more = +self._rows - self._copy, self._copy - self._rows
            self.faults.append(f"a copy lacks {left} and has {more} more than was told before it")
        self._rows, self._copy, self._is_known = self._copy, None, True


def told_by(kinds: Mapping[str, KeyKind], topic_of: Mapping[str, str]) -> dict[str, Told]:
    """Return by topic who judges it."""
    return {topic_of[table]: ToldByKey() if kind.has_key else ToldWhole() for table, kind in kinds.items()}


def rows_of(source: SqlServer, database: str, tables: Iterable[str]) -> dict[str, Counter[tuple[int, int]]]:
    """Return (n, v) of all rows by table."""
    return {table: Counter[Any](source.query(f"SELECT n, v FROM {table}", database)) for table in tables}
