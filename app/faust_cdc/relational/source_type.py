"""A column's type as Debezium's DDL parser knows it: what `column.propagate.source.type` writes into schemas.

Source: Debezium 3.6.1 `ColumnDefinitionParserListener` reading `SHOW CREATE TABLE`, whose types are those of
information_schema: name with UNSIGNED and ZEROFILL, the numbers in parentheses as length and scale. ENUM has length 1,
a SET the length of all its members as single characters with their commas.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from faust_cdc.relational.model import Column

_TYPE = re.compile(
    r"(?P<name>[a-z ]+?)\s*(?:\((?P<numbers>[\d, ]+)\))?(?P<attributes>(?: (?:unsigned|zerofill))*)", re.I
)


class SourceType(NamedTuple):
    """Debezium's view of a column's type."""

    name: str
    """In upper case: `BIGINT UNSIGNED`, `VARCHAR`, `DATETIME`."""
    length: int | None
    scale: int | None


def source_type_of(column: Column) -> SourceType:
    """Return the type of `column`, from its text where it is known, else from its parts."""
    if column.type_name in ("enum", "set"):
        members = len(column.enum_values)
        length = 1 if column.type_name == "enum" else max(0, members * 2 - 1)
        return SourceType(column.type_name.upper(), length, None)
    match = _TYPE.fullmatch(column.type_expression)
    if match is None:
        name = f"{column.type_name} unsigned" if column.unsigned else column.type_name
        return SourceType(name.upper(), column.length, column.scale)
    numbers = [int(number) for number in (match["numbers"] or "").split(",") if number.strip()]
    return SourceType(
        f"{match['name']}{match['attributes']}".upper(),
        numbers[0] if numbers else None,
        numbers[1] if len(numbers) > 1 else None,
    )
