"""The registry's state as a pure function of the `_schemas` records, in log order.

Rules taken from Confluent's `KafkaStoreMessageHandler` and `InMemoryCache`:
- one id belongs to one schema content; a record that gives a known id to another content is ignored;
- the id of a content is shared by all subjects that hold it, and stays found by id after a soft delete;
- DELETE_SUBJECT marks every version up to its own as deleted;
- an empty value takes a version out entirely (permanent delete).
Subjects in contexts (`:.name:subject`) have id spaces of their own, which are not served: their records are skipped.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any, Final

from faust_cdc.registry.compatibility import CompatibilityLevel
from faust_cdc.registry.records import LogRecord, MalformedRecord, RecordKey, parse_key, parse_value

logger = logging.getLogger(__name__)

DEFAULT_LEVEL: Final = CompatibilityLevel.BACKWARD
DEFAULT_MODE: Final = "READWRITE"


@dataclass(frozen=True)
class SchemaVersion:
    """One version of a subject as the log has it; `value` is the whole record value, kept for rewriting."""

    subject: str
    version: int
    schema_id: int
    schema: str
    deleted: bool
    value: dict[str, Any] = field(repr=False, compare=False)

    @property
    def schema_type(self) -> str:
        """AVRO, JSON or PROTOBUF."""
        return str(self.value.get("schemaType") or "AVRO")

    @property
    def references(self) -> list[Any]:
        """Schema references of a Confluent-written version; ours have none."""
        return list(self.value.get("references") or ())

    @property
    def content(self) -> str:
        """What shares one id: the text, its type, and whatever else Confluent hashes with it."""
        extras = {k: self.value[k] for k in ("schemaType", "references", "metadata", "ruleSet") if self.value.get(k)}
        return self.schema if not extras else f"{self.schema} {json.dumps(extras, sort_keys=True)}"


class SchemaStore:
    """The state machine: feed it the records, ask it what holds. Not thread-safe; no I/O."""

    def __init__(self) -> None:
        self._subjects: dict[str, dict[int, SchemaVersion]] = {}
        self._by_id: dict[int, dict[tuple[str, int], SchemaVersion]] = {}
        self._ids: dict[str, int] = {}
        self._levels: dict[str | None, CompatibilityLevel] = {}
        self._modes: dict[str | None, str] = {}
        self._id_max = 0
        self.skipped_count = 0

    def apply(self, record: LogRecord) -> None:
        """Take in one record; what is not understood is counted and logged, as Confluent's reader does."""
        try:
            key = parse_key(record.key)
            value = None if record.value is None else parse_value(record.value)
            self._dispatch(key, value)
        except (MalformedRecord, KeyError, TypeError, ValueError) as exc:
            self.skipped_count += 1
            logger.warning("schema registry: a record of the schemas topic is skipped: %s", exc)

    def _dispatch(self, key: RecordKey, value: dict[str, Any] | None) -> None:
        if key.subject is not None and key.subject.startswith(":."):
            raise MalformedRecord(f"subject {key.subject!r} is in a context, which is not served")
        if key.keytype == "SCHEMA":
            self._apply_schema(str(key.subject), int(key.version or 0), value)
        elif key.keytype == "CONFIG":
            if value is None or not value.get("compatibilityLevel"):
                self._levels.pop(key.subject, None)
            else:
                self._levels[key.subject] = CompatibilityLevel(str(value["compatibilityLevel"]).upper())
        elif key.keytype == "MODE":
            if value is None:
                self._modes.pop(key.subject, None)
            else:
                self._modes[key.subject] = str(value["mode"])
        elif key.keytype == "DELETE_SUBJECT" and value is not None:
            for version in self.versions(str(key.subject)):
                if version.version <= int(value["version"]):
                    self._put(self._marked_deleted(version))
        elif key.keytype == "CLEAR_SUBJECT" and value is not None:
            for version in self.versions(str(key.subject), deleted=True):
                self._remove(version)

    def _apply_schema(self, subject: str, version: int, value: dict[str, Any] | None) -> None:
        old = self._subjects.get(subject, {}).get(version)
        if value is None:
            if old is not None:
                self._remove(old)
            return
        new = SchemaVersion(subject, version, int(value["id"]), str(value["schema"]), bool(value.get("deleted")), value)
        holders = self._by_id.get(new.schema_id)
        if holders:
            holder = next(iter(holders.values()))
            if holder.content != new.content and list(holders) != [(subject, version)]:
                raise MalformedRecord(
                    f"id {new.schema_id} of {subject!r} version {version} already belongs to another schema"
                    f" (subject {holder.subject!r} version {holder.version})"
                )
        if old is not None:
            self._remove(old)
        self._put(new)

    @staticmethod
    def _marked_deleted(version: SchemaVersion) -> SchemaVersion:
        value = {**version.value, "deleted": True}
        return SchemaVersion(version.subject, version.version, version.schema_id, version.schema, True, value)

    def _put(self, version: SchemaVersion) -> None:
        self._subjects.setdefault(version.subject, {})[version.version] = version
        self._by_id.setdefault(version.schema_id, {})[version.subject, version.version] = version
        self._ids.setdefault(version.content, version.schema_id)
        self._id_max = max(self._id_max, version.schema_id)

    def _remove(self, version: SchemaVersion) -> None:
        versions = self._subjects[version.subject]
        del versions[version.version]
        if not versions:
            del self._subjects[version.subject]
        holders = self._by_id[version.schema_id]
        del holders[version.subject, version.version]
        if not holders:
            del self._by_id[version.schema_id]
            if self._ids.get(version.content) == version.schema_id:
                del self._ids[version.content]

    def subjects(self, *, prefix: str = "", deleted: bool = False) -> list[str]:
        """Subjects with a version that is not deleted (or any version, with `deleted`), sorted."""
        return sorted(
            subject
            for subject, versions in self._subjects.items()
            if subject.startswith(prefix) and (deleted or any(not v.deleted for v in versions.values()))
        )

    def versions(self, subject: str, *, deleted: bool = False) -> list[SchemaVersion]:
        """A subject's versions in ascending order, with the soft-deleted ones if asked."""
        versions = self._subjects.get(subject, {})
        return [versions[n] for n in sorted(versions) if deleted or not versions[n].deleted]

    def version(self, subject: str, version: int) -> SchemaVersion | None:
        """One version, deleted or not; None if it is not in the log."""
        return self._subjects.get(subject, {}).get(version)

    def by_id(self, schema_id: int) -> list[SchemaVersion]:
        """All versions, deleted ones too, that hold this id."""
        return list(self._by_id.get(schema_id, {}).values())

    def id_of(self, schema: str) -> int | None:
        """The id of a canonical Avro text, whichever subject holds it."""
        return self._ids.get(schema)

    @property
    def next_id(self) -> int:
        """One above every id seen in this log, even of versions erased since it was opened."""
        return self._id_max + 1

    @property
    def id_max(self) -> int:
        """The highest id seen; 0 if none."""
        return self._id_max

    def level(self, subject: str | None) -> CompatibilityLevel | None:
        """The level set for a subject, or globally with None; None where nothing is set."""
        return self._levels.get(subject)

    def effective_level(self, subject: str) -> CompatibilityLevel:
        """The subject's level, else the global one, else BACKWARD."""
        return self._levels.get(subject) or self._levels.get(None) or DEFAULT_LEVEL

    def mode(self, subject: str | None) -> str | None:
        """The mode set for a subject, or globally with None; None where nothing is set."""
        return self._modes.get(subject)

    def effective_mode(self, subject: str) -> str:
        """The subject's mode, else the global one, else READWRITE."""
        return self._modes.get(subject) or self._modes.get(None) or DEFAULT_MODE
