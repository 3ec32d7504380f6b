"""The lock-free snapshot under a writer, initial and incremental, by keys of every kind that it makes ranges of.

Every row has a number `n` that names its key's literal among all that are used, and every change a new `v`: what a
topic says is then held against its table without reading the keys, and the keys by being one of each `n`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import ExecuteSnapshot
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.test_merged_live import wait_for_the_end
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

KEYS = 390
"""Of each kind; half of them are there at the start."""
EPOCH = datetime(1970, 1, 1)
GENERAL = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"


@dataclass(frozen=True)
class KeyKind:
    """How a table's key is declared, and the literals of its values: of each column one."""

    columns: str
    primary_key: str
    names: tuple[str, ...]
    literals: list[tuple[str, ...]]
    kind: str = "PRIMARY KEY"

    def where(self, number: int) -> str:
        return " AND ".join(f"{name} = {one}" for name, one in zip(self.names, self.literals[number], strict=True))

    def assignments(self, number: int) -> str:
        return ", ".join(f"{name} = {one}" for name, one in zip(self.names, self.literals[number], strict=True))


def one_column(type_text: str, literals: list[str]) -> KeyKind:
    return KeyKind(f"k {type_text} NOT NULL", "k", ("k",), [(one,) for one in literals])


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
        "a, b DESC, c",
        ("a", "b", "c"),
        [
            (str(n % 7 - 3), f"'{'aAbBéE'[n % 6]}'", f"'{EPOCH.date() + timedelta(days=n // 5 - 30)}'")
            for n in range(KEYS)
        ],
    ),
    # No primary key: the key of its records is that of the first unique index over columns that are never NULL.
    "uniques": KeyKind("k MEDIUMINT NOT NULL", "k", ("k",), [(str(n * 7 - 900),) for n in range(KEYS)], "UNIQUE KEY"),
    "guids": one_column("CHAR(36) CHARACTER SET ascii", [f"'{uuid5(NAMESPACE_URL, str(n))}'" for n in range(KEYS)]),
}
UUIDS = one_column("UUID", [f"'{uuid5(NAMESPACE_URL, str(n))}'" for n in range(KEYS)])


class KeyWriter(RandomWriter):
    """Changes rows of the tables, named as their kinds, and their keys."""

    def __init__(self, source: SqlServer, database: str, kinds: Mapping[str, KeyKind], seed: int) -> None:
        super().__init__(source, database, list(kinds), KEYS, seed)
        self._kinds = kinds

    def _statement(self) -> str:
        dice, v = self._random, self.operations
        table = dice.choice(self._tables)
        kind = self._kinds[table]
        one, other = (dice.randrange(len(kind.literals)) for _ in range(2))
        return dice.choice(
            (
                f"INSERT IGNORE INTO {table} VALUES ({', '.join(kind.literals[one])}, {v}, {one})",
                f"UPDATE {table} SET v = {v} WHERE {kind.where(one)}",
                f"DELETE FROM {table} WHERE {kind.where(one)}",
                f"UPDATE IGNORE {table} SET {kind.assignments(other)}, n = {other}, v = {v} WHERE {kind.where(one)}",
            )
        )


class Judge:
    """What topics say: of each row number its `v`, and its key."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.state: dict[str, dict[int, int]] = {topic: {} for topic in topics}
        self.faults: list[str] = []
        self._key_of: dict[tuple[str, int], str] = {}
        self._number_of: dict[tuple[str, str], int] = {}
        self._said: dict[tuple[str, str], int | None] = {}

    def take(self, record: RawRecord, key: Any, value: Any) -> None:
        name = (record.topic, json.dumps(key, default=repr, sort_keys=True))
        if value is None:
            return
        rows = self.state[record.topic]
        row = value["after"] or value["before"]
        number = row["n"]
        if self._key_of.setdefault((record.topic, number), name[1]) != name[1]:
            self.faults.append(f"{name} and {self._key_of[record.topic, number]} are both number {number}")
        if self._number_of.setdefault(name, number) != number:
            self.faults.append(f"{name} is number {number} and {self._number_of[name]}")
        if value["after"] is None:
            rows.pop(number, None)
            self._said[name] = None
            return
        if value["op"] == "r" and self._said.get(name, row["v"]) != row["v"]:
            self.faults.append(f"{name} at {record.kafka_offset}: {row['v']} behind {self._said[name]}")
        rows[number] = self._said[name] = row["v"]


def create(source: SqlServer, database: str, kinds: Mapping[str, KeyKind]) -> None:
    for table, kind in kinds.items():
        rows = ", ".join(f"({', '.join(one)}, {-n}, {n})" for n, one in enumerate(kind.literals) if n % 2 == 0)
        source.execute(
            f"CREATE TABLE {table} ({kind.columns}, v INT NOT NULL, n INT NOT NULL, {kind.kind} ({kind.primary_key})); "
            f"INSERT IGNORE INTO {table} VALUES {rows}",
            database,
        )


def wait_for_the_signalled(bench: Bench, task: ConnectorTask, tables: Iterable[str]) -> None:
    """Have the tables read by an incremental snapshot; return when it is complete."""
    wait_for_the_end(task)
    assert task.submit(ExecuteSnapshot("s-1", tuple(f"{bench.database}.{table}" for table in tables)))
    deadline = time.monotonic() + 90
    while ("s-1", "COMPLETED") not in {(one.id, one.type) for one in list(bench.told)}:
        assert task.state.error is None, task.state.trace
        assert time.monotonic() < deadline, task.progress
        time.sleep(0.1)


def under_a_writer(bench: Bench, kinds: Mapping[str, KeyKind], seed: int, *, is_signalled: bool = False) -> None:
    source, database = bench.source, bench.database
    create(source, database, kinds)
    topics = {table: f"{bench.prefix}.{database}.{table}" for table in kinds}
    judge, found = Judge(topics.values()), list[tuple[RawRecord, Any, Any]]()
    with (
        TopicReader(bench.kafka.bootstrap) as reader,
        KeyWriter(source, database, kinds, seed) as writer,
        bench.running() as task,
    ):
        if is_signalled:
            wait_for_the_signalled(bench, task, kinds)
        else:
            wait_for_the_end(task)
        during = writer.operations
        writer.stop()
        wanted = {topics[table]: dict(source.query(f"SELECT n, v FROM {table}", database)) for table in kinds}
        deadline = time.monotonic() + 90
        while judge.state != wanted:
            assert time.monotonic() < deadline, [
                wanted[one].items() ^ rows.items() for one, rows in judge.state.items()
            ]
            assert task.state.error is None, task.state.trace
            for one in changes(reader.read_new(list(topics.values())), bench.decoder):
                judge.take(*one)
                found.append(one)
    assert not judge.faults
    assert not duplicates(found)
    assert not order_faults(found)
    rows = sum(value is not None and value["op"] == "r" for _, _, value in found)
    assert rows > len(kinds) * KEYS // 10, "some rows of the snapshot"
    read = {record.topic for record, _, value in found if value is not None and value["op"] == "r"}
    assert read == set(topics.values()), "of each kind"
    assert during > 50
    print(f"{len(kinds)} kinds, {during} changes during the snapshot, {rows} rows of it, {len(found)} records")


def options(mode: str, threads: int) -> dict[str, str]:
    return {
        "snapshot__locking__mode": "watermark",
        "snapshot__mode": mode,
        "snapshot__chunk__size": "9",
        "incremental__snapshot__chunk__size": "9",
        "snapshot__max__threads": str(threads),
    }


CASES = [("initial", 1), ("initial", 4), ("no_data", 4)]
"""`snapshot.mode` and readers; without data at the start the tables are read by an incremental snapshot."""


@pytest.mark.parametrize(("mode", "threads"), CASES)
def test_mysql(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, mode: str, threads: int
) -> None:
    bench = Bench(mysql, kafka, apicurio, mysql_database, **options(mode, threads))
    under_a_writer(bench, KINDS, threads, is_signalled=mode == "no_data")


@pytest.mark.parametrize(("mode", "threads"), CASES)
def test_mariadb(
    mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str, mode: str, threads: int
) -> None:
    bench = Bench(mariadb, kafka, apicurio, mariadb_database, **options(mode, threads))
    under_a_writer(bench, {**KINDS, "uuids": UUIDS}, threads, is_signalled=mode == "no_data")
