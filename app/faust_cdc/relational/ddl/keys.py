"""The grammar of keys and constraints."""

from __future__ import annotations

from typing import Final

from faust_cdc.relational.ddl.columns import references
from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import KeyDefinition, KeyKind, KeyPart

_OPENINGS: Final = frozenset({"PRIMARY", "UNIQUE", "INDEX", "KEY", "FULLTEXT", "SPATIAL", "FOREIGN", "CHECK"})
_KINDS: Final = {"FULLTEXT": KeyKind.FULLTEXT, "SPATIAL": KeyKind.SPATIAL, "VECTOR": KeyKind.VECTOR}
_VALUED: Final = frozenset(
    {"KEY_BLOCK_SIZE", "COMMENT", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "M", "DISTANCE"}
)


def at_key(reader: Reader) -> bool:
    """Say whether a key or a constraint comes next rather than a column."""
    if reader.at_any(_OPENINGS) or reader.at("CONSTRAINT"):
        return True
    return reader.at("VECTOR") and reader.tokens.peek(1).word in ("INDEX", "KEY")


def key_definition(reader: Reader) -> KeyDefinition:
    """Read a key or a constraint. Raises DdlSyntaxError."""
    constraint: str | None = None
    if_not_exists = False
    if reader.skip("CONSTRAINT"):
        if_not_exists = reader.if_not_exists()
        if not reader.at_any(_OPENINGS):
            constraint = reader.name("a constraint")
    if reader.skip("CHECK"):
        reader.parentheses()
        reader.skip("ENFORCED") or reader.skip("NOT", "ENFORCED")
        return KeyDefinition(KeyKind.CHECK, constraint, if_not_exists=if_not_exists)
    if reader.skip("FOREIGN"):
        reader.expect("KEY")
        if_not_exists |= reader.if_not_exists()
        name = None if reader.at("(") else reader.name("a key")
        parts = key_parts(reader)[0]
        reader.expect("REFERENCES")
        references(reader)
        return KeyDefinition(KeyKind.FOREIGN, constraint or name, parts, if_not_exists)
    return _index(reader, constraint, if_not_exists)


def _index(reader: Reader, constraint: str | None, if_not_exists: bool) -> KeyDefinition:
    if reader.skip("PRIMARY"):
        kind = KeyKind.PRIMARY
        reader.expect("KEY")
    elif reader.skip("UNIQUE"):
        kind = KeyKind.UNIQUE
        reader.skip_any("KEY", "INDEX")
    else:
        word = reader.skip_any("FULLTEXT", "SPATIAL", "VECTOR")
        kind = _KINDS.get(word, KeyKind.INDEX)
        if not reader.skip_any("KEY", "INDEX") and not word:
            reader.fail("a key")
    if_not_exists |= reader.if_not_exists()
    name = None
    if not reader.at("(") and not reader.at_any(frozenset({"USING", "TYPE"})):
        name = reader.name("a key")
    return key_body(reader, kind, name or constraint, if_not_exists)


def key_body(reader: Reader, kind: KeyKind, name: str | None, if_not_exists: bool = False) -> KeyDefinition:
    """Read what follows a key's name. Raises DdlSyntaxError."""
    hashed = _using(reader)
    parts, period = key_parts(reader)
    hashed |= _key_options(reader)
    name = "PRIMARY" if kind is KeyKind.PRIMARY else name
    return KeyDefinition(kind, name, parts, if_not_exists, period, hashed)


def key_parts(reader: Reader) -> tuple[tuple[KeyPart, ...], str | None]:
    """Read `(a, b(10) DESC, (expression))`; return MariaDB's period without overlaps apart. Raises DdlSyntaxError."""
    reader.expect("(")
    parts: list[KeyPart] = []
    period: str | None = None
    while True:
        if reader.at("("):
            reader.parentheses()
            parts.append(KeyPart(None, None, reader.skip_any("ASC", "DESC") == "DESC"))
        else:
            name = reader.column_name()
            if reader.skip("WITHOUT", "OVERLAPS"):
                period = name
            else:
                prefix = _prefix(reader)
                parts.append(KeyPart(name, prefix, reader.skip_any("ASC", "DESC") == "DESC"))
        if not reader.skip(","):
            break
    reader.expect(")")
    return tuple(parts), period


def _prefix(reader: Reader) -> int | None:
    if not reader.skip("("):
        return None
    length = reader.number("a key part's length")
    reader.expect(")")
    return length


def _using(reader: Reader) -> bool:
    if not reader.skip_any("USING", "TYPE"):
        return False
    return reader.name("an index type").upper() == "HASH"


def _key_options(reader: Reader) -> bool:
    hashed = False
    while True:
        if reader.at("USING") or reader.at("TYPE"):
            hashed |= _using(reader)
        elif reader.skip("WITH"):
            reader.expect("PARSER")
            reader.name("a parser")
        elif reader.skip_any("VISIBLE", "INVISIBLE", "IGNORED"):
            pass
        elif reader.skip("NOT"):
            reader.expect("IGNORED")
        elif reader.at_any(_VALUED) or (reader.at_name() and reader.tokens.peek(1).word == "="):
            reader.tokens.take()
            reader.skip("=")
            reader.value()
        else:
            return hashed
