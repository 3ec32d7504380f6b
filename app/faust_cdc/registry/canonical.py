"""Avro schema texts: validated, and printed as Java's Avro prints them.

Confluent's registry gives one id to one *canonical string*: what Java's `Schema.toString()` makes of a schema
(Avro 1.12, `Schema.toJson`): no blanks, `type` first, then `name`, `namespace` (only where it differs from the
enclosing one), `doc`, the body, other properties in the order they were given, aliases last; a named type is
written in full once and by name afterwards. It is not the Parsing Canonical Form: docs, defaults and properties
count. Kafka Connect's Avro converters send exactly this text, so ours pass through unchanged, and a text by
another client that differs in blanks or key order alone gets the same id.

Unlike the `avro` library, Java checks the names of types but not their namespaces (a database may be called
`my-shop`), and checks that defaults fit their types; so does this module.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

AvroJson = dict[str, Any] | list[Any] | str

PRIMITIVES: Final = frozenset(("null", "boolean", "int", "long", "float", "double", "bytes", "string"))
_RECORDS: Final = frozenset(("record", "error"))
_NAMED: Final = _RECORDS | {"enum", "fixed"}
_NAME: Final = re.compile(r"[^\W\d]\w*\Z")
_DEPTH_MAX: Final = 200
_INT_RANGE: Final = {"int": 2**31, "long": 2**63}
# What each kind of schema consumes itself; everything else is a property and printed in its given order.
_RESERVED: Final = {
    "record": frozenset(("type", "name", "namespace", "doc", "fields", "aliases")),
    "enum": frozenset(("type", "name", "namespace", "doc", "symbols", "default", "aliases")),
    "fixed": frozenset(("type", "name", "namespace", "doc", "size", "aliases")),
    "array": frozenset(("type", "items")),
    "map": frozenset(("type", "values")),
    "field": frozenset(("name", "type", "doc", "default", "order", "aliases")),
}


class InvalidSchema(Exception):
    """A text that is not an Avro schema; says where in it and why."""


@dataclass(frozen=True)
class AvroSchema:
    """A valid Avro schema: `text` as Java's Avro prints it, `document` its parsed JSON."""

    text: str
    document: AvroJson


def parse_avro(text: str) -> AvroSchema:
    """Validate an Avro schema text and print it canonically; raises InvalidSchema."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        # Confluent accepts a bare primitive name as well as its JSON string.
        if text in PRIMITIVES:
            return AvroSchema(f'"{text}"', text)
        raise InvalidSchema(f"not JSON: {exc}") from exc
    printed = _Canonical().schema(document, namespace=None, where="", depth=0)
    return AvroSchema(dump_json(printed), printed)


def dump_json(value: object) -> str:
    """JSON as Jackson writes it: no blanks, non-ASCII as is, `\\u001F` in upper case, doubles as Java prints."""
    if isinstance(value, str):
        return _dump_string(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, float):
        return _dump_double(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_dump_string(str(k))}:{dump_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump_json, value)) + "]"
    return json.dumps(value)


def _dump_string(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if "\\u" not in text:
        return text
    # The group keeps an escaped backslash before a literal "u" out of the way.
    return re.sub(r"(\\\\)|\\u([0-9a-f]{4})", lambda m: m[1] or "\\u" + m[2].upper(), text)


def _dump_double(value: float) -> str:
    """`Double.toString`: plain between 1e-3 and 1e7, otherwise d.dddE±n, always with a fraction digit."""
    text = repr(value)
    magnitude = abs(value)
    if magnitude == 0 or 1e-3 <= magnitude < 1e7:
        return text
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    point = int(exponent or 0) + len(whole)
    digits = whole + (fraction if fraction != "0" else "")
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0") or "0"
    return f"{sign}{stripped[0]}.{stripped[1:] or '0'}E{point - 1}"


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class _Canonical:
    """One walk over one schema: checks it and rebuilds it in Java's order of attributes."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, Any]] = {}

    def schema(self, node: object, *, namespace: str | None, where: str, depth: int) -> AvroJson:
        if depth > _DEPTH_MAX:
            raise InvalidSchema(f"{where or '/'}: nested deeper than {_DEPTH_MAX}")
        if isinstance(node, str):
            return self._reference(node, namespace, where)
        if isinstance(node, list):
            return self._union(node, namespace, where, depth)
        if not isinstance(node, dict):
            raise InvalidSchema(f"{where or '/'}: a schema is a name, an object or an array, not {node!r}")
        kind = node.get("type")
        if isinstance(kind, dict | list):
            return self.schema(kind, namespace=namespace, where=f"{where}/type", depth=depth + 1)
        if not isinstance(kind, str):
            raise InvalidSchema(f"{where or '/'}: no type")
        if kind in PRIMITIVES:
            others = {k: v for k, v in node.items() if k != "type"}
            return {"type": kind, **others} if others else kind
        if kind in _NAMED:
            return self._named_type(kind, node, namespace, where, depth)
        if kind in ("array", "map"):
            inner = "items" if kind == "array" else "values"
            if inner not in node:
                raise InvalidSchema(f"{where or '/'}: {kind} without {inner}")
            element = self.schema(node[inner], namespace=namespace, where=f"{where}/{inner}", depth=depth + 1)
            return {"type": kind, inner: element, **_properties(kind, node)}
        return self._reference(kind, namespace, where)

    def _reference(self, name: str, namespace: str | None, where: str) -> str:
        if name in PRIMITIVES:
            return name
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        if full not in self._named:
            # Java falls back to the null namespace for an unqualified name.
            if "." in name or name not in self._named:
                raise InvalidSchema(f"{where or '/'}: undefined name {full!r}")
            full = name
        space, _, short = full.rpartition(".")
        return short if space == (namespace or "") and short not in PRIMITIVES else full

    def _union(self, node: list[Any], namespace: str | None, where: str, depth: int) -> list[Any]:
        branches = [
            self.schema(branch, namespace=namespace, where=f"{where}/{i}", depth=depth + 1)
            for i, branch in enumerate(node)
        ]
        seen: set[str] = set()
        for branch in branches:
            if isinstance(branch, list):
                raise InvalidSchema(f"{where or '/'}: a union directly inside a union")
            name = self._branch_name(branch, namespace)
            if name in seen:
                raise InvalidSchema(f"{where or '/'}: duplicate in union: {name}")
            seen.add(name)
        return branches

    def _branch_name(self, branch: AvroJson, namespace: str | None) -> str:
        if isinstance(branch, dict):
            kind = str(branch["type"])
            return _full_name(branch, namespace) if kind in _NAMED else kind
        name = str(branch)
        return name if name in PRIMITIVES or "." in name or not namespace else f"{namespace}.{name}"

    def _named_type(
        self, kind: str, node: dict[str, Any], namespace: str | None, where: str, depth: int
    ) -> dict[str, Any]:
        name = node.get("name")
        if not isinstance(name, str):
            raise InvalidSchema(f"{where or '/'}: {kind} without a name")
        full = _full_name(node, namespace)
        space, _, short = full.rpartition(".")
        _check_name(short, where)
        if full in self._named or full in PRIMITIVES:
            raise InvalidSchema(f"{where or '/'}: can't redefine {full}")
        printed: dict[str, Any] = {"type": kind, "name": short}
        if space != (namespace or ""):
            printed["namespace"] = space
        if isinstance(node.get("doc"), str):
            printed["doc"] = node["doc"]
        self._named[full] = printed
        if kind in _RECORDS:
            self._record_body(printed, node, space or None, where, depth)
        elif kind == "enum":
            _enum_body(printed, node, where)
        else:
            size = node.get("size")
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise InvalidSchema(f"{where or '/'}: fixed {full} needs a size, found {size!r}")
            printed["size"] = size
        printed.update(_properties("record" if kind == "error" else kind, node))
        if node.get("aliases"):
            printed["aliases"] = list(node["aliases"])
        return printed

    def _record_body(
        self, printed: dict[str, Any], node: dict[str, Any], namespace: str | None, where: str, depth: int
    ) -> None:
        fields = node.get("fields")
        if not isinstance(fields, list):
            raise InvalidSchema(f"{where or '/'}: record {node['name']} has no array of fields")
        printed["fields"] = []
        seen: set[str] = set()
        for i, field in enumerate(fields):
            at = f"{where}/fields/{i}"
            name = field.get("name") if isinstance(field, dict) else None
            if not isinstance(name, str) or "type" not in field:
                raise InvalidSchema(f"{at}: a field needs a name and a type")
            _check_name(name, at)
            if name in seen:
                raise InvalidSchema(f"{at}: duplicate field {name} in record {node['name']}")
            seen.add(name)
            printed["fields"].append(self._field(field, namespace, at, depth))

    def _field(self, field: dict[str, Any], namespace: str | None, at: str, depth: int) -> dict[str, Any]:
        schema = self.schema(field["type"], namespace=namespace, where=f"{at}/type", depth=depth + 1)
        printed: dict[str, Any] = {"name": field["name"], "type": schema}
        if isinstance(field.get("doc"), str):
            printed["doc"] = field["doc"]
        if "default" in field:
            if not self._fits(schema, field["default"], namespace):
                raise InvalidSchema(
                    f"{at}: invalid default for field {field['name']}: {dump_json(field['default'])}"
                    f" is not a {dump_json(schema)}"
                )
            printed["default"] = field["default"]
        order = field.get("order", "ascending")
        if order != "ascending":
            printed["order"] = order
        if field.get("aliases"):
            printed["aliases"] = list(field["aliases"])
        printed.update(_properties("field", field))
        return printed

    def _fits(self, schema: AvroJson, value: object, namespace: str | None) -> bool:
        """Java's `Schema.isValidDefault`: for a union any branch may match."""
        if isinstance(schema, list):
            return any(self._fits(branch, value, namespace) for branch in schema)
        space = namespace
        if isinstance(schema, str) and schema not in PRIMITIVES:
            full = self._branch_name(schema, namespace)
            schema = self._named.get(full) or self._named[schema]
            space = full.rpartition(".")[0]
        elif isinstance(schema, dict) and schema["type"] in _NAMED:
            space = _full_name(schema, namespace).rpartition(".")[0]
        kind = schema if isinstance(schema, str) else str(schema["type"])
        if isinstance(schema, dict) and kind in ("array", "map"):
            inner = schema["items" if kind == "array" else "values"]
            if not isinstance(value, list if kind == "array" else dict):
                return False
            values = value if isinstance(value, list) else list(value.values())
            return all(self._fits(inner, item, space) for item in values)
        if isinstance(schema, dict) and kind in _RECORDS:
            return isinstance(value, dict) and all(
                self._fits(field["type"], value[field["name"]], space) if field["name"] in value else "default" in field
                for field in schema["fields"]
            )
        return _fits_scalar(kind, value)


def _fits_scalar(kind: str, value: object) -> bool:
    if kind in ("string", "bytes", "enum", "fixed"):
        return isinstance(value, str)
    if kind == "null":
        return value is None
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if kind in _INT_RANGE:
        limit = _INT_RANGE[kind]
        return isinstance(value, int) and -limit <= value < limit
    return isinstance(value, int | float)


def _full_name(node: dict[str, Any], namespace: str | None) -> str:
    name = str(node["name"])
    if "." in name:
        return name.removeprefix(".")
    space = node.get("namespace", namespace)
    return f"{space}.{name}" if space else name


def _check_name(name: str, where: str) -> None:
    if not _NAME.match(name):
        raise InvalidSchema(f"{where or '/'}: illegal name {name!r}: letters, digits and _, no digit first")


def _enum_body(printed: dict[str, Any], node: dict[str, Any], where: str) -> None:
    symbols = node.get("symbols")
    if not isinstance(symbols, list) or not all(isinstance(s, str) for s in symbols):
        raise InvalidSchema(f"{where or '/'}: enum {node['name']} has no array of symbols")
    for symbol in symbols:
        _check_name(symbol, where)
    if len(set(symbols)) != len(symbols):
        raise InvalidSchema(f"{where or '/'}: duplicate enum symbol in {node['name']}")
    printed["symbols"] = list(symbols)
    if "default" in node:
        if node["default"] not in symbols:
            raise InvalidSchema(f"{where or '/'}: enum default {node['default']!r} is not among its symbols")
        printed["default"] = node["default"]


def _properties(kind: str, node: dict[str, Any]) -> dict[str, Any]:
    reserved = _RESERVED[kind]
    return {key: value for key, value in node.items() if key not in reserved}
