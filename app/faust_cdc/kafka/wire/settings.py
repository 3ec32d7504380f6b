"""What a client is told, under librdkafka's names of the options, as a value; what cannot be followed is refused.

No option is passed over: one that is not known here is `ClientUnfit`, whatever it is about.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from faust_cdc.errors import ClientUnfit, ConfigError
from faust_cdc.kafka.queue_bounds import RECORD_BYTES_MAX
from faust_cdc.kafka.wire.packing import CODECS

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
USE_LIBRDKAFKA: Final = "or set producer.client=librdkafka"
EVERY_ADDRESS: Final = "use_all_dns_ips"
"""The one `client.dns.lookup` that is followed, and Java's default: all addresses of a name are tried in turn."""

_TLS_NAMES: Final = frozenset(
    {
        "ssl.ca.location",
        "ssl.ca.pem",
        "ssl.certificate.location",
        "ssl.certificate.pem",
        "ssl.key.location",
        "ssl.key.pem",
        "ssl.key.password",
        "ssl.endpoint.identification.algorithm",
    }
)
_SASL_NAMES: Final = frozenset({"sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password"})
_NUMBERS: Final = frozenset(
    {
        "batch.size",
        "connections.max.idle.ms",
        "delivery.timeout.ms",
        "linger.ms",
        "message.max.bytes",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "request.timeout.ms",
        "retries",
        "retry.backoff.ms",
        "transaction.timeout.ms",
    }
)
_OTHERS: Final = frozenset(
    {
        "bootstrap.servers",
        "client.dns.lookup",
        "client.id",
        "client.rack",  # where consumers fetch from; nothing that a producer does goes by it
        "compression.type",
        "security.protocol",
    }
)
_KNOWN: Final = _TLS_NAMES | _SASL_NAMES | _NUMBERS | _OTHERS


@dataclass(frozen=True, slots=True)
class WireSettings:
    """A client's options; times in seconds, sizes in bytes."""

    bootstrap: tuple[tuple[str, int], ...]
    client_id: str = "faust-cdc"
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    mechanism: str | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    connect_timeout_s: float = 10.0
    request_timeout_s: float = 30.0
    delivery_timeout_s: float = 300.0
    """How long a batch may remain unacknowledged; never longer than a Kafka transaction may be open."""
    transaction_timeout_s: float = 60.0
    reconnect_min_s: float = 0.05
    reconnect_max_s: float = 1.0
    retry_backoff_s: float = 0.1
    retries: int = 2**31 - 1
    linger_s: float = 0.005
    batch_max_bytes: int = 1_000_000
    """Of one partition, before it is packed."""
    record_max_bytes: int = RECORD_BYTES_MAX
    compression: str = "lz4"
    metadata_max_age_s: float = 300.0
    idle_max_s: float = float("inf")
    """After which a connection that nothing was sent over is opened anew."""


def wire_settings(options: Mapping[str, str]) -> WireSettings:
    """Return the settings. Raises ConfigError naming the option with an unusable value, ClientUnfit an unknown one."""
    protocol = options.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in PROTOCOLS:
        raise ConfigError(f"security.protocol: one of {', '.join(PROTOCOLS)} is expected, found '{protocol}'.")
    for name in options:
        if name not in _KNOWN:
            raise ClientUnfit(
                f"{name} is not known to producer.client=faust-cdc.", remedy=f"leave it out, {USE_LIBRDKAFKA}"
            )
    lookup = options.get("client.dns.lookup", EVERY_ADDRESS)
    if lookup not in (EVERY_ADDRESS, "default"):
        raise ClientUnfit(
            f"client.dns.lookup={lookup} is not known to producer.client=faust-cdc.",
            remedy=f"set it to {EVERY_ADDRESS}, {USE_LIBRDKAFKA}",
        )
    mechanism = _mechanism(options) if protocol.startswith("SASL") else None
    compression = options.get("compression.type", "lz4").lower()
    if compression not in CODECS:
        raise ConfigError(f"compression.type: one of {', '.join(CODECS)} is expected, found '{compression}'.")
    record_max_bytes = _number(options, "message.max.bytes", RECORD_BYTES_MAX, low=1)
    idle_ms = _number(options, "connections.max.idle.ms", 0)
    transaction_s = _number(options, "transaction.timeout.ms", 60_000, low=1) / 1000
    delivery_s = _number(options, "delivery.timeout.ms", 300_000, low=1) / 1000
    return WireSettings(
        bootstrap=_bootstrap(options.get("bootstrap.servers", "")),
        client_id=options.get("client.id", "faust-cdc"),
        tls=_tls(options) if protocol.endswith("SSL") else None,
        mechanism=mechanism,
        username=options.get("sasl.username", ""),
        password=options.get("sasl.password", ""),
        request_timeout_s=_number(options, "request.timeout.ms", 30_000, low=1) / 1000,
        delivery_timeout_s=min(delivery_s, transaction_s),
        transaction_timeout_s=transaction_s,
        reconnect_min_s=_number(options, "reconnect.backoff.ms", 50) / 1000,
        reconnect_max_s=_number(options, "reconnect.backoff.max.ms", 1_000) / 1000,
        retry_backoff_s=_number(options, "retry.backoff.ms", 100) / 1000,
        retries=_number(options, "retries", 2**31 - 1),
        linger_s=_number(options, "linger.ms", 5) / 1000,
        batch_max_bytes=max(1, min(_number(options, "batch.size", 1_000_000), record_max_bytes)),
        record_max_bytes=record_max_bytes,
        compression=compression,
        idle_max_s=idle_ms / 1000 if idle_ms else float("inf"),
    )


def _number(options: Mapping[str, str], name: str, default: int, low: int = 0) -> int:
    text = options.get(name, str(default))
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not low <= number < 2**31:
        raise ConfigError(f"{name}: a whole number from {low} is expected, found '{text}'.")
    return number


def _bootstrap(text: str) -> tuple[tuple[str, int], ...]:
    found = []
    for entry in filter(None, (one.strip() for one in text.split(","))):
        host, _, port = entry.rpartition("://")[2].rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(f"bootstrap.servers: host:port is expected for each broker, found '{entry}'.")
        found.append((host.strip("[]"), int(port)))
    if not found:
        raise ConfigError("bootstrap.servers: give the Kafka brokers as host:port[,host:port…].")
    return tuple(found)


def _mechanism(options: Mapping[str, str]) -> str:
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", "GSSAPI")).upper()
    if mechanism not in MECHANISMS:
        raise ClientUnfit(
            f"sasl.mechanism {mechanism} is not known to producer.client=faust-cdc.",
            remedy=f"use one of {', '.join(MECHANISMS)}, {USE_LIBRDKAFKA}",
        )
    return mechanism


def _tls(options: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    option = "ssl.ca.location"
    try:
        if path := options.get("ssl.ca.location"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            is_folder = os.path.isdir(path)
            context.load_verify_locations(capath=path) if is_folder else context.load_verify_locations(path)
        elif text := options.get("ssl.ca.pem"):
            option = "ssl.ca.pem"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=text)
        option = "ssl.certificate.location"
        _own_certificate(context, options)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; what it says holds no part of a key
        raise ConfigError(
            f"{option} cannot be used: {getattr(error, 'strerror', None) or type(error).__name__}.",
            remedy="give PEM that this user may read; ssl.key.password must fit the key",
        ) from None
    if options.get("ssl.endpoint.identification.algorithm", "https").lower() in ("", "none"):
        context.check_hostname = False
    return context


def _own_certificate(context: ssl.SSLContext, options: Mapping[str, str]) -> None:
    path, key = options.get("ssl.certificate.location"), options.get("ssl.key.location")
    # Without one, OpenSSL would ask on the terminal.
    password = options.get("ssl.key.password", "")
    if path:
        context.load_cert_chain(path, key, lambda: password)
    elif text := options.get("ssl.certificate.pem"):
        # The ssl module reads certificates from files only.
        handle, temporary = tempfile.mkstemp(suffix=".pem")  # readable by this user alone
        try:
            with os.fdopen(handle, "w") as out:
                out.write(text + "\n" + options.get("ssl.key.pem", ""))
            context.load_cert_chain(temporary, None, lambda: password)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
