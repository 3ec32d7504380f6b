"""A row between reading and writing: what the readers of both paths make and every encoding takes."""

from __future__ import annotations

from typing import Any, Final

Row = tuple[Any, ...]
"""Avro-ready values in column order; `UNAVAILABLE` where the row image leaves a column out."""


class _Unavailable:
    """Type of `UNAVAILABLE`. No encoding has a form for it: all fail with TypeError."""

    def __repr__(self) -> str:
        return "UNAVAILABLE"

    def __bool__(self) -> bool:
        raise TypeError("a column that the row image leaves out has no value")


UNAVAILABLE: Final = _Unavailable()
"""A column that the row image leaves out (binlog_row_image other than FULL)."""
