"""What is foretold of chains, held against what real Connect made of rows by the same chains (see `test_recorded`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from faust_cdc.config.transforms import transforms_of
from faust_cdc.transforms.chain import Chain
from faust_cdc.transforms.foretold import Foretold, foretell, sample_key, samples
from faust_cdc.transforms.record import Header, Record
from faust_cdc.transforms.schemas import STRING, struct
from faust_cdc_schemas.connect_document import avro_document
from faust_cdc_schemas.connect_schema import ConnectSchema
from tests.parity.transform_chains import CHAINS, ChainCase, D, K
from tests.transforms.test_recorded import PARSED, RECORDED, SCHEMAS

UNDECIDED = {
    "changed": "leaves out the fields that the header 'Unchanged' of a record names",
    "rewritetomb": "names topics by the value of 'name'",
    "outbox": "names topics by the value of 'aggregatetype'",
    "outboxfull": "names topics by the value of 'aggregatetype'",
    "outboxjson": "names topics by the value of 'aggregatetype'",
}
"""Chains that decide by values."""
ALL = frozenset("crud")


def tables(case: ChainCase) -> Iterator[Record]:
    """One record of each table that a chain was given, as it came, with nothing but its source's names as value."""
    source = RECORDED["inputs"]["connect" if "time.precision.mode" in case.more else "none"]
    wanted, seen = re.compile(rf"PREFIX\.smt\.({case.tables})"), set()
    for topic, _, key, value, headers in source:
        if wanted.fullmatch(topic) is None or topic in seen or value is None:
            continue
        seen.add(topic)
        given = tuple(Header(name, STRING, text) for name, text in headers if "context" in name)
        key_schema = None if key is None else PARSED[key["schema"]]
        names = {"db": "smt", "table": topic.rpartition(".")[2]}
        yield Record(topic, key_schema, sample_key(key_schema), PARSED[value["schema"]], names, given)


def foretold(case: ChainCase) -> list[Foretold]:
    options = case.options("smt", "PREFIX")
    chain = Chain(transforms_of(options))
    leaves_tombstones = case.more.get("tombstones.on.delete") != "false"
    return [foretell(chain, samples(record, ALL, tombstones=leaves_tombstones)) for record in tables(case)]


def parts(topic: str, key: Any, value: Any) -> set[str]:
    """A topic with each of the two schemas, as far as there are any."""
    found = (("key", key), ("value", value))
    return {json.dumps([topic, part, schema]) for part, schema in found if schema is not None}


@pytest.mark.parametrize("name", sorted(set(RECORDED["chains"]) - set(UNDECIDED)))
def test_topics_and_schemas_are_those_that_real_connect_recorded(name: str) -> None:
    found, theirs = set[str](), set[str]()
    for one in foretold(CHAINS[name]):
        assert one.is_certain, one
        for made in one.records:
            key, value = ((made.key_schema, made.key), (made.value_schema, made.value))
            documents = (None if one is None or held is None else avro_document(one) for one, held in (key, value))
            found |= parts(made.topic, *documents)
    for topic, _, key, value, *_ in RECORDED["chains"][name]:
        theirs |= parts(topic, *(None if one is None else SCHEMAS[one["schema"]] for one in (key, value)))
    assert theirs
    assert found == theirs


@pytest.mark.parametrize(("name", "why"), UNDECIDED.items())
def test_what_values_decide_is_said_with_its_transform(name: str, why: str) -> None:
    found = foretold(CHAINS[name])
    assert found
    for one in found:
        (undecided,) = one.undecided
        assert undecided.endswith(why)
        assert re.match(r"transform 't\d' \(io\.debezium\.transforms\.", undecided)
        assert not one.failed


ROW = struct([("id", ConnectSchema("int32")), ("at", STRING)], name="v")
TRUNCATED = Record(
    "p.d.t",
    None,
    None,
    struct(
        [
            ("before", ConnectSchema("struct", optional=True, name="v", fields=ROW.fields)),
            ("after", ConnectSchema("struct", optional=True, name="v", fields=ROW.fields)),
            ("source", struct([("db", STRING), ("table", STRING)])),
            ("op", STRING),
        ],
        name="p.d.t.Envelope",
    ),
    {"db": "d", "table": "t"},
)


def of(*transforms: dict[str, str], operations: frozenset[str] = ALL) -> Foretold:
    options = ChainCase("t", list(transforms)).options("d", "p")
    return foretell(Chain(transforms_of(options)), samples(TRUNCATED, operations, tombstones=True))


def test_content_based_routers_decide_for_their_topics_only() -> None:
    router = {
        "type": f"{D}ContentBasedRouter",
        "language": "jsr223.groovy",
        "topic.expression": "value.op",
        "topic.regex": "other",
    }
    assert of(router).is_certain
    found = of(router | {"topic.regex": r"p\..*"})
    assert found.undecided == (
        "transform 't0' (io.debezium.transforms.ContentBasedRouter) names topics by the expression value.op",
    )
    assert [one.value for one in found.records] == [None], "tombstones are kept where they are"


def test_expression_filters_and_dropped_operations_leave_no_doubt() -> None:
    never = {"type": f"{D}Filter", "language": "jsr223.groovy", "condition": "false"}
    assert {one.topic for one in of(never).records} == {"p.d.t"}
    assert of({"type": f"{K}Filter"}) == Foretold(())
    unwrap = {"type": f"{D}ExtractNewRecordState"}
    assert of(unwrap, operations=frozenset("t")) == Foretold(())


def test_a_sample_that_cannot_be_taken_is_told_in_the_transforms_words() -> None:
    missing = of({"type": f"{D}ExtractNewRecordState"}, {"type": f"{K}ValueToKey", "fields": "gone"})
    assert not missing.is_certain
    assert (
        "transform 't1' (org.apache.kafka.connect.transforms.ValueToKey): Field does not exist: gone" in missing.failed
    )
