"""Statements whose names only the real parser reads: in double quotes, of any sign, in any case, behind literals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from faust_cdc.history.table_changes import created
from faust_cdc.pipeline.source_access import SourceAccess
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.relational.model import TableId
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.pipeline.test_schema_history import lines, names_left_out, told, until
from tests.pipeline.test_task import Bench, images

pytestmark = pytest.mark.integration


def await_rows(bench: Bench, table: str, task: ConnectorTask, *expected: tuple[str, dict[str, object]]) -> None:
    """Wait until a topic has these operations with their rows; there may be more of them."""

    def have_come() -> bool:
        found = [(op, after) for op, _, after in images(bench.events(table, 1, task))]
        return all(one in found for one in expected)

    until(have_come, task)


def test_names_in_double_quotes_and_of_any_sign(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """Table maps have no names, so what rows are is known only if each statement was understood.

    The table that is put into the place of another one was not captured: its rows are copied.
    """
    mysql.execute(
        "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10)); CREATE TABLE n (id INT PRIMARY KEY, w VARCHAR(10)); "
        "CREATE TABLE `t#1` (id INT PRIMARY KEY, v VARCHAR(10)); "
        "INSERT INTO a VALUES (1, 'a'); INSERT INTO n VALUES (5, 'n'); INSERT INTO `t#1` VALUES (1, 't')",
        mysql_database,
    )
    listed = rf"{mysql_database}\.a,{mysql_database}\.t#1"
    bench = Bench(mysql, kafka, apicurio, mysql_database, table__include__list=listed, skipped__operations="none")
    with names_left_out(mysql):
        with bench.running() as task:
            bench.events("a", 1, task)
            bench.events("t_1", 1, task)
        mysql.execute(
            "SET SESSION sql_mode = 'ANSI_QUOTES'; "
            'RENAME TABLE "a" TO "a_old", "n" TO "a"; INSERT INTO "a" VALUES (7, \'x\'); '
            "ALTER TABLE \"t#1\" RENAME COLUMN v TO z, COMMENT 'do not rename it'; INSERT INTO \"t#1\" VALUES (2, 'u')",
            mysql_database,
        )
        with bench.running() as task:
            await_rows(bench, "a", task, ("r", {"id": 5, "w": "n"}), ("c", {"id": 7, "w": "x"}))
            bench.events("t_1", 2, task)
        mysql.execute(
            "SET SESSION sql_mode = 'ANSI_QUOTES'; INSERT INTO \"t#1\" VALUES (3, 'later'); "
            f'TRUNCATE TABLE "{mysql_database}"."t#1"; DROP TABLE "t#1"',
            mysql_database,
        )
        with bench.running() as task:
            events = bench.events("t_1", 4, task)
    assert images(events) == [
        ("r", None, {"id": 1, "v": "t"}),
        ("c", None, {"id": 2, "z": "u"}),
        ("c", None, {"id": 3, "z": "later"}),
        ("t", None, None),
    ]
    assert told(bench, "a") == [[], ["id", "v"], ["id", "w"]]
    assert told(bench, "t#1") == [[], ["id", "v"], ["id", "z"], []]


@contextmanager
def plain_backslashes(server: SqlServer) -> Iterator[None]:
    """Sessions of the server, ours among them, take a backslash for what it is."""
    ((modes,),) = server.query("SELECT @@GLOBAL.sql_mode")
    server.execute("SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',NO_BACKSLASH_ESCAPES')")
    try:
        yield
    finally:
        server.execute(f"SET GLOBAL sql_mode = '{modes}'")


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_backslashes_that_escape_nothing(
    flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    """In comments, defaults, labels and keys: a comment that ends with one hid the clauses behind it."""
    source, database = request.getfixturevalue(flavor), request.getfixturevalue(f"{flavor}_database")
    with names_left_out(source), plain_backslashes(source):
        keys = [rf"{letter}\{number}" for number in range(3) for letter in ("a", "b'", "c\\")]
        values = ", ".join("('{}', 1)".format(key.replace("'", "''")) for key in keys)
        source.execute(
            r"CREATE TABLE t (k VARCHAR(20) PRIMARY KEY, n INT) COMMENT 'of C:\'; " + f"INSERT INTO t VALUES {values}",
            database,
        )
        bench = Bench(source, kafka, apicurio, database, snapshot__chunk__size="3")
        with bench.running() as task:
            copied = images(bench.events("t", len(keys), task))
        assert sorted(str(after["k"]) for _, _, after in copied if isinstance(after, dict)) == sorted(keys)
        source.execute(
            r"ALTER TABLE t ADD p VARCHAR(20) DEFAULT 'C:\new\' COMMENT 'ends with \', "
            r"ADD e ENUM('a\b', 'it''s\', '\') NOT NULL DEFAULT '\' COMMENT '\\', RENAME COLUMN n TO m; "
            r"INSERT INTO t VALUES ('x\', 2, 'p\', 'a\b'); "
            r"ALTER TABLE t COMMENT 'again \', MODIFY e ENUM('it''s\', '\', 'a\b') NOT NULL DEFAULT 'a\b', "
            r"RENAME COLUMN p TO q; INSERT INTO t (k, m) VALUES ('y', 3)",
            database,
        )
        with bench.running() as task:
            events = bench.events("t", len(keys) + 2, task)
            counts = task.progress.ddl
        now = SourceAccess(bench.spec.config).read_tables([TableId(database, "t")])
    assert images(events)[len(keys) :] == [
        ("c", None, {"k": "x\\", "m": 2, "p": "p\\", "e": "a\\b"}),
        ("c", None, {"k": "y", "m": 3, "q": "C:\\new\\", "e": "a\\b"}),
    ]
    assert (counts.told, counts.read_again, counts.unparsed) == (2, 0, 0)
    wanted = created(now[TableId(database, "t")])
    changes = [change for line in lines(bench) for change in line["tableChanges"] if change["id"] == wanted["id"]]
    assert changes[-1]["table"] == wanted["table"], "by the statements as by the server"


@pytest.fixture(scope="module")
def lower() -> Iterator[MariaDbServer]:
    """A server that keeps names in lower case, and table maps without names of columns."""
    with MariaDbServer(binlog_row_metadata="MINIMAL", extra_args=["--lower-case-table-names=1"]) as server:
        yield server


def test_names_in_any_case(lower: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio) -> None:
    lower.create_database("db")
    lower.execute(
        "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10)); CREATE TABLE n (id INT PRIMARY KEY, w VARCHAR(10)); "
        "INSERT INTO a VALUES (1, 'a'); INSERT INTO n VALUES (1, 'n')",
        "db",
    )
    bench = Bench(lower, kafka, apicurio, "db", skipped__operations="none")
    with bench.running() as task:
        bench.events("a", 1, task)
        bench.events("n", 1, task)
    lower.execute(
        "ALTER TABLE A RENAME COLUMN v TO z; INSERT INTO A VALUES (2, 'b'); RENAME TABLE DB.A TO Old, N TO A; "
        "INSERT INTO A VALUES (3, 'c'); TRUNCATE A; INSERT INTO OLD VALUES (4, 'd'); DROP TABLE A; "
        "ALTER TABLE OLD DROP z",
        "db",
    )
    with bench.running() as task:
        events, old = bench.events("a", 4, task), bench.events("old", 1, task)
    assert images(events) == [
        ("r", None, {"id": 1, "v": "a"}),
        ("c", None, {"id": 2, "z": "b"}),
        ("c", None, {"id": 3, "w": "c"}),
        ("t", None, None),
    ]
    assert images(old) == [("c", None, {"id": 4, "z": "d"})]


def test_a_partition_that_becomes_a_table(lower: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio) -> None:
    """Its rows come by no event of the binlog: they are copied."""
    lower.create_database("parts")
    lower.execute(
        "CREATE TABLE p (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) "
        "(PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE); "
        "INSERT INTO p VALUES (1, 1), (20, 2)",
        "parts",
    )
    bench = Bench(lower, kafka, apicurio, "parts")
    with bench.running() as task:
        bench.events("p", 2, task)
        lower.execute("ALTER TABLE p CONVERT PARTITION p0 TO TABLE P2; INSERT INTO p2 VALUES (2, 5)", "parts")
        await_rows(bench, "p2", task, ("r", {"id": 1, "v": 1}), ("c", {"id": 2, "v": 5}))
    assert told(bench, "p2") == [["id", "v"]]
    assert told(bench, "p")[-1] == ["id", "v"]
