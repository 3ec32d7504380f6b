"""Real Debezium 3.6.1 on real Connect and we with the same transforms, all chains at once, record by record."""

from __future__ import annotations

import json
import time

import pytest

from tests.parity.beside import Beside
from tests.parity.transform_chains import CHAINS, ChainCase
from tests.parity.transform_sides import read_side, shown

pytestmark = [pytest.mark.integration, pytest.mark.parity]

AT_ONCE = {
    name: CHAINS[name]
    for name in (
        "unwrapjson",
        "rewrite",
        "changed",
        "logical",
        "fields",
        "casts",
        "partition",
        "outboxfull",
        "transactions",
    )
}
"""Those that together meet every part of the way; all of them are held against recordings of the same servers."""
SETTLED_S = 4.0
LEVEL_TIMEOUT_S = 180.0


def compared(beside: Beside, name: str, case: ChainCase) -> tuple[list[str], list[str]]:
    """Return what both sides have written by now, as text."""
    theirs, ours = (
        [json.dumps(one) for one in shown(read_side(beside.kafka, prefix), prefix, beside.apicurio, case)]
        for prefix in (f"t_{name}", f"o_{name}")
    )
    return theirs, ours


def test_chains_give_what_they_give_on_real_connect(beside: Beside) -> None:
    beside.run_script("transforms_setup.sql")
    for name, case in AT_ONCE.items():
        beside.start_theirs(f"t_{name}", case.options(beside.database, f"t_{name}"))
    with beside.worker() as worker:
        worker.wait_ready()
        for name, case in AT_ONCE.items():
            beside.start_ours(worker, f"o_{name}", case.options(beside.database, f"o_{name}"))
        for name in AT_ONCE:
            beside.await_our_snapshot(worker, f"o_{name}")
        for name in beside.created:
            beside.await_their_snapshot(name)
        beside.run_script("transforms_stream.sql")
        deadline, seen, since = time.monotonic() + LEVEL_TIMEOUT_S, {}, time.monotonic()
        while time.monotonic() < deadline:
            now = {name: compared(beside, name, case) for name, case in AT_ONCE.items()}
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > SETTLED_S and all(theirs == ours and theirs for theirs, ours in now.values()):
                break
            time.sleep(0.5)
        for name, (theirs, ours) in seen.items():
            assert ours == theirs, name
            assert len(theirs) > 2, name
