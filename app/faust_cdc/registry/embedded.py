"""A schema registry for people who have none: Confluent's semantics over a `SchemaLog`, without HTTP or asyncio.

Every worker serves it. Reads answer from memory after catching up with the log's end (a schema found by id is
immutable and needs no catching up); writes go through `_write`: claim the log, read to its end, decide from that
state, append. `SchemaLog.append` refuses if another worker claimed meanwhile, and then the decision is made anew
from the newer state: ids and versions are never given twice.

Errors carry Confluent's codes and texts (`rest/exceptions/Errors.java`).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from faust_cdc.errors import BrokerUnavailable
from faust_cdc.registry.canonical import AvroSchema, InvalidSchema, parse_avro
from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities
from faust_cdc.registry.log import MemorySchemaLog, RecordTooLarge, SchemaLog, WriterFenced
from faust_cdc.registry.records import (
    LogRecord,
    config_record,
    delete_subject_record,
    mode_tombstone,
    schema_record,
    schema_value,
)
from faust_cdc.registry.store import DEFAULT_LEVEL, DEFAULT_MODE, SchemaStore, SchemaVersion

__all__ = ["EmbeddedRegistry", "MemorySchemaLog", "RegistryProblem", "SchemaStore", "SchemaVersion"]

T = TypeVar("T")
VERSION_MAX: Final = 2**31 - 1
_WRITE_DEADLINE_S: Final = 20.0
_BACKOFF_S: Final = 0.02
_LEVEL_NAMES: Final = "none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive"


class RegistryProblem(Exception):
    """An answer other than 200: HTTP `status`, Confluent's `error_code`, and its message."""

    def __init__(self, status: int, error_code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message


class EmbeddedRegistry:
    """The registry's operations. Thread-safe; they block while the log is read or written.

    Raises RegistryProblem for what Confluent's registry would refuse, BrokerUnavailable and BrokerRefused when
    the log cannot be read or written.
    """

    def __init__(self, log: SchemaLog) -> None:
        self._log = log
        self._store = SchemaStore()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the log's connections."""
        with self._lock:
            self._log.close()

    def catch_up(self) -> None:
        """Read the log to its end; at a worker's start, to find out early that it cannot be read."""
        with self._lock:
            self._read()

    # ---- reads

    def subjects(self, *, prefix: str = "", deleted: bool = False) -> list[str]:
        """Names of all subjects, sorted."""
        return self._query(lambda store: store.subjects(prefix=prefix, deleted=deleted))

    def versions(self, subject: str, *, deleted: bool = False) -> list[int]:
        """Version numbers of a subject; 40401 if it has none."""
        return [v.version for v in self._query(lambda store: _existing(store, subject, deleted=deleted))]

    def version(self, subject: str, version: str, *, deleted: bool = False) -> SchemaVersion:
        """One version by number, `latest` or -1; 40401, 40402, 42202."""
        wanted = parse_version(version)

        def find(store: SchemaStore) -> SchemaVersion:
            versions = _existing(store, subject, deleted=deleted)
            if wanted is None:
                return versions[-1]
            return _pick(versions, wanted)

        return self._query(find)

    def by_id(self, schema_id: int) -> SchemaVersion:
        """A version that holds this id, the first one known; 40403."""
        return self.holders(schema_id, deleted=True)[0]

    def holders(self, schema_id: int, *, deleted: bool = False) -> list[SchemaVersion]:
        """All versions with this id; 40403 if there was never one."""
        with self._lock:
            found = self._store.by_id(schema_id)
            if not found or not deleted:
                self._read()
                found = self._store.by_id(schema_id)
        if not found:
            raise RegistryProblem(404, 40403, f"Schema {schema_id} not found")
        return [v for v in found if deleted or not v.deleted]

    def schemas(self, *, prefix: str = "", deleted: bool = False, latest: bool = False) -> list[SchemaVersion]:
        """All versions of all subjects, or the latest of each."""

        def collect(store: SchemaStore) -> list[SchemaVersion]:
            found: list[SchemaVersion] = []
            for subject in store.subjects(prefix=prefix, deleted=deleted):
                versions = store.versions(subject, deleted=deleted)
                found += versions[-1:] if latest else versions
            return found

        return self._query(collect)

    def id_max(self) -> int:
        """The highest id ever given."""
        return self._query(lambda store: store.id_max)

    def lookup(self, subject: str, schema: str, *, deleted: bool = False) -> SchemaVersion:
        """The version of a subject that holds this schema; 40401, 40403, 42201."""
        text = _parse(schema).text

        def find(store: SchemaStore) -> SchemaVersion:
            for version in reversed(_existing(store, subject, deleted=deleted)):
                if version.content == text:
                    return version
            raise RegistryProblem(404, 40403, "Schema not found")

        return self._query(find)

    def level(self, subject: str | None, *, default_to_global: bool = False) -> CompatibilityLevel:
        """The compatibility level of a subject or, with None, the global one; 40408."""

        def find(store: SchemaStore) -> CompatibilityLevel:
            found = store.level(subject)
            if found is None and (subject is None or default_to_global):
                return store.level(None) or DEFAULT_LEVEL
            if found is None:
                raise RegistryProblem(
                    404, 40408, f"Subject '{subject}' does not have subject-level compatibility configured"
                )
            return found

        return self._query(find)

    def mode(self, subject: str | None, *, default_to_global: bool = False) -> str:
        """The mode of a subject or, with None, the global one; 40409."""

        def find(store: SchemaStore) -> str:
            found = store.mode(subject)
            if found is None and (subject is None or default_to_global):
                return store.mode(None) or DEFAULT_MODE
            if found is None:
                raise RegistryProblem(404, 40409, f"Subject '{subject}' does not have subject-level mode configured")
            return found

        return self._query(find)

    def check(self, subject: str, schema: str, version: str | None = None) -> list[str]:
        """What makes a schema incompatible, under the subject's level, with one version or (None) all it counts.

        A subject without versions is compatible with anything under `latest`, as in Confluent's registry.
        """
        parsed = _parse(schema)
        wanted = None if version is None else parse_version(version)

        def run(store: SchemaStore) -> list[str]:
            versions = store.versions(subject)
            if version is not None and versions:
                versions = versions[-1:] if wanted is None else [_pick(versions, wanted)]
            elif wanted is not None:
                raise _no_subject(subject)
            return _breaks(store, subject, parsed, versions)

        return self._query(run)

    # ---- writes

    def register(self, subject: str, schema: str) -> int:
        """Add a schema to a subject and return its id; the same content has the same id everywhere.

        409/40901 with the details if the subject's level forbids it; 42201 if it is not Avro.
        """
        _check_subject(subject)
        parsed = _parse(schema)
        known = self._registered(subject, parsed)
        if known is not None:
            return known

        def decide(store: SchemaStore) -> tuple[list[LogRecord], int]:
            found = _live_id(store, subject, parsed)
            if found is not None:
                return [], found
            if store.effective_mode(subject).startswith("READONLY"):
                raise RegistryProblem(422, 42205, f"Subject {subject} is in read-only mode")
            problems = _breaks(store, subject, parsed, store.versions(subject))
            if problems:
                raise RegistryProblem(
                    409,
                    40901,
                    "Schema being registered is incompatible with an earlier schema for subject"
                    f' "{subject}", details: [{", ".join(problems)}]',
                )
            every = store.versions(subject, deleted=True)
            version = every[-1].version + 1 if every else 1
            schema_id = store.id_of(parsed.text) or store.next_id
            # A deleted version of the same content makes room, as in Confluent's register.
            records = [schema_record(subject, v.version, None) for v in every if v.deleted and v.schema_id == schema_id]
            value = schema_value(subject, version, schema_id, parsed.text)
            return [*records, schema_record(subject, version, value)], schema_id

        return self._write(decide)

    def set_level(self, subject: str | None, level: str | None) -> CompatibilityLevel:
        """Set the level of a subject or, with None, the global one; 42203."""
        try:
            parsed = CompatibilityLevel((level or "").upper())
        except (ValueError, AttributeError):
            raise RegistryProblem(422, 42203, f"Invalid compatibility level. Valid values are {_LEVEL_NAMES}") from None
        if subject is not None:
            _check_subject(subject)
        return self._write(lambda store: ([config_record(subject, parsed)], parsed))

    def delete_level(self, subject: str | None) -> CompatibilityLevel:
        """Take a level away and return what it was; 40401 if the subject has none."""

        def decide(store: SchemaStore) -> tuple[list[LogRecord], CompatibilityLevel]:
            old = store.level(subject)
            if old is None and subject is not None:
                raise _no_subject(subject)
            return [config_record(subject, None)] if old else [], old or DEFAULT_LEVEL

        return self._write(decide)

    def delete_subject(self, subject: str, *, permanent: bool = False) -> list[int]:
        """Soft-delete all versions (or erase soft-deleted ones); 40401, 40404, 40405."""

        def decide(store: SchemaStore) -> tuple[list[LogRecord], list[int]]:
            every = store.versions(subject, deleted=True)
            live = store.versions(subject)
            if not every:
                raise _no_subject(subject)
            if permanent and live:
                message = f"Subject '{subject}' was not deleted first before being permanently deleted"
                raise RegistryProblem(404, 40405, message)
            if permanent:
                return [schema_record(subject, v.version, None) for v in every], [v.version for v in every]
            if not live:
                message = f"Subject '{subject}' was soft deleted.Set permanent=true to delete permanently"
                raise RegistryProblem(404, 40404, message)
            records = [delete_subject_record(subject, live[-1].version)]
            if store.mode(subject):
                records.append(mode_tombstone(subject))
            if store.level(subject):
                records.append(config_record(subject, None))
            return records, [v.version for v in live]

        return self._write(decide)

    def delete_version(self, subject: str, version: str, *, permanent: bool = False) -> int:
        """Soft-delete one version (or erase a soft-deleted one); 40401, 40402, 40406, 40407, 42202."""
        wanted = parse_version(version)

        def decide(store: SchemaStore) -> tuple[list[LogRecord], int]:
            every = store.versions(subject, deleted=True)
            if not every:
                raise _no_subject(subject)
            live = [v for v in every if not v.deleted]
            found = _pick(every, wanted) if wanted is not None else (live or every)[-1]
            where = f"Subject '{subject}' Version {found.version}"
            if permanent and not found.deleted:
                message = f"{where} was not deleted first before being permanently deleted"
                raise RegistryProblem(404, 40407, message)
            if permanent:
                return [schema_record(subject, found.version, None)], found.version
            if found.deleted:
                message = f"{where} was soft deleted.Set permanent=true to delete permanently"
                raise RegistryProblem(404, 40406, message)
            value = {**found.value, "deleted": True}
            return [schema_record(subject, found.version, value)], found.version

        return self._write(decide)

    # ---- the log

    def _registered(self, subject: str, schema: AvroSchema) -> int | None:
        """Without claiming: most registrations repeat what is there."""
        return self._query(lambda store: _live_id(store, subject, schema))

    def _read(self, *, all_written: bool = False) -> None:
        for record in self._log.read_new(all_written=all_written):
            self._store.apply(record)

    def _query(self, question: Callable[[SchemaStore], T]) -> T:
        with self._lock:
            self._read()
            return question(self._store)

    def _write(self, decide: Callable[[SchemaStore], tuple[Sequence[LogRecord], T]]) -> T:
        deadline = time.monotonic() + _WRITE_DEADLINE_S
        attempt = 0
        while True:
            try:
                return self._write_once(decide)
            except WriterFenced as exc:
                if time.monotonic() > deadline:
                    raise BrokerUnavailable(
                        f"The embedded schema registry could not write for {_WRITE_DEADLINE_S:.0f} s: other"
                        f" writers kept taking over the schemas topic ({exc})."
                    ) from exc
            except RecordTooLarge as exc:
                raise RegistryProblem(422, 42209, f"Write failed because schema is too large: {exc}") from exc
            attempt += 1
            # Outside the lock, and jittered: two workers that fence each other in step would go on for ever.
            time.sleep(random.uniform(0, _BACKOFF_S * 2 ** min(attempt, 6)))

    def _write_once(self, decide: Callable[[SchemaStore], tuple[Sequence[LogRecord], T]]) -> T:
        with self._lock:
            self._log.claim()
            self._read(all_written=True)
            records, answer = decide(self._store)
            if records:
                self._log.append(records)
                self._read(all_written=True)
            return answer


def parse_version(text: str) -> int | None:
    """A version number, None for the latest; 42202."""
    if text in ("latest", "-1"):
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text) <= VERSION_MAX:
        return int(text)
    raise RegistryProblem(
        422,
        42202,
        f"The specified version '{text}' is not a valid version id. Allowed values are between [1, 2^31-1]"
        ' and the string "latest"',
    )


def _existing(store: SchemaStore, subject: str, *, deleted: bool) -> list[SchemaVersion]:
    versions = store.versions(subject, deleted=deleted)
    if not versions:
        raise _no_subject(subject)
    return versions


def _no_subject(subject: str) -> RegistryProblem:
    return RegistryProblem(404, 40401, f"Subject '{subject}' not found.")


def _pick(versions: Sequence[SchemaVersion], wanted: int) -> SchemaVersion:
    for version in versions:
        if version.version == wanted:
            return version
    raise RegistryProblem(404, 40402, f"Version {wanted} not found.")


def _live_id(store: SchemaStore, subject: str, schema: AvroSchema) -> int | None:
    for version in store.versions(subject):
        if version.content == schema.text:
            return version.schema_id
    return None


def _check_subject(subject: str) -> None:
    control = any(ord(c) < 32 or 127 <= ord(c) < 160 for c in subject)
    if not subject or control or subject in ("__GLOBAL", "__EMPTY") or subject.startswith(":."):
        raise RegistryProblem(422, 42208, f"The specified subject '{subject}' is not a valid subject.")


def _parse(schema: str) -> AvroSchema:
    try:
        return parse_avro(schema)
    except InvalidSchema as exc:
        raise RegistryProblem(422, 42201, f"Either the input schema or one its references is invalid: {exc}") from exc


def _breaks(store: SchemaStore, subject: str, new: AvroSchema, versions: Sequence[SchemaVersion]) -> list[str]:
    level = store.effective_level(subject)
    if level is CompatibilityLevel.NONE or not versions:
        return []
    earlier = []
    for version in versions if level.transitive else versions[-1:]:
        if version.schema_type != "AVRO" or version.references:
            return [
                f"{{errorType:'SCHEMA_TYPE', description:'version {version.version} is {version.schema_type}"
                f" with {len(version.references)} references, which this registry cannot compare'}}"
            ]
        earlier.append((version.version, parse_avro(version.schema)))
    return incompatibilities(new, earlier, level)
