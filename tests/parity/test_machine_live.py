"""The short form of `./dev parity`: a seed that is always the same, one of these sources, the shrinker at work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.seeds import seed_of_these_sources
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer
from tests.parity.fake_differences import ENTRIES, explain, unseen
from tests.parity.faker.histories import Scenario
from tests.parity.faker.schemas import FakeColumn, FakeTable
from tests.parity.faker.types import TYPES
from tests.parity.judge import Cell
from tests.parity.machine import Total, run_round
from tests.parity.option_sets import rotation
from tests.parity.shrink import confirm, find_cases, small_scenario
from tests.parity.sides import DebeziumFailed, Sides

pytestmark = [pytest.mark.integration, pytest.mark.parity]

FIXED_SEED = 1
TABLES, ROWS, SETS = 14, 16, 2
FRESH_TABLES, FRESH_ROWS = 6, 10
FRESH_SEEDS_MAX = 3


@pytest.fixture(scope="module")
def sides(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, connect_debezium: ConnectWorker
) -> Iterator[Sides]:
    with Sides(mysql, kafka, apicurio, connect_debezium) as both:
        yield both


def run_fresh_seed(sides: Sides, total: Total) -> list[str]:
    """Run a small round of a seed that these sources are the first to have. Where Debezium itself fails, of another.

    Without DDL: a column altered behind our back has no comment and no default until there is a schema history.
    """
    for number in range(FRESH_SEEDS_MAX):
        seed = seed_of_these_sources("parity", number) % 10**6
        sets = rotation(seed, SETS)
        print(f"\nfresh seed {seed}, option sets {', '.join(sets)}")
        try:
            run_round(sides, total, [seed], FRESH_TABLES, FRESH_ROWS, sets, ddl=False)
        except DebeziumFailed as failed:
            causes = [line for line in str(failed).splitlines() if "Caused by" in line]
            print(f"seed {seed}: Debezium's own task failed: {causes[-1] if causes else failed}")
        else:
            return sets
    raise AssertionError(f"Debezium's task failed with {FRESH_SEEDS_MAX} seeds: the faker makes what it cannot take")


def test_random_tables_give_debeziums_records(sides: Sides) -> None:
    total, sets = Total(), rotation(FIXED_SEED, SETS)
    print(f"\nfixed seed {FIXED_SEED}, option sets {', '.join(sets)}")
    run_round(sides, total, [FIXED_SEED], TABLES, ROWS, sets)
    sets += run_fresh_seed(sides, total)
    print("\n".join(total.lines()))
    assert not total.verdict.failing, "\n".join(total.lines())
    assert not total.cases, "\n".join(total.lines())
    assert total.verdict.records > SETS * TABLES * ROWS
    assert not unseen(total.verdict.explained, sets), "listed, but no longer seen"


def test_a_difference_off_the_list_is_shrunk_to_its_column_and_value(sides: Sides) -> None:
    year = next(one for one in TYPES if one.family == "year")
    plain = next(one for one in TYPES if one.ddl == "int")
    columns = (
        FakeColumn("rid", "int", "int", False),
        FakeColumn("c0", "int", "int", True, plain),
        FakeColumn("c1", "year", "year", False, year),
    )
    scenario = Scenario([FakeTable("t", columns, "none")], rows=2)
    scenario.setup = [scenario.tables[0].create, "INSERT INTO t VALUES (1, 5, 2020), (2, 6, 2155)"]
    scenario.history = ["INSERT INTO t VALUES (3, 7, '0000'), (4, NULL, 1999)"]
    for rid, value in ((1, "2020"), (2, "2155"), (3, "'0000'"), (4, "1999")):
        scenario.given["t", rid]["c1"].append(value)

    def without_years(cell: Cell, op: str, theirs: Any, ours: Any) -> str | None:
        entry = explain(cell, op, theirs, ours)
        return None if entry == "year-zero" else entry

    assert "year-zero" in {entry.name for entry in ENTRIES}
    verdict = sides.run(scenario, ["defaults"], without_years)["defaults"]
    assert (verdict.failing, len(verdict.faults)) == (1, 1)
    (case,) = find_cases(verdict.faults, scenario)
    again = sides.run(small_scenario([case]), ["defaults"], without_years)["defaults"]
    (confirmed,) = confirm([case], again.faults)
    text = "\n".join(confirmed.lines(0))
    assert confirmed.confirmed, text
    for part in ("seed 0, option set defaults", "`c1` year NOT NULL", "SQL      '0000'", "Debezium 1900", "ours     0"):
        assert part in text
