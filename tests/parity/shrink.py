"""From a failing run to the smallest case: first offline, then one run that confirms it.

The records are there already and name table, row and column, and the scenario knows the SQL that gave every cell. So
faults are sorted by cause (option set, part, type, snapshot or stream), the shortest value of each is taken, and each
becomes a table of that one column and one row. All of them run together once; what fails there too is confirmed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.parity.faker.histories import Scenario
from tests.parity.faker.schemas import FakeColumn, FakeTable
from tests.parity.judge import Fault

CASES_MAX = 40
"""Causes shrunk at once."""
_ROW = "\n  ("
"""What stands before each row of the faker's inserts, and nowhere else: line breaks of values are escaped."""
_CONTROL = ("START TRANSACTION", "COMMIT", "SAVEPOINT", "ROLLBACK", "SET SESSION", "XA")
_RID = FakeColumn("rid", "int", "int", False)


@dataclass(frozen=True)
class Case:
    """One cause of faults, at its smallest."""

    fault: Fault
    count: int
    """How many faults have this cause."""
    literal: str | None
    """The SQL that gave the value; None where a schema or a whole record differs."""
    table: FakeTable | None
    """A table of the one column; None where no column is to blame."""
    confirmed: bool | None = None
    """Whether the small table fails alike; None: not tried."""

    def lines(self, seed: int) -> list[str]:
        """Return everything that is needed to see the difference again."""
        fault, cell = self.fault, self.fault.cell
        state = {True: "confirmed alone", False: "NOT seen alone: needs its table", None: "not shrunk"}[self.confirmed]
        column = cell.fake.ddl if cell.fake is not None else f"{cell.table} {cell.column or '(record)'}"
        return [
            f"seed {seed}, option set {cell.options}, {fault.part}, op {cell.op or '-'}: {self.count} times; {state}",
            f"  column   {column}",
            f"  SQL      {'-' if self.literal is None else _short(self.literal)}",
            f"  Debezium {_short(fault.theirs)}",
            f"  ours     {_short(fault.ours)}",
            f"  bytes    {_around(fault.their_bytes, fault.our_bytes)}",
        ]


def find_cases(faults: Sequence[Fault], scenario: Scenario) -> list[Case]:
    """Sort faults by cause and return one case per cause, made of the shortest value that shows it."""
    causes: dict[tuple[str, ...], list[Fault]] = {}
    for fault in faults:
        causes.setdefault(fault.signature, []).append(fault)
    cases = []
    for number, same_cause in enumerate(list(causes.values())[:CASES_MAX]):
        smallest = min(same_cause, key=lambda fault: _size(fault, scenario))
        cases.append(_case(f"s{number:02}", smallest, len(same_cause), scenario))
    return cases


def small_scenario(cases: Sequence[Case]) -> Scenario:
    """Return the cases' tables with their values: in the snapshot, and streamed as insert, update and delete."""
    scenario = Scenario([case.table for case in cases if case.table is not None])
    for case in cases:
        if case.table is None:
            continue
        name = case.table.name
        _create(scenario, case.table)
        columns = [one for one in case.table.columns if one.name != "rid" and not one.generated and not one.extra]
        value = [case.literal or _any_value(one) for one in columns]
        into = ", ".join(["`rid`", *[f"`{one.name}`" for one in columns]])
        before = scenario.history if _is_added(case.table) else scenario.setup
        for rid, out in ((1, before), (2, scenario.history)):
            out.append(f"INSERT INTO `{name}` ({into}) VALUES ({', '.join([str(rid), *value])})")
            for one, literal in zip(columns, value, strict=True):
                scenario.given[name, rid][one.name].append(literal)
        scenario.history.append(f"UPDATE `{name}` SET `rid` = 3 WHERE `rid` = 2")
        scenario.history.append(f"DELETE FROM `{name}` WHERE `rid` = 1")
        scenario.rows += before is scenario.setup
    return scenario


def _is_added(table: FakeTable) -> bool:
    """Whether the column came by ALTER TABLE: then it must again, as DDL of the stream is read in another way."""
    return any(re.fullmatch(r"a\d+", column.name) for column in table.columns)


def _create(scenario: Scenario, table: FakeTable) -> None:
    if not _is_added(table):
        scenario.setup.append(table.create)
        return
    *kept, added = table.columns
    scenario.setup.append(replace(table, columns=tuple(kept)).create)
    scenario.history.append(f"ALTER TABLE `{table.name}` ADD COLUMN {added.ddl}")


def only_tables(scenario: Scenario, names: set[str], transactions: int | None = None) -> Scenario:
    """Return the scenario with some of its tables and the first `transactions` (from 1) of its history, all if None."""
    wanted = re.compile(rf"({'|'.join(_CONTROL)})|(CREATE|ALTER|TRUNCATE) TABLE {_any_of(names)}")
    changes = re.compile(rf"(INSERT INTO|REPLACE INTO|UPDATE|DELETE FROM) {_any_of(names)}")

    def kept(statements: Sequence[str]) -> list[str]:
        return [one for one in statements if wanted.match(one) or changes.match(one)]

    kept_tables = [table for table in scenario.tables if table.name in names]
    small = Scenario(kept_tables, kept(scenario.setup), kept(scenario.history), scenario.given)
    small.rows = sum(statement.count(_ROW) for statement in small.setup if statement.startswith("INSERT"))
    ends = [place for place, statement in enumerate(small.history) if statement == "COMMIT"]
    if transactions is not None and transactions < len(ends):
        del small.history[ends[transactions - 1] + 1 :]
    return small


def _any_of(names: set[str]) -> str:
    return rf"`?({'|'.join(map(re.escape, sorted(names)))})`?(\s|$)"


def without_column(cases: Sequence[Case], scenario: Scenario) -> set[str]:
    """Return the tables of the faker to which cases belong that no column is to blame for."""
    named = {table.name for table in scenario.tables}
    return {case.fault.cell.table for case in cases if case.table is None} & named


def confirm(cases: Sequence[Case], faults: Sequence[Fault]) -> list[Case]:
    """Return the cases with the verdict of the small run: its fault, and whether it has the same cause."""
    found: dict[tuple[str, tuple[str, ...]], Fault] = {}
    for fault in faults:
        found.setdefault((fault.cell.table, fault.signature), fault)
    confirmed = []
    for case in cases:
        if case.table is None:
            confirmed.append(case)
            continue
        same = found.get((case.table.name, case.fault.signature))
        confirmed.append(replace(case, fault=same or case.fault, confirmed=same is not None))
    return confirmed


def _case(name: str, fault: Fault, count: int, scenario: Scenario) -> Case:
    fake = fault.cell.fake
    if fake is None or fake.name == "rid":
        return Case(fault, count, None, None)
    literal = _literal(fault, scenario)
    source = scenario.table(fault.cell.table)
    charset = source.charset if source is not None else "utf8mb4"
    in_key = fake.keyed is not None or bool(fake.extra)
    index = f"PRIMARY KEY (`{fake.name}`{'(8)' if fake.family in ('text', 'blob') else ''})" if in_key else ""
    return Case(fault, count, literal, FakeTable(name, (_RID, fake), "single" if in_key else "none", index, charset))


def _literal(fault: Fault, scenario: Scenario) -> str | None:
    """Return the SQL of the cell; of several that a row had in time, the last that can have been meant."""
    if fault.cell.op == "schema" or fault.rid is None:
        return None
    name = fault.cell.fake.name if fault.cell.fake is not None else fault.cell.column
    given = scenario.given.get((fault.cell.table, fault.rid), {}).get(name, [])
    if not given:
        return None
    if fault.ours is None:
        return "NULL" if "NULL" in given else given[-1]
    return given[0] if fault.cell.op in ("r", "c") else given[-1]


def _any_value(column: FakeColumn) -> str:
    if column.keyed is not None:
        return column.keyed(1)
    return "NULL" if column.nullable or column.type is None else column.type.boundary[0]


def _size(fault: Fault, scenario: Scenario) -> int:
    """The length of the SQL; of what differs, where no SQL gave it."""
    return len(_literal(fault, scenario) or json.dumps(fault.theirs, default=str))


def _short(value: Any, longest: int = 400) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def _around(theirs: bytes, ours: bytes) -> str:
    """The bytes from shortly before the place where both sides part."""
    place = next((n for n, (left, right) in enumerate(zip(theirs, ours, strict=False)) if n > 4 and left != right), 5)
    start = max(5, place - 4)
    return f"from {start}: Debezium {theirs[start : start + 24].hex(' ')} | ours {ours[start : start + 24].hex(' ')}"
