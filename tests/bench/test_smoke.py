"""The bench at its smallest, on real servers: a round of each kind of part, its checks, its report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import report, tables
from tests.bench.parts import PARTS
from tests.bench.plan import DEBEZIUM, NAIVE, OURS, SMOKE
from tests.bench.results import Results, about, add_versions
from tests.bench.run import Run
from tests.bench.servers import OurWorker, Servers
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer

pytestmark = [pytest.mark.integration, pytest.mark.parity, pytest.mark.timeout(900)]
PARTS_TRIED = ("catchup-sbtest", "snapshot-orders", "latency")


@pytest.fixture
def servers(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, connect_debezium: ConnectWorker
) -> Iterator[Servers]:
    with OurWorker(kafka.bootstrap, apicurio.registry_url) as ours:
        yield Servers(mysql, kafka, apicurio, connect_debezium, ours)
    for database in (tables.DATABASE, tables.SEED):
        mysql.drop_database(database)


def test_every_kind_of_part_measures_and_reports(servers: Servers, tmp_path: Path) -> None:
    results = Results(about(SMOKE.name, PARTS_TRIED))
    add_versions(results.about, servers)
    run = Run(servers, SMOKE, results, print)
    parts = [PARTS[name] for name in PARTS_TRIED]
    run.note_idle()
    run.capture(table for part in parts for table in part.tables(SMOKE))
    for part in parts:
        part.run(run)
    report.publish(results, tmp_path, keep=False)

    (stored,) = tmp_path.glob("*.json")
    read = Results.read(stored)
    assert [one.as_json() for one in read.series] == [one.as_json() for one in results.series]
    for side in (OURS, DEBEZIUM, NAIVE):
        rate = read.find("catchup-sbtest", side, "rate")
        assert rate is not None
        assert min(rate.rounds) > 0
    compared = read.find("snapshot-orders", OURS, "records compared with Debezium's")
    assert compared is not None
    assert compared.median > 100
    assert [one["side"] for one in read.distributions] == [OURS, DEBEZIUM, "debezium tuned"]
    assert {path.stem for path in tmp_path.glob("*/*.svg")} >= {"throughput", "cpu", "memory", "latency"}
    assert any("catch-up `sbtest`" in line and "| ≥20× |" in line for line in report.readme_table(read))
