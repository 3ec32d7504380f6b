"""Every recorded line of Debezium's schema history, rendered by us from a live MySQL after the recorded SQL.

The tables come from information_schema and SHOW CREATE TABLE of the live server; positions, times and other statements
are taken over as recorded. Every line is equal as text, or each of its columns that is not is on the list.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from faust_cdc.history import table_changes
from faust_cdc.relational.model import Table, TableId
from faust_cdc.relational.table_map import reconcile
from tests.lab import MySqlServer
from tests.parity.differences import Cell, Tally
from tests.recorded import runs
from tests.transcode import golden
from tests.transcode.both_paths import captured, tables_from_server

pytestmark = pytest.mark.integration

LINES = 219
SIGNAL_TABLE = (
    "CREATE TABLE debezium_signal (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048) NULL)"
)
ROW_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
"""Counts the rows that the recording's tables had already."""


class LiveTables:
    """The recorded database on a live server, moved on by each streamed statement."""

    def __init__(self, mysql: MySqlServer) -> None:
        self._mysql = mysql
        self._after: dict[str, Table] = {}
        self._ran: set[str] = set()
        mysql.execute("DROP DATABASE IF EXISTS gold")
        mysql.execute("CREATE DATABASE gold CHARACTER SET utf8mb4")
        ddl = (golden.DATA / "golden_tables.sql").read_text(encoding="utf-8")
        mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {ddl} {SIGNAL_TABLE}", "gold")
        names = [*golden.PRIMARY_KEYS, "debezium_signal"]
        self.at_start = {one.id.table: one for one in tables_from_server(mysql, "gold", *names)}
        self._shown = {name: str(mysql.query(f"SHOW CREATE TABLE gold.`{name}`")[0][1]) for name in names}

    def statement_at_start(self, name: str) -> str:
        """SHOW CREATE TABLE before anything streamed, without the counter of rows."""
        return ROW_COUNTER.sub("", self._shown[name])

    def run(self, ddl: str) -> None:
        """Run a recorded statement once; a restart recorded some twice."""
        if ddl not in self._ran:
            self._ran.add(ddl)
            plain = ddl.removesuffix(" START TRANSACTION")  # CREATE TABLE … SELECT as the server logs it
            self._mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {plain}", "gold")

    def after(self, ddl: str, name: str) -> Table:
        """The table as the statement left it."""
        if ddl not in self._after:
            self._after[ddl] = tables_from_server(self._mysql, "gold", name)[0]
        return self._after[ddl]


def rendered(line: Any, live: LiveTables) -> dict[str, Any]:
    """Our line for a recorded one."""
    comments = runs.OPTIONS[line["run"]].get("include.schema.comments") == "true"
    ddl, changes = line["ddl"], []
    in_snapshot = "snapshot" in line["position"]
    if not in_snapshot and any(change["type"] != "DROP" for change in line["tableChanges"]):
        live.run(ddl)
    for change in line["tableChanges"]:
        table_id = TableId(*change["id"].strip('"').split('"."'))
        if change["type"] == "DROP":
            changes.append(table_changes.dropped(table_id))
            continue
        table = live.at_start[table_id.table] if in_snapshot else live.after(ddl, table_id.table)
        if in_snapshot:
            ddl = live.statement_at_start(table_id.table)
        if change["type"] == "CREATE":
            changes.append(table_changes.created(table, comments=comments))
        else:
            previous = TableId("gold", "newt") if ddl.startswith("RENAME") else None
            changes.append(table_changes.altered(table, previous=previous, comments=comments))
    server = line["source"]["server"]
    return table_changes.history_record(server, line["position"], line["ts_ms"], line["databaseName"], ddl, changes)


def compare(line: Any, ours: dict[str, Any], tally: Tally) -> None:
    """Compare two lines as text; columns that the list explains are taken over first."""
    theirs = {name: value for name, value in line.items() if name != "run"}
    theirs["ddl"] = ROW_COUNTER.sub("", theirs["ddl"])
    for left, right in zip(theirs["tableChanges"], ours["tableChanges"], strict=True):
        pairs = zip(left.get("table", {}).get("columns", []), right.get("table", {}).get("columns", []), strict=True)
        for index, (their_column, our_column) in enumerate(pairs):
            if json.dumps(their_column) != json.dumps(our_column):
                where = f"{left['id']}.{our_column['name']}"
                tally.compare(Cell(where, their_column, our_column), line["run"])
                left["table"]["columns"][index] = our_column
        if left.get("comment") != right.get("comment"):
            kind = "CREATE LIKE" if " LIKE " in theirs["ddl"] else "comment"
            tally.compare(Cell(f"{kind} {left['id']}", left["comment"], right["comment"]), line["run"])
            left["comment"] = right["comment"]
    name = f"{line['run']} {theirs['ddl'][:40]!r}"
    tally.compare(Cell(name, table_changes.history_json(theirs), table_changes.history_json(ours)))


def test_every_recorded_line_of_the_history(mysql: MySqlServer) -> None:
    live, tally, kinds = LiveTables(mysql), Tally("recorded-history"), Counter[str]()
    as_they_are = 0
    for line in json.loads(json.dumps(runs.lines("history"))):
        ours = rendered(line, live)
        listed = tally.explained.total()
        compare(line, ours, tally)
        as_they_are += tally.explained.total() == listed
        kinds.update(change["type"] for change in ours["tableChanges"])
    print(f"\n{LINES} history lines {dict(kinds)}: {as_they_are} equal, {LINES - as_they_are} with members on the list")
    tally.check()
    assert tally.equal == len(runs.lines("history")) == LINES


NOT_IN_A_MAP = ("typeExpression", "autoIncremented", "generated", "hasDefaultValue", "defaultValueExpression")
SHOWN_BY_THE_TEXT_ALONE = {
    "TINYINT": "length",  # tinyint(1)
    "FLOAT": "length scale",  # float(5,2)
    "DOUBLE": "length scale",
    "GEOMCOLLECTION": "typeName",
}
"""What of a type only its text says, by the type's name."""


def from_a_map(column: dict[str, Any], shown: str) -> dict[str, Any]:
    """The members of a history column that a table map can tell; `shown` is the type's recorded name."""
    left_out = {*NOT_IN_A_MAP, *SHOWN_BY_THE_TEXT_ALONE.get(shown, "").split()}
    return {name: value for name, value in column.items() if name not in left_out}


def test_table_maps_alone_tell_the_recorded_columns_but_for_defaults(mysql: MySqlServer) -> None:
    """binlog_row_metadata=FULL: names, types, lengths, charsets, labels, nullability and the key are in the map."""
    live = LiveTables(mysql)
    recorded = {
        change["id"]: change["table"]
        for line in runs.lines("history")
        if line["run"] == "r2"
        for change in line["tableChanges"]
        if "table" in change
    }
    tables = [
        table for name, table in live.at_start.items() if name not in ("empty_t", "debezium_signal", "we-ird$tab")
    ]
    compared = 0
    for found in captured(mysql, tables, (golden.DATA / "golden_rows.sql").read_text(encoding="utf-8")).values():
        assert found.table_map is not None
        change = table_changes.created(reconcile(found.table_map, None))
        theirs = recorded[change["id"]]
        if theirs["primaryKeyColumnNames"] != ["a", "b"]:  # a unique key that no map calls the key
            assert change["table"]["primaryKeyColumnNames"] == theirs["primaryKeyColumnNames"]
        for left, right in zip(theirs["columns"], change["table"]["columns"], strict=True):
            assert from_a_map(right, left["typeName"]) == from_a_map(left, left["typeName"])
            compared += 1
    print(f"\n{compared} columns of {len(tables)} tables told alike by table maps alone")
    assert compared == 131
