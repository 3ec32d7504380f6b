"""Structures of tables that the stream meets, read some hundred at a time.

With 10,000 tables a connection and three questions for each would take minutes. What is read ahead of need is as good
as what is read when it is needed: both are the structures of now, and a DDL statement that the stream passes has them
read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from faust_cdc.relational.model import Table, TableId

TOGETHER: Final = 200
"""Tables that are read at once."""


class Structures:
    """Reads structures as of now, those of tables that nobody has asked for yet along with them."""

    def __init__(
        self,
        list_tables: Callable[[], Iterable[TableId]],
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
    ) -> None:
        """`list_tables` names what is captured, `read_tables` asks the server."""
        self._list_tables = list_tables
        self._read_tables = read_tables
        self._rest: dict[TableId, None] | None = None

    def __call__(self, ids: Iterable[TableId]) -> dict[TableId, Table]:
        """Return the structures of `ids`, absent tables being absent, and of some others. Raises what the two raise."""
        wanted = list(ids)
        if self._rest is None:
            self._rest = dict.fromkeys(self._list_tables())
        for table in wanted:
            self._rest.pop(table, None)
        others = list(islice(self._rest, max(0, TOGETHER - len(wanted))))
        for table in others:
            del self._rest[table]
        return self._read_tables([*wanted, *others])
