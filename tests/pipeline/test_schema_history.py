"""The schema history at work: read at the start, written along the stream, rebuilt when it is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from faust_cdc.kafka.history_topic import HistoryTopic
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.signals.signal import Signal, command_of
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.pipeline.test_task import Bench, images

pytestmark = pytest.mark.integration

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10) DEFAULT 'x'); INSERT INTO t VALUES (1, 'a')"


@pytest.fixture
def bench(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str) -> Bench:
    mysql.execute(TABLE, mysql_database)
    return Bench(
        mysql, kafka, apicurio, mysql_database, schema__history__internal__store__only__captured__databases__ddl="true"
    )


@contextmanager
def names_left_out(mysql: SqlServer) -> Iterator[None]:
    """The server writes table maps without names, as most do."""
    with mysql.global_variables(binlog_row_metadata="MINIMAL"):
        yield


def history_of(bench: Bench) -> str:
    return f"history-{bench.prefix}"


def lines(bench: Bench) -> list[dict[str, Any]]:
    if history_of(bench) not in bench.kafka.topics():
        return []
    return [json.loads(one.value or b"{}") for one in bench.kafka.read_topic(history_of(bench))]


def told(bench: Bench, table: str) -> list[list[str]]:
    """The columns that the lines of the history give a table, one after another; [] where it is dropped."""
    wanted = f'"{bench.database}"."{table}"'
    changes = [change for line in lines(bench) for change in line["tableChanges"] if change["id"] == wanted]
    return [[column["name"] for column in one.get("table", {}).get("columns", [])] for one in changes]


def published(bench: Bench) -> list[dict[str, Any]]:
    return [bench.decoder.decode(one.value or b"") for one in bench.kafka.read_topic(bench.prefix)]


def until(condition: Any, task: ConnectorTask, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, task.state
        time.sleep(0.1)


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_rows_are_read_by_the_structure_of_their_place(
    flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    """Without names in table maps only the history tells what rows of an outage are, once the table is another."""
    source, database = request.getfixturevalue(flavor), request.getfixturevalue(f"{flavor}_database")
    source.execute(TABLE, database)
    bench = Bench(source, kafka, apicurio, database)
    with names_left_out(source):
        with bench.running() as task:
            bench.events("t", 1, task)
        assert told(bench, "t") == [[], ["id", "v"]]
        source.execute(
            "INSERT INTO t VALUES (2, 'b'); ALTER TABLE t ADD w INT FIRST; INSERT INTO t VALUES (7, 3, 'c'); "
            "ALTER TABLE t DROP v, ADD z VARCHAR(10) DEFAULT 'q' AFTER w, CHANGE id id2 INT; "
            "INSERT INTO t VALUES (8, 'd', 4); ALTER TABLE t ADD u INT DEFAULT (ABS(-1)), DROP w; "
            "INSERT INTO t VALUES ('e', 5, 6); ALTER TABLE t RENAME COLUMN z TO y; INSERT INTO t VALUES ('f', 6, 7)",
            database,
        )
        with bench.running() as task:
            events = bench.events("t", 6, task)
    assert images(events)[1:] == [
        ("c", None, {"id": 2, "v": "b"}),
        ("c", None, {"w": 7, "id": 3, "v": "c"}),
        ("c", None, {"w": 8, "z": "d", "id2": 4}),
        ("c", None, {"z": "e", "id2": 5, "u": 6}),
        ("c", None, {"y": "f", "id2": 6, "u": 7}),
    ], "the server, asked for a default, has the names of later on"
    assert told(bench, "t")[2:] == [["w", "id", "v"], ["w", "z", "id2"], ["z", "id2", "u"], ["y", "id2", "u"]]
    assert [one["ddl"][:5] for one in published(bench)[-4:]] == ["ALTER"] * 4


def test_an_alter_in_two_phases_is_done_once_or_not_at_all(
    mariadb: MariaDbServer, mariadb_database: str, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    mariadb.execute(TABLE, mariadb_database)
    bench, two_phases = Bench(mariadb, kafka, apicurio, mariadb_database), "SET SESSION binlog_alter_two_phase = 1;"
    with names_left_out(mariadb), bench.running() as task:
        bench.events("t", 1, task)
        mariadb.execute(
            f"INSERT INTO t VALUES (2, 'a'); {two_phases} ALTER TABLE t ADD w INT, ALGORITHM=COPY", mariadb_database
        )
        with pytest.raises(pymysql.IntegrityError, match="Duplicate entry"):
            mariadb.execute(f"{two_phases} ALTER TABLE t ADD UNIQUE (v), DROP w, ALGORITHM=COPY", mariadb_database)
        mariadb.execute("INSERT INTO t VALUES (3, 'c', 4)", mariadb_database)
        events = bench.events("t", 3, task)
    assert images(events)[2] == ("c", None, {"id": 3, "v": "c", "w": 4})
    assert told(bench, "t") == [[], ["id", "v"], ["id", "v", "w"]]
    assert [one["ddl"][:5] for one in published(bench)].count("ALTER") == 1


@pytest.mark.parametrize("damage", ["deleted", "truncated", "damaged", "foreign"])
def test_a_history_that_is_lost_is_written_again(bench: Bench, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    bench.source.execute("CREATE TABLE other (id INT PRIMARY KEY)", bench.database)
    with bench.running() as task:
        bench.events("t", 1, task)
    topic = history_of(bench)
    admin = AdminClient({"bootstrap.servers": bench.kafka.bootstrap})
    if damage == "deleted":
        admin.delete_topics([topic])[topic].result(60)
        until(lambda: topic not in bench.kafka.topics(), task)
    elif damage == "truncated":
        end = len(lines(bench))
        for future in admin.delete_records([TopicPartition(topic, 0, end)]).values():
            future.result(60)
    else:
        name = bench.prefix if damage == "damaged" else "another"
        store = HistoryTopic(bench.spec.client_config, topic, name)
        if damage == "damaged":
            store.append('{"source":{"server":')
        else:
            for future in admin.delete_records([TopicPartition(topic, 0, len(lines(bench)))]).values():
                future.result(60)
            store.append(json.dumps({"source": {"server": "another"}, "position": {}}))
        store.flush()
        store.close()
    before = 0 if damage == "deleted" else len(bench.kafka.read_topic(topic))
    bench.source.execute("ALTER TABLE t ADD w INT; INSERT INTO t VALUES (2, 'b', 3)", bench.database)
    caplog.clear()
    with bench.running() as task:
        assert images(bench.events("t", 2, task))[1:] == [("c", None, {"id": 2, "v": "b", "w": 3})]
    notices = [one.getMessage() for one in caplog.records if "It is rebuilt" in one.getMessage()]
    assert len(notices) == 1
    assert topic in notices[0]
    again = [json.loads(one.value or b"") for one in bench.kafka.read_topic(topic)[before:]]
    named = {change["id"].split('"')[3] for line in again for change in line["tableChanges"]}
    assert {"t", "other"} <= named
    assert again[-1]["ddl"].startswith("ALTER TABLE t ADD w")
    # What was written again is a history: it is not lost any more.
    caplog.clear()
    with bench.running() as task:
        bench.source.execute("INSERT INTO t VALUES (3, 'c', 4)", bench.database)
        bench.events("t", 3, task)
    assert not any("It is rebuilt" in one.getMessage() for one in caplog.records)


def test_a_loss_fails_where_it_is_to(bench: Bench) -> None:
    with bench.running() as task:
        bench.events("t", 1, task)
    admin = AdminClient({"bootstrap.servers": bench.kafka.bootstrap})
    admin.delete_topics([history_of(bench)])[history_of(bench)].result(60)
    until(lambda: history_of(bench) not in bench.kafka.topics(), task)
    config = bench.parse({"schema.history.on.loss": "fail"})
    failing = ConnectorTask(replace(bench.spec, config=config), lambda _: None, bench.told.append)
    failing.start()
    try:
        deadline = time.monotonic() + 120
        while failing.state.state is not TaskState.FAILED:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "has no line of" in str(failing.state.cause)
        assert "snapshot.mode=recovery" in str(failing.state.cause)
    finally:
        failing.request_stop()
        assert failing.join(90)


def test_a_history_in_a_file(bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "kept" / "history.dat"
    options = {
        "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
        "schema.history.internal.file.filename": str(path),
    }
    bench.spec = replace(bench.spec, config=bench.parse(options))
    with bench.running() as task:
        bench.events("t", 1, task)
    text = path.read_bytes()
    assert [line["ddl"][:3] for line in map(json.loads, text.splitlines())][:2] == ["SET", "DRO"]
    path.write_bytes(text + b'{"source":{"ser')  # a crash in the middle of a line
    bench.source.execute("ALTER TABLE t ADD w INT; INSERT INTO t VALUES (2, 'b', 3)", bench.database)
    with bench.running() as task:
        bench.events("t", 2, task)
    assert sum("It is rebuilt" in one.getMessage() for one in caplog.records) == 1
    last = json.loads(path.read_bytes().splitlines()[-1])
    assert last["ddl"] == "ALTER TABLE t ADD w INT"
    assert [column["name"] for column in last["tableChanges"][0]["table"]["columns"]] == ["id", "v", "w"]


def test_a_line_that_is_lost_leaves_no_older_one_standing(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows without names look the same behind RENAME COLUMN: they went out under the name of before."""
    path = tmp_path / "history.dat"
    options = {
        "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
        "schema.history.internal.file.filename": str(path),
    }
    bench.spec = replace(bench.spec, config=bench.parse(options))
    with names_left_out(bench.source):
        with bench.running() as task:
            bench.events("t", 1, task)
            bench.source.execute("ALTER TABLE t RENAME COLUMN v TO w; INSERT INTO t VALUES (2, 'b')", bench.database)
            bench.events("t", 2, task)
        *others, last = path.read_bytes().splitlines(keepends=True)
        assert b"RENAME COLUMN" in last
        path.write_bytes(b"".join(others) + last[: len(last) // 2] + b"\n")
        bench.source.execute("INSERT INTO t VALUES (3, 'c')", bench.database)
        with bench.running() as task:
            assert images(bench.events("t", 3, task))[1:] == [
                ("c", None, {"id": 2, "w": "b"}), ("c", None, {"id": 3, "w": "c"}),
            ]  # fmt: skip
    (notice,) = [one.getMessage() for one in caplog.records if "may have changed them" in one.getMessage()]
    assert f"{bench.database}.t. They are taken as the server has them now" in notice


def test_structures_change_while_a_snapshot_runs(bench: Bench) -> None:
    """The lines of the snapshot stand before those of statements, and the records of the topic as well."""
    values = ", ".join(f"({number}, 'r')" for number in range(10, 3000))
    bench.source.execute(f"INSERT INTO t VALUES {values}", bench.database)
    bench.spec = replace(
        bench.spec, config=bench.parse({"snapshot.chunk.size": "100", "snapshot.rate.limit": "rows=1500"})
    )
    with bench.running() as task:
        bench.events("t", 100, task)
        bench.source.execute("ALTER TABLE t ADD w INT; INSERT INTO t VALUES (9999, 'n', 1)", bench.database)
        wanted = {1, 9999, *range(10, 3000)}
        until(lambda: {one["after"]["id"] for one in bench.events("t", 1, task)} == wanted, task)  # type: ignore[index]
    assert told(bench, "t") == [[], ["id", "v"], ["id", "v", "w"]]
    snapshots = ["snapshot" in line["position"] for line in lines(bench)]
    assert snapshots == sorted(snapshots, reverse=True)
    assert [one["source"]["snapshot"] for one in published(bench)][-2:] == ["true", "false"]


def test_a_signal_changes_structures(bench: Bench) -> None:
    database = bench.database
    change = {
        "type": "ALTER",
        "id": f'"{database}"."t"',
        "table": {
            "defaultCharsetName": "utf8mb4",
            "primaryKeyColumnNames": ["id"],
            "columns": [
                {"name": "id", "jdbcType": 4, "typeName": "INT", "typeExpression": "INT", "position": 1},
                {"name": "told", "jdbcType": 12, "typeName": "VARCHAR", "length": 10, "position": 2, "optional": True,
                 "charsetName": "utf8mb4", "hasDefaultValue": True},
            ],
        },
    }  # fmt: skip
    source = bench.source
    with names_left_out(source), bench.running() as task:
        source.execute("INSERT INTO t VALUES (3, 'c')", database)
        bench.events("t", 2, task)
        for type_, data in (
            ("schema-changes", json.dumps({"database": database, "schema": database, "changes": [change]})),
            ("schema-changes", json.dumps({"database": database, "changes": [{"type": "ALTER", "id": "x"}]})),
        ):
            command = command_of(Signal(f"sig-{len(data)}", type_, data))
            assert command is not None
            assert task.submit(command)
        until(lambda: task.commands_taken == 2, task)
        source.execute("INSERT INTO t VALUES (2, 'b')", database)
        assert images(bench.events("t", 3, task))[2:] == [("c", None, {"id": 2, "told": "b"})]
    assert told(bench, "t")[-1] == ["id", "told"]
    last = published(bench)[-1]
    assert (last["ddl"], last["databaseName"], last["schemaName"]) == (None, database, database)
    assert [column["name"] for column in last["tableChanges"][0]["table"]["columns"]] == ["id", "told"]
    refused = [one for one in bench.told if one.type == "REFUSED"]
    assert len(refused) == 1
    assert "id" in str(refused[0].additional_data)


def test_changes_of_structure_pass_the_transforms(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute(TABLE, mysql_database)
    bench = Bench(
        mysql, kafka, apicurio, mysql_database,
        transforms="unwrap,name",
        transforms__unwrap__type="io.debezium.transforms.ExtractNewRecordState",
        transforms__name__type="org.apache.kafka.connect.transforms.RegexRouter",
        transforms__name__regex="([^.]+)",
        transforms__name__replacement="$1-structures",
    )  # fmt: skip
    with bench.running() as task:
        bench.events("t", 1, task)
        mysql.execute("ALTER TABLE t ADD w INT", mysql_database)
        mysql.execute("INSERT INTO t VALUES (2, 'b', 3)", mysql_database)
        bench.events("t", 2, task)
    records = [bench.decoder.decode(one.value or b"") for one in kafka.read_topic(f"{bench.prefix}-structures")]
    assert "ADD w INT" in records[-1]["ddl"]
    assert bench.prefix not in kafka.topics()


def test_a_statement_that_is_too_large_for_kafka_stops_nothing(bench: Bench) -> None:
    with bench.running() as task:
        bench.events("t", 1, task)
        bench.source.execute(f"ALTER TABLE t /* {'x' * 3_000_000} */ ADD w INT", bench.database)
        bench.source.execute("INSERT INTO t VALUES (2, 'b', 3)", bench.database)
        assert images(bench.events("t", 2, task))[1:] == [("c", None, {"id": 2, "v": "b", "w": 3})]
    assert told(bench, "t")[-1] == ["id", "v", "w"]
    assert "cut here" in published(bench)[-1]["ddl"]


def test_a_statement_that_nobody_can_read_stops_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its table is found by name and read again; the header of its record says so, and its schemas are Debezium's."""
    monkeypatch.setattr("faust_cdc.relational.ddl.tokens.TOKENS_MAX", 30)
    with bench.running() as task:
        bench.events("t", 1, task)
        bench.source.execute("ALTER TABLE t ADD u INT", bench.database)
        bench.source.execute(f"ALTER TABLE t {'/**/ ' * 40} ADD w INT COMMENT 'words'", bench.database)
        bench.source.execute("INSERT INTO t VALUES (2, 'b', 3, 4)", bench.database)
        assert images(bench.events("t", 2, task))[1:] == [("c", None, {"id": 2, "v": "b", "u": 3, "w": 4})]
        counts = task.progress.ddl
        assert (counts.told, counts.read_again, counts.unparsed, counts.failed) == (1, 0, 1, 0)
    records = [one for one in bench.kafka.read_topic(bench.prefix) if b"ALTER TABLE" in (one.value or b"")]
    assert [("faust_cdc.unparsed", b"true") in one.headers for one in records] == [False, True]
    read, unread = [one.value or b"" for one in records]
    assert read[:5] == unread[:5], "one schema"
    value = bench.decoder.decode(unread)
    assert value["ddl"].endswith("ADD w INT COMMENT 'words'")
    names = [column["name"] for column in value["tableChanges"][0]["table"]["columns"]]
    assert names == told(bench, "t")[-1] == ["id", "v", "u", "w"]
    (notice,) = [one for one in bench.told if one.type == "STATEMENT_UNPARSED"]
    assert notice.additional_data["data_collections"] == f"{bench.database}.t"
    assert notice.additional_data["statement"].startswith("ALTER TABLE t /**/")
    assert "words" not in notice.additional_data["statement"]


def test_table_maps_are_believed_over_a_server_that_is_further_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a statement that nobody can read the server is asked, and it has what later statements made.

    Its names have the same types as those of the rows in between, which say their own names.
    """
    monkeypatch.setattr("faust_cdc.relational.ddl.tokens.TOKENS_MAX", 30)
    with bench.running() as task:
        bench.events("t", 1, task)
    bench.source.execute(
        f"ALTER TABLE t {'/**/ ' * 40} ADD w INT, ADD b VARCHAR(10) DEFAULT 'y' FIRST; "
        "INSERT INTO t VALUES ('b', 2, 'v', 3); "
        "ALTER TABLE t RENAME COLUMN w TO z, RENAME COLUMN b TO v, RENAME COLUMN v TO b; "
        "INSERT INTO t VALUES ('v', 4, 'b', 5)",
        bench.database,
    )
    with bench.running() as task:
        events = bench.events("t", 3, task)
        counts = task.progress.ddl
    assert images(events)[1:] == [
        ("c", None, {"b": "b", "id": 2, "v": "v", "w": 3}),
        ("c", None, {"v": "v", "id": 4, "b": "b", "z": 5}),
    ]
    assert (counts.unparsed, counts.failed) == (1, 0)
    assert told(bench, "t")[-1] == ["v", "id", "b", "z"]


def test_a_history_of_ours_is_shortened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faust_cdc.pipeline.structure_ledger.LONG_LINES", 10)
    with bench.running() as task:
        bench.events("t", 1, task)
        for number in range(12):
            bench.source.execute(f"ALTER TABLE t ADD c{number} INT", bench.database)
        bench.source.execute("INSERT INTO t (id) VALUES (2)", bench.database)
        bench.events("t", 2, task)
    assert len(lines(bench)) > 14
    with bench.running() as task:
        bench.source.execute("ALTER TABLE t ADD last INT; INSERT INTO t (id) VALUES (3)", bench.database)
        bench.events("t", 3, task)
    kept = told(bench, "t")
    assert len(lines(bench)) < 10
    assert [len(columns) for columns in kept] == [14, 15]
