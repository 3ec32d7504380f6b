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
from tests.parity.test_handover_parity import our_offset, set_our_offset, stop_theirs
from tests.pipeline.test_schema_history import names_left_out

pytestmark = [pytest.mark.integration, pytest.mark.parity]

SETUP = (
    "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10) COLLATE latin1_swedish_ci DEFAULT 'x''y', "
    "e ENUM('p','q,r') NOT NULL DEFAULT 'p', d DECIMAL(7,2) DEFAULT 1.5, t TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP "
    "ON UPDATE CURRENT_TIMESTAMP) COMMENT 'the first'; "
    "CREATE TABLE left_out (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, b TINYINT(1)); "
    "CREATE TABLE two (x INT NOT NULL, y CHAR(3) NOT NULL COMMENT 'why', UNIQUE KEY (y, x)) CHARSET utf8mb3; "
    "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL); "
    "INSERT INTO a (id) VALUES (1)"
)
STATEMENTS = (
    "ALTER TABLE a ADD COLUMN w SMALLINT UNSIGNED NOT NULL DEFAULT 7 AFTER id, DROP COLUMN d",
    "CREATE TABLE c (id INT PRIMARY KEY, j JSON, dt DATETIME(3), bi BIT(5)) /* made */",
    "ALTER TABLE left_out MODIFY b INT",
    # The password is in the records of both: nothing is taken out of statements.
    "CREATE TABLE far (id INT PRIMARY KEY) CONNECTION='mysql://user:secret@far/d/t'",
    "DROP TABLE far",
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
    "CREATE TABLE k (id INT PRIMARY KEY, n INT NOT NULL)",
    "CREATE UNIQUE INDEX u ON k (n)",
    "DROP INDEX u ON k",
    "CREATE TABLE k2 (id INT PRIMARY KEY)",
    "RENAME /* gh-ost */ TABLE k TO `k#1`, k2 TO k",
    "ALTER TABLE `k#1` ADD z INT /*!50100 COMMENT 'y' */, ADD y /* why */ INT COMMENT '# rename it'",
    "DROP TABLE `k#1`, k",
    'CREATE TABLE `quo"te` (id INT PRIMARY KEY)',
    'ALTER TABLE `quo"te` ADD `a"b` INT',
    'DROP TABLE `quo"te`',
)
MARK = "INSERT INTO a (id) VALUES (99)"


def signalled(database: str) -> dict[str, Any]:
    """The data of a signal that tells of a table."""
    column = {
        "name": "id", "jdbcType": 4, "typeName": "INT", "typeExpression": "INT", "charsetName": None, "position": 1,
        "optional": False, "autoIncremented": False, "generated": False, "comment": None, "hasDefaultValue": False,
        "enumValues": [],
    }  # fmt: skip
    table = {"defaultCharsetName": "utf8mb4", "primaryKeyColumnNames": ["id"], "columns": [column], "attributes": []}
    changes = [{"type": "CREATE", "id": f'"{database}"."told"', "table": table, "comment": None}]
    return {"database": database, "schema": database, "changes": changes}


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
    if "ddl" not in line:  # by a signal: theirs has the place of the signal's row, ours the one behind it
        position = {}
    if "snapshot" in position:
        position = {"snapshot": position["snapshot"]}
    return {**line, "source": None, "position": position, "ts_ms": None}


def comparable_record(record: dict[str, Any]) -> dict[str, Any]:
    source = dict(record["source"])
    if record["ddl"] is None:
        return {**record, "ts_ms": None, "source": None}
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
    given = {
        "snapshot.mode": "no_data",
        "signal.data.collection": f"{database}.sig",
        "table.include.list": rf"{database}\.(?!left_out).*",
        **OPTIONS[kept],
    }
    left, right = f"theirs_{kept}", f"ours_{kept}"
    with beside.worker() as worker:
        worker.wait_ready()
        theirs = beside.start_theirs(left, given)
        beside.start_ours(worker, right, given)
        beside.await_our_snapshot(worker, right)
        beside.await_their_place(left)
        beside.await_their_snapshot(theirs)
        for statement in STATEMENTS:
            if kept == "tables":
                # Theirs know nothing of a table that was not captured, and write it without columns; the comment of a
                # table that is like another is on the list of differences.
                statement = statement.replace(", left_out TO c", "").replace("likes LIKE a", "likes (id INT)")
            beside.mysql.execute(statement.format(database=database), database)
        if kept == "all":
            text = json.dumps(signalled(database)).replace("\\", "\\\\")
            beside.mysql.execute(f"INSERT INTO sig VALUES ('s', 'schema-changes', '{text}')", database)
        beside.mysql.execute(MARK, database)
        for prefix in (left, right):
            await_records(beside.kafka, f"{prefix}.{database}.a", 1, 240)
    found = differences(map(comparable_line, lines(beside, left)), map(comparable_line, lines(beside, right)))
    written = changes(beside, decoder, left), changes(beside, decoder, right)
    found += differences(*(map(comparable_record, side) for side in written))
    assert not found, "\n".join(found)
    print(f"\n{kept}: {len(lines(beside, left))} lines of the history and {len(written[0])} records equal")
    assert len(written[0]) > len(STATEMENTS)


def test_one_history_goes_there_and_back(beside: Beside) -> None:
    """Debezium, we, Debezium: by one history and one offset, with statements in each phase and between them.

    Table maps have no names, so whoever goes on must know from the history what rows are.
    """
    mysql, database = beside.mysql, beside.database
    mysql.execute("CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10)); INSERT INTO a VALUES (1, 'one')", database)
    decoder, topic = AvroDecoder(beside.apicurio.ccompat_url), f"hand.{database}.a"
    options = {"schema.history.internal.store.only.captured.databases.ddl": "true"}

    def run(*statements: str) -> None:
        mysql.execute("; ".join(statements), database)

    with names_left_out(mysql), beside.worker() as worker:
        worker.wait_ready()
        theirs = beside.start_theirs("hand", options)
        beside.await_their_snapshot(theirs)
        run("ALTER TABLE a ADD b INT AFTER id", "INSERT INTO a VALUES (2, 20, 'two')")
        await_records(beside.kafka, topic, 2, 240)
        offset = stop_theirs(beside, worker, theirs)
        run("INSERT INTO a VALUES (3, 30, 'three')", "ALTER TABLE a ADD c INT FIRST, DROP b",
            "INSERT INTO a VALUES (400, 4, 'four')")  # fmt: skip
        set_our_offset(beside, "hand", offset)
        beside.start_ours(worker, "hand", options)
        await_records(beside.kafka, topic, 4, 240)
        run("ALTER TABLE a CHANGE v w VARCHAR(20)", "INSERT INTO a VALUES (500, 5, 'five')", "CREATE TABLE b (x INT)",
            "INSERT INTO b VALUES (1)")  # fmt: skip
        await_records(beside.kafka, f"hand.{database}.b", 1, 240)
        await_records(beside.kafka, topic, 5, 240)
        worker.rest("PUT", "/connectors/hand/stop")
        worker.until(lambda: not worker.rest("GET", "/connectors/hand/status")["tasks"], 120, "ours stopped")
        run("INSERT INTO a VALUES (600, 6, 'six')", "ALTER TABLE a ADD d INT",
            "INSERT INTO a VALUES (700, 7, 'seven', 77)",
            "ALTER TABLE b ADD y INT FIRST", "INSERT INTO b VALUES (2, 3)")  # fmt: skip
        back = {"offsets": [{"partition": {"server": "hand"}, "offset": our_offset(worker, "hand")}]}
        beside.connect.change("PATCH", f"/connectors/{theirs}/offsets", back)
        beside.connect.change("PUT", f"/connectors/{theirs}/resume")
        await_records(beside.kafka, topic, 7, 420)
        run("ALTER TABLE a DROP c", "INSERT INTO a VALUES (8, 'eight', 88)")
        await_records(beside.kafka, topic, 8, 240)
        await_records(beside.kafka, f"hand.{database}.b", 2, 240)
    values = [decoder.decode(one.value or b"") for one in read_topic(beside.kafka, topic)]
    assert [(one["op"], one["after"]) for one in values] == [
        ("r", {"id": 1, "v": "one"}),
        ("c", {"id": 2, "b": 20, "v": "two"}),
        ("c", {"id": 3, "b": 30, "v": "three"}),
        ("c", {"c": 400, "id": 4, "v": "four"}),
        ("c", {"c": 500, "id": 5, "w": "five"}),
        ("c", {"c": 600, "id": 6, "w": "six"}),
        ("c", {"c": 700, "id": 7, "w": "seven", "d": 77}),
        ("c", {"id": 8, "w": "eight", "d": 88}),
    ]
    written = lines(beside, "hand")
    begun = ["snapshot" in line["position"] for line in written]
    assert begun == sorted(begun, reverse=True), "a snapshot of structures was taken again"
    alters = [line for line in written if line["ddl"].startswith("ALTER TABLE a")]
    assert [[c["name"] for c in line["tableChanges"][0]["table"]["columns"]] for line in alters] == [
        ["id", "b", "v"],
        ["c", "id", "v"],
        ["c", "id", "w"],
        ["c", "id", "w", "d"],
        ["id", "w", "d"],
    ]
