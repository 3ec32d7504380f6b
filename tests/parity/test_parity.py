"""Real Debezium 3.6.1 and we, on the same server, the same SQL, default options: every record compared."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.harness.connectors import apicurio_converters, connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer
from tests.oracle.topics import AvroDecoder
from tests.parity.comparison import Comparison, await_records, read_all, run_script, snapshot_is_complete
from tests.parity.differences import DIFFERENCES

pytestmark = [pytest.mark.integration, pytest.mark.parity]

THEIRS, OURS = "theirs", "ours_"


def test_every_record_equals_debeziums(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    connect_debezium: ConnectWorker,
    mysql_database: str,
    tmp_path: Path,
) -> None:
    run_script(mysql, mysql_database, "setup.sql")
    stamp = str(int(time.time()))
    public_key = {"driver.allowPublicKeyRetrieval": "true"}
    theirs_config = connector_config(mysql, mysql_database, THEIRS) | public_key
    ours_config = connector_config(mysql, mysql_database, OURS) | public_key
    history = {"schema.history.internal.kafka.bootstrap.servers": kafka.bootstrap}
    connect_debezium.create(f"dbz-{stamp}", theirs_config | history)
    converters = apicurio_converters(apicurio.registry_url)
    with WorkerProcess(tmp_path, kafka.bootstrap, f"parity-{stamp}", properties=converters) as worker:
        worker.wait_ready()
        worker.rest("POST", "/connectors", {"name": "parity", "config": ours_config})
        worker.wait_running("parity")
        worker.until(lambda: snapshot_is_complete(worker), 60, "our snapshot complete")
        await_records(kafka, f"{THEIRS}.{mysql_database}.uniq", 2, 120)
        time.sleep(3)  # both have closed the snapshot and stream now; what they miss they read from the binlog
        run_script(mysql, mysql_database, "stream.sql")
        for prefix in (THEIRS, OURS):
            await_records(kafka, f"{prefix}.{mysql_database}.done", 1, 60)
        theirs, ours = read_all(kafka, THEIRS), read_all(kafka, OURS)
    comparison = Comparison(AvroDecoder(apicurio.ccompat_url), THEIRS, OURS, DIFFERENCES)
    assert sorted(theirs) == sorted(ours)
    comparison.all(theirs, ours)
    print(f"\n{comparison.records} records compared, {len(comparison.faults)} unexplained differences")
    print(f"explained: {dict(comparison.explained)}")
    assert not comparison.faults, "\n".join(comparison.faults)
    unseen = [entry.name for entry in DIFFERENCES if not comparison.explained[entry.name]]
    assert not unseen, f"differences listed but not seen: {unseen}"
