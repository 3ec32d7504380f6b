"""What `schemas check` says of connectors with routes and transforms is what their tasks then register."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from faust_cdc.config.routes import parse_route
from faust_cdc.pipeline.schema_check import AT_ROW, check_statement
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.registry.client import RegistryClient
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader
from tests.pipeline.test_task import Bench
from tests.registry.support import fast_client

pytestmark = pytest.mark.integration

K = "org.apache.kafka.connect.transforms."
D = "io.debezium.transforms."
CHAIN = {
    "transforms": "unwrap,without,who",
    "transforms__unwrap__type": f"{D}ExtractNewRecordState",
    "transforms__without__type": f"{K}ReplaceField$Value",
    "transforms__without__exclude": "note",
    "transforms__who__type": f"{K}InsertField$Value",
    "transforms__who__static__field": "who",
    "transforms__who__static__value": "me",
}


@pytest.fixture
def registry(apicurio: Apicurio) -> Iterator[RegistryClient]:
    client = fast_client(apicurio.ccompat_url)
    yield client
    client.close()


def wait(task: ConnectorTask, condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def records(bench: Bench, topic: str) -> int:
    with TopicReader(bench.kafka.bootstrap) as reader:
        return len(reader.read_new([topic]))


def values(checked: dict[str, Any]) -> list[tuple[str, bool, bool, list[str]]]:
    """The schemas of values of the only table: subject, whether it is new, whether it is taken, what differs."""
    (table,) = checked["tables"]
    return [
        (one["subject"], one["is_new"], one["allowed"], one["differences"])
        for one in table["schemas"]
        if one["part"] == "value"
    ]


def test_schemas_behind_routes_and_transforms_are_those_that_a_task_registers(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, registry: RegistryClient
) -> None:
    route = {"topic": ["${prefix}.one", "${prefix}.two"], "exclude_columns": ["secret"]}
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, secret VARCHAR(9), note VARCHAR(9));"
        "INSERT INTO t VALUES (1, 1, 'x', 'x')",
        mysql_database,
    )
    more = {"routes": json.dumps({f"{mysql_database}.t": route})} | CHAIN
    bench = Bench(mysql, kafka, apicurio, mysql_database, **more)
    one, two = f"{bench.prefix}.one", f"{bench.prefix}.two"

    def ask(change: str) -> dict[str, Any]:
        return check_statement(bench.spec, f"ALTER TABLE t {change}", mysql_database)

    with bench.running() as task:
        wait(task, lambda: (records(bench, one), records(bench, two)) == (1, 1), "the snapshot in both topics")
        for topic in (one, two):
            registry.set_config("BACKWARD", f"{topic}-value")
        for change in ("MODIFY secret VARCHAR(99)", "MODIFY note TEXT", "DROP note", "ADD KEY (a)"):
            checked = ask(change)
            assert checked["safe"], checked
            assert values(checked) == [(f"{topic}-value", False, True, []) for topic in (one, two)], change

        refused = ask("ADD must INT NOT NULL")
        assert not refused["safe"]
        (table,) = refused["tables"]
        assert (table["topics"], table["then"]) == ([one, two], AT_ROW)
        added = ["field Value.must added (int, no default)"]
        assert values(refused) == [(f"{topic}-value", True, False, added) for topic in (one, two)]

        taken = ask("ADD extra INT")
        assert taken["safe"]
        assert values(taken) == [
            (f"{topic}-value", True, True, ["field Value.extra added ([null, int], default null)"])
            for topic in (one, two)
        ]
        mysql.execute("ALTER TABLE t ADD extra INT; INSERT INTO t VALUES (2, 2, 'x', 'x', 2)", mysql_database)
        wait(task, lambda: (records(bench, one), records(bench, two)) == (2, 2), "a row of the new structure")
        assert [found[1] for found in values(ask("ADD KEY (a)"))] == [False, False], "what was foretold is registered"
        assert [registry.versions(f"{topic}-value") for topic in (one, two)] == [[1, 2], [1, 2]]

        stops = ask("DROP secret")
        assert (stops["safe"], stops["tables"][0]["then"]) == (False, "the task stops")
        assert "has exclude_columns 'secret', which is no column of the table" in stops["tables"][0]["note"]

    set_since = parse_route(f"{mysql_database}.t", {"topic": "${prefix}.three"})
    other = check_statement(bench.spec, "ALTER TABLE t ADD KEY (a)", mysql_database, routes=[set_since])
    assert other["tables"][0]["topics"] == [f"{bench.prefix}.three"]


def test_what_transforms_decide_by_values_is_told_by_name_beside_the_rest(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT); CREATE TABLE u (id INT PRIMARY KEY)", mysql_database)
    router = {
        "transforms": "by,key",
        "transforms__by__type": f"{D}ContentBasedRouter",
        "transforms__by__language": "jsr223.groovy",
        "transforms__by__topic__expression": "value.op",
        "transforms__by__topic__regex": r".*\.t",
        "transforms__key__type": f"{K}ExtractField$Key",
        "transforms__key__field": "id",
    }
    bench = Bench(mysql, kafka, apicurio, mysql_database, tombstones__on__delete="false", **router)
    checked = check_statement(bench.spec, "ALTER TABLE t ADD b INT; ALTER TABLE u ADD b INT", mysql_database)
    assert not checked["safe"]
    (untold,) = checked["not_told"]
    assert untold == {
        "reason": f"transform 'by' ({D}ContentBasedRouter) names topics by the expression value.op",
        "tables": [f"{mysql_database}.t"],
    }
    first, second = checked["tables"]
    assert (first["topics"], first["schemas"], first["safe"]) == ([], [], False)
    assert (second["topics"], second["safe"]) == ([f"{bench.prefix}.{mysql_database}.u"], True)
    assert [one["part"] for one in second["schemas"]] == ["key", "value"]

    gone = check_statement(
        bench.spec,
        "ALTER TABLE u DROP PRIMARY KEY, ADD other INT, CHANGE id n INT NOT NULL PRIMARY KEY",
        mysql_database,
    )
    (table,) = gone["tables"]
    assert (table["safe"], table["then"], gone["not_told"]) == (False, AT_ROW, [])
    assert "transform 'key' (" in table["note"]
    assert "Unknown field: id" in table["note"]


def test_a_key_that_its_neighbours_in_a_merged_topic_have_not_is_not_safe(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    columns = "(id INT PRIMARY KEY, a INT)"
    mysql.execute(f"CREATE TABLE s_1 {columns}; CREATE TABLE s_2 {columns}; CREATE TABLE u {columns}", mysql_database)
    merged = {rf"{mysql_database}\.s_\d": {"topic": "${prefix}.all", "key_source": "${table}"}}
    bench = Bench(mysql, kafka, apicurio, mysql_database, routes=json.dumps(merged))

    def ask(sql: str) -> tuple[bool, str]:
        checked = check_statement(bench.spec, sql, mysql_database)
        return checked["safe"], "; ".join(str(one.get("note")) for one in checked["tables"])

    wider = "MODIFY id BIGINT NOT NULL"
    safe, note = ask(f"ALTER TABLE s_1 {wider}")
    assert not safe
    assert f"{mysql_database}.s_1 and {mysql_database}.s_2 would share topic '{bench.prefix}.all'" in note
    assert "their keys are not alike: id long" in note
    assert ask(f"ALTER TABLE s_1 {wider}; ALTER TABLE s_2 {wider}")[0], "both at once"
    assert ask(f"ALTER TABLE u {wider}")[0], "no neighbour"
    assert ask("ALTER TABLE s_1 ADD b INT")[0]
