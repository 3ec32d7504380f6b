"""The difference of two Avro schemas in words: what a person needs to see when a registry refuses a version.

Named types are compared by their full name, so what a Debezium envelope shares between `before` and `after` is
said once. Sentences name the record's short name and the field.
"""

from __future__ import annotations

from typing import Any, Final

from faust_cdc.registry.canonical import PRIMITIVES, dump_json

_LINES_MAX: Final = 20


def describe_difference(old: object, new: object) -> list[str]:
    """Sentences for each added, removed or changed field, symbol, size, name or type; at most 20 and a count."""
    before, after = _Types(old), _Types(new)
    lines: list[str] = []
    if before.root != after.root:
        lines.append(f"the schema was {before.root}, is {after.root}")
    for name, old_type in before.named.items():
        new_type = after.named.get(name)
        if new_type is not None:
            lines += _named_difference(name.rpartition(".")[2], old_type, new_type)
    renamed = before.root != after.root and before.root_record and after.root_record
    if renamed:
        lines += _named_difference(after.root, before.named[before.root], after.named[after.root])
    if len(lines) > _LINES_MAX:
        lines = [*lines[:_LINES_MAX], f"and {len(lines) - _LINES_MAX} more"]
    return lines


class _Types:
    """All named types of a schema by full name, each with its fields' types as text."""

    def __init__(self, document: object) -> None:
        self.named: dict[str, dict[str, Any]] = {}
        self.root = self._visit(document, "")
        self.root_record = self.root in self.named

    def _visit(self, node: Any, space: str) -> str:
        if isinstance(node, list):
            return "[" + ", ".join(self._visit(item, space) for item in node) + "]"
        if not isinstance(node, dict):
            name = str(node)
            return name if name in PRIMITIVES or "." in name or not space else f"{space}.{name}"
        kind = node.get("type")
        if kind in ("record", "error", "enum", "fixed"):
            return self._visit_named(node, space)
        if kind == "array":
            return f"array of {self._visit(node.get('items'), space)}"
        if kind == "map":
            return f"map of {self._visit(node.get('values'), space)}"
        text = self._visit(kind, space)
        meaning = node.get("connect.name") or node.get("logicalType")
        return f"{text} ({meaning})" if meaning else text

    def _visit_named(self, node: dict[str, Any], space: str) -> str:
        name = str(node.get("name"))
        space = str(node.get("namespace", space)) if "." not in name else name.rpartition(".")[0]
        full = name if "." in name or not space else f"{space}.{name}"
        entry: dict[str, Any] = {"kind": node["type"], "size": node.get("size")}
        self.named[full] = entry
        entry["symbols"] = list(node.get("symbols", ()))
        entry["fields"] = {
            str(field["name"]): (self._visit(field["type"], space), field) for field in node.get("fields", ())
        }
        return full


def _named_difference(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    lines = []
    if old["kind"] != new["kind"]:
        lines.append(f"{name} was a {old['kind']}, is a {new['kind']}")
    if old["size"] != new["size"]:
        lines.append(f"size of {name} was {old['size']}, is {new['size']}")
    lines += [f"symbol {s} removed from {name}" for s in old["symbols"] if s not in new["symbols"]]
    lines += [f"symbol {s} added to {name}" for s in new["symbols"] if s not in old["symbols"]]
    before, after = old["fields"], new["fields"]
    for field, (kind, declaration) in before.items():
        if field not in after:
            lines.append(f"field {name}.{field} removed ({kind}, {_default(declaration)})")
            continue
        new_kind, new_declaration = after[field]
        if kind != new_kind:
            lines.append(f"field {name}.{field} changed from {kind} to {new_kind}")
        if _default(declaration) != _default(new_declaration):
            lines.append(f"field {name}.{field} had {_default(declaration)}, has {_default(new_declaration)}")
    for field, (kind, declaration) in after.items():
        if field not in before:
            lines.append(f"field {name}.{field} added ({kind}, {_default(declaration)})")
    return lines


def _default(field: dict[str, Any]) -> str:
    return f"default {dump_json(field['default'])}" if "default" in field else "no default"
