"""The one list of places where we differ from Debezium 3.6.1 on purpose: `differences.toml` beside this module.

The README's table is made from it, `compatibility.mode` says with it what it covers, and the comparisons with Debezium
enforce it: a difference that is not on it fails, and so does an entry that is no longer seen.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

COMPATIBLE: Final = "compatibility.mode=debezium"
"""The setting that gives Debezium's value for most entries."""


@dataclass(frozen=True, slots=True)
class ListedDifference:
    """One entry; the comment at the list's top says what each member holds."""

    id: str
    what: str
    debezium: str
    ours: str
    why: str
    option: str
    seen_in: tuple[str, ...]

    @property
    def covered(self) -> bool:
        """Whether `compatibility.mode=debezium` gives Debezium's value."""
        return self.option.startswith(COMPATIBLE)


@cache
def listed() -> tuple[ListedDifference, ...]:
    """Return all entries in the list's order."""
    text = (files(__package__) / "differences.toml").read_text(encoding="utf-8")
    return tuple(
        ListedDifference(**{**entry, "seen_in": tuple(entry["seen_in"])}) for entry in tomllib.loads(text)["difference"]
    )


def table() -> str:
    """Return the list as the README's table, in Markdown."""
    rows = [
        "| | Debezium 3.6.1 | faust-cdc | why | to get Debezium's |",
        "|---|---|---|---|---|",
    ]
    for one in listed():
        mode = f"`{COMPATIBLE}`{one.option.removeprefix(COMPATIBLE)}"
        option = mode if one.covered else f"not: {one.option.removeprefix('none: ')}"
        cells = (one.what, one.debezium, one.ours, one.why, option)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)
