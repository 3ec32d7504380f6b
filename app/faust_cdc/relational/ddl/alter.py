"""The grammar of ALTER TABLE, CREATE INDEX and DROP INDEX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from faust_cdc.relational.ddl.columns import charset_name, column_definition, default_value, definition_of
from faust_cdc.relational.ddl.errors import DdlSyntaxError
from faust_cdc.relational.ddl.keys import at_key, key_body, key_definition
from faust_cdc.relational.ddl.options import partition_words, partitions, table_options
from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import (
    AddColumn,
    AddKey,
    AlterColumn,
    AlterTable,
    ChangePeriod,
    ChangeVersioning,
    Clause,
    ConvertCharset,
    ConvertPartition,
    ConvertTable,
    DropColumn,
    DropKey,
    KeyKind,
    ModifyColumn,
    OtherClause,
    Place,
    RenameColumn,
    RenameKey,
    RenameTo,
    SetOptions,
)
from faust_cdc.relational.ddl.tables import COLUMNS_MAX, period
from faust_cdc.relational.ddl.tokens import Kind

CLAUSES_MAX: Final = 4 * COLUMNS_MAX

_PARTITION_VERBS: Final = frozenset(
    {"ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "REORGANIZE", "COALESCE", "EXCHANGE", "TRUNCATE"}
)
_STRAY: Final = frozenset({"LOCK", "ALGORITHM"})


def alter_table(reader: Reader) -> AlterTable:
    """Read what follows ALTER [ONLINE] [IGNORE] TABLE. Raises DdlSyntaxError."""
    if_exists = reader.if_exists()
    name = reader.table_name()
    reader.wait()
    clauses: list[Clause] = []
    while not reader.at_end():
        at = reader.tokens.peek().at
        clauses.extend(_clause(reader))
        if len(clauses) > CLAUSES_MAX:
            raise DdlSyntaxError(at, "one more clause", f"no more than {CLAUSES_MAX:,} of them")
        if not reader.skip(",") and not reader.at_end() and not _goes_on(reader):
            reader.fail("',' or the end after a clause of ALTER TABLE")
    return AlterTable(name, tuple(clauses), if_exists)


def _goes_on(reader: Reader) -> bool:
    """Say whether what comes without a comma may: partitions, and an option after an option."""
    return reader.at("PARTITION") or reader.at("REMOVE") or reader.at("UNION")


def _clause(reader: Reader) -> Iterator[Clause]:
    token = reader.tokens.peek()
    read = _CLAUSES.get(token.word)
    if read is not None:
        yield from read(reader)
    elif token.word in _PARTITION_VERBS:
        yield _partition_verb(reader)
    elif token.kind in (Kind.WORD, Kind.NAME):
        yield _options(reader)
    else:
        reader.fail("a clause of ALTER TABLE")


def _options(reader: Reader) -> Clause:
    token = reader.tokens.peek()
    options = table_options(reader, in_alter=True)
    if options.empty:
        reader.tokens.fail("a clause of ALTER TABLE", token)
    return SetOptions(options)


def _add(reader: Reader) -> Iterator[Clause]:
    reader.expect("ADD")
    if reader.skip("COLUMN"):
        yield from _add_columns(reader)
    elif at_key(reader):
        yield AddKey(key_definition(reader))
    elif reader.at("PERIOD", "FOR"):
        yield ChangePeriod(period(reader))
    elif reader.skip("PERIOD", "IF", "NOT", "EXISTS"):
        reader.fail("FOR")
    elif reader.skip("SYSTEM", "VERSIONING"):
        yield ChangeVersioning(True)
    elif reader.skip("PARTITION"):
        partition_words(reader)
        yield OtherClause("ADD PARTITION")
    else:
        yield from _add_columns(reader)


def _add_columns(reader: Reader) -> Iterator[Clause]:
    if_not_exists = reader.if_not_exists()
    if not reader.skip("("):
        column = column_definition(reader)
        yield AddColumn(column, _place(reader), if_not_exists)
        yield from map(AddKey, column.keys)
        return
    while True:
        if at_key(reader):
            yield AddKey(key_definition(reader))
        else:
            column = column_definition(reader)
            yield AddColumn(column, None, if_not_exists)
            yield from map(AddKey, column.keys)
        if not reader.skip(","):
            break
    reader.expect(")")


def _place(reader: Reader) -> Place | None:
    if reader.skip("FIRST"):
        return Place(None)
    return Place(reader.column_name()) if reader.skip("AFTER") else None


def _modify(reader: Reader) -> Iterator[Clause]:
    reader.expect("MODIFY")
    reader.skip("COLUMN")
    if_exists = reader.if_exists()
    column = column_definition(reader)
    yield ModifyColumn(column.name, column, _place(reader), if_exists)
    yield from map(AddKey, column.keys)


def _change(reader: Reader) -> Iterator[Clause]:
    reader.expect("CHANGE")
    reader.skip("COLUMN")
    if_exists = reader.if_exists()
    name = reader.column_name()
    column = definition_of(reader, reader.column_name())
    yield ModifyColumn(name, column, _place(reader), if_exists)
    yield from map(AddKey, column.keys)


_DROPPED_KEYS: Final = {
    "INDEX": KeyKind.INDEX,
    "KEY": KeyKind.INDEX,
    "CHECK": KeyKind.CHECK,
    "CONSTRAINT": None,
}


def _drop(reader: Reader) -> Iterator[Clause]:
    reader.expect("DROP")
    word = reader.tokens.peek().word
    if reader.skip("PRIMARY", "KEY"):
        yield DropKey(KeyKind.PRIMARY, "PRIMARY")
    elif reader.skip("FOREIGN", "KEY"):
        if_exists = reader.if_exists()
        yield DropKey(KeyKind.FOREIGN, reader.name("a foreign key"), if_exists)
    elif word in _DROPPED_KEYS:
        reader.tokens.take()
        if_exists = reader.if_exists()
        yield DropKey(_DROPPED_KEYS[word], reader.name("a key"), if_exists)
    elif reader.skip("PERIOD", "FOR"):
        reader.name("a period")
        yield ChangePeriod(None)
    elif reader.skip("SYSTEM", "VERSIONING"):
        yield ChangeVersioning(False)
    elif reader.skip("PARTITION"):
        partition_names(reader)
        yield OtherClause("DROP PARTITION")
    else:
        reader.skip("COLUMN")
        if_exists = reader.if_exists()
        yield DropColumn(reader.column_name(), if_exists)
        reader.skip_any("RESTRICT", "CASCADE")


def partition_names(reader: Reader) -> None:
    """Pass the names of partitions. Raises DdlSyntaxError."""
    reader.if_exists()
    reader.name("a partition")
    while reader.skip(","):
        reader.name("a partition")


def _rename(reader: Reader) -> Iterator[Clause]:
    reader.expect("RENAME")
    if reader.skip("COLUMN"):
        if_exists = reader.if_exists()
        name = reader.column_name()
        reader.expect("TO")
        yield RenameColumn(name, reader.column_name(), if_exists)
    elif reader.at_any(frozenset({"INDEX", "KEY"})):
        reader.tokens.take()
        if_exists = reader.if_exists()
        name = reader.name("a key")
        reader.expect("TO")
        yield RenameKey(name, reader.name("a key"), if_exists)
    else:
        reader.skip_any("TO", "AS", "=")
        yield RenameTo(reader.table_name())


def _alter(reader: Reader) -> Iterator[Clause]:
    reader.expect("ALTER")
    if reader.at_any(frozenset({"INDEX", "KEY", "CHECK", "CONSTRAINT"})):
        words = reader.tokens.take().word
        reader.if_exists()
        reader.name("a key")
        if reader.skip("NOT"):
            reader.tokens.take()
        elif not reader.skip_any("VISIBLE", "INVISIBLE", "IGNORED", "ENFORCED"):
            reader.fail("VISIBLE, INVISIBLE, IGNORED or ENFORCED")
        yield OtherClause(f"ALTER {words}")
        return
    reader.skip("COLUMN")
    if_exists = reader.if_exists()
    name = reader.column_name()
    if reader.skip("DROP", "DEFAULT"):
        yield AlterColumn(name, drop_default=True, if_exists=if_exists)
        return
    reader.expect("SET")
    if reader.skip("DEFAULT"):
        yield AlterColumn(name, default=default_value(reader), if_exists=if_exists)
    else:
        word = reader.skip_any("VISIBLE", "INVISIBLE")
        if not word:
            reader.fail("DEFAULT, VISIBLE or INVISIBLE")
        yield AlterColumn(name, invisible=word == "INVISIBLE", if_exists=if_exists)


def _convert(reader: Reader) -> Iterator[Clause]:
    if reader.tokens.peek(1).word == "PARTITION" or reader.tokens.peek(1).word == "TABLE":
        yield _convert_partition(reader)
        return
    reader.expect("CONVERT", "TO")
    charset: str | None = charset_name(reader)
    collation = None
    if reader.skip("COLLATE"):
        reader.skip("=")
        collation = reader.value().text.lower()
    yield ConvertCharset(None if charset == "default" else charset, collation)


def _convert_partition(reader: Reader) -> Clause:
    """MariaDB's CONVERT PARTITION … TO TABLE and CONVERT TABLE … TO PARTITION make and take tables."""
    reader.expect("CONVERT")
    if reader.skip("PARTITION"):
        reader.name("a partition")
        reader.expect("TO", "TABLE")
        made = reader.table_name()
        if reader.skip_any("WITH", "WITHOUT"):
            reader.expect("VALIDATION")
        return ConvertPartition(made)
    reader.expect("TABLE")
    taken = reader.table_name()
    reader.expect("TO", "PARTITION")
    partition_words(reader)
    if reader.skip_any("WITH", "WITHOUT"):
        reader.expect("VALIDATION")
    return ConvertTable(taken)


def _order(reader: Reader) -> Iterator[Clause]:
    reader.expect("ORDER", "BY")
    while True:
        reader.column_name()
        reader.skip_any("ASC", "DESC")
        if not (reader.at(",") and reader.tokens.peek(1).kind in (Kind.WORD, Kind.NAME) and not _begins_clause(reader)):
            break
        reader.expect(",")
    yield OtherClause("ORDER BY")


def _begins_clause(reader: Reader) -> bool:
    word = reader.tokens.peek(1).word
    return word in _CLAUSES or word in _PARTITION_VERBS or reader.tokens.peek(2).word == "="


def _partition_verb(reader: Reader) -> Clause:
    verb = reader.tokens.take().word
    reader.expect("PARTITION")
    while not reader.at_end():
        if reader.at("("):
            reader.parentheses()
        else:
            reader.tokens.take()
    return OtherClause(f"{verb} PARTITION")


def _words(*expected: str) -> Callable[[Reader], Iterator[Clause]]:
    def read(reader: Reader) -> Iterator[Clause]:
        reader.expect(*expected)
        yield OtherClause(" ".join(expected))

    return read


def _discard(reader: Reader) -> Iterator[Clause]:
    word = reader.tokens.take().word
    if reader.skip("PARTITION"):
        partition_names(reader)
    reader.expect("TABLESPACE")
    yield OtherClause(f"{word} TABLESPACE")


def _keys(reader: Reader) -> Iterator[Clause]:
    word = reader.tokens.take().word
    reader.expect("KEYS")
    yield OtherClause(f"{word} KEYS")


def _validation(reader: Reader) -> Iterator[Clause]:
    word = reader.tokens.take().word
    reader.expect("VALIDATION")
    yield OtherClause(f"{word} VALIDATION")


def _lock(reader: Reader) -> Iterator[Clause]:
    word = reader.tokens.take().word
    reader.skip("=")
    reader.value()
    yield OtherClause(word)


def _partition_by(reader: Reader) -> Iterator[Clause]:
    partitions(reader)
    yield OtherClause("PARTITION BY")


_CLAUSES: Final[dict[str, Callable[[Reader], Iterator[Clause]]]] = {
    "ADD": _add,
    "MODIFY": _modify,
    "CHANGE": _change,
    "DROP": _drop,
    "RENAME": _rename,
    "ALTER": _alter,
    "CONVERT": _convert,
    "ORDER": _order,
    "FORCE": _words("FORCE"),
    "REMOVE": _words("REMOVE", "PARTITIONING"),
    "UPGRADE": _words("UPGRADE", "PARTITIONING"),
    "DISCARD": _discard,
    "IMPORT": _discard,
    "ENABLE": _keys,
    "DISABLE": _keys,
    "WITH": _validation,
    "WITHOUT": _validation,
    "LOCK": _lock,
    "ALGORITHM": _lock,
    "PARTITION": _partition_by,
    "SECONDARY_LOAD": _words("SECONDARY_LOAD"),
    "SECONDARY_UNLOAD": _words("SECONDARY_UNLOAD"),
}


def create_index(reader: Reader, kind: KeyKind) -> AlterTable:
    """Read what follows CREATE [UNIQUE …] INDEX. Raises DdlSyntaxError."""
    if_not_exists = reader.if_not_exists()
    name = reader.name("an index")
    using_hash = bool(reader.skip_any("USING", "TYPE")) and reader.name("an index type").upper() == "HASH"
    reader.wait()
    reader.expect("ON")
    table = reader.table_name()
    reader.wait()
    key = key_body(reader, kind, name, if_not_exists)
    _locks(reader)
    return AlterTable(table, (AddKey(replace(key, hash=key.hash or using_hash)),), is_about_index=True)


def drop_index(reader: Reader) -> AlterTable:
    """Read what follows DROP INDEX. Raises DdlSyntaxError."""
    if_exists = reader.if_exists()
    name = reader.name("an index")
    reader.expect("ON")
    table = reader.table_name()
    reader.wait()
    _locks(reader)
    kind = KeyKind.PRIMARY if name.upper() == "PRIMARY" else KeyKind.INDEX
    return AlterTable(table, (DropKey(kind, name, if_exists),), is_about_index=True)


def _locks(reader: Reader) -> None:
    while reader.at_any(_STRAY):
        reader.tokens.take()
        reader.skip("=")
        reader.value()
