"""Chains on recorded records, held against what real Connect made of the same rows with the same chains.

`data/recorded.json` was written by Debezium 3.6.1 on Kafka Connect 4.3.1 with `tests/parity/transforms_setup.sql` and
`transforms_stream.sql`, once without transforms (`inputs`) and once by each chain of `transform_chains` that the
recording holds. Schemas are kept once each, under `schemas`.
"""

from __future__ import annotations

import json
import re
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from faust_cdc.config.transforms import transforms_of
from faust_cdc.transforms.chain import Chain
from faust_cdc.transforms.record import Header, Record
from faust_cdc.transforms.schemas import STRING
from faust_cdc.transforms.values import header_text
from faust_cdc_schemas.connect_document import avro_document
from faust_cdc_schemas.connect_schema import ConnectSchema, connect_schema
from tests.parity.transform_chains import CHAINS, ChainCase
from tests.parity.transform_sides import VOLATILE

RECORDED = json.loads((Path(__file__).parent / "data" / "recorded.json").read_text())
MERGED = ("logical", "logicalkey", "partition")
SCHEMAS: list[Any] = RECORDED["schemas"]
PARSED: dict[int, ConnectSchema] = {number: connect_schema(one) for number, one in enumerate(SCHEMAS)}


def part(recorded: Any) -> tuple[ConnectSchema | None, Any]:
    if recorded is None:
        return None, None
    return PARSED[recorded["schema"]], real(recorded["value"])


def real(value: Any) -> Any:
    """Return a recorded value with its bytes."""
    if isinstance(value, dict):
        return {name: real(one) for name, one in value.items()}
    if isinstance(value, list):
        return [real(one) for one in value]
    return bytes.fromhex(value[6:]) if isinstance(value, str) and value.startswith("bytes ") else value


def still(value: Any) -> Any:
    """Return a value as recordings show it."""
    if isinstance(value, dict):
        return {name: "*" if VOLATILE.search(name) else still(one) for name, one in value.items()}
    if isinstance(value, list):
        return [still(one) for one in value]
    return f"bytes {value.hex()}" if isinstance(value, bytes) else value


def shown(schema: ConnectSchema | None, value: Any) -> Any:
    return None if value is None or schema is None else {"schema": avro_document(schema), "value": still(value)}


def written_out(recorded: Any) -> Any:
    return None if recorded is None else {"schema": SCHEMAS[recorded["schema"]], "value": recorded["value"]}


def transformed(case: ChainCase) -> list[Any]:
    options = case.options("smt", "PREFIX")
    chain = Chain(transforms_of(options))
    source = RECORDED["inputs"]["connect" if "time.precision.mode" in case.more else "none"]
    wanted = re.compile(rf"PREFIX\.smt\.({case.tables})")
    made = []
    for topic, _, key, value, headers in source:
        if wanted.fullmatch(topic) is None:
            continue
        given = tuple(Header(name, STRING, text, None if text is None else text.encode()) for name, text in headers)
        record = chain.apply(Record(topic, *part(key), *part(value), given))
        if record is not None:
            made.append(record)
    return [
        [
            one.topic,
            one.partition,
            shown(one.key_schema, one.key),
            shown(one.value_schema, one.value),
            headers_of(one),
        ]
        for one in made
    ]


def headers_of(record: Record) -> list[Any]:
    found: list[Any] = []
    for one in record.headers:
        raw = one.raw if one.raw is not None else header_text(one.schema, one.value)
        volatile = VOLATILE.search(one.name) or one.name.endswith("runId")
        shown_header = [one.name, "*" if volatile else None if raw is None else raw.decode()]
        if shown_header not in found:
            found.append(shown_header)
    return found


@pytest.mark.parametrize("name", sorted(RECORDED["chains"]))
def test_a_chain_gives_what_real_connect_recorded(name: str) -> None:
    theirs = [
        [topic, partition, written_out(key), written_out(value), headers]
        for topic, partition, key, value, headers, *_ in RECORDED["chains"][name]
    ]
    ours = transformed(CHAINS[name])
    for one in ours:
        # Without one of its own a record goes by its key, which is the producer's business.
        one[1] = one[1] if name == "partition" and one[1] is not None else None
    for one in theirs:
        one[1] = one[1] if name == "partition" and one[3] is not None else None
    # The order within a topic is the stream's, but where tables or partitions are merged that were recorded apart.
    key = json.dumps if name in MERGED else itemgetter(0)
    assert json.dumps(sorted(ours, key=key), indent=1) == json.dumps(sorted(theirs, key=key), indent=1)
    assert ours
