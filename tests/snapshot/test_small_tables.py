"""Tables of no row, one row and two rows beside each other: each row is marked once, and every record can be read."""

from __future__ import annotations

import pytest

from tests.lab import Apicurio, KafkaBroker, SqlServer
from tests.pipeline.test_task import Bench

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("rows", "markers"),
    [
        ((1, 1), [["first"], ["last"]]),
        ((1, 1, 1), [["first"], ["last_in_data_collection"], ["last"]]),
        (
            (2, 1, 2),
            [["first", "last_in_data_collection"], ["last_in_data_collection"], ["first_in_data_collection", "last"]],
        ),
        ((0, 1, 0), [[], ["last"], []]),
        ((1,), [["last"]]),
    ],
    ids=str,
)
@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_markers(
    flavor: str,
    rows: tuple[int, ...],
    markers: list[list[str]],
    request: pytest.FixtureRequest,
    kafka: KafkaBroker,
    apicurio: Apicurio,
) -> None:
    source: SqlServer = request.getfixturevalue(flavor)
    database: str = request.getfixturevalue(f"{flavor}_database")
    for number, count in enumerate(rows):
        values = ", ".join(f"({one})" for one in range(count))
        source.execute(f"CREATE TABLE t{number} (id INT PRIMARY KEY)", database)
        if count:
            source.execute(f"INSERT INTO t{number} VALUES {values}", database)
    bench = Bench(source, kafka, apicurio, database)
    with bench.running() as task:
        found = [bench.events(f"t{number}", count, task) if count else [] for number, count in enumerate(rows)]
    assert [[event["source"]["snapshot"] for event in events] for events in found] == markers  # type: ignore[index]
