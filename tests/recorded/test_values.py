"""All 2,616 recorded values: the same rows on a real MySQL, through both paths, against what Debezium wrote.

Snapshot and stream must give equal bytes; each value is held against Debezium's streamed value and against that of its
snapshot. Whatever differs is on the list `faust_cdc/config/differences.toml`, and every entry that names these
comparisons is seen. With `compatibility.mode=debezium` the entries that the mode covers are gone.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from faust_cdc.pipeline.coordinator import transcode_options
from faust_cdc.transcode.reference import ReferenceTranscoder, Row
from tests.lab import MySqlServer
from tests.parity.differences import MISSING, Cell, Tally
from tests.recorded import runs
from tests.transcode import golden, golden_modes
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server
from tests.transcode.images import SOURCE
from tests.transcode.test_golden_values import as_json_converter

pytestmark = pytest.mark.integration

VECTORS = 2616
WAITING_FOR_OPTIONS = 49
"""Values that Debezium masked or truncated by options this version refuses: `runs.waiting_columns`. The comparison
takes them in by itself when the options are accepted; this number is 0 then."""

MADE_BY_THE_SERVER = {
    *((table, "id") for table in ("ints", "nums", "temps", "tempsnn", "strs", "geo", "defs", "vec")),
    *(("nopk", "a"), ("uniqk", "a"), ("pk2", "a"), ("we-ird$tab", "1st col"), ("ints", "ser")),
    *(("defs", column) for column in ("dtc", "dtcn", "ts", "tsnn")),
    ("pk2", "c"),
}
"""Keys, counters and clocks, and a column changed between: the snapshot's row and the streamed one differ in them."""

RowKey = tuple[str, Any]


def rows_sql(run: str) -> str:
    """The SQL of the run's streamed rows; r4 changed one of them later, which its own key columns made an insert."""
    if run == "r1":
        return (golden.DATA / "golden_rows.sql").read_text(encoding="utf-8")
    return golden_modes.rows_sql(run) + ("UPDATE pk2 SET c = 2" if run == "r4" else "")


def read_run(mysql: MySqlServer, run: str, mode: str) -> tuple[dict[str, ReferenceTranscoder], dict[RowKey, Row]]:
    """Return transcoder by table and row by (table, first column), both paths equal."""
    mysql.execute("DROP DATABASE IF EXISTS gold; CREATE DATABASE gold CHARACTER SET utf8mb4")
    ddl = (golden.DATA / "golden_tables.sql").read_text(encoding="utf-8")
    mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {ddl}", "gold")
    adjusted = {} if "field.name.adjustment.mode" in runs.OPTIONS[run] else {"field__name__adjustment__mode": "avro"}
    options = transcode_options(runs.parsed(run, compatibility__mode=mode, **adjusted))
    names = {line["table"] for line in runs.lines("vectors") if line["run"] == run}
    changes = captured(mysql, tables_from_server(mysql, "gold", *sorted(names)), rows_sql(run), options)
    transcoders, rows = {}, {}
    for name, found in changes.items():
        transcoder = transcoders[name] = found.transcoder
        latest = {row[0]: row for row in [*found.inserted, *(after for _, after in found.updated)]}
        twins = {row[0]: row for row in snapshot(mysql, transcoder)}
        assert differences(transcoder, list(latest.values()), list(twins.values())) == [], (run, name)
        for key, row in latest.items():
            assert transcoder.key(row) == transcoder.key(twins[key])
            bytes_of = [transcoder.value("c", None, one, SOURCE, 1) for one in (row, twins[key])]
            assert bytes_of[0] == bytes_of[1]
            rows[name, key] = transcoder.as_written(row)
    return transcoders, rows


@pytest.mark.parametrize("mode", ["right", "debezium"])
def test_all_recorded_values(mysql: MySqlServer, mode: str) -> None:
    compatible = mode == "debezium"
    streamed = Tally("recorded-values", compatible=compatible)
    snapped = Tally("recorded-snapshot", compatible=compatible)
    count, waiting, incomparable = 0, Counter[str](), 0
    for run in ("r1", "r2", "r3", "r4", "r5"):
        transcoders, rows = read_run(mysql, run, mode)
        options_missing = runs.waiting_columns(run)
        for line in (one for one in runs.lines("vectors") if one["run"] == run):
            table, column = line["table"], line["column"]
            place = f"{table}.{column}"
            plan = next(one for one in transcoders[table].plan.columns if one.column.name == column)
            default = MISSING if line["default"] is None else line["default"]
            for number, theirs in line["streaming"].items():
                count += 1
                if place in options_missing:
                    waiting[options_missing[place]] += 1
                    continue
                row = rows[table, runs.key_of(run, int(number))]
                ours = as_json_converter(row[plan.index], plan.mapping.avro)
                streamed.compare(Cell(place, theirs, ours, "c", default), f"{run} row {number}")
                if (table, column) in MADE_BY_THE_SERVER:
                    incomparable += 1
                    continue
                cell = Cell(place, line["snapshot"][number], ours, "r", default)
                snapped.compare(cell, f"{run} row {number}")
    print(f"\n{mode}: {count} vectors, {waiting.total()} need options {dict(waiting)}; ", end="")
    print(f"{incomparable} snapshot values made by the server")
    masks = ["integer-under-mask"] if waiting else []
    streamed.check(waiting=masks)
    snapped.check(waiting=masks)
    assert (count, waiting.total()) == (VECTORS, WAITING_FOR_OPTIONS)
