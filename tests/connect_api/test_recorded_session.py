"""A session recorded from Connect 4.3.1, played again: the same requests, codes and bodies.

The recording created FileStream connectors, so a request's configuration is replaced by a MySQL one and the
`config` of an answer is not compared; nor are `worker_id` and `version`, which say who answered. All else is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.connect.memory import MYSQL_CONFIG, Cluster
from tests.connect_api.harness import Client, against, call

RECORDED = json.loads((Path(__file__).parent / "data" / "recorded.json").read_text())


def translated(sent: Any) -> Any:
    """A recorded request's body for a MySQL connector."""
    if "config" in sent:
        return {**sent, "config": translated(sent["config"])}
    if "connector.class" not in sent:
        changes = {"max.batch.size" if key == "batch.size" else key: value for key, value in sent.items()}
        return {key: value for key, value in changes.items() if key != "topic"}
    kept = {key: value for key, value in sent.items() if key in ("name", "tasks.max")}
    batch = {"max.batch.size": sent["batch.size"]} if "batch.size" in sent else {}
    return {**MYSQL_CONFIG, **kept, **batch}


def compared(value: Any) -> Any:
    """What is compared of a body."""
    if isinstance(value, list):
        return [compared(member) for member in value]
    if not isinstance(value, dict):
        return value
    hidden = ("config", "worker_id", "version")
    return {key: "…" if key in hidden else compared(member) for key, member in value.items()}


def test_the_recorded_session() -> None:
    cluster = Cluster()

    async def play(client: Client) -> int:
        for number, recorded in enumerate(RECORDED):
            sent = translated(recorded["sent"]) if "sent" in recorded else None
            if number == 3:  # the one without a connector class is sent as it was
                sent = recorded["sent"]
            options = {"headers": {"Content-Type": recorded["content_type"]}} if "content_type" in recorded else {}
            answered = await call(client, recorded["method"], recorded["path"], sent, **options)
            where = f"step {number}: {recorded['method']} {recorded['path']}"
            assert answered[0] == recorded["status"], (where, answered)
            # Member order is Connect's too.
            found, expected = compared(answered[1]), compared(recorded["body"])
            assert json.dumps(found) == json.dumps(expected), where
            cluster.settle()
        return len(RECORDED)

    assert against(cluster, play) == len(RECORDED) > 40
