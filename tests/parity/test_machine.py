"""The machine's own parts, without servers: a faker that repeats itself, a judge that misses nothing, the shrinker."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.config.differences import listed
from tests.oracle.topics import RawRecord
from tests.parity.__main__ import arguments
from tests.parity.defaults import plain_defaults
from tests.parity.fake_differences import COMPARISON, ENTRIES, explain, unseen
from tests.parity.faker.histories import Scenario, make_scenario
from tests.parity.faker.schemas import KEYS, FakeColumn, FakeTable
from tests.parity.faker.types import TYPES
from tests.parity.judge import Cell, Judge, Verdict
from tests.parity.machine import Total, combined
from tests.parity.option_sets import OPTION_SETS, rotation
from tests.parity.shrink import confirm, find_cases, only_tables, small_scenario, without_column
from tests.parity.wires import JsonWire, without_logical_types

YEAR = next(one for one in TYPES if one.family == "year")
COLUMN = FakeColumn("c0", "year", "year", True, YEAR)
TABLE = FakeTable("t", (FakeColumn("rid", "int", "int", False), COLUMN), "none")


def record(after: dict[str, Any] | None, *, op: str = "c", name: str = "theirs", **other: Any) -> RawRecord:
    schema = {"fields": [{"field": "before", "fields": [{"field": "rid"}, {"field": "c0", "type": other.get("type")}]}]}
    value = {"before": None, "after": after, "op": op, "source": {"name": name, "version": name}, "ts_ms": id(after)}
    raw = None if after is None else json.dumps({"schema": schema, "payload": value}).encode()
    headers = tuple(other.get("headers", ()))
    key = None if "key" not in other else json.dumps({"schema": {}, "payload": {"rid": other["key"]}}).encode()
    return RawRecord(f"{name}.d.t", 0, 0, key, raw, headers, 0)


def judged(theirs: list[RawRecord], ours: list[RawRecord]) -> Verdict:
    judge = Judge(JsonWire(), "defaults", ("theirs", "ours"), [TABLE], explain)
    return judge.compare({"t": theirs}, {"t": ours})


def test_a_seed_gives_the_same_scenario_and_another_one_another() -> None:
    one, two, other = (make_scenario(seed, 20, 20) for seed in (7, 7, 8))
    assert (one.setup, one.history, one.given) == (two.setup, two.history, two.given)
    assert one.history != other.history
    assert one.rows == 18 * 10, "the other two tables are created while both stream"
    assert one.row_versions > 400
    setup, history = "\n".join(one.setup), "\n".join(one.history)
    assert ("CREATE TABLE `t008`" in setup, "CREATE TABLE `t008`" in history) == (False, True)
    words = ("MODIFY COLUMN", "XA PREPARE", "SET SESSION binlog_", "ROLLBACK TO SAVEPOINT", "REPLACE INTO")
    both = history + "\n".join(other.history)
    assert [word for word in words if word not in both] == []


def test_tables_hold_every_type_and_every_kind_of_key() -> None:
    tables = make_scenario(3, 60, 2).tables
    used = {column.type for table in tables for column in table.columns if column.type is not None}
    assert len(used) == len(set(TYPES)) > 110
    assert {table.key for table in tables} == set(KEYS)
    columns = [column for table in tables for column in table.columns]
    assert any(column.invisible for column in columns)
    assert any(column.comment for column in columns)
    assert {word for column in columns for word in column.generated.split()[-1:]} == {"STORED", "VIRTUAL"}


def test_seeds_of_one_scenario_have_tables_of_their_own() -> None:
    both = combined([1, 2], 3, 4)
    assert sorted(table.name for table in both.tables) == [
        *("a000", "a001", "a002", "b000", "b001", "b002"),
        *("emptied", "listed", "partial_json", "xa_undone"),
    ]
    assert both.setup[: len(make_scenario(1, 3, 4, "a").setup)] == make_scenario(1, 3, 4, "a").setup
    assert both.rows == 14


def test_equal_records_are_equal_but_for_times_versions_and_prefix() -> None:
    verdict = judged([record({"rid": 1, "c0": 5})], [record({"rid": 1, "c0": 5}, name="ours")])
    assert (verdict.records, verdict.failing, verdict.faults) == (1, 0, [])
    assert verdict.schemas == 1


@pytest.mark.parametrize(
    ("ours", "part"),
    [
        (record({"rid": 1, "c0": 6}, name="ours"), "value"),
        (record({"rid": 1, "c0": 5.0}, name="ours"), "value"),
        (record({"rid": 1, "c0": 5}, name="ours", type="int32"), "value schema"),
        (record({"rid": 1, "c0": 5}, name="ours", headers=[("h", b"1")]), "headers"),
        (record({"rid": 1, "c0": 5}, name="ours", key=1), "key"),
        (record({"rid": 1, "c0": 5}, name="ours", op="u"), "value"),
        (record(None, name="ours"), "value"),
    ],
)
def test_every_difference_is_found_and_named(ours: RawRecord, part: str) -> None:
    verdict = judged([record({"rid": 1, "c0": 5})], [ours])
    assert (verdict.failing, verdict.on_list) == (1, 0)
    assert [fault.part for fault in verdict.faults] == [part]


def test_a_key_inside_a_header_is_compared_by_its_fields() -> None:
    theirs, ours = (
        record({"rid": 1, "c0": 5}, name=name, headers=[("__debezium.oldkey", json.dumps({"c0": year}).encode())])
        for name, year in (("theirs", 1900), ("ours", 0))
    )
    assert dict(judged([theirs], [ours]).explained) == {"year-zero": 1}
    other = record({"rid": 1, "c0": 5}, name="ours", headers=[("__debezium.oldkey", b'{"c0": 1}')])
    assert [(fault.part, fault.theirs, fault.ours) for fault in judged([theirs], [other]).faults] == [
        ("header", 1900, 1)
    ]


def test_a_missing_record_and_another_order_are_found() -> None:
    one, two = ({"rid": number, "c0": 5} for number in (1, 2))
    missing = judged([record(one), record(two)], [record(two, name="ours")])
    assert [fault.part for fault in missing.faults] == ["order, record 0", "count"]
    swapped = judged([record(one), record(two)], [record(two, name="ours"), record(one, name="ours")])
    assert {fault.cell.column for fault in swapped.faults} == {"rid"}
    assert swapped.failing == 2


def test_what_is_on_the_list_is_counted_and_no_more_than_that() -> None:
    theirs = [record({"rid": number, "c0": 1900}) for number in (1, 2)]
    ours = [record({"rid": number, "c0": value}, name="ours") for number, value in ((1, 0), (2, 1))]
    verdict = judged(theirs, ours)
    assert (verdict.on_list, verdict.failing, dict(verdict.explained)) == (1, 1, {"year-zero": 1})
    assert [(fault.theirs, fault.ours, fault.rid) for fault in verdict.faults] == [(1900, 1, 2)]


def test_the_shortest_value_is_shrunk_to_a_table_of_its_own_and_confirmed_by_the_same_cause() -> None:
    scenario = Scenario([TABLE])
    for rid, literal in ((1, "'0000'"), (2, "0"), (3, "2000")):
        scenario.given["t", rid]["c0"].append(literal)
    theirs = [record({"rid": rid, "c0": 7}) for rid in (1, 2, 3)]
    ours = [record({"rid": rid, "c0": value}, name="ours") for rid, value in ((1, 0), (2, 0), (3, 7))]
    (case,) = find_cases(judged(theirs, ours).faults, scenario)
    assert (case.count, case.literal) == (2, "0")
    small = small_scenario([case])
    assert small.setup[-1] == "INSERT INTO `s00` (`rid`, `c0`) VALUES (1, 0)"
    assert small.history[0] == "INSERT INTO `s00` (`rid`, `c0`) VALUES (2, 0)"
    assert small.rows == 1
    judge = Judge(JsonWire(), "defaults", ("theirs", "ours"), small.tables, explain)
    again = judge.compare({"s00": theirs[:1]}, {"s00": ours[:1]}).faults
    assert [one.confirmed for one in confirm([case], again)] == [True]
    assert [one.confirmed for one in confirm([case], [])] == [False]
    lines = "\n".join(case.lines(9))
    assert all(
        part in lines for part in ("seed 9", "option set defaults", "`c0` year NULL", "SQL      0", "Debezium 7")
    )


def test_a_fault_of_no_column_keeps_its_table_alone_with_a_shorter_history() -> None:
    whole = make_scenario(5, 6, 40)
    verdict = judged([record({"rid": 1, "c0": 5})], [])
    cases = find_cases(verdict.faults, whole)
    assert [(case.table, case.fault.part) for case in cases] == [(None, "count")]
    assert without_column(cases, Scenario([TABLE])) == {"t"}
    assert without_column(cases, whole) == set()
    alone = only_tables(whole, {"t002"})
    assert [table.name for table in alone.tables] == ["t002"]
    assert alone.rows == 20
    others = [f"`t{number:03}`" for number in (0, 1, 3, 4, 5)]
    assert not [one for one in alone.setup + alone.history if any(other in one for other in others)]
    assert sum("`t002`" in one for one in alone.history) == sum("`t002`" in one for one in whole.history)
    emptied = Scenario(
        whole.tables, history=["TRUNCATE TABLE `t002`", "TRUNCATE TABLE `t003`", "UPDATE t002 SET a = 1"]
    )
    assert only_tables(emptied, {"t002"}).history == ["TRUNCATE TABLE `t002`", "UPDATE t002 SET a = 1"]
    shorter = only_tables(whole, {"t002"}, 3)
    assert shorter.history.count("COMMIT") == 3
    assert shorter.history[-1] == "COMMIT"
    assert shorter.history == alone.history[: len(shorter.history)]


def test_entries_of_the_list_check_the_values() -> None:
    stamp = FakeColumn("c0", "timestamp", "timestamp(3)", True)
    cell = Cell("t", "c0", "r", "defaults", stamp)
    assert explain(cell, "r", "2020-01-01T00:00:00.1Z", "2020-01-01T00:00:00.100Z") == "snapshot-timestamp"
    streamed = replace(cell, op="c")
    assert explain(streamed, "c", "2020-01-01T00:00:00.1Z", "2020-01-01T00:00:00.100Z") is None
    assert explain(cell, "r", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00.000Z") is None
    assert explain(cell, "r", "2020-01-01T00:00:00Z", None) is None


@pytest.mark.parametrize(
    ("default", "theirs", "entry"), [(7, 7, "null-with-default"), (7, 8, None), (7, 7.0, None), (None, 7, None)]
)
def test_a_null_that_became_another_value_than_the_default_is_a_fault(
    default: object, theirs: object, entry: str | None
) -> None:
    table = FakeTable("t", (TABLE.columns[0], replace(COLUMN, default="7")), "none")
    field = {"field": "c0", "type": "int32", "optional": True, **({} if default is None else {"default": default})}
    schema = {"fields": [{"field": "before", "fields": [{"field": "rid", "type": "int32"}, field]}]}
    sides = []
    for name, value in (("theirs", theirs), ("ours", None)):
        payload = {"before": None, "after": {"rid": 1, "c0": value}, "op": "c", "source": {"name": name}}
        raw = json.dumps({"schema": schema, "payload": payload}).encode()
        sides.append({"t": [RawRecord(f"{name}.d.t", 0, 0, None, raw, (), 0)]})
    verdict = Judge(JsonWire(), "defaults", ("theirs", "ours"), [table], explain).compare(*sides)
    assert (verdict.failing, dict(verdict.explained)) == ((1, {}) if entry is None else (0, {entry: 1}))


def test_defaults_are_read_as_values_are_decoded() -> None:
    bits = {"type": "bytes", "connect.name": "io.debezium.data.Bits"}
    fields: list[dict[str, Any]] = [
        {"name": "a", "type": [{"type": "int", "logicalType": "date"}, "null"], "default": 5},
        {"name": "b", "type": [bits, "null"], "default": "\u0001"},
        {"name": "c", "type": ["null", "int"], "default": None},
    ]
    assert plain_defaults(fields) == {"a": 5, "b": b"\x01"}


def test_the_entries_are_those_of_the_one_list() -> None:
    assert {one.name for one in ENTRIES} | {"snapshot-label"} == {
        one.id for one in listed() if COMPARISON in one.seen_in
    }


def test_a_difference_that_the_compatible_mode_covers_is_none_under_it() -> None:
    year = FakeColumn("c0", "year", "year", True)
    assert explain(Cell("t", "c0", "c", "defaults", year), "c", 1900, 0) == "year-zero"
    assert explain(Cell("t", "c0", "c", "compatible", year), "c", 1900, 0) is None
    assert "year-zero" in unseen([], ["defaults"])
    assert "year-zero" not in unseen([], ["compatible"])
    assert "snapshot-json" in unseen([], ["compatible"])


@pytest.mark.parametrize(
    ("ddl", "theirs", "ours", "entry"),
    [
        ("varchar(9) CHARACTER SET koi8u", "a╖", "aї", "charset-unknown-to-java"),
        ("varchar(9) CHARACTER SET koi8u", "a╖", "aє", None),
        ("varchar(9) CHARACTER SET koi8r", "a╖", "aї", None),
        ("varchar(9) CHARACTER SET hp8", "·", "ñ", "charset-unknown-to-java"),
        ("enum('😀','?')", "?", "😀", "emoji-label"),
        ("enum('😀','?')", "?", "?x", None),
    ],
)
def test_text_that_debezium_misreads_is_known_by_its_bytes(ddl: str, theirs: str, ours: str, entry: str | None) -> None:
    column = FakeColumn("c0", ddl.partition("(")[0], ddl, True)
    assert explain(Cell("t", "c0", "c", "defaults", column), "c", theirs, ours) == entry
    assert explain(Cell("t", "c0", "r", "defaults", column), "r", theirs, ours) is None


def test_the_rotation_reaches_every_option_set() -> None:
    count = len(OPTION_SETS)
    assert {name for start in range(count) for name in rotation(start, 2)} == set(OPTION_SETS)
    assert len(rotation(0, 99)) == count


def test_logical_types_are_taken_out_of_a_schema_at_every_depth() -> None:
    schema = {"type": "record", "fields": [{"name": "a", "type": ["null", {"type": "int", "logicalType": "date"}]}]}
    assert without_logical_types(schema) == {
        "type": "record",
        "fields": [{"name": "a", "type": ["null", {"type": "int"}]}],
    }


def test_the_command_line_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments(["--seed", "3", "--sets", "defaults,connect"]).seed == 3
    with pytest.raises(SystemExit) as stopped:
        arguments(["--sets", "nonsense"])
    assert stopped.value.code == 2
    assert "unknown option sets nonsense; known: defaults" in capsys.readouterr().err


def test_the_summary_counts_each_record_once() -> None:
    total = Total(verdict=Verdict(records=10, on_list=3, failing=2))
    found = total.summary()
    assert (found["equal"], found["on_list"], found["failing"]) == (5, 3, 2)
    assert json.loads(total.lines()[-1]) == found
