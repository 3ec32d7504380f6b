"""TLS with names verified, client certificates, PLAIN and SCRAM, on a real broker that demands them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faust_cdc.errors import BrokerRefused, BrokerUnavailable
from faust_cdc.kafka.direct import Row
from faust_cdc.kafka.wire import producer as wire_producer
from faust_cdc.kafka.wire.producer import WireProducer
from tests.kafka.test_transactions import topic, visible
from tests.lab import KafkaBroker
from tests.lab.commands import run
from tests.lab.ports import free_port, release_port

pytestmark = pytest.mark.integration
PASSWORD = "pass=w0rd"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
Key = ec.EllipticCurvePrivateKey


def certificate(name: str, key: Key, issuer: str, issuer_key: Key, *, is_authority: bool = False) -> str:
    """Return a certificate for the DNS name `name`, PEM."""
    now = datetime.datetime.now(datetime.UTC)
    subject, signer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer))
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


def private_text(key: Key) -> str:
    """Return a private key, PEM."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


class SecureKafka(KafkaBroker):
    """A broker with a listener of SASL over TLS with client certificates, whose name is localhost."""

    def __init__(self) -> None:
        super().__init__()
        self.secure_port = free_port()
        authority, server, client = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self.authority = certificate("lab", authority, "lab", authority, is_authority=True)
        self.client_certificate = certificate("client", client, "lab", authority)
        self.client_key = private_text(client)
        self.server_store = private_text(server) + certificate("localhost", server, "lab", authority)

    @property
    def secure(self) -> str:
        """`bootstrap.servers` of the listener."""
        return f"localhost:{self.secure_port}"

    def properties(self) -> dict[str, str]:
        """The listener beside the plain one."""
        found, prefix = super().properties(), "listener.name.secure"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        return found | {
            "listeners": f"{found['listeners']},SECURE://127.0.0.1:{self.secure_port}",
            "advertised.listeners": f"{found['advertised.listeners']},SECURE://{self.secure}",
            "listener.security.protocol.map": f"{found['listener.security.protocol.map']},SECURE:SASL_SSL",
            "inter.broker.listener.name": "PLAINTEXT",
            f"{prefix}.ssl.keystore.type": "PEM",
            f"{prefix}.ssl.keystore.location": str(self.folder / "server.pem"),
            f"{prefix}.ssl.truststore.type": "PEM",
            f"{prefix}.ssl.truststore.location": str(self.folder / "authority.pem"),
            f"{prefix}.ssl.client.auth": "required",
            f"{prefix}.sasl.enabled.mechanisms": ",".join(MECHANISMS),
            f"{prefix}.scram-sha-256.sasl.jaas.config": scram,
            f"{prefix}.scram-sha-512.sasl.jaas.config": scram,
            f"{prefix}.plain.sasl.jaas.config": f'{plain} user_alice="plain password";',
            f"{prefix}.plain.connections.max.reauth.ms": "2000",
        }

    def prepare(self) -> None:
        """Certificates, and the users of SCRAM."""
        path = self.folder / "server.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in self.properties().items()))
        (self.folder / "server.pem").write_text(self.server_store)
        (self.folder / "authority.pem").write_text(self.authority)
        command = [*self._jvm("-Xmx128m"), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        for mechanism in MECHANISMS[1:]:
            command += ["--add-scram", f'{mechanism}=[name="alice",password="{PASSWORD}"]']
        run([*command, "-t", "bGFiLWxhYi1sYWItbGFiLQ", "-c", str(path)], what="formatting Kafka's storage")

    def close(self) -> None:
        """Give the port back too."""
        super().close()
        release_port(self.secure_port)


@pytest.fixture(scope="module")
def secured() -> Iterator[SecureKafka]:
    with SecureKafka() as broker:
        yield broker


def options(broker: SecureKafka, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
    """As `client_settings` makes them of Java's, certificates as text."""
    return {
        "bootstrap.servers": broker.secure,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": "alice",
        "sasl.password": "plain password" if mechanism == "PLAIN" else PASSWORD,
        "ssl.ca.pem": broker.authority,
        "ssl.certificate.pem": broker.client_certificate,
        "ssl.key.pem": broker.client_key,
    }


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_records_are_written_over_tls_as_a_user(secured: SecureKafka, mechanism: str, tmp_path: Path) -> None:
    name, settings = topic(secured), options(secured, mechanism)
    if mechanism == "SCRAM-SHA-256":  # from files, as workers mostly have them
        own = tmp_path / "own.pem"
        own.write_text(settings.pop("ssl.certificate.pem") + settings.pop("ssl.key.pem"))
        (tmp_path / "authority.pem").write_text(settings.pop("ssl.ca.pem"))
        settings |= {"ssl.certificate.location": str(own), "ssl.key.location": str(own)}
        settings["ssl.ca.location"] = str(tmp_path / "authority.pem")
    made = WireProducer(settings, f"x-{uuid4()}", 8 << 20)
    try:
        made.init()
        made.begin()
        rows: list[Row] = [(made.topic_number(name), b"%d" % n, bytes([n % 256]) * 2000) for n in range(3000)]
        made.produce_rows(rows, 0, len(rows), [])
        made.commit()
        first = list(made._cluster._connections.values())
        if mechanism == "PLAIN":  # whose session the broker ends after two seconds
            for connection in first:
                assert connection.expires_at < float("inf")
                connection.expires_at = 0.0
        made.begin()
        made.produce(name, b"k", b"last", [])
        made.commit()
        kept = any(one in first for one in made._cluster._connections.values())
        assert kept == (mechanism != "PLAIN")
    finally:
        made.close()
    assert [(r.key, r.value) for r in visible(secured, name)] == [row[1:] for row in rows] + [(b"k", b"last")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sasl.password": "wr0ng"}, "alice at localhost.*SCRAM-SHA-512.*check the sasl"),
        ({"sasl.username": "nobody"}, "Authenticating as nobody"),
        ({"ssl.ca.pem": ""}, "certificate is not trusted"),
        ({"bootstrap.servers": "127.0.0.1:PORT"}, "certificate is not trusted.*IP address mismatch"),
    ],
)
def test_a_refusal_is_lasting_and_names_what_is_wrong_but_no_secret(
    secured: SecureKafka, changes: dict[str, str], message: str
) -> None:
    settings = options(secured) | changes
    settings["bootstrap.servers"] = settings["bootstrap.servers"].replace("PORT", str(secured.secure_port))
    made = WireProducer(settings, "x", 1 << 20)
    with pytest.raises(BrokerRefused, match=message) as caught:
        made.init()
    made.close()
    assert PASSWORD not in str(caught.value)
    assert "wr0ng" not in str(caught.value)


def test_names_are_not_verified_where_the_worker_says_so(secured: SecureKafka) -> None:
    settings = options(secured) | {"ssl.endpoint.identification.algorithm": "none"}
    made = WireProducer(settings | {"bootstrap.servers": f"127.0.0.1:{secured.secure_port}"}, "x", 1 << 20)
    made.init()
    made.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"security.protocol": "SASL_PLAINTEXT"}, "TLS|closed the connection|reset"),
        ({"ssl.certificate.pem": "", "ssl.key.pem": ""}, "does it demand a certificate|closed the connection|reset"),
    ],
)
def test_another_protocol_than_the_ports_is_said(
    secured: SecureKafka, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(wire_producer, "INIT_TIMEOUT_S", 2.0)
    made = WireProducer(options(secured) | changes, "x", 1 << 20)
    with pytest.raises(BrokerUnavailable, match=message):
        made.init()
    made.close()


def test_a_plain_port_is_said_to_speak_no_tls(secured: SecureKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_producer, "INIT_TIMEOUT_S", 2.0)
    made = WireProducer(options(secured) | {"bootstrap.servers": secured.bootstrap}, "x", 1 << 20)
    with pytest.raises(BrokerUnavailable, match=r"TLS|closed|reset|no answer"):
        made.init()
    made.close()
