"""A Faust worker over `faust_kit`: a table over a topic that others write in transactions, and an agent for leases.

`python -m tests.faust_kit.churn_worker BOOTSTRAP PREFIX NAME FILE` writes what its table holds and what its agent
received to FILE as JSON, again and again.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from faust_cdc_schemas.faust_kit import App

PARTITIONS = 5
SLOTS = 4


def build(bootstrap: str, prefix: str, name: str, file: Path) -> App:
    """Return the app: what the worker of faust-cdc sets, and nothing else of it."""
    app = App(
        prefix,
        broker=f"kafka://{bootstrap}",
        broker_session_timeout=6,
        broker_heartbeat_interval=0.5,
        broker_rebalance_timeout=3,
        broker_max_poll_interval=1e6,
        stream_wait_empty=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        worker_redirect_stdouts=False,
        web_enabled=False,
        datadir=str(file.parent / f"data-{name}"),
    )
    changelog = app.topic(
        f"{prefix}-offsets",
        key_serializer="raw",
        value_serializer="raw",
        partitions=PARTITIONS,
        internal=True,
        acks=False,
        allow_empty=True,
    )
    table = app.GlobalTable(
        "offsets",
        partitions=PARTITIONS,
        changelog_topic=changelog,
        key_type=bytes,
        value_type=bytes,
        recovery_buffer_size=1,
        synchronize_all_active_partitions=True,
    )
    received: list[str] = []

    @app.agent(app.topic(f"{prefix}-leases", value_serializer="raw", partitions=SLOTS))  # type: ignore[untyped-decorator]
    async def agent(stream: AsyncIterator[bytes]) -> None:
        async for value in stream:
            received.append(value.decode())

    @app.timer(0.25)  # type: ignore[untyped-decorator]
    async def show() -> None:
        state: dict[str, Any] = {
            "table": {key.decode(): value.decode() for key, value in table.data.data.items()},
            "received": received,
            "taken": app.tables.recovery.taken_count,
        }
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        os.replace(temporary, file)

    return app


if __name__ == "__main__":
    from faust.worker import Worker

    built = build(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    built.finalize()
    Worker(built, loglevel="INFO", redirect_stdouts=False).execute_from_commandline()
