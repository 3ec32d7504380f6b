"""A Debezium incremental snapshot under way becomes one of ours, which goes on where it stood.

Where a key cannot be told exactly as SQL (Java's dates and times depend on the time zone of the JVM that wrote them),
its table is read from its beginning: rows come again, none is left out, which is Debezium's own promise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from faust_cdc.config.signalling import table_name
from faust_cdc.errors import FatalError
from faust_cdc.offsets.incremental import REMEDY, IncrementalMembers
from faust_cdc.offsets.java_objects import JavaValue, Key
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import Bound, SnapshotKind, SnapshotProgress, TableProgress, TableState

log = logging.getLogger(__name__)

_LITERALS: Final[dict[str, Callable[[Any], str]]] = {
    **dict.fromkeys(("Byte", "Short", "Integer", "Long", "BigInteger"), str),
    "BigDecimal": lambda number: f"{number:f}",
    "String": lambda text: f"_utf8mb4 0x{text.encode().hex()}" if text else "''",
    "byte[]": lambda data: f"0x{data.hex()}" if data else "''",
    "LocalDate": lambda day: f"'{day.isoformat()}'",
}


def bound_of(key: Key) -> Bound | None:
    """Return a key as SQL literals; None when one of its values has no exact one."""
    if not key or not all(isinstance(one, JavaValue) and one.type in _LITERALS for one in key):
        return None
    return tuple(_LITERALS[one.type](one.value) for one in key if one is not None)


def progress_of(
    members: IncrementalMembers, where: str, now_ms: int
) -> tuple[SnapshotProgress, tuple[TableProgress, ...]]:
    """Return the snapshot and its tables, the first of them RUNNING where it has begun.

    Raises FatalError naming `where` for a table whose name is none.
    """
    tables: list[TableProgress] = []
    for one in members.collections:
        names = table_name(one.id)
        if names is None:
            raise FatalError(
                f"{where}: the table {one.id!r} of its incremental snapshot has no database.", remedy=REMEDY
            )
        tables.append(TableProgress(TableId(*names), condition=one.condition, surrogate_key=one.surrogate_key))
    if members.primary_key is not None:
        tables[0] = _begun(tables[0], members.primary_key, now_ms)
    identity = members.correlation_id or "taken-over"
    snapshot = SnapshotProgress(
        identity,
        SnapshotKind.INCREMENTAL,
        started_ms=now_ms,
        updated_ms=now_ms,
        tables=tuple(one.table for one in tables),
    )
    return snapshot, tuple(tables)


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
