"""From the `tableChanges` of a history back to tables: the other direction of `table_changes`.

A history is Debezium's or ours. Debezium's keeps a type as the statement spelt it (`INTEGER`, `BOOL`, `NATIONAL
VARCHAR`), so names are brought to the one that the server shows. What no history tells (collations, invisibility,
generation expressions, lengths of integers) is absent from these tables: they say how rows are read, and compare equal
to what `as_told` makes of a table of the server that has the same structure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from faust_cdc.history.table_changes import created
from faust_cdc.relational.model import Column, Key, Table, TableId

_SAME: Final[dict[str, str]] = {
    **dict.fromkeys(("bool", "boolean"), "tinyint"),
    "int1": "tinyint",
    "int2": "smallint",
    **dict.fromkeys(("int3", "middleint"), "mediumint"),
    **dict.fromkeys(("integer", "int4"), "int"),
    **dict.fromkeys(("int8", "serial"), "bigint"),
    **dict.fromkeys(("dec", "numeric", "fixed"), "decimal"),
    "float4": "float",
    **dict.fromkeys(("float8", "real", "double precision"), "double"),
    **dict.fromkeys(("character", "nchar", "national char", "national character"), "char"),
    **dict.fromkeys(
        (
            *("character varying", "char varying", "nvarchar", "national varchar", "nchar varchar"),
            *("national character varying", "national char varying", "nchar varying", "varcharacter"),
        ),
        "varchar",
    ),
    **dict.fromkeys(("long", "long varchar", "long char varying"), "mediumtext"),
    "long varbinary": "mediumblob",
    "geomcollection": "geometrycollection",
}
"""Spellings of a type → its name in information_schema."""
_ATTRIBUTES: Final = frozenset({"unsigned", "signed", "zerofill"})
_NATIONAL: Final = ("nchar", "nvarchar", "national")
_TEXTS: Final = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_FRACTIONAL: Final = frozenset({"time", "datetime", "timestamp"})
_PART: Final = r'(?:"((?:[^"]|"")*)"|([^".][^.]*"))'
"""Of an id: quoted, or a name that ends with a double quote, as Debezium writes it."""
_ID: Final = re.compile(rf"{_PART}(?:\.{_PART})?(?:\.{_PART})?")


def table_id_of(text: object) -> TableId:
    """Return the table that an id (`"database"."table"`) names. Raises ValueError."""
    found = _ID.fullmatch(text) if isinstance(text, str) else None
    pairs = [] if found is None else zip(found.groups()[::2], found.groups()[1::2], strict=True)
    parts = [quoted.replace('""', '"') if bare is None else bare for quoted, bare in pairs if quoted or bare]
    if len(parts) < 2:
        raise ValueError(f'a table\'s id is "database"."table", found {text!r}')
    return TableId(parts[0], parts[-1])


def table_of(change: Mapping[str, Any]) -> Table:
    """Return the table of a CREATE or ALTER. Raises ValueError saying what is wrong with it."""
    table_id, described = table_id_of(change.get("id")), change.get("table")
    if not isinstance(described, Mapping) or not isinstance(described.get("columns"), list):
        raise ValueError(f"{table_id}: 'table' has no list 'columns'")  # noqa: TRY004
    try:
        places = sorted(described["columns"], key=lambda one: int(one["position"]))
        columns = tuple(_column(one, index, described) for index, one in enumerate(places))
        key = tuple(str(name) for name in described.get("primaryKeyColumnNames") or ())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{table_id}: a column is not described as Debezium does it ({error!r})") from None
    if unknown := set(key).difference(column.name for column in columns):
        raise ValueError(f"{table_id}: its key has columns that it does not have: {', '.join(sorted(unknown))}")
    # Whether the key is the primary one or a unique one in its place no history tells.
    keys = (Key("PRIMARY", key, unique=True),) if key else ()
    return Table(table_id, columns, key, described.get("defaultCharsetName"), change.get("comment") or "", keys=keys)


def as_told(table: Table, *, comments: bool) -> Table:
    """Return what a history tells of a table: equal for two tables exactly when it cannot tell them apart."""
    return table_of(created(table, comments=comments))


def _column(described: Mapping[str, Any], index: int, table: Mapping[str, Any]) -> Column:
    spelt = str(described["typeName"]).lower()
    words = [word for word in spelt.split() if word not in _ATTRIBUTES]
    plain = " ".join(words)
    type_name = _SAME.get(plain, plain)
    labels = tuple(_unquoted(label) for label in described.get("enumValues") or ())
    length, scale = described.get("length"), described.get("scale")
    length = None if length is None or length < 0 else int(length)
    if plain in ("bool", "boolean"):
        length = 1
    if type_name in _FRACTIONAL:
        length = length or 0
    if type_name in ("enum", "set"):
        length = None
    if type_name == "bit":
        length = length or 1
    if type_name == "decimal":
        length, scale = 10 if length is None else length, scale or 0
    if type_name in ("char", "binary"):
        length = 1 if length is None else length
    charset = described.get("charsetName")
    if type_name in _TEXTS and charset is None:
        charset = "utf8mb3" if words[0].startswith(_NATIONAL) else table.get("defaultCharsetName")
    default = described.get("defaultValueExpression")
    auto, generated = bool(described.get("autoIncremented")), bool(described.get("generated"))
    return Column(
        name=str(described["name"]),
        type_name=type_name,
        position=index,
        nullable=described.get("optional") is True,
        unsigned="unsigned" in spelt.split() or "zerofill" in spelt.split() or spelt == "serial",
        length=length,
        scale=scale if type_name in ("decimal", "float", "double") else None,
        charset="utf8mb3" if charset == "utf8" else charset,
        enum_values=labels,
        has_default=described.get("hasDefaultValue") is True,
        default=None if default is None else _shown_back(str(default), type_name),
        # One flag stands for AUTO_INCREMENT and ON UPDATE in Debezium's description; a moment has only the second.
        auto_increment=auto and type_name not in _FRACTIONAL,
        on_update=generated and type_name in _FRACTIONAL,
        comment=described.get("comment") or "",
    )


def _shown_back(text: str, type_name: str) -> str:
    """Return a default as information_schema has it."""
    if type_name == "bit" and re.fullmatch(r"[01]+", text):
        return f"b'{text}'"
    plain = _unescaped(text)
    if type_name in ("binary", "varbinary"):
        return "0x" + plain.encode("utf-8").hex()
    return plain


def _unquoted(label: object) -> str:
    text = str(label)
    return _unescaped(text[1:-1] if len(text) >= 2 and text[0] == text[-1] == "'" else text)


def _unescaped(text: str) -> str:
    """Undo `create_table_text.shown_text`."""
    if "\\" not in text and "''" not in text:
        return text
    return re.sub(r"''|\\.", _plain, text, flags=re.DOTALL)


def _plain(found: re.Match[str]) -> str:
    text = found[0]
    return "'" if text == "''" else {"0": "\0", "n": "\n", "r": "\r"}.get(text[1], text[1])
