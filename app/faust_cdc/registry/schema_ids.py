"""From a subject and a schema to the id that records carry: registered, looked up, or the latest version's."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from faust_cdc.config.converter_settings import IdFrom
from faust_cdc.errors import IncompatibleSchemaChange, RegistryRefused
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.difference import describe_difference
from faust_cdc.registry.layout import layout
from faust_cdc.registry.refusal import Refusal, why_refused

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a registry would say of a schema, which is not registered by asking."""

    subject: str
    schema: str
    refusal: Refusal | None
    """None: it is held already, or would be taken."""
    is_new: bool
    """The subject does not hold this schema yet."""


class SchemaIds:
    """Asks one registry by one rule; what was asked once is remembered by the client."""

    def __init__(
        self,
        client: RegistryClient,
        id_from: IdFrom = IdFrom.REGISTER,
        *,
        normalize: bool = False,
        forces: bool = False,
    ) -> None:
        """`forces`: what a subject's level refuses is registered all the same (`schema.evolution.policy=force`)."""
        self._client = client
        self._normalize = normalize
        self._forces = forces
        self.forced_count = 0
        """Schemas registered against the level of their subject."""
        self.registers = id_from is IdFrom.REGISTER
        """Schemas are registered here; else by others, and only looked for."""
        self._ask = {
            IdFrom.REGISTER: self._registered,
            IdFrom.LOOKUP: self._found,
            IdFrom.LATEST: self._latest,
        }[id_from]

    def __call__(self, subject: str, schema: str) -> int:
        """Return the id. Raises RegistryUnavailable, RegistryRefused, IncompatibleSchemaChange."""
        return self._ask(subject, schema)

    def foresee(self, subject: str, schema: str) -> Foreseen:
        """Ask whether the subject would take a schema. Raises RegistryUnavailable, RegistryRefused."""
        if self._client.lookup(subject, schema, normalize=self._normalize) is not None:
            return Foreseen(subject, schema, None, is_new=False)
        is_taken = self._client.compatible(subject, schema)[0]
        return Foreseen(subject, schema, None if is_taken else why_refused(self._client, subject, schema), is_new=True)

    def field_names(self, subject: str) -> list[frozenset[str]]:
        """Return the names of a row's fields in each version of a subject: of an envelope, what `before` has.

        Raises RegistryUnavailable, RegistryRefused.
        """
        return [field_names(self._client.version(subject, one)[1]) for one in self._client.versions(subject)]

    def _registered(self, subject: str, schema: str) -> int:
        try:
            return self._client.register(subject, schema, normalize=self._normalize)
        except IncompatibleSchemaChange as refused:
            if not self._forces:
                raise
            return self._forced(subject, schema, refused)

    def _forced(self, subject: str, schema: str, refused: IncompatibleSchemaChange) -> int:
        """Register what the subject's level refuses: the level is NONE for these three requests, then what it was.

        Killed between them, the subject stays at NONE: the line that is logged before has what to set back.
        """
        client, own = self._client, self._client.own_level(subject)
        log.warning(
            "schema.evolution.policy=force: subject %r is set to NONE for one version and then back to %s. %s",
            subject,
            own or "the global rule",
            refused.message,
        )
        try:
            schema_id = self._register_under_other_levels(subject, schema)
        finally:
            if own is None:
                client.delete_config(subject)
            else:
                client.set_config(own, subject)
        if schema_id is None:
            raise IncompatibleSchemaChange(
                f"{refused.message} It cannot be forced: this registry holds the subject to the global rule even where "
                "its own is NONE.",
                remedy="lower the global rule, give each subject a rule of its own in its place, or choose "
                "schema.evolution.policy=new-subject",
            )
        self.forced_count += 1
        return schema_id

    def _register_under_other_levels(self, subject: str, schema: str) -> int | None:
        """Register under NONE. Apicurio then holds the subject to its global rule, which another level replaces."""
        for level in ("NONE", "BACKWARD", "FORWARD"):
            self._client.set_config(level, subject)
            try:
                return self._client.register(subject, schema, normalize=self._normalize)
            except IncompatibleSchemaChange:
                continue
        return None

    def _found(self, subject: str, schema: str) -> int:
        schema_id = self._client.lookup(subject, schema, normalize=self._normalize)
        if schema_id is None:
            raise RegistryRefused(
                f"Subject {subject!r} does not hold the schema of its records, and schemas are not to be registered: "
                f"{_shown(schema)}",
                remedy="register this schema, or set auto.register.schemas (Apicurio: auto-register) to true",
            )
        return schema_id

    def _latest(self, subject: str, schema: str) -> int:
        latest = self._client.latest(subject)
        if latest is None:
            raise RegistryRefused(
                f"Subject {subject!r} has no version, and its latest version is to be used for its records.",
                remedy=f"register a schema for it, or set auto.register.schemas to true. The schema: {_shown(schema)}",
            )
        version, schema_id, document = latest
        ours = json.loads(schema)
        if layout(document) != layout(ours):
            differences = describe_difference(document, ours) or ["the order of fields or of a union's branches"]
            raise IncompatibleSchemaChange(
                f"Version {version} of subject {subject!r}, the latest, has another layout than the table's records: "
                f"{'; '.join(differences)}. Its id would name a schema that cannot read them.",
                remedy="register a version that fits the table, or set use.latest.version to false",
            )
        return schema_id


def field_names(document: Any) -> frozenset[str]:
    """Return the names of a row's fields in a key's or an envelope's schema."""
    return frozenset(one["name"] for one in _row_fields(document))


def field_aliases(document: Any) -> dict[str, tuple[str, ...]]:
    """Return the aliases of a row's fields that have some in a key's or an envelope's schema."""
    return {one["name"]: tuple(one["aliases"]) for one in _row_fields(document) if one.get("aliases")}


def _row_fields(document: Any) -> Sequence[dict[str, Any]]:
    fields: Sequence[dict[str, Any]] = document.get("fields", ()) if isinstance(document, dict) else ()
    before = next((one["type"] for one in fields if one["name"] == "before"), None)
    if isinstance(before, list):
        rows = (branch["fields"] for branch in before if isinstance(branch, dict) and "fields" in branch)
        return next(rows, fields)
    return fields


def _shown(schema: str) -> str:
    return schema if len(schema) <= 4000 else f"{schema[:4000]}…"
