"""The grammar of a column: name, type, attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import (
    ColumnDefinition,
    ColumnType,
    Default,
    DefaultKind,
    KeyDefinition,
    KeyKind,
    KeyPart,
)
from faust_cdc.relational.ddl.tokens import Kind

NOW: Final = frozenset({"NOW", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"})
_SECOND_WORDS: Final = {
    "DOUBLE": ("PRECISION",),
    "CHARACTER": ("VARYING",),
    "CHAR": ("VARYING",),
    "NCHAR": ("VARYING", "VARCHAR", "VARCHARACTER"),
    "LONG": ("VARCHAR", "VARBINARY", "VARCHARACTER", "CHAR", "CHARACTER"),
}
_NATIONAL: Final = ("CHARACTER", "CHAR", "VARCHAR", "VARCHARACTER")


def column_definition(reader: Reader) -> ColumnDefinition:
    """Read a column's name, type and attributes. Raises DdlSyntaxError."""
    return definition_of(reader, reader.column_name())


def definition_of(reader: Reader, name: str) -> ColumnDefinition:
    """Read the type and attributes of the column `name`. Raises DdlSyntaxError."""
    if reader.skip("SERIAL"):
        draft = _Draft(name, ColumnType("BIGINT", unsigned=True), nullable=False, auto_increment=True)
        draft.add_key(KeyKind.UNIQUE)
    elif reader.at("GENERATED") or reader.at("AS"):
        reader.fail("a column's type")
    else:
        draft = _Draft(name, column_type(reader))
    while _attribute(reader, draft):
        pass
    return draft.finished()


@dataclass(slots=True)
class _Draft:
    """A column under way."""

    name: str
    type: ColumnType
    nullable: bool | None = None
    default: Default | None = None
    on_update: bool = False
    generated: bool = False
    row_bound: bool = False
    auto_increment: bool = False
    invisible: bool = False
    comment: str = ""
    keys: list[KeyDefinition] = field(default_factory=list)

    def add_key(self, kind: KeyKind) -> None:
        """Add a key of this column alone."""
        name = "PRIMARY" if kind is KeyKind.PRIMARY else None
        self.keys.append(KeyDefinition(kind, name, (KeyPart(self.name),)))

    def finished(self) -> ColumnDefinition:
        """Return the column."""
        return ColumnDefinition(
            name=self.name,
            type=self.type,
            nullable=self.nullable,
            default=self.default,
            on_update=self.on_update,
            generated=self.generated,
            row_bound=self.row_bound,
            auto_increment=self.auto_increment,
            invisible=self.invisible,
            comment=self.comment,
            keys=tuple(self.keys),
        )


def column_type(reader: Reader) -> ColumnType:
    """Read a type. Raises DdlSyntaxError."""
    national = reader.skip("NATIONAL")
    name = reader.name("a type").upper()
    if national and name not in _NATIONAL:
        reader.fail("CHAR or VARCHAR after NATIONAL")
    second = "" if reader.tokens.peek(1).word == "SET" else reader.skip_any(*_SECOND_WORDS.get(name, ()))
    if second:
        name = f"{name} {second}"
        if name in ("LONG CHAR", "LONG CHARACTER"):
            reader.expect("VARYING")
    if national and name in ("CHAR", "CHARACTER") and reader.skip("VARYING"):
        name = f"{name} VARYING"
    if name in ("ENUM", "SET"):
        return _attributes_of_type(reader, ColumnType(name, labels=_labels(reader)))
    numbers = _numbers(reader) if reader.at("(") else ()
    return _attributes_of_type(reader, ColumnType(name, numbers, national=national or name.startswith("N")))


def _numbers(reader: Reader) -> tuple[int, ...]:
    reader.expect("(")
    if reader.tokens.peek().kind is Kind.NUMBER and "." in reader.tokens.peek().text:
        reader.fail("whole numbers")
    numbers = [reader.number("a length")]
    while reader.skip(","):
        numbers.append(reader.number("a number"))
    reader.expect(")")
    return tuple(numbers)


def _labels(reader: Reader) -> tuple[str, ...]:
    reader.expect("(")
    labels = [_label(reader)]
    while reader.skip(","):
        labels.append(_label(reader))
    reader.expect(")")
    return tuple(labels)


def _label(reader: Reader) -> str:
    token = reader.tokens.peek()
    if token.kind is Kind.HEX:
        reader.tokens.take()
        return bytes.fromhex(token.text.zfill(len(token.text) + len(token.text) % 2)).decode("latin-1")
    if token.word == "N":
        reader.tokens.take()
    return reader.string("a label")


def _attributes_of_type(reader: Reader, found: ColumnType) -> ColumnType:
    unsigned = zerofill = binary = compressed = False
    charset: str | None = None
    collation: str | None = None
    while True:
        word = reader.skip_any("UNSIGNED", "SIGNED", "ZEROFILL", "BINARY", "BYTE", "ASCII", "UNICODE", "COMPRESSED")
        if word:
            unsigned |= word in ("UNSIGNED", "ZEROFILL")
            zerofill |= word == "ZEROFILL"
            binary |= word == "BINARY"
            compressed |= word == "COMPRESSED"
            charset = {"BYTE": "binary", "ASCII": "latin1", "UNICODE": "ucs2"}.get(word, charset)
            if word == "COMPRESSED" and reader.skip("="):
                reader.value()
        elif reader.at("CHARSET") or reader.at("CHARACTER", "SET") or reader.at("CHAR", "SET"):
            charset = charset_name(reader)
        elif reader.mariadb and reader.skip("COLLATE"):
            collation = reader.value().text.lower()
        else:
            break
    return replace(
        found,
        unsigned=unsigned,
        zerofill=zerofill,
        charset=charset,
        collation=collation,
        binary=binary,
        compressed=compressed,
    )


def charset_name(reader: Reader) -> str:
    """Read CHARSET or CHARACTER SET and its value, in lower case. Raises DdlSyntaxError."""
    if not reader.skip("CHARSET"):
        if not reader.skip("CHAR"):
            reader.expect("CHARACTER")
        reader.expect("SET")
    reader.skip("=")
    return reader.value().text.lower()


def _attribute(reader: Reader, draft: _Draft) -> bool:
    """Read one attribute; say whether there was one."""
    token = reader.tokens.peek()
    if token.kind is not Kind.WORD:
        if token.kind is Kind.NAME and reader.tokens.peek(1).word == "=":
            return _engine_attribute(reader)
        return False
    read = _ATTRIBUTES.get(token.word)
    if read is not None:
        reader.tokens.take()
        read(reader, draft)
        return True
    if reader.at("CHARSET") or reader.at("CHARACTER", "SET"):
        charset = charset_name(reader)
        draft.type = replace(draft.type, charset=charset)
        return True
    return _engine_attribute(reader) if reader.tokens.peek(1).word == "=" else False


def _engine_attribute(reader: Reader) -> bool:
    """MariaDB's engines have attributes of their own: `name = value`."""
    reader.tokens.take()
    reader.expect("=")
    reader.value()
    return True


def _not(reader: Reader, draft: _Draft) -> None:
    word = reader.skip_any("NULL", "SECONDARY", "ENFORCED")
    if not word:
        reader.fail("NULL after NOT")
    if word == "NULL":
        draft.nullable = False


def _null(reader: Reader, draft: _Draft) -> None:
    draft.nullable = True


def _default(reader: Reader, draft: _Draft) -> None:
    draft.default = default_value(reader)


def default_value(reader: Reader) -> Default:
    """Read what stands after DEFAULT. Raises DdlSyntaxError."""
    token = reader.tokens.peek()
    if token.word == "(":
        return Default(DefaultKind.EXPRESSION, reader.parentheses())
    if token.word in NOW:
        return Default(DefaultKind.NOW, _fraction(reader))
    if token.word in ("-", "+"):
        reader.tokens.take()
        number = reader.tokens.take()
        if number.kind is not Kind.NUMBER:
            reader.tokens.fail("a number", number)
        return Default(DefaultKind.NUMBER, ("-" if token.word == "-" else "") + number.text)
    if token.kind is Kind.STRING:
        return Default(DefaultKind.STRING, reader.string("a default"))
    simple = {Kind.NUMBER: DefaultKind.NUMBER, Kind.HEX: DefaultKind.HEX, Kind.BITS: DefaultKind.BITS}.get(token.kind)
    if simple is not None:
        return Default(simple, reader.tokens.take().text)
    return _default_word(reader)


def _default_word(reader: Reader) -> Default:
    """A default that begins with a word: NULL, TRUE, an introducer, a typed literal, a function, a sequence."""
    token = reader.tokens.take()
    following = reader.tokens.peek()
    if token.word == "NULL":
        return Default(DefaultKind.NULL)
    if token.word in ("TRUE", "FALSE"):
        return Default(DefaultKind.NUMBER, "1" if token.word == "TRUE" else "0")
    if token.word in ("DATE", "TIME", "TIMESTAMP") and following.kind is Kind.STRING:
        return Default(DefaultKind.STRING, reader.string("a default"))
    if (token.text.startswith("_") or token.word == "N") and following.kind is Kind.STRING:
        return Default(DefaultKind.STRING, reader.string("a default"), introduced=True)
    if token.text.startswith("_") and following.kind in (Kind.HEX, Kind.BITS):
        kind = DefaultKind.HEX if following.kind is Kind.HEX else DefaultKind.BITS
        return Default(kind, reader.tokens.take().text)
    if following.word == "(" and token.kind in (Kind.WORD, Kind.NAME):
        return Default(DefaultKind.EXPRESSION, f"{token.text}({reader.parentheses()})")
    if token.word == "NEXT" and reader.skip("VALUE", "FOR"):
        name = reader.table_name()
        return Default(DefaultKind.EXPRESSION, f"next value for {name.table}")
    if token.kind not in (Kind.WORD, Kind.NAME):
        reader.tokens.fail("a default value", token)
    return Default(DefaultKind.EXPRESSION, token.text)


def _fraction(reader: Reader) -> str:
    """Pass CURRENT_TIMESTAMP or a synonym; return its fraction digits, "" where none are written."""
    reader.tokens.take()
    if not reader.skip("("):
        return ""
    digits = "" if reader.at(")") else str(reader.number("fraction digits"))
    reader.expect(")")
    return digits


def _on(reader: Reader, draft: _Draft) -> None:
    reader.expect("UPDATE")
    if not reader.at_any(NOW):
        reader.fail("CURRENT_TIMESTAMP")
    _fraction(reader)
    draft.on_update = True


def _generated(reader: Reader, draft: _Draft) -> None:
    reader.expect("ALWAYS", "AS")
    _as(reader, draft)


def _as(reader: Reader, draft: _Draft) -> None:
    draft.generated = True
    if reader.skip("ROW"):
        if not reader.skip_any("START", "END"):
            reader.fail("START or END")
        draft.row_bound = True
        draft.nullable = False if draft.nullable is None else draft.nullable
        return
    reader.parentheses()
    reader.skip_any("VIRTUAL", "STORED", "PERSISTENT")


def _unique(reader: Reader, draft: _Draft) -> None:
    reader.skip("KEY")
    draft.add_key(KeyKind.UNIQUE)


def _primary(reader: Reader, draft: _Draft) -> None:
    reader.expect("KEY")
    draft.add_key(KeyKind.PRIMARY)


def _key(reader: Reader, draft: _Draft) -> None:
    draft.add_key(KeyKind.PRIMARY)


def _auto_increment(reader: Reader, draft: _Draft) -> None:
    draft.auto_increment = True


def _serial(reader: Reader, draft: _Draft) -> None:
    reader.expect("DEFAULT", "VALUE")
    draft.nullable, draft.auto_increment = False, True
    draft.add_key(KeyKind.UNIQUE)


def _comment(reader: Reader, draft: _Draft) -> None:
    reader.skip("=")
    draft.comment = reader.string("a comment")


def _collate(reader: Reader, draft: _Draft) -> None:
    reader.skip("=")
    draft.type = replace(draft.type, collation=reader.value().text.lower())


def _invisible(reader: Reader, draft: _Draft) -> None:
    draft.invisible = True


def _visible(reader: Reader, draft: _Draft) -> None:
    draft.invisible = False


def _check(reader: Reader, draft: _Draft) -> None:
    reader.parentheses()
    reader.skip("ENFORCED") or reader.skip("NOT", "ENFORCED")


def _constraint(reader: Reader, draft: _Draft) -> None:
    if not reader.at("CHECK"):
        reader.name("a constraint")
    reader.expect("CHECK")
    _check(reader, draft)


def references(reader: Reader) -> None:
    """Pass what follows REFERENCES. Raises DdlSyntaxError."""
    reader.table_name()
    if reader.at("("):
        reader.parentheses()
    if reader.skip("MATCH"):
        reader.tokens.take()
    while reader.at("ON", "DELETE") or (reader.at("ON", "UPDATE") and not _updates_to_now(reader)):
        reader.expect("ON")
        reader.tokens.take()
        if not (reader.skip("SET", "NULL") or reader.skip("SET", "DEFAULT") or reader.skip("NO", "ACTION")):
            reader.tokens.take()


def _updates_to_now(reader: Reader) -> bool:
    return reader.tokens.peek(2).word in NOW


def _references(reader: Reader, draft: _Draft) -> None:
    references(reader)


def _value(reader: Reader, draft: _Draft) -> None:
    reader.skip("=")
    reader.value()


def _versioning(reader: Reader, draft: _Draft) -> None:
    reader.expect("SYSTEM", "VERSIONING")


def _compressed(reader: Reader, draft: _Draft) -> None:
    if reader.skip("="):
        reader.value()
    draft.type = replace(draft.type, compressed=True)


_ATTRIBUTES: Final[dict[str, Callable[[Reader, _Draft], None]]] = {
    "NOT": _not,
    "NULL": _null,
    "DEFAULT": _default,
    "ON": _on,
    "GENERATED": _generated,
    "AS": _as,
    "UNIQUE": _unique,
    "PRIMARY": _primary,
    "KEY": _key,
    "AUTO_INCREMENT": _auto_increment,
    "SERIAL": _serial,
    "COMMENT": _comment,
    "COLLATE": _collate,
    "INVISIBLE": _invisible,
    "VISIBLE": _visible,
    "CHECK": _check,
    "CONSTRAINT": _constraint,
    "REFERENCES": _references,
    "SRID": _value,
    "REF_SYSTEM_ID": _value,
    "COLUMN_FORMAT": _value,
    "STORAGE": _value,
    "ENGINE_ATTRIBUTE": _value,
    "SECONDARY_ENGINE_ATTRIBUTE": _value,
    "WITH": _versioning,
    "WITHOUT": _versioning,
    "COMPRESSED": _compressed,
}
