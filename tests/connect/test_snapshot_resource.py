"""`GET …/snapshot` and `DELETE …/offsets`: what they answer, and what is erased."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from faust_cdc.connect import herder as module
from faust_cdc.connect.entities import ConnectError, CreateRequest
from faust_cdc.offsets import SourcePartition
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import (
    SnapshotKind,
    SnapshotProgress,
    TableProgress,
    TableState,
    snapshot_key,
    table_key,
)
from tests.connect.memory import MYSQL_CONFIG, Cluster

SHOP = SourcePartition("shop", "shop")
ORDERS = TableId("shop.db", "orders")


@pytest.fixture
def cluster() -> Cluster:
    """With the connector `shop`, which runs."""
    made = Cluster()
    asyncio.run(made.herder.create(CreateRequest.parse({"name": "shop", "config": dict(MYSQL_CONFIG)})))
    made.settle()
    return made


def begin(cluster: Cluster) -> None:
    progress = SnapshotProgress("7", SnapshotKind.INCREMENTAL, started_ms=1000, updated_ms=1000, tables=(ORDERS,))
    cluster.book.note(snapshot_key(SHOP), progress.to_json())
    table = TableProgress(ORDERS, TableState.RUNNING, 10, 40, started_ms=1000, updated_ms=2000, surrogate_key="n")
    cluster.book.note(table_key(SHOP, ORDERS), table.to_json())


def refused(answer: Any) -> tuple[int, str]:
    with pytest.raises(ConnectError) as caught:
        asyncio.run(answer)
    return caught.value.status, caught.value.message


def test_without_a_snapshot(cluster: Cluster) -> None:
    named = {"connector": "shop", "server": "shop", "task": "RUNNING"}
    expected: dict[str, Any] = {**named, "snapshot": None, "tables": []}
    assert cluster.herder.snapshot("shop") == expected
    with pytest.raises(ConnectError, match="Connector none not found"):
        cluster.herder.snapshot("none")


def test_with_a_snapshot_and_a_task_that_does_not_run(cluster: Cluster) -> None:
    begin(cluster)
    asyncio.run(cluster.herder.stop("shop"))
    cluster.settle()
    found = cluster.herder.snapshot("shop")
    assert found["task"] is None
    whole, (table,) = found["snapshot"], found["tables"]
    assert (whole["id"], whole["kind"], whole["state"], whole["percent"]) == ("7", "incremental", "running", 25.0)
    assert (table["database"], table["table"], table["rows"], table["surrogate_key"]) == ("shop.db", "orders", 10, "n")
    assert (whole["rows_per_s"], whole["eta_s"]) == (0.0, None), "nothing was heard of it for long"


def test_only_what_the_present_configuration_reads_is_shown(cluster: Cluster) -> None:
    begin(cluster)
    asyncio.run(cluster.herder.put_config("shop", {**MYSQL_CONFIG, "topic.prefix": "other"}))
    assert cluster.herder.snapshot("shop")["snapshot"] is None


def test_offsets_of_a_connector_that_is_not_stopped_stay(cluster: Cluster) -> None:
    for state in ("resume", "pause"):
        asyncio.run(getattr(cluster.herder, state)("shop"))
        status, message = refused(cluster.herder.reset_offsets("shop"))
        assert status == 400
        assert message == (
            "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the "
            "specified connector by issuing a 'PUT' request to the '/connectors/shop/stop' endpoint"
        )
    assert refused(cluster.herder.reset_offsets("none")) == (404, "Connector none not found")
    assert cluster.offset_log.erased == []


def test_offsets_are_erased_under_the_keys_that_they_have(cluster: Cluster) -> None:
    asyncio.run(cluster.herder.stop("shop"))
    cluster.settle()
    with_blanks, other = b'["shop", {"server": "shop"}]', b'["other",{"server":"shop"}]'
    for key in (with_blanks, other, b'["shop",{"file":"x"}]', b"x"):
        cluster.offsets.put(key, b'{"file":"f","pos":4}')
    expected = {"message": "The offsets for this connector have been reset successfully"}
    assert asyncio.run(cluster.herder.reset_offsets("shop")) == expected
    assert cluster.offset_log.erased == [("shop", {with_blanks: "shop", SHOP.key(): "shop"})]
    assert cluster.offsets.get(other) is not None
    assert asyncio.run(cluster.herder.reset_offsets("shop")) == expected, "also when there is nothing more"


def test_offsets_wait_for_the_task_to_end(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stop_and_reset() -> None:
        await cluster.herder.stop("shop")
        reset = asyncio.create_task(cluster.herder.reset_offsets("shop"))
        await asyncio.sleep(0.1)
        assert not reset.done()
        assert cluster.offset_log.erased == []
        cluster.settle()
        await reset

    asyncio.run(stop_and_reset())
    assert len(cluster.offset_log.erased) == 1
    cluster.report("status-task-shop-0", "RUNNING")
    monkeypatch.setattr(module, "TASKS_GONE_WITHIN_S", 0.1)
    status, message = refused(cluster.herder.reset_offsets("shop"))
    assert (status, "has not stopped yet" in message) == (409, True)
