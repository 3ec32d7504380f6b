"""Which tables an initial snapshot reads, and in which order.

`snapshot.include.collection.list` chooses among the captured tables; the others are streamed only. The order is that of
the patterns of `table.include.list`, and by name among the tables of one pattern (Debezium 3.6.1,
RelationalSnapshotChangeEventSource.addSignalingCollectionAndSort; that of `snapshot.include.collection.list` is none,
seen live). With `snapshot.tables.order.by.row.count` the server's estimates come first, and that order among equals.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from faust_cdc.config.snapshot_settings import RowCountOrder, SnapshotSettings
from faust_cdc.relational.filters import parse_patterns
from faust_cdc.relational.model import TableId

log = logging.getLogger(__name__)

_INCLUDE = "snapshot.include.collection.list"

EstimateRows = Callable[[Iterable[TableId]], Mapping[TableId, int]]
"""Tables → their rows as the server estimates them; those it does not know are missing."""


class SnapshotTables:
    """Chooses among the captured tables."""

    def __init__(self, settings: SnapshotSettings, table_include_list: str | None, estimate: EstimateRows) -> None:
        """Raises ConfigError for a list that is none of regular expressions."""
        self._chosen = parse_patterns(_INCLUDE, settings.include)
        self._in_order = parse_patterns("table.include.list", table_include_list)
        self._order = settings.order
        self._estimate = estimate

    def of(self, captured: Iterable[TableId]) -> list[TableId]:
        """Return those that are read, in the order of `table.include.list`; row counts are not asked for."""
        tables = sorted(captured, key=str)
        if self._chosen:
            self._warn_of_unmatched(tables)
            tables = [one for one in tables if any(_matches(pattern, one) for pattern in self._chosen)]
        return sorted(tables, key=self._place)

    def by_row_count(self, tables: Sequence[TableId]) -> list[TableId]:
        """Return what `of` gave in the order of the rows' estimates, where that is asked for."""
        if self._order is RowCountOrder.DISABLED:
            return list(tables)
        found = self._estimate(tables)
        sign = 1 if self._order is RowCountOrder.ASCENDING else -1
        return sorted(tables, key=lambda table: sign * found.get(table, 0))

    def _place(self, table: TableId) -> int:
        for place, pattern in enumerate(self._in_order):
            if _matches(pattern, table):
                return place
        return len(self._in_order)

    def _warn_of_unmatched(self, captured: Sequence[TableId]) -> None:
        for pattern in self._chosen:
            if not any(_matches(pattern, table) for table in captured):
                log.warning("%s: %r matches no captured table.", _INCLUDE, pattern.pattern)


def _matches(pattern: re.Pattern[str], table: TableId) -> bool:
    """Debezium tries both spellings of a table's name."""
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in table)
    return bool(pattern.fullmatch(str(table)) or pattern.fullmatch(quoted))
