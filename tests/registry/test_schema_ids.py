"""Ids by each rule, on the embedded registry over HTTP and on Apicurio."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from faust_cdc.config.converter_settings import IdFrom
from faust_cdc.errors import IncompatibleSchemaChange, RegistryRefused
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.layout import layout
from faust_cdc.registry.schema_ids import SchemaIds
from tests.registry.support import ORDER_V1, ORDER_V2, embedded_client, fast_client

KINDS = ["embedded", pytest.param("apicurio", marks=pytest.mark.integration)]
V1 = '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"}]}'
DESCRIBED = (
    '{"type":"record","name":"Order","namespace":"shop","doc":"an order","fields":[{"name":"id","type":"long"}],'
    '"connect.name":"shop.Order"}'
)


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest) -> Iterator[RegistryClient]:
    if request.param == "apicurio":
        made = fast_client(request.getfixturevalue("apicurio").ccompat_url, timeout_s=60.0, retry_total_s=180.0)
        yield made
        made.close()
        return
    with embedded_client() as made:
        yield made


@pytest.fixture
def subject() -> str:
    return f"s-{uuid4().hex}-value"


def test_looked_up_is_what_was_registered(client: RegistryClient, subject: str) -> None:
    look_up = SchemaIds(client, IdFrom.LOOKUP)
    with pytest.raises(RegistryRefused, match=f"{subject}' does not hold") as caught:
        look_up(subject, V1)
    assert V1 in str(caught.value)
    assert "auto.register.schemas" in str(caught.value.remedy)
    assert client.versions(subject) == [], "nothing was registered"
    assert SchemaIds(client)(subject, V1) == look_up(subject, V1)


def test_the_latest_version_serves_records_of_its_layout(client: RegistryClient, subject: str) -> None:
    latest = SchemaIds(client, IdFrom.LATEST)
    with pytest.raises(RegistryRefused, match="has no version"):
        latest(subject, V1)
    described = client.register(subject, DESCRIBED)
    assert latest(subject, V1) == described
    assert client.versions(subject) == [1], "nothing was registered"
    client.register(subject, ORDER_V2)
    with pytest.raises(IncompatibleSchemaChange, match=r"Version 2 of subject .*note"):
        latest(subject, V1)


def test_normalised_schemas_are_registered_once(client: RegistryClient, subject: str) -> None:
    spaced = '{"namespace":"shop","type":"record","name":"Order","fields":[{"type":"long","name":"id"}]}'
    normal = SchemaIds(client, normalize=True)
    first = normal(subject, V1)
    assert normal(subject, spaced) == first
    assert SchemaIds(client, IdFrom.LOOKUP, normalize=True)(subject, spaced) == first
    assert client.versions(subject) == [1]


def test_layouts() -> None:
    assert layout(ORDER_V1) != layout(ORDER_V2)
    swapped = {**ORDER_V2, "fields": [ORDER_V2["fields"][0], {"name": "note", "type": ["string", "null"]}]}
    assert layout(ORDER_V2) != layout(swapped)
    renamed = {**ORDER_V1, "name": "Other", "fields": [{"name": "id", "type": {"type": "long", "x": 1}, "default": 1}]}
    assert layout(ORDER_V1) == layout(renamed)
    twice = {
        "type": "record",
        "name": "E",
        "namespace": "n",
        "fields": [{"name": "a", "type": ["null", ORDER_V1]}, {"name": "b", "type": ["null", "shop.Order"]}],
    }
    inner = {**ORDER_V1, "namespace": "n"}
    short = {**twice, "fields": [{"name": "a", "type": ["null", inner]}, {"name": "b", "type": ["null", "Order"]}]}
    assert layout(twice) == layout(short)
