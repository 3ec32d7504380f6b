"""Every MySQL type with its variants: DDL, boundary values, random values, defaults. One entry per variant.

All values are what a server in strict mode with `ALLOW_INVALID_DATES` takes unchanged. Left out on purpose are days
that do not exist (2024-02-31), as Debezium 3.6.1 fails its task there and nothing can be compared, and TIME DEFAULT 0,
which it knows from SHOW CREATE TABLE (`'00:00:00'`) but not from a streamed CREATE TABLE.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.parity.faker import literals as lit
from tests.parity.faker.literals import Literal, quoted


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One variant of a type."""

    family: str
    """MySQL's name of the type, as information_schema has it."""
    ddl: str
    """The type as in CREATE TABLE, character set included."""
    boundary: tuple[str, ...]
    """SQL expressions of values at the edges."""
    random: Literal
    defaults: tuple[str, ...] = ()
    """What may stand after DEFAULT."""
    nullable: bool | None = None
    """Whether the column must or must not take NULL: a NOT NULL one fails both sides for a value beyond a mode."""


UNICODE = "aZ09 é€ñ漢字😀\t\n\\'\"%_ "
_BMP = "aZ09 é€ñ漢字\t\\'\"%_ "

_INTEGER_SIZES = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}


def _integers() -> list[ColumnType]:
    found = []
    for family, size in _INTEGER_SIZES.items():
        low, high = -(2 ** (size - 1)), 2 ** (size - 1) - 1
        edges = (str(low), str(high), "0", "-1")
        found.append(ColumnType(family, family, edges, lit.whole(low, high), ("5", "-7", "'12'", str(high))))
        top = 2**size - 1
        unsigned = (str(top), str(high + 1), "0", "1")
        for sign in ("unsigned", "unsigned zerofill"):
            found.append(ColumnType(family, f"{family} {sign}", unsigned, lit.whole(0, top), ("0", "42", str(high))))
    found.append(ColumnType("tinyint", "tinyint(1)", ("-128", "127", "0", "1", "2"), lit.whole(0, 1), ("0", "1")))
    found.append(ColumnType("int", "int(7) zerofill", ("0", "4294967295"), lit.whole(0, 10**6), ("7",)))
    return found


def _numbers() -> list[ColumnType]:
    found: list[ColumnType] = []
    edges: tuple[str, ...]
    for precision, scale in ((1, 0), (5, 2), (9, 9), (10, 0), (18, 9), (28, 10), (38, 38 - 12), (65, 0), (65, 30)):
        top = "9" * (precision - scale) + ("." + "9" * scale if scale else "")
        top = top if precision > scale else "0" + top
        edges = (top, "-" + top, "0", "-0.1" if scale else "-1")
        defaults = ("0", "-0.5", "0.25", "NULL") if scale else ("0", "-3")
        found.append(
            ColumnType("decimal", f"decimal({precision},{scale})", edges, lit.decimal(precision, scale), defaults)
        )
    found.append(ColumnType("decimal", "decimal(8,3) unsigned", ("0", "99999.999"), lit.whole(0, 99999), ("1.5",)))
    found.append(ColumnType("decimal", "numeric", ("0", "-9999999999"), lit.decimal(10, 0), ("10",)))
    edges = ("0", "1e-30", "3.4028e38", "-3.4028e38", "16777217", "0.1", "1.175494351e-38", "123456.789")
    found.append(ColumnType("float", "float", edges, lit.real(3e38), ("0.1", "-1.5", "1e10")))
    found.append(ColumnType("float", "float(7,3)", ("9999.999", "-0.001", "4.44"), lit.fixed_real(7, 3), ("4.44",)))
    found.append(ColumnType("float", "float unsigned", ("0", "1.5"), lit.whole(0, 10**6), ("2",)))
    edges = ("0", "1.7e308", "-1.7e308", "5e-324", "0.1", "123456789.123456789", "1e16", "1e15", "-0e0")
    found.append(ColumnType("double", "double", edges, lit.real(1e300), ("0.1", "1e-10", "123456789")))
    found.append(ColumnType("double", "double(10,4)", ("999999.9999", "-0.0001"), lit.fixed_real(10, 4), ("1.25",)))
    found.append(ColumnType("double", "real", ("2.5",), lit.real(1e30), ("-1",)))
    for count in (1, 2, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40, 48, 56, 57, 63, 64):
        edges = (f"b'{'1' * count}'", "b'0'", "b'1'", str(1 << (count - 1)))
        found.append(ColumnType("bit", f"bit({count})", edges, lit.bits(count), ("b'1'", "b'0'", "1")))
    years = lit.whole(1901, 2155)
    found.append(ColumnType("year", "year", ("0", "1901", "2155", "'1970'", "'0000'"), years, ("2020", "1999")))
    return found


_DAYS = ("'1000-01-01'", "'9999-12-31'", "'1582-10-04'", "'1582-10-15'", "'1970-01-01'", "'1969-12-31'")
_ODD_DAYS = (
    "'0000-00-00'",
    "'2024-00-01'",
    "'2024-01-00'",
    "'0001-01-01'",
    "'0069-12-31'",
    "'0070-01-01'",
    "'1582-10-10'",
    "'0000-01-01'",
    "'0999-12-31'",
)
_FORM = "%Y-%m-%d %H:%M:%S"


def _fraction(digits: int, kind: str = "9") -> str:
    return "." + kind * digits if digits else ""


def _temporal() -> list[ColumnType]:
    date = lit.moment("1000-01-01", "9999-12-31", "%Y-%m-%d", 0)
    leap = ("'2024-02-29'", "'0099-03-01'", "'0100-01-01'")
    defaults: tuple[str, ...] = ("'2020-01-02'", "'0000-00-00'", "'1969-12-31'")
    edges: tuple[str, ...]
    small: tuple[str, ...]
    odd: tuple[str, ...]
    found = [ColumnType("date", "date", (*_DAYS, *_ODD_DAYS, *leap), date, defaults)]
    for digits in range(7):
        nines = _fraction(digits)
        # The largest TIME has no fraction: 838:59:59 is the limit itself.
        edges = (
            "'838:59:59'",
            "'-838:59:59'",
            f"'838:59:58{nines}'",
            f"'-00:00:01{nines}'",
            "'00:00:00'",
            "'24:00:00'",
        )
        small = (f"'-00:00:00{_fraction(digits, '1')}'", f"'23:59:59{nines}'", "'12:34:56'")
        defaults = ("'10:11:12'", "'-01:02:03'", "'00:00:00'")
        found.append(ColumnType("time", f"time({digits})", edges + small, lit.clock(digits), defaults, nullable=True))
        day = lit.moment("2020-01-01", "2020-01-01 23:59:59.999999", "%H:%M:%S", digits)
        found.append(
            ColumnType("time", f"time({digits})", small[1:], day, ("'10:11:12'", "'00:00:00'"), nullable=False)
        )
        edges = (f"'9999-12-31 23:59:59{nines}'", "'1000-01-01 00:00:00'", f"'1969-12-31 23:59:59{nines}'")
        odd = ("'0000-00-00 00:00:00'", "'2024-00-01 10:00:00'", f"'0001-01-01 00:00:00{_fraction(digits, '1')}'")
        odd += ("'1582-10-10 12:00:00'", "'0000-01-01 00:00:00'", "'0500-05-05 05:05:05'")
        far = ("'2262-04-11 23:47:17'", "'1677-09-22 00:00:00'", "'2020-01-02 03:04:05.1'", "'1582-10-15 00:00:00'")
        moments = lit.moment("1000-01-01", "9999-12-31 23:59:59", _FORM, digits)
        now = f"CURRENT_TIMESTAMP({digits})" if digits else "CURRENT_TIMESTAMP"
        defaults = ("'2020-01-02 03:04:05'", now, "'0000-00-00 00:00:00'", f"{now} ON UPDATE {now}")
        kind = f"datetime({digits})"
        found.append(ColumnType("datetime", kind, edges + odd + far, moments, defaults, nullable=True))
        moments = lit.moment("1700-01-01", "2261-12-31 23:59:59.999999", _FORM, digits)
        found.append(ColumnType("datetime", kind, edges[2:] + odd[:2], moments, defaults, nullable=False))
        edges = (f"'2038-01-19 03:14:07{nines}'", "'1970-01-01 00:00:01'", "'2020-01-02 03:04:05.1'")
        odd = ("'0000-00-00 00:00:00'", "'2024-02-29 12:00:00'")
        moments = lit.moment("1970-01-01 00:00:01", "2038-01-19 03:14:07", _FORM, digits)
        found.append(ColumnType("timestamp", f"timestamp({digits})", edges + odd, moments, defaults))
    return found


_CHARSETS = {
    "utf8mb3": _BMP,
    "latin1": "aZ09 é€ÿ\t\\'\"%_",
    "ascii": "aZ09 \t\\'\"%_",
    "latin2": "aZ09ąłŻ",
    "latin5": "aZ09ğİşÿ",
    "latin7": "aZ09ąšž",
    "cp1250": "aZ09ąčŽ€",
    "cp1251": "aZ09Жяё",
    "cp1256": "aZ09ابپ€",
    "cp1257": "aZ09ąšž€",
    "cp850": "aZ09éß¥",
    "cp852": "aZ09ąčŽ",
    "cp866": "aZ09Жяё",
    "greek": "aZ09αΩέ",
    "hebrew": "aZ09אבת",
    "macroman": "aZ09éü†",
    "macce": "aZ09ąčŽ",
    "koi8r": "aZ09Жя",
    "koi8u": "aZ09Жяї",
    "tis620": "aZ09กขฃ",
    "armscii8": "aZ09ԱբՖ",
    "dec8": "aZ09éñü",
    "geostd8": "aZ09აბჰ",
    "hp8": "aZ09éñü",
    "keybcs2": "aZ09čšž",
    "swe7": "aZ09åäÖ",
    "utf16": UNICODE,
    "utf16le": UNICODE,
    "utf32": UNICODE,
    "ucs2": _BMP,
    "gbk": "aZ09漢字中",
    "gb2312": "aZ09中文字",
    "gb18030": "aZ09漢字é😀",
    "big5": "aZ09漢字中功",
    "euckr": "aZ09한글가",
    "sjis": "aZ09漢字ｱあ表",
    "cp932": "aZ09漢字ｱあ①",
    "ujis": "aZ09漢字ｱあ",
    "eucjpms": "aZ09漢字ｱあ①",
}
"""Every character set of the server but utf8mb4 and binary, with characters that it has."""


def _strings() -> list[ColumnType]:
    odd = ("''", "' '", "'a  '", quoted("t\tn\n\\'\""), "'NULL'", "'0'")
    wide = ("'😀'", "'漢字'")
    defaults = ("'given'", "''", "'it''s'", "'größe'")
    found = []
    for length in (1, 10, 100):
        edges = tuple(value for value in odd + wide if length > 1 or len(value) <= 3)
        edges += (quoted("é" * length),)
        simple = defaults if length > 6 else ("''", "'x'")
        found.append(ColumnType("char", f"char({length})", edges, lit.text(UNICODE.strip(), length), simple))
    for length in (20, 255, 300):
        edges = (*odd, *wide, quoted("😀" * length), quoted("x" * length))
        found.append(ColumnType("varchar", f"varchar({length})", edges, lit.text(UNICODE, length), defaults))
    found.append(ColumnType("varchar", "varchar(30) COLLATE utf8mb4_bin", odd, lit.text(UNICODE, 30), defaults))
    for charset, alphabet in _CHARSETS.items():
        sample = quoted(alphabet[-1] * 20)
        ddl = f"varchar(20) CHARACTER SET {charset}"
        found.append(ColumnType("varchar", ddl, ("''", "'a '", sample), lit.text(alphabet, 20), ("'x'",)))
    found.append(ColumnType("char", "char(9) CHARACTER SET latin1", ("''", "'ÿ'"), lit.text("aé€ÿ", 9), ("'é'",)))
    found.append(ColumnType("text", "text CHARACTER SET gbk", ("''",), lit.text("aZ漢字", 300)))
    for family, longest in (("tinytext", 60), ("text", 400), ("mediumtext", 400), ("longtext", 2000)):
        edges = (*odd, quoted("é" * longest), "REPEAT('x', 255)")
        edges += ("REPEAT('y', 65535)",) if family != "tinytext" else ()
        found.append(ColumnType(family, family, edges, lit.text(UNICODE, longest), ("('by expression')",)))
    return found


def _bytes() -> list[ColumnType]:
    found = []
    edges: tuple[str, ...]
    for length in (1, 8, 255):
        edges = ("X''", "X'00'", "X'ff'", f"X'{'ff' * length}'", f"X'{'61' * (length - 1)}00'")
        found.append(ColumnType("binary", f"binary({length})", edges, lit.binary(length), ("'a'",)))
    for length in (5, 300):
        edges = ("X''", "X'00'", "X'0000'", "X'ff27'", f"X'{'ff' * length}'")
        found.append(ColumnType("varbinary", f"varbinary({length})", edges, lit.binary(length), ("X'0102'", "'ab'")))
    for family, longest in (("tinyblob", 255), ("blob", 500), ("mediumblob", 500), ("longblob", 2000)):
        edges = ("X''", "X'00'", "X'ff'", "REPEAT(X'fe', 255)")
        found.append(ColumnType(family, family, edges, lit.binary(longest)))
    return found


_LABELS = ("a", "b,c", "d'e", "漢", "\\", "x y", "0", "1")
_SET_LABELS = ("x", "y", "z w", "größe", "q'")


def _labels() -> list[ColumnType]:
    def listed(values: tuple[str, ...]) -> str:
        return ",".join(map(quoted, values))

    many = tuple(f"m{n}" for n in range(64))
    crowd = tuple(f"label{n:03}" for n in range(300))
    return [
        ColumnType("enum", f"enum({listed(_LABELS)})", ("1", "2", "8"), lit.whole(1, 8), ("'a'", "'0'")),
        ColumnType("enum", "enum('','only')", ("1", "2"), lit.whole(1, 2), ("''", "'only'")),
        ColumnType("enum", f"enum({listed(crowd)})", ("1", "255", "256", "300"), lit.whole(1, 300), ("'label299'",)),
        ColumnType("enum", "enum('😀','a,😀','漢')", ("1", "2", "3"), lit.whole(1, 3), ("'漢'",)),
        ColumnType("enum", "enum('я','ж') CHARACTER SET cp1251", ("1", "2"), lit.whole(1, 2), ("'ж'",)),
        ColumnType("enum", "enum('漢','字') CHARACTER SET gbk", ("1", "2"), lit.whole(1, 2)),
        ColumnType("set", "set('漢','é','😀') CHARACTER SET utf16", ("0", "7"), lit.bits(3), ("''",)),
        ColumnType("enum", "enum('é','ü') CHARACTER SET latin1", ("1", "2"), lit.whole(1, 2), ("'ü'",)),
        ColumnType("set", f"set({listed(_SET_LABELS)})", ("0", "1", "31", "''"), lit.bits(5), ("''", "'x,y'")),
        ColumnType("set", f"set({listed(many)})", ("0", str(2**64 - 1), str(2**63)), lit.bits(64), ("'m0,m63'",)),
    ]


_DOCUMENTS = (
    "'null'",
    "'true'",
    "'{}'",
    "'[]'",
    "'\"text\"'",
    "'[1e7,1e-3,0.1,1.0,100.0,-0.0,1e16,1e300,5e-324]'",
    "'[0,-1,32767,32768,65535,65536,2147483648,9223372036854775807,18446744073709551615]'",
    "CONCAT('[\"', REPEAT('x', 70000), '\",1]')",
    '\'{"bb": 1, "a": 2, "ccc": {"x": [[], {}]}}\'',
)
SHAPES = (
    *("point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"),
    "geometry",
)
"""The GEOMETRY family."""


def _documents_and_shapes() -> list[ColumnType]:
    found = [
        ColumnType("json", "json", _DOCUMENTS, lit.document, ("(JSON_ARRAY())",)),
        ColumnType("json", "json", ("JSON_OBJECT()",), lit.temporal_document),
    ]
    for shape in SHAPES:
        edges = ("ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')",) if shape in ("geometrycollection", "geometry") else ()
        edges = edges or (lit.geometry(shape)(random.Random(shape)),)
        found.append(ColumnType(shape, shape, edges, lit.geometry(shape)))
    near = "ST_GeomFromText('POINT(10 20)', 4326)"
    found.append(ColumnType("point", "point SRID 4326", (near,), lit.one_of([near])))
    found.append(ColumnType("vector", "vector(3)", ("STRING_TO_VECTOR('[1,-2.5,3e10]')",), lit.vector(3)))
    found.append(ColumnType("vector", "vector", ("STRING_TO_VECTOR('[0]')",), lit.vector(20)))
    return found


TYPES: tuple[ColumnType, ...] = (
    *_integers(),
    *_numbers(),
    *_temporal(),
    *_strings(),
    *_bytes(),
    *_labels(),
    *_documents_and_shapes(),
)
"""All variants."""
