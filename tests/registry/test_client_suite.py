"""One suite for every registry: a real Apicurio, and the embedded one over real HTTP on memory, Kafka and Tansu."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from faust_cdc.errors import IncompatibleSchemaChange, RegistryRefused
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.embedded import EmbeddedRegistry, MemorySchemaLog
from faust_cdc.registry.log import SchemaLog
from faust_cdc.registry.schemas_topic import KafkaSchemaLog
from tests.registry.support import ORDER_BROKEN, ORDER_V1, ORDER_V2, fast_client, served

KINDS = [
    "memory",
    pytest.param("kafka", marks=pytest.mark.integration),
    pytest.param("tansu", marks=pytest.mark.integration),
    pytest.param("apicurio", marks=pytest.mark.integration),
]


@pytest.fixture(params=KINDS)
def registry_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "apicurio":
        yield request.getfixturevalue("apicurio").ccompat_url
        return
    log: SchemaLog = MemorySchemaLog()
    if request.param in ("kafka", "tansu"):
        bootstrap = request.getfixturevalue(request.param).bootstrap
        log = KafkaSchemaLog({"bootstrap.servers": bootstrap}, "suite", topic=f"_schemas_{uuid4().hex}")
    registry = EmbeddedRegistry(log)
    with served(registry) as url:
        yield url
    registry.close()


@pytest.fixture
def client(registry_url: str) -> Iterator[RegistryClient]:
    client = fast_client(registry_url, timeout_s=60.0, retry_total_s=180.0)
    yield client
    client.close()


@pytest.fixture
def subject() -> str:
    return f"t-{uuid4().hex}-value"


def test_register_gives_the_same_id_for_the_same_schema(
    client: RegistryClient, registry_url: str, subject: str
) -> None:
    first = client.register(subject, ORDER_V1)
    assert client.register(subject, ORDER_V1) == first
    assert client.register(subject, json.dumps(ORDER_V1, separators=(",", ":"))) == first
    with_no_cache = fast_client(registry_url)
    assert with_no_cache.register(subject, ORDER_V1) == first
    with_no_cache.close()
    assert client.versions(subject) == [1]


def test_one_schema_under_two_subjects_has_one_id(client: RegistryClient, subject: str) -> None:
    assert client.register(subject, ORDER_V1) == client.register(f"{subject}-2", ORDER_V1)


def test_versions_ids_and_documents(client: RegistryClient, subject: str) -> None:
    first = client.register(subject, ORDER_V1)
    second = client.register(subject, ORDER_V2)
    assert second != first
    assert client.versions(subject) == [1, 2]
    assert client.latest(subject) == (2, second, ORDER_V2)
    assert client.schema_by_id(first) == ORDER_V1
    assert client.schema_by_id(second) == ORDER_V2
    assert subject in client.subjects()


def test_lookup_never_registers(client: RegistryClient, registry_url: str, subject: str) -> None:
    assert client.lookup(subject, ORDER_V1) is None
    assert client.versions(subject) == []
    registered = client.register(subject, ORDER_V1)
    fresh = fast_client(registry_url)
    assert fresh.lookup(subject, ORDER_V1) == registered
    assert fresh.lookup(subject, ORDER_V2) is None
    fresh.close()


def test_what_is_not_there(client: RegistryClient, subject: str) -> None:
    assert client.latest(subject) is None
    assert client.versions(subject) == []
    with pytest.raises(RegistryRefused, match="reading schema id 2147480000"):
        client.schema_by_id(2147480000)


def test_an_incompatible_schema_is_explained(client: RegistryClient, subject: str) -> None:
    client.register(subject, ORDER_V1)
    client.set_config("BACKWARD", subject)
    assert client.config(subject) == "BACKWARD"
    assert client.compatible(subject, ORDER_V2)[0]
    assert not client.compatible(subject, ORDER_BROKEN)[0]
    with pytest.raises(IncompatibleSchemaChange) as caught:
        client.register(subject, ORDER_BROKEN)
    text = str(caught.value)
    assert repr(subject) in text
    assert "BACKWARD" in text
    assert "field Order.must added (string, no default)" in text
    assert "The registry says: " in text
    client.set_config("NONE", subject)
    client.register(subject, ORDER_BROKEN)
    assert client.versions(subject) == [1, 2]


def test_levels_of_subjects_and_of_all(client: RegistryClient, subject: str) -> None:
    client.register(subject, ORDER_V1)
    common = client.config()
    assert client.config(subject) == common
    client.set_config("FULL_TRANSITIVE", subject)
    assert client.config(subject) == "FULL_TRANSITIVE"
    assert client.config() == common
    client.delete_config(subject)
    assert client.config(subject) == common
    assert client.mode() in ("READWRITE", None)


def test_an_invalid_schema_is_refused(client: RegistryClient, subject: str) -> None:
    with pytest.raises(RegistryRefused, match="42201"):
        client.register(subject, "not avro")
    with pytest.raises(RegistryRefused):
        client.set_config("SIDEWAYS", subject)


def test_a_deleted_subject_can_come_back(client: RegistryClient, subject: str) -> None:
    client.register(subject, ORDER_V1)
    client.register(subject, ORDER_V2)
    assert client.delete_subject(subject) == [1, 2]
    assert client.versions(subject) == []
    assert client.lookup(subject, ORDER_V1) is None
    client.register(subject, ORDER_V1)
    assert client.lookup(subject, ORDER_V1) is not None


def test_names_that_need_quoting(client: RegistryClient) -> None:
    subject = f"a b/ü%2F?#{uuid4().hex}"
    schema_id = client.register(subject, ORDER_V1)
    assert client.versions(subject) == [1]
    assert client.lookup(subject, ORDER_V1) == schema_id
    assert subject in client.subjects()


def test_text_and_order_of_properties_survive(client: RegistryClient, subject: str) -> None:
    schema = {
        "type": "record",
        "name": "Value",
        "namespace": subject.replace("-", "_"),
        "fields": [
            {"name": "z", "type": {"type": "long", "connect.version": 1, "connect.name": "io.debezium.time.Timestamp"}},
            {"name": "a", "type": ["null", "string"], "default": None},
        ],
        "connect.name": "Größe",
    }
    document = client.schema_by_id(client.register(subject, schema))
    assert json.dumps(document) == json.dumps(schema)


def test_many_threads_register_the_same_schemas(registry_url: str, subject: str) -> None:
    results: list[list[int]] = []

    def work() -> None:
        own = fast_client(registry_url, timeout_s=60.0, retry_total_s=180.0, retries=10)
        try:
            results.append([own.register(f"{subject}-{n}", {**ORDER_V1, "name": f"N{n}"}) for n in range(5)])
        finally:
            own.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len({tuple(ids) for ids in results}) == 1
    assert len(set(results[0])) == 5
