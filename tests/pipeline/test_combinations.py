"""Options together on real servers, and other options after a restart with the offset kept."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.converter_settings import ConverterSettings, Format, JsonOptions
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from tests.harness.connectors import connector_config
from tests.lab import Apicurio, KafkaBroker
from tests.oracle.topics import TopicReader
from tests.pipeline.test_bad_rows import PERMISSIVE
from tests.pipeline.test_task import Bench
from tests.pipeline.test_task_edge import wait_until_streaming

pytestmark = pytest.mark.integration

JSON = ConverterSettings(Format.JSON, json=JsonOptions(schemas=False))


@pytest.fixture(params=["mysql", "mariadb"])
def bench(request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio) -> Bench:
    source = request.getfixturevalue(request.param)
    return Bench(source, kafka, apicurio, request.getfixturevalue(f"{request.param}_database"))


def configure(bench: Bench, *, as_json: bool, **options: str) -> None:
    """Give the connector other options; its name, prefix and offset stay."""
    settings = {"name": "c"} | connector_config(bench.source, bench.database, bench.prefix, **options)
    old = bench.spec.config
    config = replace(parse_connector_config(settings), database_server_id=old.database_server_id)
    converter = JSON if as_json else ConverterSettings()
    bench.spec = replace(bench.spec, config=config, key_converter=converter, value_converter=converter)


def read(bench: Bench, topic: str) -> list[tuple[Any, Any]]:
    """The records of a topic, JSON or Avro, as (key, value)."""

    def decoded(data: bytes | None) -> Any:
        if data is None:
            return None
        return json.loads(data) if data[:1] == b"{" else bench.decoder.decode(data)

    with TopicReader(bench.kafka.bootstrap) as reader:
        return [(decoded(one.key), decoded(one.value)) for one in reader.read_new([topic])]


def await_records(bench: Bench, topic: str, count: int, task: ConnectorTask) -> list[tuple[Any, Any]]:
    deadline = time.monotonic() + 120
    while len(found := read(bench, topic)) < count:
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, f"{topic}: {len(found)} of {count}"
        time.sleep(0.2)
    return found


def test_quarantine_with_json_heartbeats_metadata_masks_savepoints_and_xa(bench: Bench) -> None:
    """What is set aside is not counted, what is undone neither; every count is that of the topics."""
    more = {"column.mask.with.3.chars": r".*\.t\.v", "topic.heartbeat.prefix": f"beat-{bench.prefix}"}
    configure(
        bench,
        as_json=True,
        event__converting__failure__handling__mode="quarantine",
        provide__transaction__metadata="true",
        heartbeat__interval__ms="200",
        heartbeat__action__query=f"INSERT INTO `{bench.database}`.beats VALUES (NULL)",
        table__include__list=r".*\.(t|u)",
        **more,
    )
    bad, day = "'2024-02-31'", "'2024-01-01'"
    bench.source.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATE, v VARCHAR(9)); CREATE TABLE u LIKE t; "
        f"CREATE TABLE beats (id INT AUTO_INCREMENT PRIMARY KEY); GRANT INSERT ON beats TO {bench.source.user}; "
        f"{PERMISSIVE}INSERT INTO t VALUES (1, {bad}, 'secret')",
        bench.database,
    )
    transaction = (
        f"BEGIN; INSERT INTO t VALUES (2, {day}, 'secret'), (3, {bad}, 'secret'); SAVEPOINT a; "
        f"INSERT INTO u VALUES (1, {bad}, 'x'), (2, {day}, 'x'); ROLLBACK TO a; "
        f"INSERT INTO u VALUES (4, {bad}, 'x'), (5, {day}, 'x'); UPDATE t SET d = {bad} WHERE id = 2; "
        "DELETE FROM u WHERE id = 5; COMMIT"
    )
    xa = (
        f"XA START 'k'; INSERT INTO t VALUES (7, {bad}, 'x'), (8, {day}, 'x'); XA END 'k'; XA PREPARE 'k'; "
        "XA COMMIT 'k'; "
        f"XA START 'r'; INSERT INTO t VALUES (9, {bad}, 'x'), (10, {day}, 'x'); XA END 'r'; XA PREPARE 'r'; "
        "XA ROLLBACK 'r'"
    )
    last = f"INSERT INTO t VALUES (11, {day}, 'x')"
    with bench.running() as task:
        wait_until_streaming(task)
        bench.source.execute(f"{PERMISSIVE}{transaction}; {xa}; {last}", bench.database)
        of_t = await_records(bench, f"{bench.prefix}.{bench.database}.t", 3, task)
        of_u = await_records(bench, f"{bench.prefix}.{bench.database}.u", 3, task)
        set_aside = await_records(bench, f"{bench.prefix}.quarantine", 5, task)
        await_records(bench, f"beat-{bench.prefix}.{bench.prefix}", 2, task)
    assert [(value["op"], value["after"]["id"], value["after"]["v"]) for _, value in of_t] == [
        *(("c", 2, "***"), ("c", 8, "***"), ("c", 11, "***")),
    ]
    assert [value and value["op"] for _, value in of_u] == ["c", "d", None]
    kept = {(value["table"], value["op"], value["row_key"]) for _, value in set_aside}
    assert kept == {
        *(("t", "r", '{"id":1}'), ("t", "c", '{"id":3}'), ("u", "c", '{"id":4}'), ("t", "u", '{"id":2}')),
        ("t", "c", '{"id":7}'),
    }
    ends = [value for _, value in read(bench, f"{bench.prefix}.transaction") if value["status"] == "END"]
    counted = [one for one in ends if one["event_count"] > 1]
    assert [one["event_count"] for one in counted] == [3]
    per_table = {one["data_collection"]: one["event_count"] for one in counted[0]["data_collections"]}
    assert per_table == {f"{bench.database}.t": 1, f"{bench.database}.u": 2}
    orders = [value["transaction"]["total_order"] for _, value in [*of_t[:1], *of_u[:2]]]
    assert orders == [1, 2, 3]
    assert "secret" not in json.dumps([value["message"] for _, value in set_aside])


def test_other_options_after_a_restart_go_on_at_the_offset(bench: Bench) -> None:
    """Avro, JSON with a mask, another topic, Avro without a column, another key, JSON without any column."""
    bench.source.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t VALUES (0, 'a')", bench.database
    )
    topic = f"{bench.prefix}.{bench.database}.t"
    route = {
        "topic.naming.strategy": "io.debezium.schema.DefaultRegexTopicNamingStrategy",
        "topic.regex": r"(.*)\.t",
        "topic.replacement": "$1.merged",
    }
    steps: list[tuple[bool, dict[str, str], str, Any, Any]] = [
        (False, {}, topic, {"id": 1}, {"id": 1, "v": "clear"}),
        (True, {"column.mask.with.3.chars": r".*\.v"}, topic, {"id": 2}, {"id": 2, "v": "***"}),
        (True, route, f"{bench.prefix}.{bench.database}.merged", None, {"id": 3, "v": "clear"}),
        (False, {"column.exclude.list": r".*\.t\.v"}, topic, {"id": 4}, {"id": 4}),
        (False, {"message.key.columns": r".*\.t:v"}, topic, {"v": "clear"}, {"id": 5, "v": "clear"}),
        (True, {"column.exclude.list": r".*\.t\..*"}, topic, {"id": 6}, {}),
    ]
    seen: dict[str, int] = {topic: 1}
    for number, (as_json, options, place, key, after) in enumerate(steps, 1):
        if number > 1:  # written while nobody reads
            bench.source.execute(f"INSERT INTO t VALUES ({number}, 'clear')", bench.database)
        configure(bench, as_json=as_json, **options)
        with bench.running() as task:
            wait_until_streaming(task)
            if number == 1:
                bench.source.execute("INSERT INTO t VALUES (1, 'clear')", bench.database)
            seen[place] = seen.get(place, 0) + 1
            found = await_records(bench, place, seen[place], task)
        assert len(found) == seen[place]
        last_key, last = found[-1]
        assert (last["op"], last["after"]) == ("c", after)
        assert key is None or last_key == key


@pytest.mark.parametrize("excluded", [r".*\.t\..*", r".*\.t\.id", r".*\.t\.(id|k)"])
def test_left_out_columns_do_not_change_keys(bench: Bench, excluded: str) -> None:
    """All columns, or all those of the key, left out of the value: snapshot and stream keep the keys apart."""
    configure(bench, as_json=False, column__exclude__list=excluded)
    bench.source.execute(
        "CREATE TABLE t (id INT, k VARCHAR(5), v INT, PRIMARY KEY (id, k)); "
        "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)",
        bench.database,
    )
    topic = f"{bench.prefix}.{bench.database}.t"
    with bench.running() as task:
        await_records(bench, topic, 2, task)
        bench.source.execute(
            "INSERT INTO t VALUES (3, 'c', 3); UPDATE t SET v = 9 WHERE id = 1; UPDATE t SET k = 'z' WHERE id = 2; "
            "DELETE FROM t WHERE id = 3",
            bench.database,
        )
        found = await_records(bench, topic, 9, task)
    shown = [((key["id"], key["k"]), value and value["op"]) for key, value in found]
    assert shown == [
        *(((1, "a"), "r"), ((2, "b"), "r"), ((3, "c"), "c"), ((1, "a"), "u")),
        *(((2, "b"), "d"), ((2, "b"), None), ((2, "z"), "c"), ((3, "c"), "d"), ((3, "c"), None)),
    ]
    fields = {name for name in ("id", "k", "v") if re.fullmatch(excluded, f"x.t.{name}") is None}
    assert all(set(value["after"]) == fields for _, value in found if value and value["after"] is not None)


def test_nullable_key_columns_and_shared_topics(bench: Bench) -> None:
    """Shards in one topic, keyed by a nullable column: NULL is a key, and a field of the key tells the shard."""
    configure(
        bench,
        as_json=False,
        topic__naming__strategy="io.debezium.schema.DefaultRegexTopicNamingStrategy",
        topic__regex=r"(.*)\.s\d",
        topic__replacement="$1.all",
        message__key__columns=r".*\.s\d:n",
    )
    for shard in (1, 2):
        bench.source.execute(
            f"CREATE TABLE s{shard} (id INT PRIMARY KEY, n VARCHAR(5)); "
            f"INSERT INTO s{shard} VALUES (1, NULL), (2, 'x')",
            bench.database,
        )
    topic = f"{bench.prefix}.{bench.database}.all"
    with bench.running() as task:
        await_records(bench, topic, 4, task)
        bench.source.execute("UPDATE s1 SET n = NULL WHERE id = 2; UPDATE s2 SET n = 'y' WHERE id = 1", bench.database)
        found = await_records(bench, topic, 10, task)
    field = "__dbz__physicalTableIdentifier"
    shown = {(key["n"], key[field].rpartition(".")[2], value and value["op"]) for key, value in found}
    assert shown == {
        *((None, "s1", "r"), ("x", "s1", "r"), (None, "s2", "r"), ("x", "s2", "r")),
        *(
            ("x", "s1", "d"),
            ("x", "s1", None),
            (None, "s1", "c"),
            (None, "s2", "d"),
            (None, "s2", None),
            ("y", "s2", "c"),
        ),
    }
