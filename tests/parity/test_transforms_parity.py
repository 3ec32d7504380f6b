"""Real Debezium 3.6.1 on real Connect and we with the same transforms, all chains at once, record by record.

Also behind routes of ours, which Debezium has other options for, and on the records of schema changes.
"""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tests.harness.worker import WorkerProcess
from tests.parity.beside import Beside
from tests.parity.transform_chains import CHAINS, DDL, ROUTED, SCHEMA_CHANGES, ChainCase, K, RoutedCase
from tests.parity.transform_sides import read_side, shown

pytestmark = [pytest.mark.integration, pytest.mark.parity]

AT_ONCE = {
    name: CHAINS[name]
    for name in (
        "unwrapjson",
        "regex",
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
SIDES = (
    {name: RoutedCase(case, case) for name, case in AT_ONCE.items()}
    | ROUTED
    | {"schemachange": RoutedCase(SCHEMA_CHANGES, SCHEMA_CHANGES)}
)
"""What each side runs."""
REGISTERED = ("rewrite", "casts", "fields", "routed", "merged")
"""Those whose subjects and versions are compared too."""
NOTHING = ChainCase("items", [{"type": f"{K}Filter"}])
"""Drops every record: nothing is written, and the offset advances all the same."""
SETTLED_S = 4.0
LEVEL_TIMEOUT_S = 180.0


def compared(beside: Beside, name: str, case: ChainCase) -> tuple[list[str], list[str]]:
    """Return what both sides have written by now, as text."""
    theirs, ours = (
        [json.dumps(one) for one in shown(read_side(beside.kafka, prefix), prefix, beside.apicurio, case)]
        for prefix in (f"t_{name}", f"o_{name}")
    )
    return theirs, ours


def registered(beside: Beside, prefix: str) -> dict[str, list[str]]:
    """Return the schemas that a side has registered, by subject."""
    with httpx.Client(base_url=beside.apicurio.ccompat_url) as client:
        subjects = [one for one in client.get("/subjects").json() if one.startswith(f"{prefix}.")]
        return {
            one.replace(prefix, "PREFIX"): [
                client.get(f"/subjects/{one}/versions/{version}").json()["schema"].replace(prefix, "PREFIX")
                for version in client.get(f"/subjects/{one}/versions").json()
            ]
            for one in subjects
        }


def await_stored(worker: WorkerProcess, name: str, beside: Beside) -> None:
    """Wait until a connector's offset stands behind all that is committed on the source."""
    with beside.mysql.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW BINARY LOG STATUS")
        row = cursor.fetchone()
    assert row is not None
    file, pos = row[:2]

    def stored() -> bool:
        offset = worker.rest("GET", f"/connectors/{name}/offsets")["offsets"][0]["offset"]
        return (offset["file"], int(offset["pos"])) >= (file, int(pos))

    worker.until(stored, 60, f"the offset of {name} at {file}:{pos}")


def test_chains_give_what_they_give_on_real_connect(beside: Beside) -> None:
    beside.run_script("transforms_setup.sql")
    for name, case in SIDES.items():
        beside.start_theirs(f"t_{name}", case.theirs.options(beside.database, f"t_{name}"))
    with beside.worker() as worker:
        worker.wait_ready()
        for name, case in SIDES.items():
            beside.start_ours(worker, f"o_{name}", case.ours.options(beside.database, f"o_{name}"))
        beside.start_ours(worker, "o_nothing", NOTHING.options(beside.database, "o_nothing"))
        for name in (*SIDES, "nothing"):
            beside.await_our_snapshot(worker, f"o_{name}")
        for name, connector in zip(SIDES, list(beside.created), strict=True):
            if name == "outboxfull":  # its table is empty, and an empty snapshot stores no offset
                beside.await_their_place(f"t_{name}")
            else:
                beside.await_their_snapshot(connector)
        beside.run_script("transforms_stream.sql")
        beside.mysql.execute(DDL, beside.database)
        seen: dict[str, tuple[list[str], list[str]]] = {}
        deadline, since = time.monotonic() + LEVEL_TIMEOUT_S, time.monotonic()
        while time.monotonic() < deadline:
            now = {name: compared(beside, name, case.theirs) for name, case in SIDES.items()}
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > SETTLED_S and all(theirs == ours and theirs for theirs, ours in now.values()):
                break
            time.sleep(0.5)
        await_stored(worker, "o_nothing", beside)
        assert read_side(beside.kafka, "o_nothing") == []
        for name, (theirs, ours) in seen.items():
            assert ours == theirs, name
            assert len(theirs) > 2, name
        for name in REGISTERED:
            theirs_registered = registered(beside, f"t_{name}")
            assert theirs_registered, name
            assert registered(beside, f"o_{name}") == theirs_registered, name
        routed = {one for one in beside.kafka.topics() if one.startswith(("o_routed", "o_merged"))}
        assert routed == {"o_routed.goods", "o_merged.all.shards"}
