"""The permanent comparison with a real Debezium: rounds of fresh tables under a rotation of option sets, counted.

A round is one seed: its tables, their history, some option sets. What differs and is not on the list is shrunk in one
more run and printed with everything that is needed to see it again.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.parity.fake_differences import examples, explain, unseen
from tests.parity.faker.fixed import lost_and_found
from tests.parity.faker.histories import Scenario, make_scenario
from tests.parity.judge import Explain, Verdict
from tests.parity.shrink import confirm, find_cases, only_tables, small_scenario, without_column
from tests.parity.sides import Sides

SHORTER_RUNS_MAX = 5
"""Runs spent on a shorter history of a fault that no column is to blame for."""


@dataclass
class Total:
    """What was compared so far."""

    rounds: int = 0
    tables: int = 0
    table_rows: int = 0
    """Rows inserted, summed over the tables: each is one combination of a table and a row."""
    row_versions: int = 0
    connectors: int = 0
    seconds: float = 0.0
    seeds: list[int] = field(default_factory=list)
    sets: Counter[str] = field(default_factory=Counter)
    """Records compared by option set."""
    types: set[str] = field(default_factory=set)
    verdict: Verdict = field(default_factory=Verdict)
    cases: list[list[str]] = field(default_factory=list)
    """One text per cause of failures."""

    @property
    def unseen(self) -> list[str]:
        """Entries of the list that nothing has shown."""
        return unseen(self.verdict.explained, self.sets)

    def summary(self) -> dict[str, object]:
        """Return the counts as JSON has them."""
        verdict = self.verdict
        equal = verdict.records - verdict.on_list - verdict.failing
        return {
            "records": verdict.records,
            "equal": max(equal, 0),
            "on_list": verdict.on_list,
            "failing": verdict.failing,
            "values": verdict.values,
            "schemas": verdict.schemas,
            "explained": dict(sorted(verdict.explained.items())),
            "unseen": self.unseen,
            "rounds": self.rounds,
            "seeds": self.seeds,
            "tables": self.tables,
            "table_rows": self.table_rows,
            "row_versions": self.row_versions,
            "column_types": len(self.types),
            "option_sets": dict(sorted(self.sets.items())),
            "seconds": round(self.seconds, 1),
        }

    def lines(self) -> list[str]:
        """Return the end of a report: every cause, the line of counts, the counts as JSON."""
        found = self.summary()
        line = (
            f"parity: {found['records']} records compared ({found['equal']} equal, {found['on_list']} on the list, "
            f"{found['failing']} failing), {found['values']} values, {found['schemas']} schemas; "
            f"{self.table_rows} rows of {self.tables} tables, {len(self.types)} column types, "
            f"{len(self.sets)} option sets, {self.rounds} rounds, {self.seconds:.0f} s"
        )
        causes = [text for case in self.cases for text in case]
        gone = [f"listed, but no longer seen: {name}" for name in self.unseen]
        return [*causes, *gone, line, json.dumps(found)]


def combined(seeds: Sequence[int], tables: int, rows: int, *, ddl: bool = True) -> Scenario:
    """Return one scenario: several seeds, whose tables have a letter of their own each, and the list's examples."""
    scenario = make_scenario(seeds[0], tables, rows, "a", ddl=ddl)
    for number, seed in enumerate(seeds[1:], 1):
        scenario.add(make_scenario(seed, tables, rows, chr(ord("a") + number), ddl=ddl))
    scenario.add(examples())
    scenario.add(lost_and_found())
    return scenario


def run_round(
    sides: Sides,
    total: Total,
    seeds: Sequence[int],
    tables: int,
    rows: int,
    sets: Sequence[str],
    explained: Explain = explain,
    *,
    ddl: bool = True,
) -> None:
    """Run the seeds' scenario under the option sets, count it in, and shrink what fails."""
    began = time.monotonic()
    scenario = combined(seeds, tables, rows, ddl=ddl)
    verdicts = sides.run(scenario, sets, explained)
    total.rounds += 1
    total.seeds += seeds
    total.tables += len(scenario.tables)
    total.table_rows += rows * tables * len(seeds)
    total.row_versions += scenario.row_versions
    total.connectors += len(sets)
    total.types |= {column.type_ddl for table in scenario.tables for column in table.columns}
    for name, verdict in verdicts.items():
        total.sets[name] += verdict.records
        total.verdict.add(verdict)
    faults = [fault for verdict in verdicts.values() for fault in verdict.faults]
    if faults:
        cases = find_cases(faults, scenario)
        small = small_scenario(cases)
        if small.tables:
            again = sides.run(small, sorted({case.fault.cell.options for case in cases}), explained)
            cases = confirm(cases, [fault for verdict in again.values() for fault in verdict.faults])
        total.cases += [case.lines(seeds[0]) for case in cases]
        alone = without_column(cases, scenario)
        if alone:
            total.cases.append(_shrink_tables(sides, scenario, alone, sets, explained))
    total.seconds += time.monotonic() - began


def _shrink_tables(
    sides: Sides, scenario: Scenario, names: set[str], sets: Sequence[str], explained: Explain
) -> list[str]:
    """Run the tables without the others, then with ever shorter histories; return what still fails, in words."""

    def fails(transactions: int | None) -> bool:
        verdicts = sides.run(only_tables(scenario, names, transactions), sets, explained)
        return any(verdict.failing for verdict in verdicts.values())

    what = f"tables {', '.join(sorted(names))} alone"
    if not fails(None):
        return [f"  {what}: equal; the fault needs the other tables too"]
    passing, failing = 0, only_tables(scenario, names).history.count("COMMIT")
    for _ in range(SHORTER_RUNS_MAX):
        middle = (passing + failing) // 2
        if middle == passing:
            break
        passing, failing = (passing, middle) if fails(middle) else (middle, failing)
    small = only_tables(scenario, names, failing)
    return [f"  {what}: fail with {failing} transactions, of which the last:", *small.history[-12:]]


def fresh_seed() -> int:
    """Return a seed that nobody chose."""
    return random.SystemRandom().randrange(1, 10**6)
