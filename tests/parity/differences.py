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
)
"""Seen with the options of test_options_parity.py."""


_CUSTOM_DEFAULTS = {
    "flags.td": False,
    "sinkb.b_i": 1,
    "sinkb.b_n": 1,
    "sinkf.f_f": 1.100000023841858,
    "sinkf.f_d": 1.100000023841858,
    "sinkf.f_n": 0.10000000149011612,
    "sinkr.r_n": 0.3,
    "sinkr.r_fd": 1.1,
    "sinkr.r_f": 1.100000023841858,
    "sinks.s_e": "x",
    "sinkx.s_n": "1E-10",
    "sinkx.s_i": "5",
}


def _converted_default(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return ours is None and column in _CUSTOM_DEFAULTS and theirs == _CUSTOM_DEFAULTS[column]


def _first_row_of_a_zero_date_column(column: str, op: str, theirs: Any, ours: Any) -> bool:
    if op != "r" or ours is None:
        return False
    expected = _FALLBACKS.get(column) if column.startswith("fallback.") else None
    return bool(theirs == expected)


_FALLBACKS = {"fallback.zd": -25567, "fallback.zt": -2174586894000, "fallback.zs": "1970-01-01T00:00:00.5Z"}


def _null_became_the_fallback(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return ours is None and column in _FALLBACKS and theirs == _FALLBACKS[column]


def _two_days_of_the_julian_calendar(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return (column, op) == ("nulls.t", "r") and bool(ours - theirs == 2 * 86_400_000)


def _six_digits_of_a_float(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return (column, op, theirs, ours) == ("sinkr.r_f", "r", 16777200.0, 16777216.0)


def _unsigned_read_as_signed(column: str, op: str, theirs: Any, ours: Any) -> bool:
    if column == "sinkb.b_u":  # TINYINT UNSIGNED 200 is negative, and so no true
        return (op, theirs, ours) == ("c", 0, 1)
    if column == "sinkr.r_bu":  # the largest
        return (op, theirs, ours) == ("c", -1.0, float(2**64))
    return (column, op) == ("sinkr.r_u", "c") and theirs == ours - float(2**32)


def _a_bit_is_no_number(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return (column, op, theirs, ours) == ("sinkb.b_bit", "c", 0, 1)


def _label_or_its_number(column: str, op: str, theirs: Any, ours: Any) -> bool:
    numbers = {"sinks.s_e": {"1": "x", "2": "y"}, "sinks.s_s": {"0": "", "3": "p,q"}}.get(column, {})
    return op == "c" and theirs in numbers and numbers[theirs] == ours


def _latin1_read_as_utf8(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return column == "sinks.s_l" and theirs == "\ufffd" and ours in ("é", "e")


def _bytes_of_a_document(column: str, op: str, theirs: Any, ours: Any) -> bool:
    if column != "sinkx.s_j" or ours is None:
        return False
    return theirs.replace(" ", "") == ours if op == "r" else theirs[0] in "\x00\x02"


def _read_from_an_old_view(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return (column, op, theirs, ours) == ("again.v", "c", None, "later")


CUSTOM_DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "null-with-converted-default",
        "NULL in a column that has a default stays NULL, also when a custom converter made the default.",
        _converted_default,
    ),
    Difference(
        "first-zero-date-value",
        "ZeroDateFallbackConverter takes the first value of a nullable column with DEFAULT NULL for its default and "
        "loses it. Here no value is lost.",
        _first_row_of_a_zero_date_column,
    ),
    Difference(
        "null-is-no-zero-date",
        "ZeroDateFallbackConverter writes the fallback for every NULL too. Here NULL stays NULL and only zero dates "
        "become the fallback.",
        _null_became_the_fallback,
    ),
    Difference(
        "julian-datetime-under-a-converter",
        "Debezium's snapshot reads DATETIMEs before 1582 in the Julian calendar, its stream does not; both our paths "
        "give the stream's value.",
        _two_days_of_the_julian_calendar,
    ),
    Difference(
        "float-under-a-converter",
        "Debezium's snapshot reads FLOATs as MySQL prints them, with six digits; both our paths give the stream's "
        "exact value.",
        _six_digits_of_a_float,
    ),
    Difference(
        "unsigned-under-a-converter",
        "Custom converters get unsigned numbers as negative ones in Debezium's stream, and right in its snapshot; both "
        "our paths give the right ones.",
        _unsigned_read_as_signed,
    ),
    Difference(
        "bit-under-a-converter",
        "selector.boolean makes every BIT(1) of Debezium's stream 0; both our paths give its value, as its snapshot.",
        _a_bit_is_no_number,
    ),
    Difference(
        "label-under-a-converter",
        "selector.string gives the numbers of ENUM and SET in Debezium's stream and the labels in its snapshot; both "
        "our paths give the labels.",
        _label_or_its_number,
    ),
    Difference(
        "charset-under-a-converter",
        "selector.string reads text of every character set as UTF-8 in Debezium; here by the column's character set.",
        _latin1_read_as_utf8,
    ),
    Difference(
        "json-under-a-converter",
        "selector.string gives MySQL's binary form of a JSON document in Debezium's stream; both our paths give the "
        "document's text.",
        _bytes_of_a_document,
    ),
    Difference(
        "reselect-from-an-old-view",
        "Debezium's ReselectColumnsPostProcessor reads in one transaction that it never ends: rows written after its "
        "first SELECT are not found. Here every SELECT sees what is committed.",
        _read_from_an_old_view,
    ),
)
"""Seen with the options of test_custom_parity.py."""
