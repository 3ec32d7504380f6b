"""Real Debezium 3.6.1 and we, on the same server, the same SQL, default options: every record compared."""

from __future__ import annotations

import time

import pytest

from tests.oracle.topics import AvroDecoder
from tests.parity.beside import Beside
from tests.parity.comparison import Comparison, await_as_many, await_records, read_all
from tests.parity.differences import DIFFERENCES

pytestmark = [pytest.mark.integration, pytest.mark.parity]

THEIRS, OURS = "theirs_main", "ours___main"


def test_every_record_equals_debeziums(beside: Beside) -> None:
    beside.run_script("setup.sql")
    beside.start_theirs(THEIRS)
    with beside.worker() as worker:
        worker.wait_ready()
        beside.start_ours(worker, OURS)
        beside.await_our_snapshot(worker, OURS)
        await_records(beside.kafka, f"{THEIRS}.{beside.database}.uniq", 2, 240)
        time.sleep(3)  # both have closed the snapshot and stream now; what they miss they read from the binlog
        beside.run_script("stream.sql")
        for prefix in (THEIRS, OURS):
            await_records(beside.kafka, f"{prefix}.{beside.database}.done", 1, 240)
        await_as_many(lambda: (read_all(beside.kafka, THEIRS), read_all(beside.kafka, OURS)))
        theirs, ours = read_all(beside.kafka, THEIRS), read_all(beside.kafka, OURS)
    comparison = Comparison(AvroDecoder(beside.apicurio.ccompat_url), THEIRS, OURS, DIFFERENCES)
    assert sorted(theirs) == sorted(ours)
    comparison.all(theirs, ours)
    print(f"\n{comparison.records} records compared, {len(comparison.faults)} unexplained differences")
    print(f"explained: {dict(comparison.explained)}")
    assert not comparison.faults, "\n".join(comparison.faults)
    unseen = [entry.name for entry in DIFFERENCES if not comparison.explained[entry.name]]
    assert not unseen, f"differences listed but not seen: {unseen}"
