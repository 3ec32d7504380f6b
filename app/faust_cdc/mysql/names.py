"""Names in SQL."""

from __future__ import annotations


def quote(name: str) -> str:
    """Return an SQL identifier in backticks."""
    return "`" + name.replace("`", "``") + "`"
