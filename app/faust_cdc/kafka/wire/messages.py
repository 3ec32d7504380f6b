"""The nine messages of Kafka's protocol that a transactional producer needs, one shape of each.

Only flexible versions (Kafka 2.8 and later) are spoken, so that each has one layout; where a later version differs in
meaning only, it is named beside it. Source: the message definitions in Kafka's `clients/src/main/resources`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from faust_cdc.kafka.wire.primitives import Reader, Writer


class Api(NamedTuple):
    """One message: its number, name, and the versions whose layout is known here."""

    key: int
    name: str
    lowest: int
    highest: int
    is_flexible: bool = True
    """The headers of request and answer have tagged fields."""


PRODUCE: Final = Api(0, "Produce", 9, 12)
METADATA: Final = Api(3, "Metadata", 9, 9)
FIND_COORDINATOR: Final = Api(10, "FindCoordinator", 3, 3)
SASL_HANDSHAKE: Final = Api(17, "SaslHandshake", 1, 1, False)
API_VERSIONS: Final = Api(18, "ApiVersions", 3, 4)
INIT_PRODUCER_ID: Final = Api(22, "InitProducerId", 3, 5)
ADD_PARTITIONS: Final = Api(24, "AddPartitionsToTxn", 3, 3)
END_TXN: Final = Api(26, "EndTxn", 3, 5)
SASL_AUTHENTICATE: Final = Api(36, "SaslAuthenticate", 2, 2)

NEEDED: Final = (PRODUCE, METADATA, FIND_COORDINATOR, INIT_PRODUCER_ID, ADD_PARTITIONS, END_TXN)
"""What every broker must know; others are asked for where they are used."""

TRANSACTION_KEY: Final = 1
"""FindCoordinator's kind of key."""
ALL_REPLICAS: Final = -1
NO_PRODUCER: Final = (-1, -1)
"""Producer id and epoch of one that has none yet."""


def request_head(api: Api, version: int, correlation: int, client_id: str) -> bytearray:
    """Return a request's header, without the size in front."""
    out = Writer()
    out.int16(api.key)
    out.int16(version)
    out.int32(correlation)
    out.long_text(client_id)
    if api.is_flexible:
        out.no_tags()
    return out.data


def answer_body(api: Api, data: bytes) -> Reader:
    """Return a reader behind an answer's header, whose correlation was looked at before."""
    found = Reader(data, 4)
    if api.is_flexible and api is not API_VERSIONS:
        found.skip_tags()
    return found


class Versions(NamedTuple):
    """What a broker can: versions by message, and the cluster's features that were agreed upon."""

    error: int
    ranges: Mapping[int, tuple[int, int]]
    features: Mapping[str, int]


def api_versions(software: str, version: str) -> bytearray:
    """Ask what the broker can."""
    out = Writer()
    out.text(software)
    out.text(version)
    out.no_tags()
    return out.data


def read_api_versions(found: Reader) -> Versions:
    """Read the answer; one with an error has another layout, and nothing that we need."""
    error = found.int16()
    if error:
        return Versions(error, {}, {})

    def one() -> tuple[int, tuple[int, int]]:
        key, lowest, highest = found.int16(), found.int16(), found.int16()
        found.skip_tags()
        return key, (lowest, highest)

    ranges = dict(found.array(one))
    found.int32()
    features: dict[str, int] = {}
    for number, field in found.tags():
        if number == 2:
            features = dict(field.array(lambda field=field: _feature(field)))  # type: ignore[misc]
    return Versions(error, ranges, features)


def _feature(field: Reader) -> tuple[str, int]:
    name, highest = field.name(), field.int16()
    field.int16()
    field.skip_tags()
    return name, highest


class BrokerAddress(NamedTuple):
    """A broker of the cluster."""

    node: int
    host: str
    port: int


class TopicAnswer(NamedTuple):
    """A topic in an answer to Metadata; `leaders` by partition, -1 where there is none now."""

    error: int
    name: str
    leaders: Sequence[int]


class ClusterAnswer(NamedTuple):
    """An answer to Metadata."""

    throttle_ms: int
    brokers: Sequence[BrokerAddress]
    topics: Sequence[TopicAnswer]


def metadata(topics: Iterable[str], *, creates: bool) -> bytearray:
    """Ask for the brokers and for these topics; `creates`: missing ones are made where the broker makes topics."""
    names = list(topics)
    out = Writer()
    out.count(len(names))
    for name in names:
        out.text(name)
        out.no_tags()
    out.int8(creates)
    out.int8(0)
    out.int8(0)
    out.no_tags()
    return out.data


def read_metadata(found: Reader) -> ClusterAnswer:
    """Read the answer."""
    throttle_ms = found.int32()

    def broker() -> BrokerAddress:
        address = BrokerAddress(found.int32(), found.name(), found.int32())
        found.text()
        found.skip_tags()
        return address

    brokers = found.array(broker)
    found.text()
    found.int32()
    topics = found.array(lambda: _topic(found))
    return ClusterAnswer(throttle_ms, brokers, topics)


def _topic(found: Reader) -> TopicAnswer:
    error, name = found.int16(), found.name()
    found.int8()

    def partition() -> tuple[int, int]:
        found.int16()
        index, leader = found.int32(), found.int32()
        found.int32()
        for _ in ("replicas", "in sync", "offline"):
            found.array(found.int32)
        found.skip_tags()
        return index, leader

    leaders = dict(found.array(partition))
    found.int32()
    found.skip_tags()
    return TopicAnswer(error, name, [leaders.get(index, -1) for index in range(max(leaders, default=-1) + 1)])


class CoordinatorAnswer(NamedTuple):
    """An answer to FindCoordinator."""

    throttle_ms: int
    error: int
    broker: BrokerAddress


def find_coordinator(transactional_id: str) -> bytearray:
    """Ask which broker coordinates the transactions of this id."""
    out = Writer()
    out.text(transactional_id)
    out.int8(TRANSACTION_KEY)
    out.no_tags()
    return out.data


def read_coordinator(found: Reader) -> CoordinatorAnswer:
    """Read the answer."""
    throttle_ms, error = found.int32(), found.int16()
    found.text()
    return CoordinatorAnswer(throttle_ms, error, BrokerAddress(found.int32(), found.name(), found.int32()))


class ProducerAnswer(NamedTuple):
    """An answer to InitProducerId or EndTxn; producer id and epoch are -1 where the version has none."""

    throttle_ms: int
    error: int
    producer_id: int
    epoch: int


def init_producer_id(transactional_id: str, timeout_ms: int, producer_id: int, epoch: int) -> bytearray:
    """Ask for a producer id with an epoch above all before; with -1, -1 older owners are fenced."""
    out = Writer()
    out.text(transactional_id)
    out.int32(timeout_ms)
    out.int64(producer_id)
    out.int16(epoch)
    out.no_tags()
    return out.data


def read_init_producer_id(found: Reader) -> ProducerAnswer:
    """Read the answer."""
    return ProducerAnswer(found.int32(), found.int16(), found.int64(), found.int16())


def end_txn(transactional_id: str, producer_id: int, epoch: int, *, is_commit: bool) -> bytearray:
    """Commit or abort. From version 5 on (KIP-890) the answer has the epoch of the next transaction."""
    out = Writer()
    out.text(transactional_id)
    out.int64(producer_id)
    out.int16(epoch)
    out.int8(int(is_commit))
    out.no_tags()
    return out.data


def read_end_txn(found: Reader, version: int) -> ProducerAnswer:
    """Read the answer."""
    throttle_ms, error = found.int32(), found.int16()
    producer_id, epoch = (found.int64(), found.int16()) if version >= 5 else NO_PRODUCER
    return ProducerAnswer(throttle_ms, error, producer_id, epoch)


Places = Mapping[str, Sequence[int]]
"""Partitions by topic."""


def add_partitions(transactional_id: str, producer_id: int, epoch: int, places: Places) -> bytearray:
    """Say which partitions the open transaction writes to, before it does (without KIP-890)."""
    out = Writer()
    out.text(transactional_id)
    out.int64(producer_id)
    out.int16(epoch)
    out.count(len(places))
    for topic, partitions in places.items():
        out.text(topic)
        out.count(len(partitions))
        for partition in partitions:
            out.int32(partition)
        out.no_tags()
    out.no_tags()
    return out.data


def read_add_partitions(found: Reader) -> tuple[int, dict[tuple[str, int], int]]:
    """Return the throttle time in ms and the error by topic and partition."""
    throttle_ms = found.int32()

    def partition() -> tuple[int, int]:
        index, error = found.int32(), found.int16()
        found.skip_tags()
        return index, error

    def topic() -> tuple[str, list[tuple[int, int]]]:
        name, partitions = found.name(), found.array(partition)
        found.skip_tags()
        return name, partitions

    listed = found.array(topic)
    return throttle_ms, {(name, index): error for name, partitions in listed for index, error in partitions}


class PlaceOutcome(NamedTuple):
    """What became of one partition's batch."""

    error: int
    text: str


def produce_start(transactional_id: str, timeout_ms: int, topic_count: int) -> Writer:
    """Begin a Produce; topics follow. From version 12 on (KIP-890) it adds its partitions to the transaction."""
    out = Writer()
    out.text(transactional_id)
    out.int16(ALL_REPLICAS)
    out.int32(timeout_ms)
    out.count(topic_count)
    return out


def read_produce(found: Reader) -> tuple[int, dict[tuple[str, int], PlaceOutcome]]:
    """Return the throttle time in ms and the outcome by topic and partition."""

    def record_error() -> str | None:
        found.int32()
        text = found.text()
        found.skip_tags()
        return text

    def partition() -> tuple[int, PlaceOutcome]:
        index, error = found.int32(), found.int16()
        for _ in ("base offset", "append time", "start offset"):
            found.int64()
        details = [text for text in found.array(record_error) if text]
        text = found.text() or ""
        found.skip_tags()
        return index, PlaceOutcome(error, "; ".join([text, *details[:1]]) if text else "".join(details[:1]))

    def topic() -> tuple[str, list[tuple[int, PlaceOutcome]]]:
        name, partitions = found.name(), found.array(partition)
        found.skip_tags()
        return name, partitions

    listed = found.array(topic)
    return found.int32(), {(name, index): outcome for name, partitions in listed for index, outcome in partitions}


def sasl_handshake(mechanism: str) -> bytearray:
    """Ask for a mechanism."""
    out = Writer()
    out.long_text(mechanism)
    return out.data


def read_sasl_handshake(found: Reader) -> tuple[int, list[str]]:
    """Return the error and the mechanisms that the broker has."""
    return found.int16(), found.long_array(found.long_text)


class SaslAnswer(NamedTuple):
    """An answer to SaslAuthenticate; the session lasts `lifetime_ms`, 0: as long as the connection."""

    error: int
    text: str
    octets: bytes
    lifetime_ms: int


def sasl_authenticate(octets: bytes) -> bytearray:
    """Send one of the mechanism's messages."""
    out = Writer()
    out.octets(octets)
    out.no_tags()
    return out.data


def read_sasl_authenticate(found: Reader) -> SaslAnswer:
    """Read the answer."""
    return SaslAnswer(found.int16(), found.text() or "", found.octets() or b"", found.int64())
