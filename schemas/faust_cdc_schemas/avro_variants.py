"""Avro documents under the options of Confluent's AvroData that change the schema itself.

`connect.meta.data=false` leaves Connect's properties out; `scrub.invalid.names=true` makes names legal that Avro
refuses (`io.confluent.connect.avro.AvroData.doScrubName`).
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote_plus

_META: Final = frozenset(f"connect.{name}" for name in ("version", "parameters", "default", "name", "type", "doc"))
_LEGAL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_]")


def without_connect_metadata(avro: Any) -> Any:
    """Return the schema without Connect's properties; a primitive with no others left is its bare name."""
    if isinstance(avro, list):
        return [without_connect_metadata(one) for one in avro]
    if not isinstance(avro, dict):
        return avro
    left = {name: value for name, value in avro.items() if name not in _META}
    if left.get("type") == "record":
        left["fields"] = [{**one, "type": without_connect_metadata(one["type"])} for one in left["fields"]]
    if left.get("type") == "array":
        left["items"] = without_connect_metadata(left["items"])
    if left.get("type") == "map":
        left["values"] = without_connect_metadata(left["values"])
    return left["type"] if len(left) == 1 else left


def scrubbed(avro: Any) -> Any:
    """Return the schema with legal names of records, namespaces and fields; Connect's own name stays as it is."""
    if isinstance(avro, list):
        return [scrubbed(one) for one in avro]
    if isinstance(avro, str):
        return ".".join(map(scrubbed_name, avro.split(".")))
    made = dict(avro)
    if made["type"] == "record":
        made["name"] = scrubbed_name(made["name"])
        if "namespace" in made:
            made["namespace"] = ".".join(map(scrubbed_name, made["namespace"].split(".")))
        made["fields"] = [
            {**one, "name": scrubbed_name(one["name"]), "type": scrubbed(one["type"])} for one in made["fields"]
        ]
    elif made["type"] == "array":
        made["items"] = scrubbed(made["items"])
    elif made["type"] == "map":
        made["values"] = scrubbed(made["values"])
    return made


def scrubbed_name(name: str) -> str:
    """Return a name as Confluent scrubs it: encoded as in a URL, an `x` before a leading digit, `_` for the rest."""
    if not name or _LEGAL.fullmatch(name):
        return name
    encoded = quote_plus(name, safe="*-._").replace("~", "%7E")
    return _ILLEGAL.sub("_", f"x{encoded}" if encoded[0] in "0123456789" else encoded)


def full_name(record: dict[str, Any]) -> str:
    """Return the full name of a record's document."""
    return f"{record['namespace']}.{record['name']}" if record.get("namespace") else str(record["name"])
