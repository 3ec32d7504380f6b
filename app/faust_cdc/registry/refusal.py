"""Why a registry refuses a schema, in words a person can act on: rule, version, difference.

The registry decides; what is said here is worked out beside it from what it holds. Which of the earlier versions a
transitive rule fails on no registry tells alike, so it is looked for, newest first, with Avro's own rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from faust_cdc.errors import CdcError
from faust_cdc.registry.difference import describe_difference

VERSIONS_MAX: Final = 50
"""How many earlier versions are read at most for the words about a transitive rule."""

_UNREAD: Final = ("the earlier version could not be read",)


class HoldsVersions(Protocol):
    """What is asked of a registry's client."""

    def level_in_force(self, subject: str) -> tuple[str, bool]:
        """Return the rule that refuses, and whether it is the subject's own."""

    def versions(self, subject: str) -> list[int]:
        """Return the subject's versions."""

    def version(self, subject: str, number: int) -> tuple[int, dict[str, Any]]:
        """Return a version's id and schema."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What of an earlier version a schema cannot follow, and by which rule."""

    rule: str = "unknown"
    is_own: bool = True
    """The rule is the subject's own, not the registry's global one."""
    version: int | None = None
    schema_id: int | None = None
    differences: tuple[str, ...] = _UNREAD

    @property
    def rule_words(self) -> str:
        """The rule and whose it is."""
        return f"{self.rule} ({'the rule of the subject' if self.is_own else 'the global rule of the registry'})"

    @property
    def words(self) -> str:
        """The version and what differs from it."""
        against = "?" if self.version is None else str(self.version)
        number = "" if self.schema_id is None else f" (schema id {self.schema_id})"
        return f"Against version {against}{number}: {'; '.join(self.differences)}"


def why_refused(client: HoldsVersions, subject: str, schema: str) -> Refusal:
    """Work it out; what cannot be read is left out, as the refusal itself is what matters."""
    refusal = Refusal()
    try:
        rule, is_own = client.level_in_force(subject)
        refusal = Refusal(rule, is_own)
        numbers = client.versions(subject)
        if not numbers:
            return refusal
        newest_first = sorted(numbers, reverse=True)[: VERSIONS_MAX if rule.endswith("_TRANSITIVE") else 1]
        number, schema_id, document = _broken(client, subject, schema, rule, newest_first)
        differences = tuple(describe_difference(document, json.loads(schema))) or ("nothing in the structure",)
        return Refusal(rule, is_own, number, schema_id, differences)
    except (CdcError, ValueError):
        return refusal


def _broken(
    client: HoldsVersions, subject: str, schema: str, rule: str, numbers: Iterable[int]
) -> tuple[int, int, dict[str, Any]]:
    """Return the newest version that breaks the rule, the latest where Avro's rules find none."""
    found: list[tuple[int, int, dict[str, Any]]] = []
    for number in numbers:
        found.append((number, *client.version(subject, number)))
        if _breaks(schema, found[-1][2], rule):
            return found[-1]
    return found[0]


def _breaks(new: str, old: dict[str, Any], rule: str) -> bool:
    # Imported here: the Avro library costs a quarter of a second, and most tasks never see a refusal.
    from faust_cdc.registry.canonical import parse_avro
    from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities

    level = CompatibilityLevel(rule)
    return bool(incompatibilities(parse_avro(new), [(1, parse_avro(json.dumps(old)))], level))
