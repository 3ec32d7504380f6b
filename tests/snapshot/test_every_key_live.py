"""Tables with and without a primary key, in initial and incremental snapshots by four readers, under a writer."""

from __future__ import annotations

import pytest

from faust_cdc.snapshot.commands import ExecuteSnapshot
from tests.lab import Apicurio, KafkaBroker, SqlServer
from tests.oracle.invariants import duplicates, order_faults
from tests.pipeline.test_task import Bench
from tests.snapshot.test_commands_live import Found, marks, read_until
from tests.snapshot.test_merged_live import fill, final, stale_rows, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 3_000
UNIQUE = "ALTER TABLE {} DROP PRIMARY KEY, ADD UNIQUE KEY other (id)"
"""Leaves a unique key without NULL, which is what names a row then."""


def bench_of(flavor: str, mode: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio) -> Bench:
    source: SqlServer = request.getfixturevalue(flavor)
    database: str = request.getfixturevalue(f"{flavor}_database")
    config = {
        "snapshot__locking__mode": "watermark",
        "snapshot__mode": mode,
        "snapshot__chunk__size": "100",
        "snapshot__max__threads": "4",
        "snapshot__rate__limit": "rows=4000",
    }
    fill(source, database, ("keyed", "uniq"), ROWS)
    source.execute(UNIQUE.format("uniq"), database)
    return Bench(source, kafka, apicurio, database, **config)


@pytest.mark.parametrize("mode", ["initial", "no_data"])
@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_by_four_readers(
    flavor: str, mode: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    bench = bench_of(flavor, mode, request, kafka, apicurio)
    source, database, tables = bench.source, bench.database, ("keyed", "uniq")
    with RandomWriter(source, database, list(tables), ROWS * 2, 4) as writer, bench.running() as task:
        wait_for_the_end(task)
        if mode == "no_data":
            task.submit(ExecuteSnapshot("s-1", tuple(f"{database}.{table}" for table in tables)))
            await_told(bench, "COMPLETED", task)
        writer.stop()
        wanted = {table: dict(source.query(f"SELECT id, v FROM {table}", database)) for table in tables}

        def is_level(found: Found) -> bool:
            return all(final(found, f"{bench.prefix}.{database}.{table}") == wanted[table] for table in tables)

        found = read_until(bench, tables, is_level, "topics equal to their tables")
        assert task.state.retries == 0
    assert not stale_rows(found)
    assert not duplicates(found)
    assert not order_faults(found)
    rows = sum(marks(found).values())
    assert rows > ROWS // 5, "the writer did not change all rows meanwhile"
    assert writer.operations > 50
