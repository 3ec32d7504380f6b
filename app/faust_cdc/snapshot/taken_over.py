"""Debezium's incremental snapshot under way and ours, each as the other: what an offset says of one.

Theirs becomes one of ours, which goes on where it stood. Where a key cannot be told exactly as SQL (Java's dates and
times depend on the time zone of the JVM that wrote them), or does not mean the same place (an index from high to low,
a surrogate key whose values are shared), its table is read from its beginning: rows come again, none is left out,
which is Debezium's own promise. Ours is told in the offset in the same members, with the same care.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from faust_cdc.config.signalling import table_name
from faust_cdc.errors import FatalError, UnsupportedColumn
from faust_cdc.mysql.charsets import decode_text
from faust_cdc.mysql.connection import query
from faust_cdc.mysql.key_ranges import ChunkKey, KeyColumn, KeyKind
from faust_cdc.offsets.incremental import REMEDY, CollectionMember, IncrementalMembers
from faust_cdc.offsets.java_objects import JavaValue, Key
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import (
    ENDED,
    Bound,
    SnapshotKind,
    SnapshotProgress,
    SnapshotState,
    TableProgress,
    TableState,
)

log = logging.getLogger(__name__)

_LITERALS: Final[dict[str, Callable[[Any], str]]] = {
    **dict.fromkeys(("Byte", "Short", "Integer", "Long", "BigInteger"), str),
    "BigDecimal": lambda number: f"{number:f}",
    "String": lambda text: f"_utf8mb4 x'{text.encode().hex().upper()}'",
    "byte[]": lambda data: f"_binary x'{data.hex().upper()}'",
    "LocalDate": lambda day: f"'{day.isoformat()}'",
}
_HEX: Final = re.compile(r"_(\w+) x'([0-9A-F]*)'", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d+", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d+\.\d+", re.ASCII)
_DAY: Final = re.compile(r"'(\d{4}-\d\d-\d\d)'", re.ASCII)
_ACTIVE: Final = frozenset({SnapshotState.RUNNING, SnapshotState.PAUSED})


def bound_of(key: Key) -> Bound | None:
    """Return a key as SQL literals; None when one of its values has no exact one."""
    if not key or not all(isinstance(one, JavaValue) and one.type in _LITERALS for one in key):
        return None
    try:
        return tuple(_LITERALS[one.type](one.value) for one in key if one is not None)
    except UnicodeEncodeError:  # half of a pair of surrogates, which Java's texts may have
        return None


def java_key_of(bound: Bound) -> Key | None:
    """Return SQL literals of a chunk's bound as the key of which `bound_of` makes their values; None without one."""
    values = [_java_value(literal) for literal in bound]
    return None if None in values else tuple(values)


def _java_value(literal: str) -> JavaValue | None:
    if coded := _HEX.fullmatch(literal):
        data = bytes.fromhex(coded[2])
        if coded[1] == "binary":
            return JavaValue("byte[]", data)
        try:
            return JavaValue("String", decode_text(data, coded[1]))
        except (UnsupportedColumn, ValueError):
            return None
    if _WHOLE.fullmatch(literal):
        number = int(literal)
        bits = (number if number >= 0 else ~number).bit_length()
        return JavaValue("Integer" if bits < 32 else "Long" if bits < 64 else "BigInteger", number)
    if _DECIMAL.fullmatch(literal):
        return JavaValue("BigDecimal", Decimal(literal))
    if day := _DAY.fullmatch(literal):
        try:
            return JavaValue("LocalDate", date.fromisoformat(day[1]))
        except ValueError:  # 2024-02-31, 0000-00-00
            return None
    return None


def fitted(connection: Any, key: ChunkKey, bound: Bound) -> Bound | None:
    """Return what `bound_of` made as a bound of `key`: all rows up to it, and no others, are behind us.

    None where that is not certain. `connection` is one to the source server. Raises what `query` raises.
    """
    if not key.unique or len(bound) != len(key.columns) or any(column.descending for column in key.columns):
        return None
    literals = tuple(_fitted(connection, *one) for one in zip(key.columns, bound, strict=True))
    found = tuple(one for one in literals if one is not None)
    return found if len(found) == len(bound) and key.accepts(found) else None


def _fitted(connection: Any, column: KeyColumn, literal: str) -> str | None:
    text = _HEX.fullmatch(literal)
    if column.kind is not KeyKind.TEXT or column.accepts(literal) or text is None or text[1] != "utf8mb4":
        return literal
    here = f"CONVERT({literal} USING {column.charset})"
    sql = f"SELECT HEX({here}), HEX(CONVERT({here} USING utf8mb4))"
    ((coded, back),) = query(connection, sql, doing=f"writing a key in {column.charset}")
    return f"_{column.charset} x'{_text(coded)}'" if _text(back) == text[2] else None


def _text(cell: object) -> str:
    return cell.decode("ascii") if isinstance(cell, bytes) else str(cell)


def progress_of(
    members: IncrementalMembers, where: str, now_ms: int
) -> tuple[SnapshotProgress, tuple[TableProgress, ...]]:
    """Return the snapshot and its tables, the first of them RUNNING where it has begun.

    Raises FatalError naming `where` for a table whose name is none.
    """
    tables: dict[TableId, TableProgress] = {}
    for one in members.collections:
        names = table_name(one.id)
        if names is None:
            raise FatalError(
                f"{where}: the table {one.id!r} of its incremental snapshot has no database.", remedy=REMEDY
            )
        table = TableId(*names)
        tables.setdefault(table, TableProgress(table, condition=one.condition, surrogate_key=one.surrogate_key))
    first = next(iter(tables))
    if members.primary_key is not None:
        tables[first] = _begun(tables[first], members.primary_key, now_ms)
    identity = members.correlation_id or "taken-over"
    snapshot = SnapshotProgress(
        identity, SnapshotKind.INCREMENTAL, started_ms=now_ms, updated_ms=now_ms, tables=tuple(tables)
    )
    return snapshot, tuple(tables.values())


def _begun(table: TableProgress, done: Key, now_ms: int) -> TableProgress:
    bound = bound_of(done)
    if bound is None:
        log.warning("The incremental snapshot of %s begins again: its last key is %s", table.table, done)
        return table
    return TableProgress(
        table.table,
        TableState.RUNNING,
        planned_to=bound,
        started_ms=now_ms,
        updated_ms=now_ms,
        condition=table.condition,
        surrogate_key=table.surrogate_key,
    )


def members_of(snapshot: SnapshotProgress, tables: Mapping[TableId, TableProgress]) -> dict[str, str]:
    """Return what an offset tells of one of ours, for Debezium to go on with; nothing when all is done.

    The keys are of the first table to come: all rows up to its primary key are written. Without one Debezium reads it
    from its beginning.
    """
    states = [tables.get(table) or TableProgress(table) for table in snapshot.tables]
    to_come = [one for one in states if one.state not in ENDED]
    if not to_come or snapshot.state not in _ACTIVE:
        return {}
    first = to_come[0]
    listed = tuple(CollectionMember(str(one.table), one.condition, one.surrogate_key) for one in to_come)
    done = first.open_ranges[0].low if first.open_ranges else first.planned_to
    return IncrementalMembers(listed, _java_key(first, done), _java_key(first, first.last_key), snapshot.id).members()


def _java_key(table: TableProgress, bound: Bound | None) -> Key | None:
    """Return a bound as Debezium's key; None also where the index is from high to low, which Debezium never reads."""
    return None if bound is None or " DESC" in table.key else java_key_of(bound)
