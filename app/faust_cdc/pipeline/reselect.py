"""`ReselectColumnsPostProcessor`: columns that are unavailable or null in a row image are read from the table as it is.

For every created or updated row of a table with a key, the chosen columns without a value are selected by the row's
key; the answer goes through the snapshot's readers and the column rules, so a value has the bytes that a snapshot
would give, masked and truncated where that is asked for (Debezium writes it in clear). It is the
value of now, not that of the change. Source: Debezium 3.6.1 `io.debezium.processors.reselect`. Differences: keys are
compared as what they are (Debezium binds a DATE key as a number and finds nothing), columns are found by their own
names where field names are adjusted, and every SELECT sees what is committed (Debezium's all see what the first saw).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from faust_cdc.config.custom_converters import Reselect
from faust_cdc.errors import CdcError, TableError, TransientError
from faust_cdc.mysql.connection import SourceAddress
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.row_lookup import RowLookup
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.plan import ColumnPlan, TranscodePlan
from faust_cdc.transcode.reference import UNAVAILABLE, Row
from faust_cdc.transcode.sql_arguments import sql_argument

log = logging.getLogger(__name__)

SELECT_TIMEOUT_MS = 10_000
"""Longest wait for the connection and for one row: the change stream waits meanwhile."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What one processor does with one table version."""

    plan: TranscodePlan
    candidates: tuple[int, ...]
    """Indexes of the columns that the lists choose."""
    key: tuple[ColumnPlan, ...]
    expressions: tuple[str, ...]
    """The snapshot's SELECT expression of every column."""
    absent: tuple[str, ...] = ()
    """Key columns whose own value is not in the record: left out, masked or truncated."""


class Reselector:
    """Applies one processor to rows. Not thread-safe: one per connector task."""

    def __init__(self, rules: Reselect, placeholder: str, address: SourceAddress) -> None:
        """`placeholder` is `unavailable.value.placeholder`; the waits of `address` bound every SELECT."""
        self._rules = rules
        self._unavailable = (placeholder, placeholder.encode()) if rules.unavailable_values else ()
        self._lookup = RowLookup(address, "reselecting columns")
        self._targets: dict[TableId, _Target] = {}

    def __call__(self, captured: CapturedTable, after: Row) -> Row:
        """Return the row with the missing values filled in; unchanged when none is missing.

        With `warn` a failure is logged and the row stays as it is. With `fail` raises TableError naming table, key
        and columns, or SourceConnectionLost, after which the task tries again from the last offset.
        """
        target = self._targets.get(captured.id)
        if target is None or target.plan is not captured.transcoder.plan:
            target = self._targets[captured.id] = self._target(captured.transcoder.plan)
        wanted = [index for index in target.candidates if self._is_missing(after[index])]
        if not wanted:
            return after
        try:
            values = self._values(captured, target, wanted, after)
        except CdcError as error:
            if self._rules.fail:
                raise
            log.warning("%s The columns stay as the row image has them.", error)
            return after
        filled = list(after)
        for index, value in zip(wanted, values, strict=True):
            filled[index] = value
        return tuple(filled)

    def close(self) -> None:
        """Close the connection, if any."""
        self._lookup.close()

    def _target(self, plan: TranscodePlan) -> _Target:
        if not plan.key_columns:  # Debezium reselects nothing for records without a key
            return _Target(plan, (), (), ())
        matches = self._rules.selector.matches
        candidates = tuple(one.index for one in plan.columns if matches(f"{plan.table.id}:{one.field_name}"))
        # A column of the record key is there as it is, whatever the lists and rules make of it in the value.
        whole = {one.column.name: one for one in plan.columns if one.change is None}
        whole |= {one.column.name: one for one in plan.key_columns}
        names = plan.table.primary_key
        key = tuple(whole[name] for name in names if name in whole)
        absent = tuple(name for name in names if name not in whole)
        if self._rules.use_event_key:
            key, absent = plan.key_columns, ()
        return _Target(plan, candidates, key, tuple(plan.select_list()), absent)

    def _is_missing(self, value: Any) -> bool:
        if value is None:
            return self._rules.null_values
        return value is UNAVAILABLE or value in self._unavailable

    def _values(self, captured: CapturedTable, target: _Target, wanted: list[int], after: Row) -> list[Any]:
        where = f"{captured.id}, row {self._shown(target, after)}"
        columns = ", ".join(target.plan.columns[index].column.name for index in wanted)
        if not target.key and not target.absent:
            raise TableError(
                f"{captured.id}: {columns} cannot be reselected, the table has no primary key.",
                remedy="set reselect.use.event.key=true, or leave the table out of reselect.columns.include.list",
            )
        if target.absent:
            raise TableError(
                f"{captured.id}: {columns} cannot be reselected, {', '.join(target.absent)} of the primary key is not "
                "in the record as it is.",
                remedy="set reselect.use.event.key=true, or take the key's columns off column lists and rules",
            )
        try:
            arguments = tuple(sql_argument(one, after[one.index]) for one in target.key)
        except ValueError as error:
            raise TableError(
                f"{where}: {columns} cannot be reselected by the key ({error}).",
                remedy="leave the table out of reselect.columns.include.list",
            ) from error
        expressions = ", ".join(target.expressions[index] for index in wanted)
        table = f"{quote(captured.id.database)}.{quote(captured.id.table)}"
        condition = " AND ".join(f"{_escaped(quote(one.column.name))} = %s" for one in target.key)
        sql = f"{_escaped(f'SELECT {expressions} FROM {table}')} WHERE {condition}"
        try:
            rows = self._lookup.rows(sql, arguments)
        except TransientError:
            raise
        except CdcError as error:
            raise TableError(f"{where}: {columns} cannot be reselected: {error}") from error
        if not rows:
            raise TableError(
                f"{where}: {columns} cannot be reselected, the row is not in the table any more.",
                remedy="set reselect.error.handling.mode=warn to leave such columns as they are",
            )
        if len(rows) > 1:
            log.warning("%s: the key found %d rows to reselect %s from, the first is taken.", where, len(rows), columns)
        return captured.transcoder.read_text_cells(wanted, rows[0])

    def _shown(self, target: _Target, after: Row) -> str:
        return ", ".join(f"{one.column.name}={after[one.index]!r}"[:100] for one in target.key)


def _escaped(sql: str) -> str:
    """Double the percent signs of names, which the driver would take for its own."""
    return sql.replace("%", "%%")
