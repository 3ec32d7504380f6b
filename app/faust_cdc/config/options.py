"""What one option is: the single declaration from which parsing, validation, the README and `validate` come.

An `Option` carries what Kafka's `ConfigDef.ConfigKey` carries (and `PUT …/config/validate` shows), the checks
of its value, and its `Support`: whether this version acts on it, accepts it without effect, accepts only some
of its values, or refuses it. Every option of Debezium 3.6.1 has one of the four; none is dropped in silence.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[str], "str | None"]
"""Takes a value's text, gives the problem in words, or None when it is fine."""

MYSQL = "mysql"
MARIADB = "mariadb"


class Type(enum.Enum):
    """Kafka's `ConfigDef.Type`, by the names REST shows."""

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INT = "INT"
    SHORT = "SHORT"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    LIST = "LIST"
    CLASS = "CLASS"
    PASSWORD = "PASSWORD"


class Importance(enum.Enum):
    """Kafka's `ConfigDef.Importance`."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Width(enum.Enum):
    """Kafka's `ConfigDef.Width`: how wide a field a form should give the option."""

    NONE = "NONE"
    SHORT = "SHORT"
    MEDIUM = "MEDIUM"
    LONG = "LONG"


class SupportKind(enum.Enum):
    """What this version does with an option."""

    USED = "used"
    """Acted upon as documented."""
    NOTED = "noted"
    """Any legal value is accepted; it changes nothing here, and the reason says why that is harmless."""
    LIMITED = "limited"
    """Only the values in `only` are accepted; another legal value of Debezium's is refused with the reason."""
    REFUSED = "refused"
    """Refused whenever it is set, with the reason."""


@dataclass(frozen=True)
class Support:
    """What this version does with an option, and the reason, as the user reads it.

    `only` is for `LIMITED`: the accepted values in lower case; empty means the default alone. `where` is for `NOTED`:
    where alone the option changes nothing, e.g. ` with GTIDs`; empty means that it nowhere changes anything.
    """

    kind: SupportKind
    reason: str = ""
    only: tuple[str, ...] = ()
    where: str = ""


USED = Support(SupportKind.USED)


def noted(reason: str, where: str = "") -> Support:
    """Accepted, without effect, because of `reason`; only there where `where` says so, e.g. ` with GTIDs`."""
    return Support(SupportKind.NOTED, reason, where=where)


def limited(reason: str, *only: str) -> Support:
    """Only the values `only` (lower case; none given: the default alone) are accepted, because of `reason`."""
    return Support(SupportKind.LIMITED, reason, only)


def refused(reason: str) -> Support:
    """Refused whenever set, because of `reason`."""
    return Support(SupportKind.REFUSED, reason)


@dataclass(frozen=True)
class Option:
    """One option of a connector.

    `default` is the text REST shows (None: none); `group` None and `order` -1 as Kafka has it for undefined.
    `required` is Kafka's flag (no default in the ConfigDef); Debezium's own required options say it through
    the `required_by_debezium` flag and an error text, as the real connector does. `legal` are the values of
    an enumeration (lower case); `recommended` what `validate` lists. `overrides` replaces fields for MariaDB.
    """

    name: str
    type: Type
    default: str | None
    importance: Importance
    group: str | None
    order: int
    width: Width
    display_name: str
    doc: str
    support: Support
    required: bool = False
    required_by_debezium: bool = False
    dependents: tuple[str, ...] = ()
    recommended: tuple[str, ...] = ()
    legal: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    visible: bool = True
    has_value: bool = True
    mysql_only: bool = False
    former: Mapping[str, str] = field(default_factory=dict)
    """Values (lower case) that Debezium has no longer and that are still taken, each with the note on it."""
    unset_note: str = ""
    """What holds here when the option is not set, where that is not `default`: REST shows Debezium's default and
    documentation, as the real server does."""
    mariadb: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_framework(self) -> bool:
        """Whether the option is Connect's own: its effective value is echoed by `validate`."""
        return self.group in FRAMEWORK_GROUPS

    def definition(self) -> dict[str, Any]:
        """The `definition` object of `validate` and `GET …/config`, keys in the order the real server writes."""
        return {
            "name": self.name,
            "type": self.type.value,
            "required": self.required,
            "default_value": self.default,
            "importance": self.importance.value,
            "documentation": self.doc,
            "group": self.group,
            "order_in_group": self.order,
            "width": self.width.value,
            "display_name": self.display_name,
            "dependents": list(self.dependents),
        }


FRAMEWORK_GROUPS = frozenset(
    {
        "Common",
        "Transforms",
        "Predicates",
        "Error Handling",
        "Topic Creation",
        "Exactly Once Support",
        "offsets.topic",
    }
)
