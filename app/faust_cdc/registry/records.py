"""Confluent's record format of the `_schemas` topic, so that a Confluent registry could read our topic and we its.

Keys and values are JSON (confluentinc/schema-registry, `storage/SchemaKey`, `ConfigKey`, `ModeKey`,
`DeleteSubjectKey`, `NoopKey` and their values):

    {"keytype":"SCHEMA","subject":"s","version":1,"magic":1}   {"subject","version","id","schema","deleted"}
    {"keytype":"CONFIG","subject":"s"|null,"magic":0}          {"compatibilityLevel":"BACKWARD"}
    {"keytype":"MODE","subject":"s"|null,"magic":0}            {"mode":"READWRITE"}
    {"keytype":"DELETE_SUBJECT","subject":"s","magic":0}       {"subject":"s","version":3}: 1..3 soft-deleted
    {"keytype":"NOOP","magic":0}                               Confluent's marker of the log's end

`schemaType` stands in a value only when it is not AVRO. An empty value takes the key away. Values may carry more
properties (references, metadata, ruleSet, guid); they are kept when a record is written again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple


class LogRecord(NamedTuple):
    """One record of the topic; `value` None is a tombstone."""

    key: bytes
    value: bytes | None


class MalformedRecord(Exception):
    """A record of the topic that is not in Confluent's format."""


@dataclass(frozen=True)
class RecordKey:
    """A parsed key; `subject` None is the global setting; `version` only for SCHEMA."""

    keytype: str
    subject: str | None = None
    version: int | None = None


def schema_record(subject: str, version: int, value: dict[str, Any] | None) -> LogRecord:
    """The record that puts (or, with None, erases) one version of a subject."""
    key = {"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1}
    return LogRecord(_dump(key), None if value is None else _dump(value))


def schema_value(subject: str, version: int, schema_id: int, schema: str) -> dict[str, Any]:
    """The value of a new Avro version."""
    return {"subject": subject, "version": version, "id": schema_id, "schema": schema, "deleted": False}


def config_record(subject: str | None, level: str | None) -> LogRecord:
    """The record that sets (or, with None, erases) a compatibility level."""
    key = {"keytype": "CONFIG", "subject": subject, "magic": 0}
    return LogRecord(_dump(key), None if level is None else _dump({"compatibilityLevel": level}))


def mode_tombstone(subject: str) -> LogRecord:
    """The record that erases a subject's mode."""
    return LogRecord(_dump({"keytype": "MODE", "subject": subject, "magic": 0}), None)


def delete_subject_record(subject: str, version: int) -> LogRecord:
    """The record that soft-deletes the versions 1..`version` of a subject."""
    key = {"keytype": "DELETE_SUBJECT", "subject": subject, "magic": 0}
    return LogRecord(_dump(key), _dump({"subject": subject, "version": version}))


def parse_key(key: bytes | None) -> RecordKey:
    """Parse a key in any order of properties; raises MalformedRecord."""
    document = _load(key)
    keytype, subject, version = document.get("keytype"), document.get("subject"), document.get("version")
    if not isinstance(keytype, str):
        raise MalformedRecord(f"no keytype in {document}")
    if subject is not None and not isinstance(subject, str):
        raise MalformedRecord(f"subject is not a text in {document}")
    if keytype in ("SCHEMA", "DELETE_SUBJECT", "CLEAR_SUBJECT") and subject is None:
        raise MalformedRecord(f"no subject in {document}")
    if keytype == "SCHEMA" and (not isinstance(version, int) or version < 1):
        raise MalformedRecord(f"no version in {document}")
    return RecordKey(keytype, subject, version if isinstance(version, int) else None)


def parse_value(value: bytes) -> dict[str, Any]:
    """Parse a value that is not a tombstone; raises MalformedRecord."""
    return _load(value)


def _load(data: bytes | None) -> dict[str, Any]:
    try:
        document = json.loads(data or b"")
    except ValueError as exc:
        raise MalformedRecord(f"not JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise MalformedRecord("not a JSON object")
    return document


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
