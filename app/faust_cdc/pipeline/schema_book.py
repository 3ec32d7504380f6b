"""The versions of every table's schema, from the records of their topic as they come by.

Every worker follows the whole topic, so any of them answers for any connector. Lines stay the bytes that they came as:
with 10,000 tables of one version each some 5 MB, the same that the Faust table holds.
"""

from __future__ import annotations

import logging
from typing import Any

from faust_cdc.errors import FatalError
from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.table_schemas import TableSchema, read_line_key, shown, versions_of
from faust_cdc.relational.model import TableId

log = logging.getLogger(__name__)


class SchemaBook:
    """What is kept of all connectors. For the event loop; what it returns may be used anywhere."""

    def __init__(self) -> None:
        self._pages: dict[SourcePartition, dict[TableId, bytes]] = {}

    def note(self, key: bytes, value: bytes | None) -> None:
        """Take note of a record of the topic; a key that is none of ours is passed over."""
        found = read_line_key(key)
        if found is None:
            return
        partition, table = found
        if value is not None:
            self._pages.setdefault(partition, {})[table] = value
            return
        page = self._pages.get(partition, {})
        page.pop(table, None)
        if not page:
            self._pages.pop(partition, None)

    def lines(self, partition: SourcePartition) -> dict[TableId, bytes]:
        """Return the lines of a connector's tables, as they are now."""
        return dict(self._pages.get(partition, {}))

    def named(self, partition: SourcePartition, name: str) -> tuple[TableId, tuple[TableSchema, ...]] | None:
        """Return the table called `database.table` with its versions; None when it has none."""
        page = self._pages.get(partition, {})
        table = TableId(*name.partition(".")[::2])
        if table not in page:  # a database's name may have a dot
            found = next((one for one in page if str(one) == name), None)
            if found is None:
                return None
            table = found
        return table, versions_of(page[table], name)


def tables_shown(lines: dict[TableId, bytes]) -> list[dict[str, Any]]:
    """Return the entries of `GET /connectors/{c}/tables`, by name: each table with its newest version."""
    entries = []
    for table in sorted(lines):
        entry: dict[str, Any] = {"database": table.database, "table": table.table}
        try:
            entries.append(entry | shown(versions_of(lines[table], str(table))[-1]))
        except (FatalError, IndexError) as error:
            log.warning("%s", error)
            entries.append(entry | {"problem": str(error)})
    return entries
