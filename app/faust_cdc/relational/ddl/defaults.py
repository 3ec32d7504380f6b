"""A default as written into the value that information_schema shows.

The servers store a default's value, not its text: `DEFAULT '1'` of a DECIMAL(5,2) is 1.00. What is not sure to be
told the way the server does is not told at all.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Final

from faust_cdc.relational.ddl.context import DdlContext, NotResolved
from faust_cdc.relational.ddl.statements import Default, DefaultKind
from faust_cdc.relational.model import Column

NO_IMPLICIT_DEFAULT: Final = frozenset(
    {
        *("tinyblob", "blob", "mediumblob", "longblob", "tinytext", "text", "mediumtext", "longtext", "json"),
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        *("geometrycollection", "vector"),
    }
)
"""Types whose nullable columns have no DEFAULT NULL that information_schema would tell."""

_INTEGERS: Final = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_DIGITS: Final = Context(prec=200)
_TEXTS: Final = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_FUNCTION = re.compile(
    r"\s*(uuid|rand|now|curdate|curtime|utc_date|utc_time|utc_timestamp|user|sysdate)\s*\(\s*\)\s*", re.I
)
_WHOLE = re.compile(r"\s*(\d{1,18})\s*")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_CLOCK = re.compile(r"(-?)(\d{1,3}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,6}))?")


_UNICODE: Final = frozenset({"utf8mb4", "utf16", "utf16le", "utf32", "gb18030"})


class Value:
    """A default's value: what `Column.default` and `Column.default_is_expression` are to be."""

    __slots__ = ("is_expression", "text")

    def __init__(self, text: str | None, is_expression: bool = False) -> None:
        self.text = text
        self.is_expression = is_expression


def default_value(column: Column, written: Default, context: DdlContext) -> Value:
    """Return the value of a DEFAULT clause of `column`. Raises NotResolved."""
    if written.kind is DefaultKind.NULL:
        return Value(None)
    if written.kind is DefaultKind.NOW:
        return _now(column, written, context)
    if written.kind is DefaultKind.EXPRESSION:
        return _expression(column, written.text, context)
    if column.type_name in NO_IMPLICIT_DEFAULT and not context.mariadb:
        # MySQL allows these no literal and outside of strict mode drops an empty one.
        raise _unsure(column)
    bits = written.kind in (DefaultKind.HEX, DefaultKind.BITS)
    if column.type_name in NO_IMPLICIT_DEFAULT and (written.introduced or bits):
        raise _unsure(column)
    return Value(_literal(column, written, context))


def _unsure(column: Column) -> NotResolved:
    return NotResolved(f"how the server shows the default of column {column.name!r} is not known")


def _now(column: Column, written: Default, context: DdlContext) -> Value:
    if column.type_name not in ("timestamp", "datetime"):
        if not context.mariadb:
            raise _unsure(column)
        digits = written.text if written.text not in ("", "0") else ""
        return Value(f"current_timestamp({digits})", True)
    digits = str(column.length) if column.length else ""
    if context.mariadb:
        return Value(f"current_timestamp({digits})", True)
    return Value(f"CURRENT_TIMESTAMP({digits})" if digits else "CURRENT_TIMESTAMP", context.tells_expressions)


def _expression(column: Column, text: str, context: DdlContext) -> Value:
    """Only what both servers print as it is written; anything else is printed in forms of their own."""
    function = _FUNCTION.fullmatch(text)
    if function is not None:
        name = function[1].lower()
        if context.mariadb and name == "now":
            name = "current_timestamp"
        if name == "sysdate" or name == "user":
            raise _unsure(column)
        return Value(f"{name}()", True)
    whole = _WHOLE.fullmatch(text)
    if (
        whole is not None
        and not context.mariadb
        and column.type_name in _INTEGERS
        and (whole[1] == "0" or not whole[1].startswith("0"))
    ):
        return Value(whole[1], True)
    raise _unsure(column)


def _literal(column: Column, written: Default, context: DdlContext) -> str:
    name = column.type_name
    if name in _INTEGERS:
        return _integer(column, _number(column, written))
    if name == "decimal":
        return _fixed(column, _number(column, written), column.scale or 0)
    if name in ("float", "double"):
        return _floating(column, written)
    if name == "bit":
        return f"b'{int(_number(column, written)):b}'"
    if name in ("date", "datetime", "timestamp", "time", "year"):
        return _temporal(column, written)
    if name in _TEXTS:
        text = _text(column, written)
        return text.rstrip(" ") if name == "char" else text
    if name in ("enum", "set"):
        return _labels(column, written)
    if name in ("binary", "varbinary"):
        return _octets(column, written, context)
    raise _unsure(column)


def _number(column: Column, written: Default) -> Decimal:
    try:
        if written.kind is DefaultKind.HEX:
            return Decimal(int(written.text or "0", 16))
        if written.kind is DefaultKind.BITS:
            return Decimal(int(written.text or "0", 2))
        if len(written.text) > 100:
            raise _unsure(column)
        found = Decimal(written.text.strip(" "))
    except (InvalidOperation, ValueError):
        raise _unsure(column) from None
    if not found.is_finite() or found.adjusted() > 100 or found.adjusted() < -100:
        raise _unsure(column)
    return found


def _integer(column: Column, number: Decimal) -> str:
    text = str(int(number.to_integral_value(ROUND_HALF_UP)))
    width = _zerofill_width(column)
    return text.zfill(width) if width else text


def _zerofill_width(column: Column) -> int:
    if "zerofill" not in column.type_expression:
        return 0
    found = re.search(r"\((\d+)\)", column.type_expression)
    return int(found[1]) if found else 0


def _fixed(column: Column, number: Decimal, scale: int) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _DIGITS)
    text = f"{abs(rounded) if rounded == 0 else rounded:f}"
    if "zerofill" not in column.type_expression:
        return text
    width = (column.length or 10) + (1 if scale else 0)
    return text.zfill(width)


def _floating(column: Column, written: Default) -> str:
    number = _number(column, written)
    if "zerofill" in column.type_expression:
        raise _unsure(column)
    if column.scale is not None:
        if len(number.as_tuple().digits) > 6:
            raise _unsure(column)
        return _fixed(column, number, column.scale)
    digits = len(number.normalize().as_tuple().digits)
    if digits > (6 if column.type_name == "float" else 15) or number.adjusted() > (
        5 if column.type_name == "float" else 14
    ):
        raise _unsure(column)
    if number != 0 and number.adjusted() < -4:
        raise _unsure(column)
    text = f"{number.normalize():f}"
    return "0" if number == 0 else text


def _text(column: Column, written: Default) -> str:
    if written.kind in (DefaultKind.HEX, DefaultKind.BITS):
        data = _bytes(written)
        if not data.isascii() or column.charset in ("ucs2", "utf16", "utf16le", "utf32"):
            raise _unsure(column)
        return data.decode("ascii")
    if written.kind is DefaultKind.NUMBER and re.search("[eE]", written.text):
        raise _unsure(column)
    if "�" in written.text:
        raise _unsure(column)
    text = written.text
    if column.length is not None and not text[column.length :].strip(" "):
        # Spaces that do not fit are cut off without a word.
        text = text[: column.length]
    ensure_kept(text, column.charset)
    return text


def ensure_kept(text: str, charset: str | None) -> None:
    """Refuse text that the server may not be able to convert: it puts ? in its place. Raises NotResolved."""
    if text.isascii() or charset in _UNICODE or charset is None:
        return
    try:
        text.encode("cp1252" if charset == "latin1" else "ascii")
    except UnicodeEncodeError:
        raise NotResolved(f"whether the charset {charset} has all characters of a text is not known") from None


def _bytes(written: Default) -> bytes:
    if written.kind is DefaultKind.HEX:
        return bytes.fromhex(written.text.zfill(len(written.text) + len(written.text) % 2))
    number = int(written.text or "0", 2)
    return number.to_bytes(max(1, (len(written.text) + 7) // 8), "big")


def _octets(column: Column, written: Default, context: DdlContext) -> str:
    data = _bytes(written) if written.kind in (DefaultKind.HEX, DefaultKind.BITS) else _text(column, written).encode()
    if column.type_name == "binary" and context.mariadb:
        data = data.ljust(column.length or 1, b"\0")
    digits = data.hex() if context.mariadb else data.hex().upper()
    return f"0x{digits}" if data or context.mariadb or column.type_name == "binary" else ""


def _labels(column: Column, written: Default) -> str:
    labels = column.enum_values
    if written.kind is not DefaultKind.STRING:
        raise _unsure(column)
    if column.type_name == "enum":
        return _label(column, written.text)
    if not written.text:
        return ""
    chosen = {_label(column, part) for part in written.text.split(",")}
    return ",".join(label for label in labels if label in chosen)


def _label(column: Column, text: str) -> str:
    text = text.rstrip(" ")
    if text in column.enum_values:
        return text
    found = [label for label in column.enum_values if label.lower() == text.lower()]
    if len(found) != 1 or not text.isascii():
        raise _unsure(column)
    return found[0]


def _temporal(column: Column, written: Default) -> str:
    text = written.text.strip()
    if column.type_name == "year":
        return _year(column, written)
    if written.kind is not DefaultKind.STRING:
        if written.kind is DefaultKind.NUMBER and text == "0":
            return zero_moment(column)
        raise _unsure(column)
    if column.type_name == "time":
        return _clock(column, text)
    date, _, clock = text.partition(" ")
    found = _DATE.fullmatch(date)
    if found is None:
        raise _unsure(column)
    shown = f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    if column.type_name == "date":
        if clock:
            raise _unsure(column)
        return shown
    return f"{shown} {_clock(column, clock or '00:00:00')}"


def _clock(column: Column, text: str) -> str:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise _unsure(column)
    fraction, digits = found[5] or "", column.length or 0
    if len(fraction.rstrip("0")) > digits:
        raise _unsure(column)
    shown = f"{found[1]}{int(found[2]):02}:{int(found[3]):02}:{int(found[4]):02}"
    return f"{shown}.{fraction[:digits].ljust(digits, '0')}" if digits else shown


def _year(column: Column, written: Default) -> str:
    if not re.fullmatch(r"\d{1,4}", written.text):
        raise _unsure(column)
    number = int(written.text)
    if len(written.text) == 4:
        return written.text
    if len(written.text) == 3 or (number == 0 and written.kind is DefaultKind.STRING):
        raise _unsure(column)
    if number == 0:
        return "0000"
    return str(number + (2000 if number < 70 else 1900))


def zero_moment(column: Column) -> str:
    """Return the default that a TIMESTAMP NOT NULL has of itself where explicit_defaults_for_timestamp is off."""
    if column.type_name == "time":
        shown = "00:00:00"
    else:
        shown = "0000-00-00" if column.type_name == "date" else "0000-00-00 00:00:00"
    return f"{shown}.{'0' * column.length}" if column.length else shown
