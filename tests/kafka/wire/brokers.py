"""Real brokers for the wire producer: of both kinds of transactions, each reached straight and through a proxy."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kafka.wire.frames import FrameProxy
from tests.lab import KafkaBroker
from tests.lab.commands import run
from tests.lab.ports import free_port, release_port

NEW, OLD = "KIP-890", "before KIP-890"
KINDS = (NEW, OLD)


class ProxiedKafka(KafkaBroker):
    """A broker with a second listener that tells its clients to come through a proxy."""

    def __init__(self, kind: str, properties: Mapping[str, str] | None = None) -> None:
        super().__init__(properties=properties)
        self.kind = kind
        self._proxied_port = free_port()
        self.proxy = FrameProxy(self._proxied_port)

    @property
    def proxied(self) -> str:
        """`bootstrap.servers` of clients that are to come through the proxy."""
        return f"127.0.0.1:{self.proxy.port}"

    def properties(self) -> dict[str, str]:
        """Markers and other words among brokers do not come through the proxy."""
        found = super().properties()
        return found | {
            "listeners": f"{found['listeners']},PROXIED://127.0.0.1:{self._proxied_port}",
            "advertised.listeners": f"{found['advertised.listeners']},PROXIED://{self.proxied}",
            "listener.security.protocol.map": f"{found['listener.security.protocol.map']},PROXIED:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
        }

    def prepare(self) -> None:
        """Format the storage without KIP-890 if so wanted: its feature is agreed upon there."""
        if self.kind == NEW:
            super().prepare()
            return
        path = self.folder / "server.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in self.properties().items()))
        command = [*self._jvm("-Xmx128m"), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        feature = ["--feature", "transaction.version=1"]
        run([*command, "-t", "bGFiLWxhYi1sYWItbGFiLQ", "-c", str(path), *feature], what="formatting Kafka's storage")

    def close(self) -> None:
        """Give the proxy's port back too."""
        super().close()
        self.proxy.__exit__(None, None, None)
        release_port(self._proxied_port)


class SecondBroker(KafkaBroker):
    """Another broker of a cluster, without a controller of its own."""

    def __init__(self, first: KafkaBroker) -> None:
        super().__init__()
        self._first = first

    def properties(self) -> dict[str, str]:
        """Node 2, which asks the first node's controller."""
        return super().properties() | {
            "process.roles": "broker",
            "node.id": "2",
            "controller.quorum.voters": self._first.properties()["controller.quorum.voters"],
            "listeners": f"PLAINTEXT://{self.bootstrap}",
        }
