"""The embedded registry's operations and its HTTP answers: Confluent's codes, texts and content type."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from faust_cdc.errors import BrokerUnavailable
from faust_cdc.registry.embedded import EmbeddedRegistry, MemorySchemaLog, RegistryProblem
from faust_cdc.registry.log import MemorySchemaTopic, WriterFenced
from faust_cdc.registry.records import LogRecord
from tests.registry.support import ORDER_BROKEN, ORDER_V1, ORDER_V2, served

V1, V2, BROKEN = (json.dumps(schema) for schema in (ORDER_V1, ORDER_V2, ORDER_BROKEN))
CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


@pytest.fixture
def registry() -> EmbeddedRegistry:
    return EmbeddedRegistry(MemorySchemaLog())


@pytest.fixture
def http(registry: EmbeddedRegistry) -> Iterator[httpx.Client]:
    with (
        served(registry, prefix="") as url,
        httpx.Client(base_url=url, trust_env=False, headers={"Content-Type": CONTENT_TYPE}) as client,
    ):
        yield client


def code(response: httpx.Response) -> tuple[int, int]:
    assert response.headers["Content-Type"] == CONTENT_TYPE
    return response.status_code, response.json()["error_code"]


def post(http: httpx.Client, path: str, schema: str = V1, **more: Any) -> httpx.Response:
    return http.post(path, json={"schema": schema, **more}, headers={"Content-Type": CONTENT_TYPE})


def test_root_types_contexts(http: httpx.Client) -> None:
    answer = http.get("/")
    assert (answer.json(), answer.headers["Content-Type"]) == ({}, CONTENT_TYPE)
    assert http.get("/schemas/types").json() == ["AVRO"]
    assert http.get("/contexts").json() == ["."]
    assert http.get("/mode").json() == {"mode": "READWRITE"}
    assert http.get("/config").json() == {"compatibilityLevel": "BACKWARD"}


def test_a_life_over_http(http: httpx.Client) -> None:
    assert post(http, "/subjects/s/versions", V1).json() == {"id": 1}
    assert post(http, "/subjects/s/versions?normalize=False", V2).json() == {"id": 2}
    assert post(http, "/subjects/t/versions", V1).json() == {"id": 1}
    text = json.dumps(ORDER_V1, separators=(",", ":"))
    assert http.get("/schemas/ids/1").json() == {"schema": text}
    assert http.get("/schemas/ids/1?fetchMaxId=true").json()["maxId"] == 2
    assert http.get("/schemas/ids/1/schema").text == text
    assert http.get("/schemas/ids/1/subjects").json() == ["s", "t"]
    assert http.get("/schemas/ids/2/versions").json() == [{"subject": "s", "version": 2}]
    entity = {"subject": "s", "version": 1, "id": 1, "schema": text}
    assert http.get("/subjects/s/versions/1").json() == entity
    assert http.get("/subjects/s/versions/-1").json()["version"] == 2
    assert http.get("/subjects/s/versions/latest/schema").json() == ORDER_V2
    assert http.get("/subjects/s/versions/1/referencedby").json() == []
    assert post(http, "/subjects/s").json() == entity
    assert http.get("/subjects?subjectPrefix=t").json() == ["t"]
    assert http.get("/subjects?offset=1&limit=1").json() == ["t"]
    assert [e["id"] for e in http.get("/schemas").json()] == [1, 2, 1]
    assert [e["id"] for e in http.get("/schemas?latestOnly=true").json()] == [2, 1]


def test_compatibility_over_http(http: httpx.Client) -> None:
    assert post(http, "/compatibility/subjects/s/versions/latest").json() == {"is_compatible": True}
    assert code(post(http, "/compatibility/subjects/s/versions/1")) == (404, 40401)
    post(http, "/subjects/s/versions")
    path = "/compatibility/subjects/s/versions"
    assert post(http, f"{path}/latest", BROKEN).json() == {"is_compatible": False}
    assert post(http, path, V2).json() == {"is_compatible": True}
    messages = post(http, f"{path}/1?verbose=true", BROKEN).json()["messages"]
    assert "must" in messages[0]
    assert code(post(http, f"{path}/9", BROKEN)) == (404, 40402)
    refused = post(http, "/subjects/s/versions", BROKEN)
    assert code(refused) == (409, 40901)
    assert refused.json()["message"].startswith(
        'Schema being registered is incompatible with an earlier schema for subject "s", details: [{errorType:'
    )


def test_levels_over_http(http: httpx.Client) -> None:
    assert code(http.get("/config/s")) == (404, 40408)
    assert http.get("/config/s?defaultToGlobal=true").json() == {"compatibilityLevel": "BACKWARD"}
    assert http.put("/config/s", json={"compatibility": "full"}).json() == {"compatibility": "FULL"}
    assert http.get("/config/s").json() == {"compatibilityLevel": "FULL"}
    assert http.put("/config", json={"compatibility": "NONE"}).json() == {"compatibility": "NONE"}
    assert code(http.put("/config", json={"compatibility": "SIDEWAYS"})) == (422, 42203)
    assert code(http.put("/config", json={})) == (422, 42203)
    assert http.delete("/config/s").json() == {"compatibilityLevel": "FULL"}
    assert code(http.delete("/config/s")) == (404, 40401)
    assert http.delete("/config").json() == {"compatibilityLevel": "NONE"}
    assert http.get("/config").json() == {"compatibilityLevel": "BACKWARD"}
    assert code(http.get("/mode/s")) == (404, 40409)
    assert code(http.put("/mode", json={"mode": "READONLY"})) == (422, 42205)


def test_what_is_not_there_over_http(http: httpx.Client) -> None:
    assert code(http.get("/subjects/s/versions")) == (404, 40401)
    assert code(http.get("/subjects/s/versions/latest")) == (404, 40401)
    assert code(post(http, "/subjects/s")) == (404, 40401)
    assert code(http.delete("/subjects/s")) == (404, 40401)
    assert code(http.get("/schemas/ids/999")) == (404, 40403)
    assert http.get("/schemas/ids/999").json()["message"] == "Schema 999 not found"
    post(http, "/subjects/s/versions")
    assert code(post(http, "/subjects/s", V2)) == (404, 40403)
    assert code(http.get("/subjects/s/versions/7")) == (404, 40402)
    for version in ("abc", "0", "-2", "2147483648", "1.5"):
        assert code(http.get(f"/subjects/s/versions/{version}")) == (422, 42202)


def test_deletes_over_http(http: httpx.Client) -> None:
    post(http, "/subjects/s/versions", V1)
    post(http, "/subjects/s/versions", V2)
    assert code(http.delete("/subjects/s?permanent=true")) == (404, 40405)
    assert code(http.delete("/subjects/s/versions/1?permanent=true")) == (404, 40407)
    assert http.delete("/subjects/s/versions/1").json() == 1
    assert code(http.delete("/subjects/s/versions/1")) == (404, 40406)
    assert http.get("/subjects/s/versions").json() == [2]
    assert http.get("/subjects/s/versions?deleted=true").json() == [1, 2]
    assert http.get("/schemas/ids/1").status_code == 200
    assert http.delete("/subjects/s/versions/1?permanent=true").json() == 1
    assert http.get("/schemas/ids/1").status_code == 404
    assert http.delete("/subjects/s").json() == [2]
    assert code(http.delete("/subjects/s")) == (404, 40404)
    assert http.get("/subjects").json() == []
    assert http.get("/subjects?deleted=true").json() == ["s"]
    assert http.delete("/subjects/s?permanent=true").json() == [2]
    assert http.get("/subjects?deleted=true").json() == []
    assert post(http, "/subjects/s/versions", V1).json() == {"id": 3}


def test_a_deleted_version_that_comes_back_takes_the_next_number(registry: EmbeddedRegistry) -> None:
    assert registry.register("s", V1) == 1
    registry.set_level("s", "FULL")
    registry.delete_subject("s")
    with pytest.raises(RegistryProblem):
        registry.level("s")
    assert registry.register("s", V1) == 1
    assert registry.versions("s", deleted=True) == [2]


def test_bad_requests_over_http(http: httpx.Client) -> None:
    path = "/subjects/s/versions"
    assert code(post(http, path, "not avro")) == (422, 42201)
    assert code(post(http, path, V1, schemaType="JSON")) == (422, 42201)
    assert code(post(http, path, V1, references=[{"name": "a", "subject": "b", "version": 1}])) == (422, 42201)
    assert post(http, path, V1, schemaType="AVRO", references=[]).json() == {"id": 1}
    assert code(http.post(path, json={})) == (422, 42201)
    assert code(http.post(path, content=b"{")) == (400, 400)
    assert code(http.post(path, content=b"[]")) == (400, 400)
    assert code(http.post(path, content=b"[" * 100_000)) == (400, 400)
    assert code(http.post(path, content=b"x", headers={"Content-Type": "text/plain"})) == (415, 415)
    assert code(http.post(path, content=b" " * 1_100_000)) == (413, 413)
    assert code(post(http, "/subjects/%01/versions")) == (422, 42208)
    assert code(post(http, "/subjects/__GLOBAL/versions")) == (422, 42208)
    assert code(post(http, "/subjects/:.ctx:s/versions")) == (422, 42208)


def test_a_read_only_mode_set_by_a_confluent_registry_is_kept() -> None:
    topic = MemorySchemaTopic()
    topic.records.append(LogRecord(b'{"keytype":"MODE","subject":"s","magic":0}', b'{"mode":"READONLY"}'))
    registry = EmbeddedRegistry(MemorySchemaLog(topic))
    with pytest.raises(RegistryProblem, match="read-only") as caught:
        registry.register("s", V1)
    assert caught.value.error_code == 42205
    assert registry.register("t", V1) == 1


def test_schemas_of_other_types_are_served_but_not_compared() -> None:
    topic = MemorySchemaTopic()
    value = {"subject": "s", "version": 1, "id": 5, "schema": "syntax", "schemaType": "PROTOBUF", "deleted": False}
    key = b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}'
    topic.records.append(LogRecord(key, json.dumps(value).encode()))
    registry = EmbeddedRegistry(MemorySchemaLog(topic))
    assert registry.by_id(5).schema == "syntax"
    with pytest.raises(RegistryProblem, match="cannot compare"):
        registry.register("s", V1)
    registry.set_level("s", "NONE")
    assert registry.register("s", V1) == 6


def test_workers_that_race_never_share_an_id() -> None:
    topic = MemorySchemaTopic()
    workers = [EmbeddedRegistry(MemorySchemaLog(topic)) for _ in range(4)]
    given: list[dict[str, int]] = []

    def work(registry: EmbeddedRegistry) -> None:
        given.append(
            {f"s{n}": registry.register(f"s{n}", json.dumps({**ORDER_V1, "name": f"N{n}"})) for n in range(20)}
        )

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given == [given[0]] * 4
    assert sorted(given[0].values()) == list(range(1, 21))
    assert len(topic.records) == 20
    assert [worker.id_max() for worker in workers] == [20] * 4


class _FailingLog(MemorySchemaLog):
    """A log whose broker is away."""

    def read_new(self, *, all_written: bool = False) -> list[LogRecord]:
        raise BrokerUnavailable("no broker")


def test_a_log_that_cannot_be_read_is_confluents_store_error() -> None:
    with served(EmbeddedRegistry(_FailingLog())) as url:
        answer = httpx.get(f"{url}/subjects", trust_env=False)
        assert code(answer) == (500, 50001)


def test_a_handle_that_was_overtaken_cannot_append() -> None:
    topic = MemorySchemaTopic()
    first, second = MemorySchemaLog(topic), MemorySchemaLog(topic)
    with pytest.raises(WriterFenced):
        first.append([LogRecord(b"k", b"v")])
    first.claim()
    second.claim()
    with pytest.raises(WriterFenced):
        first.append([LogRecord(b"k", b"v")])
    second.append([LogRecord(b"k", b"v")])
    assert first.read_new() == [LogRecord(b"k", b"v")]
    assert first.read_new() == []
    first.claim()
    first.append([])
