"""Names that are made of a table's: `${database}`, `${table}`, `${prefix}` and the groups of the pattern that matched.

A template is checked as far as it can be without a table: its fields, and that Kafka takes its own characters. What
fields bring in is made fit as the naming strategies do it, `_` for what Kafka does not take.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LENGTH_MAX: Final = 249
TEXT_MAX: Final = 500
FIELDS: Final = ("database", "table", "prefix")
OF_KAFKA: Final = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"})
"""Topics in which brokers take no records of clients."""
_PART: Final = re.compile(r"\$\{([^}]*)\}|\$(.?)", re.DOTALL)
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template: `parts` are texts and, at odd places, names of fields."""

    text: str
    parts: tuple[str, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it names."""
        return frozenset(self.parts[1::2])

    def expand(self, fields: Mapping[str, str]) -> str:
        """Return the text with its fields filled in."""
        return "".join(fields[part] if place % 2 else part for place, part in enumerate(self.parts))


def parse_template(text: str, what: str, pattern: re.Pattern[str], *, is_topic: bool = False) -> Template:
    """Return the template of `what`. Raises ValueError naming the character at which it is wrong, counted from 1."""
    if len(text) > TEXT_MAX:
        raise ValueError(f"{what} has {len(text)} characters; {TEXT_MAX} are the most")
    parts, at = [], 0
    known = (*FIELDS, *map(str, range(1, pattern.groups + 1)), *pattern.groupindex)
    for match in _PART.finditer(text):
        place = match.start() + 1
        if match[1] is None:
            raise ValueError(f"{what} {text!r}, character {place}: '$' begins a field, which is written ${{name}}")
        if match[1] not in known:
            fields = ", ".join(f"${{{one}}}" for one in known)
            raise ValueError(f"{what} {text!r}, character {place}: no field is called {match[0]}; there are {fields}")
        parts += [text[at : match.start()], match[1]]
        at = match.end()
    parts.append(text[at:])
    if is_topic:
        _check_topic(text, what, parts)
    return Template(text, tuple(parts))


def topic_problem(name: str) -> str | None:
    """Say why Kafka takes no topic of a name, or no records in it; None when it does."""
    try:
        _check_topic(name, "topic", [name])
    except ValueError as error:
        return str(error)
    return None


def _check_topic(text: str, what: str, parts: list[str]) -> None:
    at = 0
    for number, part in enumerate(parts):
        if number % 2:
            at += len(part) + 3
            continue
        if (illegal := illegal_in_topic(part)) is not None:
            raise ValueError(f"{what} {text!r}, character {at + illegal[0]}: {illegal[1]}")
        at += len(part)
    fixed = sum(map(len, parts[::2]))
    if fixed > LENGTH_MAX:
        raise ValueError(f"{what} {text[:40]!r}… has {fixed} characters; the name of a topic has {LENGTH_MAX} at most")
    if len(parts) == 1 and text in ("", ".", ".."):
        raise ValueError(f"{what} {text!r}: Kafka takes no topic of this name")
    if len(parts) == 1 and text in OF_KAFKA:
        raise ValueError(f"{what} {text!r}: Kafka keeps this topic for itself and takes no records of others in it")


def illegal_in_topic(text: str) -> tuple[int, str] | None:
    """Return the place, from 1, of the first character that no topic's name may have, and the words about it."""
    illegal = _ILLEGAL.search(text)
    if illegal is None:
        return None
    words = f"Kafka takes no {illegal[0]!r} in the name of a topic, only letters, digits, '.', '_' and '-'"
    return illegal.start() + 1, words
