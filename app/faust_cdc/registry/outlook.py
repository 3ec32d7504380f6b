"""What a new schema means for who reads a subject's topic, before it is registered: verdict, directions, difference.

The verdict is the registry's. The directions are worked out with Avro's own rules, against the subject's latest
version, or where it has none against the schema of the table as it is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from faust_cdc.registry.canonical import parse_avro
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities
from faust_cdc.registry.difference import describe_difference
from faust_cdc.registry.refusal import why_refused


@dataclass(frozen=True, slots=True)
class Outlook:
    """One subject and what a new schema would mean for it."""

    subject: str
    rule: str
    rule_of: str
    """`subject`, or `registry` for the global rule."""
    against_version: int | None
    """None: the subject has no version, and the schema is compared with that of the table as it is."""
    is_new: bool
    """The subject does not hold this schema."""
    allowed: bool
    """The registry would take it."""
    backward: bool
    """Who has the new schema can read what is there: consumers may be changed first."""
    forward: bool
    """Who has the schema of today can read what comes: consumers may be changed later."""
    differences: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the members for REST."""
        return asdict(self) | {"differences": list(self.differences)}


def outlook(client: RegistryClient, subject: str, new: str, present: str) -> Outlook:
    """Ask the registry and compare; `present` is the schema of the table as it is. Raises what the client raises."""
    rule, is_own = client.level_in_force(subject)
    latest = client.latest(subject)
    old = present if latest is None else json.dumps(latest[2])
    is_new = client.lookup(subject, new) is None
    allowed = not is_new or client.compatible(subject, new)[0]
    against = None if latest is None else latest[0]
    differences = tuple(describe_difference(json.loads(old), json.loads(new)))
    if not allowed:
        refusal = why_refused(client, subject, new)
        against, differences = refusal.version, refusal.differences
    return Outlook(
        subject,
        rule,
        "subject" if is_own else "registry",
        against,
        is_new,
        allowed,
        _holds(new, old, CompatibilityLevel.BACKWARD),
        _holds(new, old, CompatibilityLevel.FORWARD),
        differences,
    )


def _holds(new: str, old: str, level: CompatibilityLevel) -> bool:
    return not incompatibilities(parse_avro(new), [(1, parse_avro(old))], level)
