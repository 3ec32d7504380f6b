"""How to see each listed difference from Debezium in a concrete pair of values.

The list itself is `faust_cdc/config/differences.toml`. Here stands one predicate per id; comparisons read both ways: a
difference that no entry of theirs explains fails, and so does an entry that names them and is not seen.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from faust_cdc.config.differences import listed
from faust_cdc.mysql.charset_tables import table_decoder
from faust_cdc.transcode.json_text import canonical_json

MISSING = object()
"""No default."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A pair of values that differ, with what a predicate may need to judge them."""

    column: str
    """table.column, or field.field outside of rows."""
    theirs: Any
    ours: Any
    op: str = ""
    default: Any = MISSING
    """The column's default in their schema, in the form of `theirs`."""
    type_ddl: str = ""
    """The column's type as its DDL has it, where the comparison knows it."""


Explains = Callable[[Cell], bool]
"""Whether the entry accounts for the difference."""


def _null_where_there_is_a_default(cell: Cell) -> bool:
    return cell.ours is None and cell.default is not None and repr(cell.theirs) == repr(cell.default)


def _escaped_label(cell: Cell) -> bool:
    if not isinstance(cell.theirs, str) or not isinstance(cell.ours, str):
        return False
    return cell.theirs == cell.ours.replace("\\", "\\\\").replace(",", "\\,")


def _document_without_bytes(cell: Cell) -> bool:
    return (cell.theirs, cell.ours) == ("{}", "null")


def _year_zero(cell: Cell) -> bool:
    return (cell.ours, cell.theirs) in ((0, 1900), (0, 2000), (1900, 2000))


_UNITS = ((86_400_000_000, 1), (1_000, 1), (1, 1), (1, 1_000))
"""Days, ms, µs and ns since the epoch: what to multiply and to divide by for µs."""


REFUSED = "refused"
"""Stands for a value that stops the task, unless `event.converting.failure.handling.mode` says null."""


def _outside_of_the_mode(cell: Cell) -> bool:
    return cell.theirs is None and cell.ours == REFUSED


def _moments(cell: Cell) -> Iterator[tuple[datetime | None, datetime]]:
    """Yield (ours, theirs) as moments, in every unit in which both are some; ours None where we have null."""
    if isinstance(cell.theirs, datetime) and isinstance(cell.ours, datetime | None):
        yield cell.ours, cell.theirs
        return
    if isinstance(cell.theirs, str) and isinstance(cell.ours, str | None):
        with contextlib.suppress(ValueError):
            yield None if cell.ours is None else _iso(cell.ours), _iso(cell.theirs)
        return
    if not isinstance(cell.theirs, int) or not isinstance(cell.ours, int | None):
        return
    for unit in _UNITS:
        with contextlib.suppress(OverflowError):
            yield None if cell.ours is None else _moment(cell.ours, unit), _moment(cell.theirs, unit)


def _iso(text: str) -> datetime:
    """Read an ISO date or date and time in UTC. Raises ValueError."""
    day, _, clock = text.removesuffix("Z").partition("T")
    return datetime.fromisoformat(f"{day}T{clock or '00:00:00'}+00:00")


def _moment(value: int, unit: tuple[int, int]) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value * unit[0] // unit[1])


def _rewritten_year(cell: Cell) -> bool:
    """Years 1–69 as 20xx, 70–99 as 19xx; ns cannot hold them as they are, so we refuse them there."""
    for ours, theirs in _moments(replace(cell, ours=None) if cell.ours == REFUSED else cell):
        if ours is None:
            known = bool(cell.type_ddl) or (theirs.month, theirs.day) == (1, 1)
            if known and _is_ns(cell.theirs) and 1970 <= theirs.year <= 2069:
                return True
        elif ours.year < 100 and theirs == ours.replace(year=ours.year + (2000 if ours.year < 70 else 1900)):
            return True
    return False


def _is_ns(value: Any) -> bool:
    return isinstance(value, int) and (value == 0 or abs(value) > 10**17)


def _clock_of_a_full_day(cell: Cell) -> bool:
    return (cell.theirs, cell.ours) == ("00:00:00Z", "24:00:00Z")


def _integer_under_mask(cell: Cell) -> bool:
    """Theirs is the number itself, or the field that says `masked`; we refuse the mask."""
    if cell.column != "ints.i" or cell.ours != REFUSED:
        return False
    return isinstance(cell.theirs, int) or (isinstance(cell.theirs, str) and '"masked": "true"' in cell.theirs)


def _json_as_the_server_prints_it(cell: Cell) -> bool:
    if not isinstance(cell.theirs, str) or (cell.type_ddl != "json" and cell.theirs[:1] not in '{["'):
        return False
    return bool(canonical_json(cell.theirs) == cell.ours)


def _six_digits_of_a_float(cell: Cell) -> bool:
    """What the server prints: FLOAT with six digits, FLOAT(M,D) and DOUBLE(M,D) with D behind the point."""
    if not isinstance(cell.ours, float) or not isinstance(cell.theirs, float):
        return False
    scale = re.search(r",(\d+)\)", cell.type_ddl)
    if scale is not None:
        return cell.theirs == round(cell.ours, int(scale[1]))
    if cell.type_ddl.startswith("double"):
        return False
    # JSON has the shortest text of ours, and of theirs what Java makes of the six digits' four bytes.
    printed = (float(f"{one:.6g}") for one in (cell.ours, _as_float32(cell.ours)))
    return any(_as_float32(cell.theirs) == _as_float32(one) for one in printed)


def _as_float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _trimmed_fraction(cell: Cell) -> bool:
    return isinstance(cell.ours, str) and cell.theirs == re.sub(r"\.?0+Z$", "Z", cell.ours) and "." in cell.ours


def _julian_day(cell: Cell) -> bool:
    """The days 1582-10-05 to -14, which the Julian calendar does not have, ten days later."""
    return cell.ours is not None and any(
        ours is not None and theirs - ours == timedelta(days=10) and (ours.year, ours.month) == (1582, 10)
        for ours, theirs in _moments(cell)
    )


_EPOCHS = (0, "1970-01-01Z", "1970-01-01T00:00:00Z")
_YEAR_NOUGHT_S = -62_167_219_200
"""Seconds from 1970 to the first of January of the year 0, which Python's dates do not have."""


def _year_zero_of_a_date(cell: Cell) -> bool:
    """Ours is null, where the column is NOT NULL its default or the epoch; theirs 1 January of 0, 1, 2000 or 2001."""
    if cell.ours is not None and cell.ours not in _EPOCHS and repr(cell.ours) != repr(cell.default):
        return False
    if isinstance(cell.theirs, str) and cell.theirs.startswith("0000-01-01"):
        return True
    if isinstance(cell.theirs, int) and any(
        cell.theirs * unit[0] // unit[1] == _YEAR_NOUGHT_S * 1_000_000 for unit in _UNITS
    ):
        return True
    return any(
        (theirs.month, theirs.day) == (1, 1) and theirs.year in (1, 2000, 2001)
        for _, theirs in _moments(replace(cell, ours=None))
    )


def _day_that_does_not_exist(cell: Cell) -> bool:
    """The recorded snapshot had 2024-02-31 there; the row streamed later, and ours, has 2024-03-31."""
    return cell.column == "temps.dt3" and (cell.theirs, cell.ours) == (1709337600000, 1711843200000)


def _bits_turned_round(cell: Cell) -> bool:
    theirs, ours = (
        _bytes_of(one, base64.b64decode) if isinstance(one, str) else one for one in (cell.theirs, cell.ours)
    )
    return isinstance(ours, bytes) and len(ours) > 1 and bool(theirs == ours[::-1])


def _unescaped_label(cell: Cell) -> bool:
    """The snapshot of the compatible mode gives what Debezium streams, not what its snapshot gives."""
    return isinstance(cell.theirs, str) and _escaped_label(Cell(cell.column, cell.ours, cell.theirs))


def _unsigned_default(cell: Cell) -> bool:
    return cell.theirs == (1 << 63) - 1 and isinstance(cell.ours, int) and cell.ours < 0


def _binary_as_shown(cell: Cell) -> bool:
    """Theirs has the escape's characters where ours has a zero byte or a quote, or hexadecimal digits but the last.

    Of a column that it knows from streamed DDL it has the literal's characters or all the digits, without the zero
    bytes that pad a BINARY(n).
    """
    for form in _BYTE_FORMS:
        theirs, ours = _bytes_of(cell.theirs, form), _bytes_of(cell.ours, form)
        if theirs is None or ours is None:
            continue
        escaped = ours.replace(b"\0", b"\\0").replace(b"'", b"''")
        digits = ours.hex().upper().encode()
        if theirs in (escaped, ours.rstrip(b"\0"), digits, digits[:-1]):
            return True
    return False


_BYTE_FORMS: tuple[Callable[[str], bytes], ...] = (
    lambda text: text.encode("latin-1"),
    bytes.fromhex,
    lambda text: base64.b64decode(text, validate=True),
    base64.urlsafe_b64decode,
)


def _bytes_of(text: Any, form: Callable[[str], bytes]) -> bytes | None:
    try:
        return form(text)
    except (ValueError, AttributeError, TypeError):
        return None


_TIME_TEXT = re.compile(r"(\d{4}-\d\d-\d\d )?-?\d\d+:\d\d:\d\d\.\d{6}")
_BYTES_TEXT = re.compile(r"base64:type\d+:")


def _value_of_sql_inside_json(cell: Cell) -> bool:
    """Equal documents but for times and bytes that SQL put in: no zeros, no base64 type, negative times broken."""
    try:
        theirs, ours = json.loads(cell.theirs), json.loads(cell.ours)
    except (TypeError, ValueError):
        return False
    return _equal_but_for_sql_values(theirs, ours)


def _equal_but_for_sql_values(theirs: Any, ours: Any) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = zip(theirs.values(), ours.values(), strict=False)
        return list(theirs) == list(ours) and all(_equal_but_for_sql_values(*pair) for pair in pairs)
    if isinstance(ours, list) and isinstance(theirs, list):
        pairs = zip(theirs, ours, strict=False)
        return len(theirs) == len(ours) and all(_equal_but_for_sql_values(*pair) for pair in pairs)
    if repr(theirs) == repr(ours):
        return True
    if not isinstance(ours, str) or not isinstance(theirs, str):
        return False
    if _BYTES_TEXT.match(ours):
        return "".join(theirs.split()) == "".join(_BYTES_TEXT.sub("", ours).split())
    if _TIME_TEXT.fullmatch(ours) is None:
        return False
    if ours.startswith("-"):  # -10:11:12.5 comes out as 11:0-12:0-13.00000-5
        return re.fullmatch(r"[-\d:.]+", theirs) is not None and "-" in theirs
    return theirs == re.sub(r"\.?0*$", "", ours)


def shown_by_create_table(text: str) -> str:
    """Return a string default as SHOW CREATE TABLE prints it between its quotes."""
    for plain, escaped in (("\\", "\\\\"), ("\0", "\\0"), ("\n", "\\n"), ("\r", "\\r"), ("'", "''")):
        text = text.replace(plain, escaped)
    return text


def _default_as_shown(cell: Cell) -> bool:
    return isinstance(cell.ours, str) and cell.theirs == shown_by_create_table(cell.ours)


_ALIASES = {"BOOL": "TINYINT", "BOOLEAN": "TINYINT", "REAL": "DOUBLE", "NCHAR": "CHAR"}


def _alias_in_streamed_ddl(cell: Cell) -> bool:
    """The types that BOOL, REAL and NCHAR name, instead of those that the server stores.

    Both are a column of the schema history, or a field of an Avro schema as JSON text; or values of a column whose
    DDL says such a name, in the form of the schema.
    """
    if cell.type_ddl and isinstance(cell.ours, (int, float)):
        if cell.type_ddl == "bool":
            return cell.theirs is bool(cell.ours)
        return cell.type_ddl == "real" and cell.op != "r" and bool(cell.theirs == _as_float32(cell.ours))
    if isinstance(cell.theirs, dict) and isinstance(cell.ours, dict):
        shaped = ("jdbcType", "typeName", "typeExpression", "charsetName", "length", "defaultValueExpression")
        rest = [{name: value for name, value in one.items() if name not in shaped} for one in (cell.theirs, cell.ours)]
        return rest[0] == rest[1] and _ALIASES.get(cell.theirs["typeName"]) == cell.ours["typeName"]
    return (_avro_type(cell.theirs), _avro_type(cell.ours)) in (
        (("boolean", None), ("int", "int16")),
        (("float", None), ("double", None)),
    )


def _avro_type(field_json: Any) -> tuple[str, str | None] | None:
    """Return Avro's and Connect's type of a field given as JSON text, None for anything else."""
    if not isinstance(field_json, str) or not field_json.startswith('{"name"'):
        return None
    given = json.loads(field_json)["type"]
    if isinstance(given, list):
        given = next(one for one in given if one != "null")
    return (given["type"], given.get("connect.type")) if isinstance(given, dict) else (given, None)


def _comment_of_a_copied_table(cell: Cell) -> bool:
    return cell.column.startswith("CREATE LIKE") and cell.theirs is None and isinstance(cell.ours, str)


def _row_of_a_statement(cell: Cell) -> bool:
    return bool(cell.column == "source.row" and cell.op == "t" and cell.ours == 0 and cell.theirs > 0)


def _order_of_a_hash_map(cell: Cell) -> bool:
    if cell.column != "transaction.data_collections" or not cell.theirs or not cell.ours:
        return False
    return sorted(cell.theirs, key=_name) == sorted(cell.ours, key=_name)


def _name(entry: dict[str, Any]) -> str:
    return str(entry["data_collection"])


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


def _converted_default(cell: Cell) -> bool:
    return cell.ours is None and cell.column in _CUSTOM_DEFAULTS and cell.theirs == _CUSTOM_DEFAULTS[cell.column]


def _first_row_of_a_zero_date_column(cell: Cell) -> bool:
    if cell.op != "r" or cell.ours is None:
        return False
    expected = _FALLBACKS.get(cell.column) if cell.column.startswith("fallback.") else None
    return bool(cell.theirs == expected)


_FALLBACKS = {"fallback.zd": -25567, "fallback.zt": -2174586894000, "fallback.zs": "1970-01-01T00:00:00.5Z"}


def _null_became_the_fallback(cell: Cell) -> bool:
    return cell.ours is None and cell.column in _FALLBACKS and cell.theirs == _FALLBACKS[cell.column]


def _two_days_of_the_julian_calendar(cell: Cell) -> bool:
    return (cell.column, cell.op) == ("nulls.t", "r") and bool(cell.ours - cell.theirs == 2 * 86_400_000)


def _six_digits_under_a_converter(cell: Cell) -> bool:
    return (cell.column, cell.op, cell.theirs, cell.ours) == ("sinkr.r_f", "r", 16777200.0, 16777216.0)


def _unsigned_read_as_signed(cell: Cell) -> bool:
    if cell.column == "sinkb.b_u":  # TINYINT UNSIGNED 200 is negative, and so no true
        return (cell.op, cell.theirs, cell.ours) == ("c", 0, 1)
    if cell.column == "sinkr.r_bu":  # the largest
        return (cell.op, cell.theirs, cell.ours) == ("c", -1.0, float(2**64))
    return (cell.column, cell.op) == ("sinkr.r_u", "c") and cell.theirs == cell.ours - float(2**32)


def _a_bit_is_no_number(cell: Cell) -> bool:
    return (cell.column, cell.op, cell.theirs, cell.ours) == ("sinkb.b_bit", "c", 0, 1)


def _label_or_its_number(cell: Cell) -> bool:
    numbers = {"sinks.s_e": {"1": "x", "2": "y"}, "sinks.s_s": {"0": "", "3": "p,q"}}.get(cell.column, {})
    return cell.op == "c" and cell.theirs in numbers and numbers[cell.theirs] == cell.ours


def _latin1_read_as_utf8(cell: Cell) -> bool:
    return cell.column == "sinks.s_l" and cell.theirs == "\ufffd" and cell.ours in ("é", "e")


def _bytes_of_a_document(cell: Cell) -> bool:
    if cell.column != "sinkx.s_j" or cell.ours is None:
        return False
    return cell.theirs.replace(" ", "") == cell.ours if cell.op == "r" else cell.theirs[0] in "\x00\x02"


def _read_from_an_old_view(cell: Cell) -> bool:
    return (cell.column, cell.op, cell.theirs, cell.ours) == ("again.v", "c", None, "later")


def _key_column_left_out(cell: Cell) -> bool:
    return cell.column == "pairs.a" and cell.op == "" and cell.theirs == 0 and cell.ours in (1, 2)


_READ_AS = {"keybcs2": "cp852", "koi8u": "koi8_r"}
_MISREAD = frozenset({"armscii8", "dec8", "geostd8", "hp8", "keybcs2", "koi8u", "swe7"})


def _read_as_another_charset(cell: Cell) -> bool:
    """Their text, back in the bytes of the charset that they took, is ours in the column's own."""
    named = re.search(r"CHARACTER SET (\w+)", cell.type_ddl)
    if named is None or named[1] not in _MISREAD or not isinstance(cell.theirs, str):
        return False
    for codec in (_READ_AS.get(named[1], "cp1252"), "latin-1"):
        with contextlib.suppress(ValueError):
            raw = cell.theirs.encode(codec)
            if cell.ours == (raw.decode("hp-roman8") if named[1] == "hp8" else table_decoder(named[1])(raw)):
                return True
    return False


_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def _label_with_question_marks(cell: Cell) -> bool:
    """In the escaped form, as commas and backslashes of a streamed label have it too."""
    if not isinstance(cell.ours, str) or _ASTRAL.search(cell.ours) is None:
        return False
    plain = _ASTRAL.sub("?", cell.ours)
    return cell.theirs in (plain, plain.replace("\\", "\\\\").replace(",", "\\,"))


def _quotes_of_a_comment(cell: Cell) -> bool:
    """Two fields of a schema as JSON text, equal but for the comment."""
    return isinstance(cell.theirs, str) and cell.theirs.replace("''", "'") == cell.ours != cell.theirs


def _mask_behind_another_rule(cell: Cell) -> bool:
    """Ours is a mask or a hash, or the schema (JSON text) that says so; theirs is the value, or its schema."""
    if isinstance(cell.ours, str) and '"masked": "true"' in cell.ours:
        return '"masked"' not in cell.theirs
    return isinstance(cell.ours, str) and re.fullmatch(r"\**|[0-9a-f]+", cell.ours) is not None


def _record_of_one_side(table: str, op: str) -> Explains:
    """Ours or theirs alone is a record, the other None."""
    return lambda cell: (cell.column, cell.op) == (f"{table}.", op) and None in (cell.theirs, cell.ours)


def _update_that_is_lost(cell: Cell) -> bool:
    """The record, or its count at the transaction's end."""
    if cell.column == "transaction.event_count":
        return (cell.theirs, cell.ours) == (0, 1)
    if cell.column == "transaction.data_collections":
        return cell.theirs == [] and [_name(one).rpartition(".")[2] for one in cell.ours] == ["partial_json"]
    return _record_of_one_side("partial_json", "u")(cell)


def _same_four_bytes(cell: Cell) -> bool:
    pairs = [(cell.theirs, cell.ours)]
    if isinstance(cell.theirs, list) and isinstance(cell.ours, list) and len(cell.theirs) == len(cell.ours):
        pairs = list(zip(cell.theirs, cell.ours, strict=True))
    return all(
        isinstance(one, float) and isinstance(other, float) and _as_float32(one) == _as_float32(other)
        for one, other in pairs
    )


PREDICATES: dict[str, Explains] = {
    "charset-unknown-to-java": _read_as_another_charset,
    "emoji-label": _label_with_question_marks,
    "quoted-comment": _quotes_of_a_comment,
    "mask-before-other-rules": _mask_behind_another_rule,
    "partial-json-update": _update_that_is_lost,
    "snapshot-flag-as-null": lambda cell: (cell.column, cell.theirs, cell.ours) == ("source.snapshot", None, "false"),
    "xa-at-commit": _record_of_one_side("xa_undone", "c"),
    "float-text-in-json": _same_four_bytes,
    "null-with-default": _null_where_there_is_a_default,
    "escaped-enum-label": _escaped_label,
    "empty-json": _document_without_bytes,
    "year-zero": _year_zero,
    "rewritten-year": _rewritten_year,
    "value-outside-mode": _outside_of_the_mode,
    "full-day": _clock_of_a_full_day,
    "integer-under-mask": _integer_under_mask,
    "time-inside-json": _value_of_sql_inside_json,
    "default-text": _default_as_shown,
    "unsigned-default": _unsigned_default,
    "binary-default": _binary_as_shown,
    "streamed-alias": _alias_in_streamed_ddl,
    "comment-of-a-copied-table": _comment_of_a_copied_table,
    "row-of-a-truncate": _row_of_a_statement,
    "order-of-transaction-tables": _order_of_a_hash_map,
    "snapshot-json": _json_as_the_server_prints_it,
    "snapshot-float": _six_digits_of_a_float,
    "snapshot-timestamp": _trimmed_fraction,
    "snapshot-julian-day": _julian_day,
    "snapshot-year-zero": _year_zero_of_a_date,
    "snapshot-key-bits": _bits_turned_round,
    "snapshot-invalid-day": _day_that_does_not_exist,
    "snapshot-label": _unescaped_label,
    "key-column-left-out": _key_column_left_out,
    "null-with-converted-default": _converted_default,
    "first-zero-date-value": _first_row_of_a_zero_date_column,
    "null-is-no-zero-date": _null_became_the_fallback,
    "julian-datetime-under-a-converter": _two_days_of_the_julian_calendar,
    "float-under-a-converter": _six_digits_under_a_converter,
    "unsigned-under-a-converter": _unsigned_read_as_signed,
    "bit-under-a-converter": _a_bit_is_no_number,
    "label-under-a-converter": _label_or_its_number,
    "charset-under-a-converter": _latin1_read_as_utf8,
    "json-under-a-converter": _bytes_of_a_document,
    "reselect-from-an-old-view": _read_from_an_old_view,
}
"""By id of the list."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry as a comparison uses it."""

    name: str
    """Its id on the list."""
    why: str
    explains: Explains


def differences_of(comparison: str, *, compatible: bool = False) -> tuple[Difference, ...]:
    """Return the entries that `comparison` must show.

    With `compatible` those that the mode does not cover, and those that it makes: a snapshot where it gives what
    Debezium streams (`…-compatible` on the list).
    """
    return tuple(
        Difference(one.id, one.why, PREDICATES[one.id])
        for one in listed()
        if (comparison in one.seen_in and not (compatible and one.covered))
        or (compatible and f"{comparison}-compatible" in one.seen_in)
    )


class Tally:
    """Counts what a comparison saw: equal, on the list by id, and failing."""

    def __init__(self, comparison: str, *, compatible: bool = False) -> None:
        self.comparison = comparison
        self.equal = 0
        self.explained: Counter[str] = Counter()
        self.faults: list[str] = []
        self._differences = differences_of(comparison, compatible=compatible)

    def compare(self, cell: Cell, where: str = "") -> None:
        """Take one pair of values."""
        if cell.theirs == cell.ours and repr(cell.theirs) == repr(cell.ours):
            self.equal += 1
            return
        for entry in self._differences:
            if entry.explains(cell):
                self.explained[entry.name] += 1
                return
        self.faults.append(f"{where} {cell.column}: theirs {cell.theirs!r}, ours {cell.ours!r}")

    def check(self, *, waiting: Collection[str] = ()) -> None:
        """Print the counts; fail for faults, and for entries not seen, `waiting` ones (ids) aside."""
        print(
            f"\n{self.comparison}: {self.equal} equal, {self.explained.total()} on the list, "
            f"{len(self.faults)} failing {dict(self.explained)}"
        )
        assert not self.faults, "\n".join(self.faults[:50])
        unseen = [one.name for one in self._differences if not self.explained[one.name] and one.name not in waiting]
        assert not unseen, f"{self.comparison}: listed but not seen: {unseen}"


DIFFERENCES: tuple[Difference, ...] = differences_of("live")
"""Seen with default options, in test_parity.py."""

OPTION_DIFFERENCES: tuple[Difference, ...] = differences_of("live-options")
"""Seen with the options of test_options_parity.py."""

CUSTOM_DIFFERENCES: tuple[Difference, ...] = differences_of("live-converters")
"""Seen with the options of test_custom_parity.py."""
