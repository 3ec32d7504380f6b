"""Cuts a table into ranges of keys, one at a time, while it is being changed.

A step reads the index alone: the n-th key above the last range's end, and whether one more is behind it. So a range
has at least a row when it is planned, the last one is known to be the last, and has no end: what is inserted behind the
largest key meanwhile is in it. What is inserted or deleted elsewhere makes ranges larger or smaller, never
overlapping, and never leaves a gap: their bounds are values, not rows.

A step that runs into its limit of time is taken again over fewer rows, first without the condition: with one that few
rows meet, the server may have to pass most of the table to find n of them. Then a range can be empty.
"""

from __future__ import annotations

from typing import Any

from pymysql.connections import Connection

from faust_cdc.mysql.chunk_statements import ChunkTooLong, limited, read_exactly, run_limited, source_text
from faust_cdc.mysql.connection import is_mariadb
from faust_cdc.mysql.key_ranges import ChunkKey, where
from faust_cdc.relational.key_range import Bound, KeyRange
from faust_cdc.relational.model import TableId

LAST_KEY_MAX_MS = 5_000
"""So long the server may look for a table's last key, which is only shown."""


class RangePlanner:
    """Plans the chunks of one table on a connection that nobody else uses meanwhile. Not thread-safe."""

    def __init__(
        self,
        connection: Connection[Any],
        table: TableId,
        key: ChunkKey,
        rows_per_chunk: int,
        condition: str | None = None,
        after: Bound | None = None,
        *,
        until: Bound | None = None,
        override: str | None = None,
        limit_ms: int = 0,
    ) -> None:
        """Begin behind `after` and end with `until`, None: at the table's beginning and end.

        `condition`, `override` and `limit_ms` as of `chunk_select`; the limit is a step's. `rows_per_chunk` is at least
        1 and may be changed between steps. Raises what `query` raises.
        """
        if rows_per_chunk < 1:
            raise ValueError(f"a chunk has at least one row, not {rows_per_chunk}")
        self.rows_per_chunk = rows_per_chunk
        self._connection = connection
        self._table = table
        self._key = key
        self._condition = condition
        self._override = override
        self._limit_ms = limit_ms
        self._low = after
        self._high = until
        self._mariadb = is_mariadb(connection)
        self._is_known_to_go_on = False
        self._is_done = False
        self._step_rows = rows_per_chunk
        read_exactly(connection)

    @property
    def is_done(self) -> bool:
        """True when the last range was given out."""
        return self._is_done

    def next(self) -> KeyRange | None:
        """Return the next range, None after the last one and for a table without rows.

        Raises ChunkTooLong when a step of a single row takes too long, ChunkLocked when the table is locked, else what
        `query` raises. Whatever is raised, the next call takes the same step again.
        """
        if self._is_done:
            return None
        rest = KeyRange(self._low, self._high)
        self._step_rows = min(self.rows_per_chunk, self._step_rows * 2)
        keys = self._peek_in_time(rest)
        if len(keys) == 2 and self._goes_on(keys[0]):
            self._low = keys[0]
            self._is_known_to_go_on = True
            return KeyRange(rest.low, self._low)
        found: KeyRange | None = rest
        if not keys and not self._is_known_to_go_on:
            self._step_rows = 1
            found = rest if self._peek_in_time(rest) else None
        self._is_done = True
        return found

    def last_key(self) -> Bound | None:
        """Return the last key of the table's rows that meet the condition; None without one, or when it takes too long.

        Raises what `query` raises.
        """
        try:
            rows = self._run(KeyRange(), f"ORDER BY {self._key.order(backwards=True)} LIMIT 1", LAST_KEY_MAX_MS)
        except ChunkTooLong:
            return None
        return self._key.bound(rows[0]) if rows else None

    def split(self, key_range: KeyRange, count: int, *, is_too_much: bool = True) -> tuple[KeyRange, ...]:
        """Return a range as two, the first of at most `count` rows of a unique key; as none when it is of one key only.

        One that has no more than `count` rows is split in half or less when it `is_too_much`, else returned alone.
        Raises as `next`.
        """
        while True:
            try:
                keys = self._peek(key_range, count)
            except ChunkTooLong:
                if count == 1:
                    raise
                count //= 2
                continue
            if len(keys) == 2 and self._goes_on(keys[0], key_range.high):
                return KeyRange(key_range.low, keys[0]), KeyRange(keys[0], key_range.high)
            if len(keys) < 2 and not is_too_much:
                return (key_range,)
            if count == 1:
                return ()
            count //= 2

    def _peek_in_time(self, rest: KeyRange) -> list[Bound]:
        """Return `_peek` of as many rows as the limit of time allows."""
        while True:
            try:
                return self._peek(rest, self._step_rows)
            except ChunkTooLong:
                if self._condition is not None:
                    self._condition = None
                elif self._step_rows == 1:
                    raise
                else:
                    self._step_rows //= 2

    def _peek(self, key_range: KeyRange, count: int) -> list[Bound]:
        """Return the `count`-th key of a range and the one behind it, as far as they are there."""
        rows = self._run(key_range, f"ORDER BY {self._key.order()} LIMIT 2 OFFSET {count - 1}")
        return [self._key.bound(row) for row in rows]

    def _goes_on(self, key: Bound, high: Bound | None = None) -> bool:
        """Whether there are rows behind `key`: with a unique key the next row is, else it may have the same value."""
        return self._key.unique or bool(self._run(KeyRange(key, high or self._high), "LIMIT 1"))

    def _run(self, key_range: KeyRange, rest: str, limit_ms: int | None = None) -> list[Any]:
        index = None if self._condition else self._key
        sql = (
            f"SELECT {', '.join(self._key.select_list())} FROM {source_text(self._table, index, self._override)} "
            f"WHERE {where(self._key, key_range, self._condition)} {rest}"
        )
        doing = f"planning the chunks of {self._table}"
        limit_ms = self._limit_ms if limit_ms is None else limit_ms
        return run_limited(self._connection, limited(sql, limit_ms, mariadb=self._mariadb), doing=doing)
