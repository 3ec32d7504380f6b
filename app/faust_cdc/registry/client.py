"""Client of schema registries that speak Confluent's API: Confluent's own, Apicurio (`/apis/ccompat/v7`), ours.

Schemas are sent exactly as given: a text as it is, a document in its own order of properties without blanks. A
registry that compares texts (Apicurio does) then gives the id it gave to Kafka Connect's converter for the same
schema. Differences of Apicurio that are bridged here (seen on 3.0.9): an incompatible schema is error code 409
instead of 40901, `/mode` is a 404 with an empty body, `GET /config/{s}` of a known subject without its own level
and of an unknown subject differ, `verbose` gives no messages, the default level is NONE, and of two first
registrations for a subject at the same time one is told 409 "already exists". A subject without a rule of its own is
said to have NONE, while the global rule is what it is held to.
"""

from __future__ import annotations

import json
import threading
from typing import Any, Final
from urllib.parse import quote

from faust_cdc.errors import IncompatibleSchemaChange, RegistryRefused
from faust_cdc.registry.refusal import why_refused
from faust_cdc.registry.transport import Answer, RegistryConfig, RegistryTransport

__all__ = ["RegistryClient", "RegistryConfig", "SchemaDocument"]

SchemaDocument = dict[str, Any]
_CACHE_MAX: Final = 20_000
_NOT_FOUND_CODES: Final = range(40400, 40500)
_WORDS_MAX: Final = 2000
_RACES_MAX: Final = 5
_NORMALIZE: Final = "?normalize=true"


class RegistryClient:
    """Blocking and thread-safe. Every method may raise RegistryUnavailable (after all retries) and RegistryRefused.

    `stop`, when set, ends waiting for retries at once with RegistryUnavailable.
    """

    def __init__(self, config: RegistryConfig, *, stop: threading.Event | None = None) -> None:
        self._settings = config
        self._transport = RegistryTransport(config, stop)
        self._lock = threading.Lock()
        self._ids: dict[tuple[str, str, bool], int] = {}
        self._documents: dict[int, SchemaDocument] = {}

    def __repr__(self) -> str:
        return f"RegistryClient({', '.join(self._settings.urls)})"

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def register(self, subject: str, schema: str | SchemaDocument, *, normalize: bool = False) -> int:
        """The id of this schema under this subject, registering it if need be; asked once per subject and text.

        `normalize` lets the registry compare schemas in their normal form, where it has one.
        Raises IncompatibleSchemaChange, naming the subject, its level and what differs from the latest version.
        """
        text = _text(schema)
        known = self._ids.get((subject, text, normalize))
        if known is not None:
            return known
        answer = self._post_version(subject, text, normalize)
        schema_id = self._integer(self._expect(answer, f"registering a schema for subject {subject!r}"), "id")
        self._remember(subject, text, normalize, schema_id)
        return schema_id

    def lookup(self, subject: str, schema: str | SchemaDocument, *, normalize: bool = False) -> int | None:
        """The id of this schema if the subject already holds it, else None; never registers."""
        text = _text(schema)
        known = self._ids.get((subject, text, normalize))
        if known is not None:
            return known
        path = f"/subjects/{_quoted(subject)}{_NORMALIZE if normalize else ''}"
        answer = self._transport.request("POST", path, {"schema": text})
        if _is_not_found(answer):
            return None
        schema_id = self._integer(self._expect(answer, f"looking a schema up in subject {subject!r}"), "id")
        self._remember(subject, text, normalize, schema_id)
        return schema_id

    def schema_by_id(self, schema_id: int) -> SchemaDocument:
        """The schema with this id as a document (a bare `"string"` as `{"type": "string"}`); cached for ever."""
        known = self._documents.get(schema_id)
        if known is not None:
            return known
        answer = self._transport.request("GET", f"/schemas/ids/{int(schema_id)}")
        document = _document(self._schema_text(self._expect(answer, f"reading schema id {schema_id}")))
        with self._lock:
            if len(self._documents) >= _CACHE_MAX:
                self._documents.pop(next(iter(self._documents)))
            self._documents[schema_id] = document
        return document

    def subjects(self) -> list[str]:
        """Names of all subjects."""
        answer = self._expect(self._transport.request("GET", "/subjects"), "listing subjects")
        return [str(name) for name in self._list(answer)]

    def versions(self, subject: str) -> list[int]:
        """Version numbers of a subject; empty if it does not exist."""
        answer = self._transport.request("GET", f"/subjects/{_quoted(subject)}/versions")
        if _is_not_found(answer):
            return []
        return [int(n) for n in self._list(self._expect(answer, f"listing versions of {subject!r}"))]

    def latest(self, subject: str) -> tuple[int, int, SchemaDocument] | None:
        """The latest version of a subject as (version, id, schema); None if there is none."""
        answer = self._transport.request("GET", f"/subjects/{_quoted(subject)}/versions/latest")
        if _is_not_found(answer):
            return None
        self._expect(answer, f"reading the latest version of {subject!r}")
        return (
            self._integer(answer, "version"),
            self._integer(answer, "id"),
            _document(self._schema_text(answer)),
        )

    def version(self, subject: str, number: int) -> tuple[int, SchemaDocument]:
        """A version of a subject as (id, schema). RegistryRefused if there is none."""
        path = f"/subjects/{_quoted(subject)}/versions/{int(number)}"
        answer = self._expect(self._transport.request("GET", path), f"reading version {number} of {subject!r}")
        return self._integer(answer, "id"), _document(self._schema_text(answer))

    def compatible(self, subject: str, schema: str | SchemaDocument) -> tuple[bool, list[str]]:
        """Whether the subject's level allows this schema beside its versions, and why not if the registry says.

        A transitive level counts all versions, another the latest. A subject without versions allows everything.
        """
        counted = "" if self.level_in_force(subject)[0].endswith("_TRANSITIVE") else "/latest"
        path = f"/compatibility/subjects/{_quoted(subject)}/versions{counted}?verbose=true"
        answer = self._transport.request("POST", path, {"schema": _text(schema)})
        if _is_not_found(answer):
            return True, []
        body = self._expect(answer, f"checking a schema against {subject!r}").body
        verdict = body.get("is_compatible") if isinstance(body, dict) else None
        if not isinstance(verdict, bool):
            raise self._not_a_registry(answer, "is_compatible")
        return verdict, [str(message) for message in body.get("messages") or ()]

    def config(self, subject: str | None = None) -> str:
        """The compatibility level that holds for a subject (its own or the global one), or the global one."""
        if subject is not None:
            answer = self._transport.request("GET", f"/config/{_quoted(subject)}?defaultToGlobal=true")
            if not _is_not_found(answer):
                return self._level(self._expect(answer, f"reading the level of {subject!r}"))
        answer = self._transport.request("GET", "/config")
        return self._level(self._expect(answer, "reading the global compatibility level"))

    def own_level(self, subject: str) -> str | None:
        """The compatibility level that is set for a subject itself, None where the global one holds.

        Apicurio does not tell a subject without a level from one whose level is NONE: None for both.
        """
        answer = self._transport.request("GET", f"/config/{_quoted(subject)}")
        if _is_not_found(answer):
            return None
        level = self._level(self._expect(answer, f"reading the level of {subject!r}"))
        return None if level == "NONE" else level

    def level_in_force(self, subject: str) -> tuple[str, bool]:
        """The level a new version is held to, and whether it is the subject's own; see `own_level` for NONE."""
        own = self.own_level(subject)
        return (self.config(), False) if own is None else (own, True)

    def set_config(self, level: str, subject: str | None = None) -> None:
        """Set the compatibility level of a subject, or the global one."""
        path = "/config" if subject is None else f"/config/{_quoted(subject)}"
        answer = self._transport.request("PUT", path, {"compatibility": level})
        self._expect(answer, f"setting the compatibility level {level!r}")

    def delete_config(self, subject: str) -> None:
        """Take a subject's own level away; nothing happens if it has none."""
        answer = self._transport.request("DELETE", f"/config/{_quoted(subject)}")
        if not _is_not_found(answer):
            self._expect(answer, f"deleting the level of {subject!r}")

    def mode(self) -> str | None:
        """READWRITE, READONLY, …; None if the registry has no modes (Apicurio)."""
        answer = self._transport.request("GET", "/mode")
        if answer.status == 404:
            return None
        body = self._expect(answer, "reading the mode").body
        return str(body["mode"]) if isinstance(body, dict) and "mode" in body else None

    def delete_subject(self, subject: str, *, permanent: bool = False) -> list[int]:
        """Delete all versions, softly or for good (only after softly); empty if there are none."""
        path = f"/subjects/{_quoted(subject)}" + ("?permanent=true" if permanent else "")
        answer = self._transport.request("DELETE", path)
        with self._lock:
            for key in [key for key in self._ids if key[0] == subject]:
                del self._ids[key]
        if _is_not_found(answer):
            return []
        return [int(n) for n in self._list(self._expect(answer, f"deleting subject {subject!r}"))]

    # ---- answers

    def _post_version(self, subject: str, text: str, normalize: bool) -> Answer:
        """Register; a 409 that is only a race of two registrations (Apicurio's "already exists") is tried again."""
        path = f"/subjects/{_quoted(subject)}/versions{_NORMALIZE if normalize else ''}"
        for attempt in range(_RACES_MAX):
            answer = self._transport.request("POST", path, {"schema": text})
            if answer.status != 409:
                return answer
            if attempt + 1 == _RACES_MAX or not self.compatible(subject, text)[0]:
                break
        raise self._incompatible(subject, text, answer)

    def _remember(self, subject: str, text: str, normalize: bool, schema_id: int) -> None:
        with self._lock:
            if len(self._ids) >= _CACHE_MAX:
                self._ids.pop(next(iter(self._ids)))
            self._ids[subject, text, normalize] = schema_id

    def _expect(self, answer: Answer, doing: str) -> Answer:
        """Pass a good answer on; RegistryRefused for anything else."""
        if answer.status == 200 and answer.body is not None:
            return answer
        if answer.status == 200 or 300 <= answer.status < 400 or (answer.status == 404 and answer.error_code is None):
            raise self._not_a_registry(answer, doing)
        raise RegistryRefused(
            f"The schema registry {answer.url} refuses {doing}: HTTP {answer.status}, error code"
            f" {answer.error_code}: {answer.message[:_WORDS_MAX]}."
        )

    def _not_a_registry(self, answer: Answer, doing: str) -> RegistryRefused:
        return RegistryRefused(
            f"{answer.url} does not answer like a schema registry ({doing}): HTTP {answer.status},"
            f" content type {answer.content_type or 'none'}: {answer.message[:200]}.",
            remedy=f"see that {self._settings.url_option} is the base of a Confluent-compatible API"
            " (for Apicurio it ends in /apis/ccompat/v7)",
        )

    def _integer(self, answer: Answer, name: str) -> int:
        value = answer.body.get(name) if isinstance(answer.body, dict) else None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._not_a_registry(answer, f"expected a number {name!r}")
        return value

    def _list(self, answer: Answer) -> list[Any]:
        if not isinstance(answer.body, list):
            raise self._not_a_registry(answer, "expected a JSON array")
        return answer.body

    def _schema_text(self, answer: Answer) -> str:
        value = answer.body.get("schema") if isinstance(answer.body, dict) else None
        if not isinstance(value, str):
            raise self._not_a_registry(answer, "expected a text 'schema'")
        return value

    def _level(self, answer: Answer) -> str:
        value = answer.body.get("compatibilityLevel") if isinstance(answer.body, dict) else None
        if not isinstance(value, str):
            raise self._not_a_registry(answer, "expected a text 'compatibilityLevel'")
        return value

    def _incompatible(self, subject: str, text: str, answer: Answer) -> IncompatibleSchemaChange:
        refusal = why_refused(self, subject, text)
        return IncompatibleSchemaChange(
            f"The new schema of subject {subject!r} is not compatible under {refusal.rule_words} for the registry "
            f"{answer.url}. {refusal.words}. The registry says: {answer.message[:_WORDS_MAX]}",
            remedy=f"make the table change compatible (for {refusal.rule}), set the subject's level with"
            f" PUT {answer.url}/config/{_quoted(subject)}, or choose another schema.evolution.policy",
        )


def _is_not_found(answer: Answer) -> bool:
    """A registry's own "not there"; a 404 without its code comes from something that is no registry."""
    return answer.status == 404 and answer.error_code in _NOT_FOUND_CODES


def _quoted(subject: str) -> str:
    return quote(subject, safe="")


def _text(schema: str | SchemaDocument) -> str:
    if isinstance(schema, str):
        return schema
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def _document(text: str) -> SchemaDocument:
    document = json.loads(text)
    return document if isinstance(document, dict) else {"type": document}
