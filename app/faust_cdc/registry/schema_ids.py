"""From a subject and a schema to the id that records carry: registered, looked up, or the latest version's."""

from __future__ import annotations

import json

from faust_cdc.config.converter_settings import IdFrom
from faust_cdc.errors import IncompatibleSchemaChange, RegistryRefused
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.difference import describe_difference
from faust_cdc.registry.layout import layout


class SchemaIds:
    """Asks one registry by one rule; what was asked once is remembered by the client."""

    def __init__(self, client: RegistryClient, id_from: IdFrom = IdFrom.REGISTER, *, normalize: bool = False) -> None:
        self._client = client
        self._normalize = normalize
        self._ask = {
            IdFrom.REGISTER: self._registered,
            IdFrom.LOOKUP: self._found,
            IdFrom.LATEST: self._latest,
        }[id_from]

    def __call__(self, subject: str, schema: str) -> int:
        """Return the id. Raises RegistryUnavailable, RegistryRefused, IncompatibleSchemaChange."""
        return self._ask(subject, schema)

    def _registered(self, subject: str, schema: str) -> int:
        return self._client.register(subject, schema, normalize=self._normalize)

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


def _shown(schema: str) -> str:
    return schema if len(schema) <= 4000 else f"{schema[:4000]}…"
