"""Structures as real Debezium 3.6.1 and we write them down: history lines and schema change records, side by side.

Then one history and one offset go from Debezium to us and back, with statements in each phase, and neither side takes a
new snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.oracle.topics import AvroDecoder
from tests.parity.beside import Beside
from tests.parity.comparison import await_records, read_topic

pytestmark = [pytest.mark.integration, pytest.mark.parity]

SETUP = (
    "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10) COLLATE latin1_swedish_ci DEFAULT 'x''y', "
    "e ENUM('p','q,r') NOT NULL DEFAULT 'p', d DECIMAL(7,2) DEFAULT 1.5, t TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP "
    "ON UPDATE CURRENT_TIMESTAMP) COMMENT 'the first'; "
    "CREATE TABLE left_out (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, b TINYINT(1)); "
    "CREATE TABLE two (x INT NOT NULL, y CHAR(3) NOT NULL COMMENT 'why', UNIQUE KEY (y, x)) CHARSET utf8mb3; "
    "INSERT INTO a (id) VALUES (1)"
)
STATEMENTS = (
    "ALTER TABLE a ADD COLUMN w SMALLINT UNSIGNED NOT NULL DEFAULT 7 AFTER id, DROP COLUMN d",
    "CREATE TABLE c (id INT PRIMARY KEY, j JSON, dt DATETIME(3), bi BIT(5)) /* made */",
    "ALTER TABLE left_out MODIFY b INT",
    "CREATE INDEX plain ON a (w)",
    "RENAME TABLE c TO c2, left_out TO c",
    "ALTER TABLE c2 RENAME TO c3",
    "CREATE TABLE likes LIKE a",
    "ALTER DATABASE {database} CHARACTER SET latin1",
    "ANALYZE TABLE a",
    "CREATE VIEW seen AS SELECT id FROM a",
    "DROP VIEW seen",
    "DROP TABLE likes, c3",
    "TRUNCATE TABLE two",
    "CREATE DATABASE {database}_too",
    "CREATE TABLE {database}_too.x (id INT PRIMARY KEY)",
    "DROP DATABASE {database}_too",
)
MARK = "INSERT INTO a (id) VALUES (99)"


def lines(beside: Beside, prefix: str) -> list[dict[str, Any]]:
    """The history of a connector, lines of our databases and of the server as a whole."""
    records = [json.loads(one.value or b"{}") for one in read_topic(beside.kafka, f"history-{prefix}")]
    return [one for one in records if concerns(beside, one["databaseName"])]


def concerns(beside: Beside, database: str | None) -> bool:
    return not database or database.startswith(beside.database)


def changes(beside: Beside, decoder: AvroDecoder, prefix: str) -> list[dict[str, Any]]:
    """The schema change records of a connector, each with its key."""
    records = read_topic(beside.kafka, prefix)
    found = [{"key": decoder.decode(one.key or b""), **decoder.decode(one.value or b"")} for one in records]
    assert all(one.partition == 0 for one in records)
    return [one for one in found if concerns(beside, one["databaseName"])]


def comparable_line(line: dict[str, Any]) -> dict[str, Any]:
    """A line without the time of its writing and what differs by where a side began."""
    position = {name: value for name, value in line["position"].items() if name != "ts_sec"}
    if "snapshot" in position:
        position = {"snapshot": position["snapshot"]}
    return {**line, "source": None, "position": position, "ts_ms": None}


def comparable_record(record: dict[str, Any]) -> dict[str, Any]:
    source = dict(record["source"])
    if source["snapshot"] != "false":
        source = {name: source[name] for name in ("snapshot", "db", "table", "server_id", "gtid", "thread", "row")}
    source["table"] = sorted((source["table"] or "").split(","))  # theirs come out of a hash set
    source.pop("name", None)
    source.pop("version", None)
    return {**record, "ts_ms": None, "source": source}


def differences(theirs: Iterable[Any], ours: Iterable[Any]) -> list[str]:
    left, right = ([json.dumps(one, ensure_ascii=False) for one in side] for side in (theirs, ours))
    found = [f"{a}\n    {b}" for a, b in zip(left, right, strict=False) if a != b]
    return (
        found
        + [f"theirs only: {one}" for one in left[len(right) :]]
        + [f"ours only: {one}" for one in right[len(left) :]]
    )


OPTIONS = {
    "all": {},
    "tables": {"include.schema.comments": "true", "schema.history.internal.store.only.captured.tables.ddl": "true"},
    "databases": {"schema.history.internal.store.only.captured.databases.ddl": "true"},
}


@pytest.mark.parametrize("kept", OPTIONS)
def test_lines_and_records_are_those_of_debezium(beside: Beside, kept: str) -> None:
    beside.mysql.execute(SETUP, beside.database)
    decoder, database = AvroDecoder(beside.apicurio.ccompat_url), beside.database
    given = {"snapshot.mode": "no_data", "table.include.list": rf"{database}\.(?!left_out).*", **OPTIONS[kept]}
    left, right = f"theirs-{kept}", f"ours-{kept}"
    with beside.worker() as worker:
        worker.wait_ready()
        theirs = beside.start_theirs(left, given)
        beside.start_ours(worker, right, given)
        beside.await_our_snapshot(worker, right)
        beside.await_their_place(left)
        beside.await_their_snapshot(theirs)
        for statement in STATEMENTS:
            beside.mysql.execute(statement.format(database=database), database)
        beside.mysql.execute(MARK, database)
        for prefix in (left, right):
            await_records(beside.kafka, f"{prefix}.{database}.a", 1, 240)
    found = differences(map(comparable_line, lines(beside, left)), map(comparable_line, lines(beside, right)))
    written = changes(beside, decoder, left), changes(beside, decoder, right)
    found += differences(*(map(comparable_record, side) for side in written))
    assert not found, "\n".join(found)
    print(f"\n{kept}: {len(lines(beside, left))} lines of the history and {len(written[0])} records equal")
    assert len(written[0]) > len(STATEMENTS)
