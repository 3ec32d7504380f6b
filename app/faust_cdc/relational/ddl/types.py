"""A type as written into the parts of a `Column` and the text that information_schema prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from faust_cdc.mysql.collations import max_bytes_per_character
from faust_cdc.relational.create_table_text import shown_text
from faust_cdc.relational.ddl.context import REAL_AS_FLOAT, CharsetPair, DdlContext, NotResolved
from faust_cdc.relational.ddl.defaults import ensure_kept
from faust_cdc.relational.ddl.statements import ColumnType

_INTEGERS: Final = {
    "tinyint": (4, 3),
    "smallint": (6, 5),
    "mediumint": (9, 8),
    "int": (11, 10),
    "bigint": (20, 20),
}
"""Display widths, signed and unsigned."""

_ALIASES: Final = {
    "BOOL": "tinyint",
    "BOOLEAN": "tinyint",
    "INT1": "tinyint",
    "INT2": "smallint",
    "INT3": "mediumint",
    "MIDDLEINT": "mediumint",
    "INT4": "int",
    "INTEGER": "int",
    "INT8": "bigint",
    "DEC": "decimal",
    "NUMERIC": "decimal",
    "FIXED": "decimal",
    "FLOAT4": "float",
    "FLOAT8": "double",
    "DOUBLE PRECISION": "double",
    "CHARACTER": "char",
    "NCHAR": "char",
    **dict.fromkeys(
        (
            *("CHARACTER VARYING", "CHAR VARYING", "VARCHARACTER", "NVARCHAR", "NCHAR VARYING"),
            *("NCHAR VARCHAR", "NCHAR VARCHARACTER"),
        ),
        "varchar",
    ),
    **dict.fromkeys(("LONG", "LONG VARCHAR", "LONG VARCHARACTER", "LONG CHAR", "LONG CHARACTER"), "mediumtext"),
    "LONG VARBINARY": "mediumblob",
    "GEOMCOLLECTION": "geometrycollection",
}

_TEXTS: Final = ("tinytext", "text", "mediumtext", "longtext")
_BLOBS: Final = ("tinyblob", "blob", "mediumblob", "longblob")
_SIZES: Final = (0xFF, 0xFFFF, 0xFFFFFF)
_BINARY_OF: Final = {"char": "binary", "varchar": "varbinary", **dict(zip(_TEXTS, _BLOBS, strict=True))}
SPATIAL: Final = frozenset(
    {
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        "geometrycollection",
    }
)
_MARIADB_ONLY: Final = frozenset({"uuid", "inet4", "inet6"})
_TEMPORAL: Final = frozenset({"time", "datetime", "timestamp"})
CHARACTER: Final = frozenset({"char", "varchar", *_TEXTS, "enum", "set"})
"""Types that have a charset."""

_BYTES_OF_ROW: Final = 65_535


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What a type says of a column; members as in `Column`."""

    type_name: str
    text: str
    length: int | None = None
    scale: int | None = None
    unsigned: bool = False
    charset: CharsetPair | None = None
    labels: tuple[str, ...] = ()


def type_facts(written: ColumnType, context: DdlContext, inherited: CharsetPair | None) -> TypeFacts:
    """Return the facts; `inherited` is the table's charset. Raises NotResolved for what is not known."""
    name = _ALIASES.get(written.name, written.name.lower())
    if written.name in ("BOOL", "BOOLEAN"):
        return _integer("tinyint", ColumnType("TINYINT", (1,)), context)
    if name in _INTEGERS:
        return _integer(name, written, context)
    if name in ("decimal", "float", "double", "real"):
        return _real(name, written, context)
    if name in _TEMPORAL:
        digits = written.numbers[0] if written.numbers else 0
        return TypeFacts(name, f"{name}({digits})" if digits else name, digits)
    if name in CHARACTER:
        return _character(name, written, context, inherited)
    if name in ("binary", "varbinary"):
        return _octets(name, written)
    return _other(name, written, context)


def _integer(name: str, written: ColumnType, context: DdlContext) -> TypeFacts:
    width = written.numbers[0] if written.numbers and written.numbers[0] else _INTEGERS[name][written.unsigned]
    attributes = _attributes(written)
    shown = context.shows_widths or written.zerofill or (name == "tinyint" and width == 1 and not written.unsigned)
    text = f"{name}({width}){attributes}" if shown else f"{name}{attributes}"
    return TypeFacts(name, text, 1 if text.startswith("tinyint(1)") else None, None, written.unsigned)


def _attributes(written: ColumnType) -> str:
    return (" unsigned" if written.unsigned else "") + (" zerofill" if written.zerofill else "")


def _real(name: str, written: ColumnType, context: DdlContext) -> TypeFacts:
    attributes = _attributes(written)
    if name == "real":
        name = "float" if context.sql_mode & REAL_AS_FLOAT else "double"
    if name == "decimal":
        precision, scale = (*written.numbers, 10, 0)[:2] if not written.numbers else (*written.numbers, 0)[:2]
        precision = precision or 10
        return TypeFacts(name, f"decimal({precision},{scale}){attributes}", precision, scale, written.unsigned)
    if len(written.numbers) == 2:
        precision, scale = written.numbers
        return TypeFacts(name, f"{name}({precision},{scale}){attributes}", precision, scale, written.unsigned)
    if len(written.numbers) == 1 and name == "float":
        name = "float" if written.numbers[0] <= 24 else "double"
    return TypeFacts(name, f"{name}{attributes}", None, None, written.unsigned)


def _octets(name: str, written: ColumnType) -> TypeFacts:
    length = written.numbers[0] if written.numbers else 1
    _ensure_fits(name, length, 1)
    return TypeFacts(name, f"{name}({length}){_compressed(written)}", length)


def _compressed(written: ColumnType) -> str:
    return " /*M!100301 COMPRESSED*/" if written.compressed else ""


def _ensure_fits(name: str, length: int, bytes_per_character: int) -> None:
    """Outside of strict mode a server makes a longer column a BLOB or TEXT of its choice."""
    if length * bytes_per_character > _BYTES_OF_ROW or (name in ("char", "binary") and length > 255):
        raise NotResolved(f"{name}({length}) is longer than the type can be")


def _character(name: str, written: ColumnType, context: DdlContext, inherited: CharsetPair | None) -> TypeFacts:
    pair = _charset(written, context, inherited)
    if pair.charset == "binary" and name in _BINARY_OF:
        name = _BINARY_OF[name]
        if name in ("binary", "varbinary"):
            return _octets(name, written)
        return sized(name, written.numbers[0] if written.numbers else 0, None, _compressed(written))
    if name in ("enum", "set"):
        labels = tuple(label.rstrip(" ") for label in written.labels or ())
        if pair.charset == "binary":
            labels = written.labels or ()
        ensure_kept("".join(labels), pair.charset)
        text = f"{name}({','.join(quoted(label) for label in labels)})"
        return TypeFacts(name, text, charset=pair, labels=labels)
    if name in _TEXTS:
        return sized(name, written.numbers[0] if written.numbers else 0, pair, _compressed(written))
    length = written.numbers[0] if written.numbers else 1
    _ensure_fits(name, length, max_bytes_per_character(pair.charset))
    return TypeFacts(name, f"{name}({length}){_compressed(written)}", length, charset=pair)


def quoted(label: str) -> str:
    """Return a label as information_schema prints it."""
    return f"'{shown_text(label)}'"


def _charset(written: ColumnType, context: DdlContext, inherited: CharsetPair | None) -> CharsetPair:
    if written.national:
        inherited = CharsetPair("utf8mb3", context.default_collation("utf8mb3"))
    pair = context.pair(written.charset, written.collation, inherited)
    if written.binary and written.collation is None and pair.charset != "binary":
        return CharsetPair(pair.charset, f"{pair.charset}_bin")
    return pair


def sized(name: str, characters: int, pair: CharsetPair | None, attributes: str = "") -> TypeFacts:
    """Return a TEXT or BLOB type; with a length written, TEXT and BLOB are the smallest that take it."""
    kinds = _BLOBS if pair is None else _TEXTS
    if characters and name in ("text", "blob"):
        name = text_for(characters * (max_bytes_per_character(pair.charset) if pair else 1), kinds)
    return TypeFacts(name, f"{name}{attributes}", charset=pair)


def text_for(size_bytes: int, kinds: tuple[str, ...] = _TEXTS) -> str:
    """Return the smallest of the four types that takes `size_bytes`."""
    return next((kind for kind, most in zip(kinds, _SIZES, strict=False) if size_bytes <= most), kinds[3])


def widened(name: str, before: str, after: str) -> str:
    """Return the TEXT type that a column has after its charset has changed (MySQL `get_blob_type_from_length`)."""
    if name == "longtext":
        return name
    characters = _SIZES[_TEXTS.index(name)] // max_bytes_per_character(before)
    return text_for(characters * max_bytes_per_character(after))


def _other(name: str, written: ColumnType, context: DdlContext) -> TypeFacts:
    number = written.numbers[0] if written.numbers else None
    if name == "bit":
        return TypeFacts(name, f"bit({number or 1})", number or 1)
    if name == "year":
        return TypeFacts(name, "year(4)" if context.shows_widths else "year")
    if name == "date":
        return TypeFacts(name, name)
    if name in _BLOBS:
        return sized(name, number or 0, None, _compressed(written))
    if name in SPATIAL:
        short = name == "geometrycollection" and not context.mariadb and context.version >= (8,)
        return TypeFacts(name, "geomcollection" if short else name)
    if name == "json" and context.mariadb:
        return TypeFacts("longtext", "longtext", charset=CharsetPair("utf8mb4", "utf8mb4_bin"))
    if name == "json":
        return TypeFacts(name, name)
    if name == "vector" and (number or not context.mariadb):
        return TypeFacts(name, f"vector({number or 2048})", number or 2048)
    if name in _MARIADB_ONLY and context.mariadb:
        return TypeFacts(name, name)
    raise NotResolved(f"the type {written.name[:64]!r} is not known")
