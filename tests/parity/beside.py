"""Real Debezium and we beside each other: the same servers, the same database, connectors of the same JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.harness.connectors import apicurio_converters, connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer
from tests.lab.process import wait_until
from tests.parity.comparison import await_records, run_script, snapshot_is_complete


@dataclass(frozen=True)
class Beside:
    """One database of one server, and both sides that read it."""

    mysql: MySqlServer
    kafka: KafkaBroker
    apicurio: Apicurio
    connect: ConnectWorker
    database: str
    folder: Path
    stamp: str = field(default_factory=lambda: str(int(time.time())))
    """Makes the names of Debezium's connectors new: a name that was used before has offsets."""
    created: list[str] = field(default_factory=list)
    """The names of Debezium's connectors that run."""

    def run_script(self, name: str) -> None:
        """Run a script of this folder in the database."""
        run_script(self.mysql, self.database, name)

    def config(self, prefix: str, options: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the connector JSON that both sides are given."""
        base = connector_config(self.mysql, self.database, prefix, driver__allowPublicKeyRetrieval="true")
        return base | dict(options or {})

    def start_theirs(self, prefix: str, options: Mapping[str, str] | None = None) -> str:
        """Create Debezium's connector, with its schema history on our broker; return its name."""
        name = f"dbz-{self.stamp}-{prefix}"
        self.created.append(name)
        self.connect.create(name, self.config(prefix, options) | self.connect.schema_history())
        return name

    def await_their_snapshot(self, name: str) -> None:
        """Wait until Debezium's connector has stored the offset that closes its snapshot: all its rows are written."""

        def closed() -> bool:
            offsets = self.connect.request("GET", f"/connectors/{name}/offsets")["offsets"]
            return bool(offsets) and "snapshot" not in offsets[0]["offset"]

        wait_until(closed, timeout_s=240, what=f"the snapshot of {name} complete", interval_s=0.3)

    def await_their_place(self, prefix: str) -> None:
        """Wait until Debezium's connector knows where its stream begins, also one that reads no row at its start.

        Its task is RUNNING before that, and changes until then are not for it. It writes the tables' structures, to the
        topic of schema changes, behind that (steps 4 to 6 of its `RelationalSnapshotChangeEventSource.doExecute`).
        """
        await_records(self.kafka, prefix, 1, 240)

    def delete_theirs(self) -> None:
        """Delete Debezium's connectors: they would go on reading, and hold what they have open of the database."""
        while self.created:
            self.connect.delete(self.created.pop())

    def worker(self, properties: Mapping[str, str] | None = None) -> WorkerProcess:
        """Return our worker, with Apicurio's Avro converters unless `properties` says otherwise; not started."""
        given = apicurio_converters(self.apicurio.registry_url) if properties is None else properties
        return WorkerProcess(self.folder, self.kafka.bootstrap, f"parity-{self.stamp}", properties=given)

    def start_ours(self, worker: WorkerProcess, prefix: str, options: Mapping[str, str] | None = None) -> None:
        """Create our connector, named as its prefix."""
        worker.rest("POST", "/connectors", {"name": prefix, "config": self.config(prefix, options)})

    def await_our_snapshot(self, worker: WorkerProcess, prefix: str) -> None:
        """Wait until our connector streams."""
        worker.wait_running(prefix)
        worker.until(partial(snapshot_is_complete, worker, prefix), 180, f"our snapshot of {prefix} complete")
