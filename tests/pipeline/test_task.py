"""One task without a worker: snapshot, stream, restart, stop; MySQL and MariaDB, GTID and file position."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
from faust_cdc.config.definitions.own import PRODUCER_CLIENTS
from faust_cdc.kafka.topics import TopicSpec
from faust_cdc.notifications.notification import Notification
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask, TaskSnapshot
from faust_cdc.registry.client import RegistryConfig
from tests.harness.connectors import connector_config
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.oracle.topics import AvroDecoder, TopicReader, changes

pytestmark = pytest.mark.integration
PRODUCER_CLIENT = os.environ.get("CONNECT_PRODUCER_CLIENT")
"""Of tests that name none: by the variable that workers started by tests go by too, else the default."""


class Bench:
    """What the tests of this file share: one connector's surroundings."""

    def __init__(
        self, source: SqlServer, kafka: KafkaBroker, registry: Apicurio | str, database: str, **config: str
    ) -> None:
        """`registry` is Apicurio, or the URL of another one."""
        self.source, self.kafka, self.database = source, kafka, database
        self.prefix = f"p{uuid4().hex[:8]}"
        url = registry if isinstance(registry, str) else registry.ccompat_url
        self.decoder = AvroDecoder(url)
        self.offsets = f"{self.prefix}-offsets"
        self.told: list[Notification] = []
        """Notifications of all tasks."""
        self._settings = {"name": "c"} | connector_config(source, database, self.prefix, **config)
        parsed = self.parse({})
        self.spec = TaskSpec(
            connector="c",
            task_id=0,
            group_id=self.prefix,
            config=parsed,
            producer_client=parsed.producer_client or PRODUCER_CLIENT,
            client_config={"bootstrap.servers": kafka.bootstrap},
            offset_topic=TopicSpec(self.offsets, 5, 1, {"cleanup.policy": "compact"}, must_be_compacted=True),
            snapshot_topic=TopicSpec(
                f"{self.offsets}-snapshots", 5, 1, {"cleanup.policy": "compact"}, must_be_compacted=True
            ),
            registry=RegistryConfig(url),
        )

    def parse(self, more: dict[str, str]) -> MySqlConnectorConfig:
        """Return the connector's configuration with `more` in it."""
        return parse_connector_config(self._settings | more)

    @contextmanager
    def running(self) -> Iterator[ConnectorTask]:
        states: list[TaskSnapshot] = []
        task = ConnectorTask(self.spec, states.append, self.told.append)
        task.start()
        try:
            yield task
        finally:
            task.request_stop()
            assert task.join(90), "the task did not stop"
        assert states[-1].state is TaskState.UNASSIGNED, states[-1].trace

    def events(self, table: str, count: int, task: ConnectorTask, timeout_s: float = 120) -> list[dict[str, object]]:
        """Return the values of the topic once there are `count` records (tombstones as empty maps)."""
        topic, deadline = f"{self.prefix}.{self.database}.{table}", time.monotonic() + timeout_s
        found: list[dict[str, object]] = []
        with TopicReader(self.kafka.bootstrap) as reader:
            while True:
                found += [value or {} for _, _, value in changes(reader.read_new([topic]), self.decoder)]
                if len(found) >= count:
                    return found
                assert task.state.state is not TaskState.FAILED, task.state.trace
                assert time.monotonic() < deadline, f"{len(found)} of {count} records; {task.state}"
                time.sleep(0.1)

    def stored_offset(self) -> dict[str, object]:
        with TopicReader(self.kafka.bootstrap) as reader:
            records = reader.read_new([self.offsets])
        assert records[-1].key == json.dumps(["c", {"server": self.prefix}], separators=(",", ":")).encode()
        value: dict[str, object] = json.loads(records[-1].value or b"")
        return value


def images(events: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(e.get("op"), e.get("before"), e.get("after")) for e in events]


def exercise(bench: Bench) -> None:
    source, database = bench.source, bench.database
    source.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10)); INSERT INTO t VALUES (1, 'a'), (2, NULL)", database
    )
    with bench.running() as task:
        snapshot = bench.events("t", 2, task)
        assert [e["source"]["snapshot"] for e in snapshot] == ["first", "last"]  # type: ignore[index]
        source.execute("INSERT INTO t VALUES (3, '')", database)
        bench.events("t", 3, task)
    source.execute(
        "UPDATE t SET v = 'b' WHERE id = 2; DELETE FROM t WHERE id = 1; UPDATE t SET id = 9 WHERE id = 3", database
    )
    with bench.running() as task:
        events = bench.events("t", 9, task)
        time.sleep(1)
        assert len(bench.events("t", 9, task)) == 9
    assert images(events) == [
        ("r", None, {"id": 1, "v": "a"}),
        ("r", None, {"id": 2, "v": None}),
        ("c", None, {"id": 3, "v": ""}),
        ("u", {"id": 2, "v": None}, {"id": 2, "v": "b"}),
        ("d", {"id": 1, "v": "a"}, None),
        (None, None, None),
        ("d", {"id": 3, "v": ""}, None),
        (None, None, None),
        ("c", None, {"id": 9, "v": ""}),
    ]


@pytest.mark.parametrize("client", PRODUCER_CLIENTS)
def test_mysql_by_gtid(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, client: str
) -> None:
    bench = Bench(mysql, kafka, apicurio, mysql_database, producer__client=client)
    exercise(bench)
    offset = bench.stored_offset()
    (executed,) = mysql.query("SELECT @@global.gtid_executed")[0]
    assert offset["gtids"] == str(executed).replace("\n", "")
    assert "snapshot" not in offset


def test_mariadb_by_gtid(mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str) -> None:
    bench = Bench(mariadb, kafka, apicurio, mariadb_database)
    exercise(bench)
    (executed,) = mariadb.query("SELECT @@global.gtid_binlog_pos")[0]
    assert bench.stored_offset()["gtids"] == executed


def test_mysql_by_file_position(kafka: KafkaBroker, apicurio: Apicurio) -> None:
    with MySqlServer(gtid_mode=False) as mysql:
        mysql.create_database("plain")
        bench = Bench(mysql, kafka, apicurio, "plain")
        exercise(bench)
        mysql.execute("FLUSH BINARY LOGS; INSERT INTO t VALUES (20, 'next')", "plain")
        with bench.running() as task:
            assert len(bench.events("t", 10, task)) == 10
        offset = bench.stored_offset()
        assert "gtids" not in offset
        assert str(offset["file"]).endswith("2")


def test_no_data_streams_only(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", mysql_database)
    bench = Bench(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    with bench.running() as task:
        deadline = time.monotonic() + 120
        while task.progress.offset is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        mysql.execute("INSERT INTO t VALUES (2)", mysql_database)
        assert images(bench.events("t", 1, task)) == [("c", None, {"id": 2})]


def test_a_table_without_the_reload_privilege_is_read_under_table_locks(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    user = f"u{uuid4().hex[:8]}"
    mysql.execute(
        f"CREATE USER {user} IDENTIFIED BY 'p'; "
        f"GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT, SHOW DATABASES ON *.* TO {user}; "
        "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)",
        mysql_database,
    )
    bench = Bench(mysql, kafka, apicurio, mysql_database, database__user=user, database__password="p")
    with bench.running() as task:
        assert images(bench.events("t", 1, task)) == [("r", None, {"id": 1})]


def test_a_dropped_offset_takes_a_new_snapshot_and_ddl_is_followed(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1)", mysql_database)
    bench = Bench(mysql, kafka, apicurio, mysql_database)
    with bench.running() as task:
        bench.events("t", 1, task)
        mysql.execute(
            "INSERT INTO t VALUES (2, 2); ALTER TABLE t ADD b VARCHAR(5) NULL, DROP a; INSERT INTO t VALUES (3, 'x'); "
            "RENAME TABLE t TO t2; INSERT INTO t2 VALUES (4, NULL)",
            mysql_database,
        )
        assert images(bench.events("t2", 1, task)) == [("c", None, {"id": 4, "b": None})]
        assert images(bench.events("t", 3, task))[1:] == [
            ("c", None, {"id": 2, "a": 2}),
            ("c", None, {"id": 3, "b": "x"}),
        ]


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_create_table_select_is_one_transaction_and_its_gtid_comes_last(
    flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    """The statement is logged as DDL and rows in one transaction: DDL inside must not end it."""
    source: SqlServer = request.getfixturevalue(flavor)
    database = request.getfixturevalue(f"{flavor}_database")
    source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)", database)
    bench = Bench(source, kafka, apicurio, database)
    with bench.running() as task:
        bench.events("t", 2, task)
        source.execute("CREATE TABLE copy (PRIMARY KEY (id)) AS SELECT * FROM t; INSERT INTO t VALUES (3)", database)
        assert images(bench.events("copy", 2, task)) == [("c", None, {"id": 1}), ("c", None, {"id": 2})]
        bench.events("t", 3, task)
    copied = bench.events("copy", 2, task)
    assert len({e["source"]["gtid"] for e in copied}) == 1  # type: ignore[index]
    with bench.running() as task:
        source.execute("INSERT INTO t VALUES (4)", database)
        bench.events("t", 4, task)
        assert len(bench.events("copy", 2, task)) == 2
