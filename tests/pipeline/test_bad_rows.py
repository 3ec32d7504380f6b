"""Values that cannot be represented, on real servers: stopped at, replaced, or kept aside, and never skipped."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from tests.lab import Apicurio, KafkaBroker
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench, images
from tests.pipeline.test_task_edge import failure, wait_until_streaming

pytestmark = pytest.mark.integration

OPTION = "event.converting.failure.handling.mode"
TABLE = (
    "CREATE TABLE t (id INT PRIMARY KEY, d DATE NULL, n DATE NOT NULL DEFAULT '2000-01-01', "
    "g VARCHAR(9) CHARACTER SET ucs2 NULL, v VARCHAR(9) NOT NULL)"
)
PERMISSIVE = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; "
FEBRUARY_31 = (2024 << 9 | 2 << 5 | 31).to_bytes(3, "little")


@pytest.fixture(params=["mysql", "mariadb"])
def flavor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def bench_of(
    request: pytest.FixtureRequest, flavor: str, kafka: KafkaBroker, apicurio: Apicurio, mode: str, **more: str
) -> Bench:
    source = request.getfixturevalue(flavor)
    database = request.getfixturevalue(f"{flavor}_database")
    option = {} if mode == "" else {"event__converting__failure__handling__mode": mode}
    return Bench(source, kafka, apicurio, database, **option, **more)


def quarantined(bench: Bench, count: int, task: ConnectorTask) -> list[tuple[Any, Any, tuple[str, ...]]]:
    """Key, value and header names of the quarantine's records, once there are `count`, ordered by place."""
    deadline = time.monotonic() + 120
    while True:
        with TopicReader(bench.kafka.bootstrap) as reader:
            records = reader.read_new([f"{bench.prefix}.quarantine"])
            found = [
                (key, value, tuple(name for name, _ in record.headers))
                for record, key, value in changes(records, bench.decoder)
            ]
        if len(found) >= count:
            return sorted(found, key=lambda one: (not one[0]["snapshot"], one[0]["pos"], one[0]["row"]))
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, f"{len(found)} of {count}"
        time.sleep(0.2)


@pytest.mark.parametrize("mode", ["", "fail", "warn"])
def test_the_task_stops_at_the_row_and_a_restart_does_not_pass_it(
    request: pytest.FixtureRequest, flavor: str, kafka: KafkaBroker, apicurio: Apicurio, mode: str
) -> None:
    """Debezium's default mode `fail` was seen to lose such rows in a restart. `warn` cannot help a key."""
    bench = bench_of(request, flavor, kafka, apicurio, mode)
    statement = "INSERT INTO t VALUES (1, NULL, '2024-01-01', NULL, 'a'), (2, '2024-02-31', '2024-01-01', NULL, 'b')"
    shown = ["column 'd' (date)", "row 1", 'key {"id":2}', "day is out of range", f"3 bytes {FEBRUARY_31.hex()}"]
    table = TABLE
    if mode == "warn":
        table = TABLE.replace("id INT PRIMARY KEY, d DATE NULL", "id INT, d DATE, PRIMARY KEY (id, d)")
        statement = statement.replace("1, NULL", "1, '2024-01-31'")
        shown.remove('key {"id":2}')
    bench.source.execute(table, bench.database)
    first = failure(bench, f"{PERMISSIVE}{statement}; INSERT INTO t VALUES (3, '2024-01-01', '2024-01-01', NULL, 'c')")
    for words in (*shown, f"{bench.database}.t at binlog.", f"{OPTION}=quarantine"):
        assert words in str(first.cause)
    again = failure(bench)
    assert str(again.cause) == str(first.cause)
    with TopicReader(kafka.bootstrap) as reader:
        assert reader.read_new([f"{bench.prefix}.{bench.database}.t"]) == [], "nothing of the transaction is visible"
    # The remedy that the message names: the same task, same offset, in the mode that keeps the row.
    bench.spec = replace(
        bench.spec, config=replace(bench.spec.config, event_converting_failure_handling_mode="quarantine")
    )
    with bench.running() as task:
        assert [e["after"]["id"] for e in bench.events("t", 2, task)] == [1, 3]  # type: ignore[index]
        ((_, value, _),) = quarantined(bench, 1, task)
        assert value["bad_cells"][0] == {
            "column": "d",
            "bytes": FEBRUARY_31,
            "cause": value["bad_cells"][0]["cause"],
        }


def test_quarantine_keeps_the_bytes_and_the_stream_goes_on(
    request: pytest.FixtureRequest, flavor: str, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    bench = bench_of(request, flavor, kafka, apicurio, "quarantine", snapshot__mode="initial")
    bench.source.execute(
        f"{TABLE}; {PERMISSIVE}INSERT INTO t VALUES (1, '2024-02-31', '2024-01-01', NULL, 'a'), "
        "(2, NULL, '2024-01-01', 'x', 'b')",
        bench.database,
    )
    with bench.running() as task:
        wait_until_streaming(task)
        bench.source.execute(
            f"{PERMISSIVE}INSERT INTO t VALUES (3, NULL, '2024-01-01', _binary 0x0041D800, 'c'), "
            "(4, NULL, '2024-01-01', NULL, 'd'); "
            "UPDATE t SET v = 'z', g = NULL WHERE id = 3; DELETE FROM t WHERE id = 1; DELETE FROM t WHERE id = 4",
            bench.database,
        )
        day = 19_723
        clean = {"id": 4, "d": None, "n": day, "g": None, "v": "d"}
        assert images(bench.events("t", 4, task)) == [
            ("r", None, {"id": 2, "d": None, "n": day, "g": "x", "v": "b"}),
            ("c", None, clean),
            ("d", clean, None),
            (None, None, None),
        ]
        found = quarantined(bench, 4, task)
    with bench.running() as task:  # the offset covers what was set aside
        bench.source.execute("INSERT INTO t VALUES (5, NULL, '2024-01-01', NULL, 'e')", bench.database)
        bench.events("t", 5, task)
        assert len(quarantined(bench, 4, task)) == 4
    snapshot, insert, update, delete = (value for _, value, _ in found)
    assert [value["op"] for _, value, _ in found] == ["r", "c", "u", "d"]
    assert [value["row_key"] for _, value, _ in found] == ['{"id":1}', '{"id":3}', '{"id":3}', '{"id":1}']
    assert snapshot["cells"] == [b"1", b"2024-02-31", b"2024-01-01", None, b"a"]
    assert snapshot["table_map"] is None
    n = (2024 << 9 | 1 << 5 | 1).to_bytes(3, "little")
    before = b"\x02" + b"\x03\0\0\0" + n + b"\x04\x00\x41\xd8\x00" + b"\x01c"
    after = b"\x0a" + b"\x03\0\0\0" + n + b"\x01z"
    assert _without_spare_bits(insert["after"]) == _without_spare_bits(before)
    assert insert["before"] is None
    assert _without_spare_bits(update["before"]) == _without_spare_bits(before)
    assert _without_spare_bits(update["after"]) == _without_spare_bits(after)
    assert FEBRUARY_31 in delete["before"]
    assert delete["after"] is None
    assert insert["bad_cells"][0]["column"] == "g"
    assert insert["bad_cells"][0]["bytes"] == b"\x04\x00\x41\xd8\x00"
    assert [column["type"] for column in insert["columns"]][2] == "date"
    assert b"t\x00" in insert["table_map"]
    assert insert["gtid"]
    for key, value, headers in found:
        assert key == {name: value[name] for name in ("database", "table", "snapshot", "file", "pos", "row")}
        assert "__debezium.context.taskId" in headers
        assert "column" in value["message"]


def _without_spare_bits(image: bytes) -> bytes:
    """The five columns' null bits, then the cells: servers differ in the bitmap's three spare bits."""
    return bytes([image[0] & 0x1F]) + image[1:]


@pytest.mark.parametrize("mode", ["warn", "skip"])
def test_warn_and_skip_write_null_or_the_default(
    request: pytest.FixtureRequest, flavor: str, kafka: KafkaBroker, apicurio: Apicurio, mode: str
) -> None:
    bench = bench_of(request, flavor, kafka, apicurio, mode)
    bench.source.execute(
        f"{TABLE}; {PERMISSIVE}INSERT INTO t VALUES (1, '2024-02-31', '2024-02-31', NULL, 'a')", bench.database
    )
    with bench.running() as task:
        wait_until_streaming(task)
        bench.source.execute(
            f"{PERMISSIVE}INSERT INTO t VALUES (2, '2024-02-31', '2024-02-31', _binary 0x0041D800, 'b'); "
            "UPDATE t SET d = NULL, v = 'c' WHERE id = 2",
            bench.database,
        )
        events = bench.events("t", 3, task)
    row = {"d": None, "n": 10_957, "g": None}
    assert images(events) == [
        ("r", None, {"id": 1, **row, "v": "a"}),
        ("c", None, {"id": 2, **row, "v": "b"}),
        ("u", {"id": 2, **row, "v": "b"}, {"id": 2, **row, "v": "c"}),
    ]


@pytest.mark.parametrize("mode", ["fail", "warn", "quarantine"])
def test_a_time_that_its_form_has_no_value_for(
    request: pytest.FixtureRequest, flavor: str, kafka: KafkaBroker, apicurio: Apicurio, mode: str
) -> None:
    """ISO times end at 24 hours; the column may not be null and has no default, so that warn has nothing to write."""
    bench = bench_of(request, flavor, kafka, apicurio, mode, time__precision__mode="isostring")
    bench.source.execute("CREATE TABLE t (id INT PRIMARY KEY, h TIME NOT NULL)", bench.database)
    statement = "INSERT INTO t VALUES (1, '23:00:00'), (2, '30:00:00'), (3, '01:00:00')"
    if mode != "quarantine":
        cause = str(failure(bench, statement).cause)
        assert "column 'h' (time)" in cause
        assert "30:00:00 does not fit" in cause
        return
    with bench.running() as task:
        wait_until_streaming(task)
        bench.source.execute(statement, bench.database)
        assert [e["after"]["id"] for e in bench.events("t", 2, task)] == [1, 3]  # type: ignore[index]
        assert [value["row_key"] for _, value, _ in quarantined(bench, 1, task)] == ['{"id":2}']
