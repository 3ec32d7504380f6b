"""Each `schema.evolution.policy` on a real server, registry and broker: what is written, where, and after a restart."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from faust_cdc.errors import IncompatibleSchemaChange
from faust_cdc.kafka.topics import TopicSpec
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.table_schemas import TableSchema, read_line_key, versions_of
from faust_cdc.pipeline.task import ConnectorTask, TaskSnapshot
from faust_cdc.registry.client import RegistryClient
from faust_cdc.relational.model import TableId
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench, images
from tests.registry.support import fast_client
from tests.snapshot.holding import Hold

pytestmark = pytest.mark.integration


@pytest.fixture
def registry(apicurio: Apicurio) -> Iterator[RegistryClient]:
    client = fast_client(apicurio.ccompat_url)
    yield client
    client.close()


class Evolving(Bench):
    """A connector whose table versions are kept."""

    def __init__(
        self,
        source: MySqlServer,
        kafka: KafkaBroker,
        apicurio: Apicurio,
        database: str,
        registry: RegistryClient,
        policy: str,
        **config: str,
    ) -> None:
        super().__init__(source, kafka, apicurio, database, schema__evolution__policy=policy, **config)
        topic = TopicSpec(f"{self.prefix}-table-schemas", 5, 1, {"cleanup.policy": "compact"}, must_be_compacted=True)
        self.spec = replace(self.spec, table_schemas_topic=topic)
        self.registry = registry

    def subject(self, table: str) -> str:
        return f"{self.prefix}.{self.database}.{table}-value"

    def hold_to(self, level: str, *tables: str) -> None:
        for table in tables:
            self.registry.set_config(level, self.subject(table))

    @contextmanager
    def started(self) -> Iterator[ConnectorTask]:
        """A task that may fail."""
        states: list[TaskSnapshot] = []
        task = ConnectorTask(self.spec, states.append, self.told.append)
        task.start()
        try:
            yield task
        finally:
            task.request_stop()
            assert task.join(90), "the task did not stop"

    def failure(self) -> str:
        """Start the task, wait until it failed for an incompatible change, and return what it says."""
        with self.started() as task:
            return failure(task)

    def versions(self, table: str) -> list[TableSchema]:
        """What the topic of table schemas says of a table."""
        found: list[TableSchema] = []
        with TopicReader(self.kafka.bootstrap) as reader:
            for record in reader.read_new([f"{self.prefix}-table-schemas"]):
                key = read_line_key(record.key or b"")
                if key is not None and key[1] == TableId(self.database, table) and record.value is not None:
                    found = list(versions_of(record.value, table))
        return found

    def values_in(self, topic: str) -> list[dict[str, object]]:
        with TopicReader(self.kafka.bootstrap) as reader:
            return [value or {} for _, _, value in changes(reader.read_new([topic]), self.decoder)]


def failure(task: ConnectorTask) -> str:
    deadline = time.monotonic() + 120
    while task.state.state is not TaskState.FAILED:
        assert time.monotonic() < deadline, task.state
        time.sleep(0.05)
    assert isinstance(task.state.error, IncompatibleSchemaChange), task.state.trace
    return str(task.state.error)


def test_fail_stops_at_the_statement_and_names_what_differs(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, registry: RegistryClient
) -> None:
    bench = Evolving(mysql, kafka, apicurio, mysql_database, registry, "fail")
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1)", mysql_database)
    with bench.started() as task:
        bench.events("t", 1, task)
        bench.hold_to("BACKWARD", "t")
        mysql.execute("INSERT INTO t VALUES (2, 2)", mysql_database)
        bench.events("t", 2, task)
        mysql.execute("ALTER TABLE t ADD must INT NOT NULL; INSERT INTO t VALUES (3, 3, 3)", mysql_database)
        said = failure(task)  # of the statement's text: the server is further on
    assert f"{mysql_database}.t, table version 2 behind version 1 (ALTER TABLE at " in said
    assert f"subject '{bench.subject('t')}' is not compatible under BACKWARD (the rule of the subject)" in said
    assert "Against version 1 (schema id " in said
    assert "field Value.must added (int, no default)" in said
    stopped_at = bench.stored_offset()
    place = re.search(r"ALTER TABLE at (\S+):(\d+)\)", said)
    assert place is not None
    assert (stopped_at["file"], True) == (place[1], int(str(stopped_at["pos"])) < int(place[2]))
    said = bench.failure()  # the history has the structure before
    assert f"{mysql_database}.t, table version 2 behind version 1 (ALTER TABLE at " in said
    assert "field Value.must added" in said
    assert bench.stored_offset() == stopped_at
    assert len(bench.values_in(f"{bench.prefix}.{mysql_database}.t")) == 2
    assert bench.registry.versions(bench.subject("t")) == [1]
    assert [one.version for one in bench.versions("t")] == [1]
    bench.hold_to("FORWARD", "t")
    with bench.running() as task:
        assert images(bench.events("t", 3, task))[2] == ("c", None, {"id": 3, "a": 3, "must": 3})
    first, second = bench.versions("t")
    assert (first.version, second.version, second.decision) == (1, 2, "compatible")
    assert (second.key_schema_id, second.value_subject) == (first.key_schema_id, bench.subject("t"))
    assert second.value_schema_id not in (None, first.value_schema_id)


def test_a_renamed_column_and_a_table_that_is_dropped_and_made_again(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, registry: RegistryClient
) -> None:
    bench = Evolving(mysql, kafka, apicurio, mysql_database, registry, "fail")
    mysql.execute(
        "CREATE TABLE renamed (id INT PRIMARY KEY, a INT NOT NULL); INSERT INTO renamed VALUES (1, 1);"
        "CREATE TABLE again (id INT PRIMARY KEY, a INT); INSERT INTO again VALUES (1, 1)",
        mysql_database,
    )
    with bench.started() as task:
        bench.events("renamed", 1, task)
        bench.events("again", 1, task)
        bench.hold_to("BACKWARD", "renamed", "again")
        mysql.execute(
            "DROP TABLE again; CREATE TABLE again (id INT PRIMARY KEY, a BIGINT); INSERT INTO again VALUES (7, 7)",
            mysql_database,
        )
        assert images(bench.events("again", 2, task))[1] == ("c", None, {"id": 7, "a": 7})
        mysql.execute("ALTER TABLE renamed RENAME COLUMN a TO b", mysql_database)
        said = failure(task)
    assert "field Value.a removed (int, no default)" in said
    assert "field Value.b added (int, no default)" in said
    mysql.execute("ALTER TABLE renamed RENAME COLUMN b TO a", mysql_database)
    mysql.execute("DROP TABLE again; CREATE TABLE again (id INT PRIMARY KEY, a CHAR(3))", mysql_database)
    said = bench.failure()  # the change was taken back before any row: what stops now is the other table
    assert f"{mysql_database}.again, table version 3 behind version 2" in said
    assert "field Value.a changed from" in said


def test_force_registers_it_and_gives_the_subject_its_rule_back(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    registry: RegistryClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Evolving(mysql, kafka, apicurio, mysql_database, registry, "force")
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1)", mysql_database)
    subject, common = bench.subject("t"), bench.registry.config()
    with bench.running() as task:
        bench.events("t", 1, task)
        bench.hold_to("FULL_TRANSITIVE", "t")
        mysql.execute("ALTER TABLE t ADD must INT NOT NULL; INSERT INTO t VALUES (2, 2, 2)", mysql_database)
        assert images(bench.events("t", 2, task))[1] == ("c", None, {"id": 2, "a": 2, "must": 2})
    assert f"subject '{subject}' is set to NONE for one version and then back to FULL_TRANSITIVE" in caplog.text
    assert bench.registry.own_level(subject) == "FULL_TRANSITIVE"
    bench.registry.delete_config(subject)
    bench.registry.set_config("FULL")
    try:
        with bench.running() as task:
            mysql.execute(
                "INSERT INTO t VALUES (3, 3, 3); ALTER TABLE t ADD other INT NOT NULL;"
                "INSERT INTO t VALUES (4, 4, 4, 4)",
                mysql_database,
            )
            assert images(bench.events("t", 4, task))[3] == ("c", None, {"id": 4, "a": 4, "must": 4, "other": 4})
        assert bench.registry.level_in_force(subject) == ("FULL", False)
    finally:
        bench.registry.set_config(common)
    assert bench.registry.versions(subject) == [1, 2, 3]
    assert [one.decision for one in bench.versions("t")][:2] == ["compatible", "forced"]
    assert bench.versions("t")[-1].decision == "forced"


def test_new_subject_goes_on_in_versioned_topics_and_stays_there(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, registry: RegistryClient
) -> None:
    bench = Evolving(mysql, kafka, apicurio, mysql_database, registry, "new-subject")
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1)", mysql_database)
    topic = f"{bench.prefix}.{mysql_database}.t"
    with bench.running() as task:
        bench.events("t", 1, task)
        bench.hold_to("BACKWARD", "t")
        mysql.execute(
            "UPDATE t SET a = 2; ALTER TABLE t ADD must INT NOT NULL; UPDATE t SET a = 3; DELETE FROM t;"
            "INSERT INTO t VALUES (1, 4, 4)",
            mysql_database,
        )
        bench.events("t.v2", 4, task)
        bench.hold_to("BACKWARD", "t.v2")
    with bench.running() as task:  # taken back: what the old topic would take does not go there
        mysql.execute("ALTER TABLE t DROP must; UPDATE t SET a = 5", mysql_database)
        bench.events("t.v2", 5, task)
        mysql.execute("ALTER TABLE t ADD again INT NOT NULL; UPDATE t SET a = 6", mysql_database)
        bench.events("t.v3", 1, task)
    assert images(bench.values_in(topic)) == [
        ("r", None, {"id": 1, "a": 1}),
        ("u", {"id": 1, "a": 1}, {"id": 1, "a": 2}),
    ]
    second = images(bench.values_in(f"{topic}.v2"))
    assert [op for op, _, _ in second] == ["u", "d", None, "c", "u"]
    assert second[4] == ("u", {"id": 1, "a": 4}, {"id": 1, "a": 5})
    assert images(bench.values_in(f"{topic}.v3")) == [
        ("u", {"id": 1, "a": 5, "again": 0}, {"id": 1, "a": 6, "again": 0})
    ]
    versions = bench.versions("t")
    assert [(one.version, one.topic, one.decision) for one in versions] == [
        (1, topic, "compatible"),
        (2, f"{topic}.v2", "new-subject"),
        (3, f"{topic}.v2", "compatible"),
        (4, f"{topic}.v3", "new-subject"),
    ]
    assert versions[3].value_subject == f"{topic}.v3-value"
    told = [one for one in bench.told if one.aggregate_type == "Schema Evolution"]
    assert [(one.type, one.additional_data["version"], one.additional_data["topic"]) for one in told] == [
        ("NEW_VERSION", "2", f"{topic}.v2"),
        ("NEW_VERSION", "3", f"{topic}.v2"),
        ("NEW_VERSION", "4", f"{topic}.v3"),
    ]
    assert bench.registry.schema_by_id(versions[1].value_schema_id or 0)["namespace"] == f"{topic}.v2"


def test_new_subject_when_a_snapshot_that_goes_on_meets_a_structure_before_the_stream_does(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    registry: RegistryClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Evolving(mysql, kafka, apicurio, mysql_database, registry, "new-subject", snapshot__chunk__size="5")
    rows = ", ".join(f"({n}, 0)" for n in range(1, 21))
    mysql.execute(f"CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES {rows}", mysql_database)
    topic, hold = f"{bench.prefix}.{mysql_database}.t", Hold(monkeypatch, 1)
    with bench.running() as task:
        hold.wait()
        bench.events("t", 1, task)
    before = len(bench.values_in(topic))
    bench.hold_to("BACKWARD", "t")
    mysql.execute(
        "UPDATE t SET a = 1 WHERE id = 1; ALTER TABLE t ADD must INT NOT NULL; UPDATE t SET a = 2 WHERE id = 1",
        mysql_database,
    )
    hold.let_go()
    with bench.running() as task:
        bench.events("t", before + 1, task)
        bench.events("t.v2", 20 - before + 1, task)
    old, new = images(bench.values_in(topic)), images(bench.values_in(f"{topic}.v2"))
    assert old[before:] == [("u", {"id": 1, "a": 0}, {"id": 1, "a": 1})], "a row of the old structure stays there"
    copied = [after["id"] for op, _, after in (*old, *new) if op == "r" and isinstance(after, dict)]
    assert sorted(copied) == list(range(1, 21)), "each row once"
    assert [one for one in new if one[0] != "r"] == [("u", {"id": 1, "a": 1, "must": 0}, {"id": 1, "a": 2, "must": 0})]
    versions = [(one.version, one.topic, one.decision) for one in bench.versions("t")]
    assert versions == [(1, topic, "compatible"), (2, f"{topic}.v2", "new-subject")]
