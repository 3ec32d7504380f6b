"""Where our records differ from Debezium's on purpose: what, why, and how to see it.

Read by the parity test both ways: a difference that no entry explains fails, and so does an entry that no record
shows any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One intended difference of a single value."""

    name: str
    why: str
    explains: Callable[[str, str, Any, Any], bool]
    """(table.column, op, Debezium's value, ours) → whether this entry accounts for it."""


def _text_of_a_time_inside_json(column: str, op: str, theirs: Any, ours: Any) -> bool:
    """Theirs is ours with the zeros at the end of a fraction cut off."""
    if column != "docs.j" or not isinstance(ours, str):
        return False
    return str(theirs) == re.sub(r"(:\d\d\.\d*?)0+\"", r'\1"', ours)


def _null_where_there_is_a_default(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return ours is None and (column, theirs) in (("defs.nd", 3), ("defs.nv", "given"))


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "time-inside-json",
        "A DATETIME or TIME that SQL put into a document keeps the server's own text with six digits: the snapshot, "
        "which reads that text, and the stream must give equal bytes. Debezium's two paths differ.",
        _text_of_a_time_inside_json,
    ),
    Difference(
        "null-with-default",
        "NULL in a column that has a default stays NULL; Debezium's converters write the default, so that a reader "
        "cannot tell the two apart.",
        _null_where_there_is_a_default,
    ),
)


def _row_of_a_statement(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return column == "source.row" and op == "t" and ours == 0 and theirs > 0


def _order_of_a_hash_map(column: str, op: str, theirs: Any, ours: Any) -> bool:
    if column != "transaction.data_collections" or not theirs or not ours:
        return False
    return sorted(theirs, key=_name) == sorted(ours, key=_name)


def _name(entry: dict[str, Any]) -> str:
    return str(entry["data_collection"])


def _key_column_left_out(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return column == "pairs.a" and op == "" and theirs == 0 and ours in (1, 2)


OPTION_DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "row-of-a-truncate",
        "A TRUNCATE is no row of an event, so `source.row` is 0; Debezium leaves the number of the last row it read.",
        _row_of_a_statement,
    ),
    Difference(
        "order-of-transaction-tables",
        "END counts the tables in the order in which they first came; Debezium in the order of a Java hash map, which "
        "depends on their names and on the transactions before.",
        _order_of_a_hash_map,
    ),
    Difference(
        "key-column-left-out",
        "A key column on column.exclude.list stays in the key with its value. Debezium's snapshot does not read it and "
        "writes 0 or nothing into the key, so that all rows of the table may have one key.",
        _key_column_left_out,
    ),
)
"""Seen with the options of test_options_parity.py."""
