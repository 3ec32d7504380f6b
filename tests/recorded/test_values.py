"""All 2,616 recorded values: the same rows on a real MySQL, through both paths, against what Debezium wrote.

Snapshot and stream must give equal bytes; each value is held against Debezium's streamed value and against that of its
snapshot. Whatever differs is on the list `faust_cdc/config/differences.toml`, and every entry that names these
comparisons is seen. With `compatibility.mode=debezium` the entries that the mode covers are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.reference import ReferenceTranscoder, Row
from tests.lab import MySqlServer
from tests.parity.differences import MISSING, REFUSED, Cell, Tally
from tests.recorded import runs
from tests.transcode import golden, golden_modes
from tests.transcode.both_paths import captured, differences, refused_cells, snapshot, tables_from_server
from tests.transcode.images import SOURCE
from tests.transcode.test_golden_values import as_json_converter

pytestmark = pytest.mark.integration

VECTORS = 2616
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


@dataclass
class Ours:
    """What we make of a run."""

    transcoders: dict[str, ReferenceTranscoder] = field(default_factory=dict)
    """By table."""
    rows: dict[RowKey, Row] = field(default_factory=dict)
    """By table and first column; null where a mode cannot hold the value."""
    refused: set[tuple[str, Any, str]] = field(default_factory=set)
    """Table, first column, column name of the values that stop a task, unless its options say null."""

    def value(self, table: str, key: int, plan: ColumnPlan) -> Any:
        """A value as JsonConverter prints it, or `REFUSED`."""
        if (table, key, plan.column.name) in self.refused:
            return REFUSED
        return as_json_converter(self.rows[table, key][plan.index], plan.mapping.avro)


def read_run(mysql: MySqlServer, run: str, mode: str) -> Ours:
    """Return what we make of the run's rows, both paths equal."""
    mysql.execute("DROP DATABASE IF EXISTS gold; CREATE DATABASE gold CHARACTER SET utf8mb4")
    ddl = (golden.DATA / "golden_tables.sql").read_text(encoding="utf-8")
    mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {ddl}", "gold")
    adjusted = {} if "field.name.adjustment.mode" in runs.OPTIONS[run] else {"field__name__adjustment__mode": "avro"}
    options = transcode_options(runs.parsed(run, mode, **adjusted))
    names = {line["table"] for line in runs.lines("vectors") if line["run"] == run}
    changes = captured(
        mysql, tables_from_server(mysql, "gold", *sorted(names)), rows_sql(run), options, null_outside=True
    )
    ours = Ours()
    for name, found in changes.items():
        transcoder = ours.transcoders[name] = found.transcoder
        if mode == "right":
            ours.refused |= {(name, *cell) for cell in refused_cells(mysql, transcoder)}
        latest = {row[0]: row for row in [*found.inserted, *(after for _, after in found.updated)]}
        twins = {row[0]: row for row in snapshot(mysql, transcoder)}
        assert differences(transcoder, list(latest.values()), list(twins.values())) == [], (run, name)
        for key, row in latest.items():
            assert transcoder.key(row) == transcoder.key(twins[key])
            bytes_of = [transcoder.value("c", None, one, SOURCE, 1) for one in (row, twins[key])]
            assert bytes_of[0] == bytes_of[1]
            ours.rows[name, key] = transcoder.as_written(row)
    return ours


@pytest.mark.parametrize("mode", ["right", "debezium"])
def test_all_recorded_values(mysql: MySqlServer, mode: str) -> None:
    compatible = mode == "debezium"
    streamed = Tally("recorded-values", compatible=compatible)
    snapped = Tally("recorded-snapshot", compatible=compatible)
    count, incomparable = 0, 0
    for run in ("r1", "r2", "r3", "r4", "r5"):
        made = read_run(mysql, run, mode)
        for line in (one for one in runs.lines("vectors") if one["run"] == run):
            table, column = line["table"], line["column"]
            place = f"{table}.{column}"
            plan = next(one for one in made.transcoders[table].plan.columns if one.column.name == column)
            default = MISSING if line["default"] is None else line["default"]
            for number, theirs in line["streaming"].items():
                count += 1
                ours = made.value(table, runs.key_of(run, int(number)), plan)
                if runs.masked_number(run, mode, place):
                    ours = REFUSED
                streamed.compare(Cell(place, theirs, ours, "c", default), f"{run} row {number}")
                if (table, column) in MADE_BY_THE_SERVER:
                    incomparable += 1
                    continue
                cell = Cell(place, line["snapshot"][number], ours, "r", default)
                snapped.compare(cell, f"{run} row {number}")
    print(f"\n{mode}: {count} vectors, {incomparable} snapshot values made by the server", end="")
    streamed.check()
    snapped.check()
    assert count == VECTORS
