"""The recorded rows on a real MySQL under the value modes of r2 to r5, through both paths.

Both paths must give equal bytes; values must be those that Debezium streamed in the same mode, but for the listed
differences. `LOST` lists what a mode cannot hold: Debezium's value is kept there, though it is not the row's.
"""

from typing import Any

import pytest

from tests.lab import MySqlServer
from tests.transcode import golden, golden_modes
from tests.transcode.both_paths import Changes, captured, differences, snapshot, tables_from_server
from tests.transcode.images import SOURCE
from tests.transcode.test_golden_values import (
    NULL_NOT_DEFAULT,
    SERVER_TEXT,
    TRUE_LABEL,
    YEAR_ZERO,
    as_json_converter,
)

pytestmark = pytest.mark.integration

KNOWN_DIFFERENCES: dict[tuple[str, str, int], str] = {
    ("ints", "y", 4): YEAR_ZERO,
    ("temps", "y4", 5): YEAR_ZERO,
    ("tempsnn", "y", 1): YEAR_ZERO,
    ("strs", "e", 1): TRUE_LABEL,
    ("strs", "js", 6): SERVER_TEXT,
    **{
        ("defs", column, 2): NULL_NOT_DEFAULT
        for column in ("i", "vc", "dec52", "f", "dt", "d", "t", "y", "b1", "e", "bin", "vb", "bu")
    },
}

OUTSIDE_THE_DAY = "a TIME below 0 or above 24:00 is no time of day: null"
LAST_MIDNIGHT = "24:00:00 is written as 00:00:00Z: the ISO time of day ends before it"
OUTSIDE_64_BITS = "ns of 1677-09-21 to 2262-04-11 fit into 64 bits, others are null"
TIMES_OUTSIDE = {
    **{("temps", column, 2): OUTSIDE_THE_DAY for column in ("t0", "t1", "t3", "t6")},
    **{("temps", column, 3): OUTSIDE_THE_DAY for column in ("t0", "t1", "t6")},
}
LOST: dict[str, dict[tuple[str, str, int], str]] = {
    "r2": TIMES_OUTSIDE,
    "r3": {**TIMES_OUTSIDE, ("temps", "t3", 3): LAST_MIDNIGHT},
    "r4": {},
    "r5": {
        **{("temps", column, row): OUTSIDE_64_BITS for column in ("dt0", "dt1", "dt3", "dt4", "dt6") for row in (2, 3)},
        ("temps", "dt0", 8): OUTSIDE_64_BITS,
        ("temps", "dt0", 9): OUTSIDE_64_BITS,
        ("temps", "dt6", 8): OUTSIDE_64_BITS,
        ("temps", "dt6", 9): OUTSIDE_64_BITS,
    },
}
"""By run: values of rows that the mode's type has no room for. Debezium writes the same null (or 00:00:00Z)."""

COMPARED = {"r2": 584, "r3": 584, "r4": 494, "r5": 158}


def run_changes(mysql: MySqlServer, run: str) -> dict[str, Changes]:
    """What the binlog says of the run's rows under the run's options."""
    mysql.execute("DROP DATABASE IF EXISTS gold; CREATE DATABASE gold CHARACTER SET utf8mb4")
    ddl = (golden.DATA / "golden_tables.sql").read_text(encoding="utf-8")
    mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {ddl}", "gold")
    names = [name for name in golden_modes.tables(run) if (run, name) != ("r4", "we-ird$tab")]
    tables = tables_from_server(mysql, "gold", *names)
    return captured(mysql, tables, golden_modes.rows_sql(run), golden_modes.RUNS[run])


def check_equal_bytes(mysql: MySqlServer, changes: dict[str, Changes]) -> None:
    for name, found in changes.items():
        transcoder = found.transcoder
        read = snapshot(mysql, transcoder)
        assert differences(transcoder, found.inserted, read) == [], name
        by_key = {row[0]: row for row in read}
        for row in found.inserted:
            twin = by_key[row[0]]
            assert transcoder.key(row) == transcoder.key(twin)
            assert transcoder.value("c", None, row, SOURCE, 1) == transcoder.value("c", None, twin, SOURCE, 1)


@pytest.mark.parametrize("run", list(golden_modes.RUNS))
def test_a_recorded_run(mysql: MySqlServer, run: str) -> None:
    changes = run_changes(mysql, run)
    check_equal_bytes(mysql, changes)
    rows = {(name, row[0]): row for name, found in changes.items() for row in found.inserted}
    seen: dict[tuple[str, str, int], Any] = {}
    compared = set()
    for vector in golden_modes.vectors(run):
        if vector.table not in changes:
            continue
        compared.add(vector[:3])
        row = rows[vector.table, golden_modes.key_offset(run) + vector.row]
        plan = changes[vector.table].transcoder.plan
        one = next(one for one in plan.columns if one.column.name == vector.column)
        ours = as_json_converter(row[one.index], one.mapping.avro)
        if ours != vector.value or type(ours) is not type(vector.value):
            seen[vector[:3]] = (ours, vector.value)
    assert sorted(seen) == sorted(one for one in KNOWN_DIFFERENCES if one in compared), seen
    assert len(compared) == COMPARED[run]


@pytest.mark.parametrize("run", list(golden_modes.RUNS))
def test_what_a_mode_cannot_hold_is_listed(run: str) -> None:
    """The default mode holds every value, so a null that it has not is a loss; 24:00 is the one loss that is none."""
    default = {(one.table, one.column, one.row): one.streaming for one in golden.vectors()}
    lost = set()
    for vector in golden_modes.vectors(run):
        held = default[vector[:3]]
        if vector.value is None and held is not None:
            lost.add(vector[:3])
        if vector.value == "00:00:00Z" and held != 0:
            lost.add(vector[:3])
    assert sorted(lost) == sorted(LOST[run])
