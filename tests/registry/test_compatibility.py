"""All seven levels, on the changes that tables make."""

import json

import pytest

from faust_cdc.registry.canonical import parse_avro
from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities

L = CompatibilityLevel
INT = {"name": "id", "type": "int"}
OPTIONAL = {"name": "note", "type": ["null", "string"], "default": None}
REQUIRED = {"name": "must", "type": "string"}
DECIMAL = {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}}


def record(*fields: object) -> str:
    return json.dumps({"type": "record", "name": "Value", "namespace": "s.my-db.t", "fields": list(fields)})


def verdict(level: L, new: str, *earlier: str) -> bool:
    versions = [(i + 1, parse_avro(text)) for i, text in enumerate(earlier)]
    return not incompatibilities(parse_avro(new), versions, level)


@pytest.mark.parametrize(
    ("old", "new", "backward", "forward"),
    [
        (record(INT), record(INT), True, True),
        (record(INT), record(INT, OPTIONAL), True, True),
        (record(INT), record(INT, REQUIRED), False, True),
        (record(INT, REQUIRED), record(INT), True, False),
        (record(INT, OPTIONAL), record(INT), True, True),
        (record(INT), record({"name": "id", "type": "long"}), True, False),
        (record({"name": "id", "type": "long"}), record(INT), False, True),
        (record(INT), record({"name": "id", "type": ["null", "int"]}), True, False),
        (record(INT), record({"name": "renamed", "type": "int"}), False, False),
        (record(DECIMAL), record({**DECIMAL, "type": "bytes"}), True, True),
    ],
)
def test_two_versions(old: str, new: str, backward: bool, forward: bool) -> None:
    assert verdict(L.BACKWARD, new, old) is backward
    assert verdict(L.FORWARD, new, old) is forward
    assert verdict(L.FULL, new, old) is (backward and forward)
    assert verdict(L.NONE, new, old)


def test_transitive_levels_look_at_every_version() -> None:
    first, second, third = record(INT, REQUIRED), record(INT), record(INT, {**REQUIRED, "type": "int", "default": 1})
    assert verdict(L.BACKWARD, third, first, second)
    assert not verdict(L.BACKWARD_TRANSITIVE, third, first, second)
    assert verdict(L.FORWARD, third, record(INT, {**REQUIRED, "type": "boolean"}), second) is True
    assert not verdict(L.FORWARD_TRANSITIVE, third, record(INT, {**REQUIRED, "type": "boolean"}), second)
    assert not verdict(L.FULL_TRANSITIVE, third, first, second)


def test_the_problem_names_field_version_and_level() -> None:
    problems = incompatibilities(parse_avro(record(INT, REQUIRED)), [(4, parse_avro(record(INT)))], L.BACKWARD)
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in problems[0]
    assert "must" in problems[0]
    assert problems[1:] == ["{oldSchemaVersion: 4}", "{compatibility: 'BACKWARD'}"]


def test_a_first_version_is_compatible_with_anything() -> None:
    assert verdict(L.FULL_TRANSITIVE, record(REQUIRED))
