"""Transaction metadata where a stream changes between the fast lane and the long way.

The lane counts in `Places`, the long way in `OpenTransaction`; the one that reads the next event has the counts.
"""

from __future__ import annotations

from collections.abc import Callable

from faust_cdc.errors import InternalError
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transaction_metadata import OpenTransaction, TransactionTopic
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.compiled.places import Places, TableCount


class LaneMetadata:
    """The transaction metadata of one stream."""

    def __init__(self, topic: TransactionTopic, write: Callable[[ChangeRecord], None]) -> None:
        """`write` is where the long way's BEGIN and END go."""
        self.topic = topic
        self.places = Places(self._first_record)
        self._write = write
        self._ids: list[TableId] = []
        self._counts: dict[TableId, TableCount] = {}

    def count_of(self, table: TableId) -> TableCount:
        """Return the one count of a table, whatever its version."""
        found = self._counts.get(table)
        if found is None:
            found = self._counts[table] = TableCount(len(self._ids), str(table).encode())
            self._ids.append(table)
        return found

    def to_lane(self, metadata: OpenTransaction | None) -> None:
        """Let the lane count on from where the long way stopped."""
        places = self.places
        if metadata is None:
            places.close()
            return
        places.open(metadata.id.encode(), metadata.begin_ts_ms)
        places.begun = metadata.begun
        total, by_table = metadata.counts()
        places.total = total
        for table, count in by_table.items():
            known = self.count_of(table)
            known.count = count
            places.tables.append(known)

    def of_lane(self, known: OpenTransaction | None) -> OpenTransaction | None:
        """Return what the lane has counted, as the long way counts on; in `known`, where it had the transaction."""
        places = self.places
        if not places.active:
            return None
        found = known or OpenTransaction(self.topic, places.id.decode(), int(places.begin_ts_ms), self._write)
        found.count_again_from((int(places.total), {self._ids[one.number]: int(one.count) for one in places.tables}))
        found.begun = places.begun
        return found

    def _first_record(self, identity: str, is_end: bool, ts_ms: int) -> tuple[bytes | None, bytes | None]:
        """Make a record as the long way does; where the topic's records are Avro the lane can do it from now on."""
        places = self.places
        if is_end:
            by_table = {self._ids[one.number]: int(one.count) for one in places.tables}
            record = self.topic.end(identity, by_table, ts_ms)
        else:
            record = self.topic.begin(identity, ts_ms)
        prefixes = self.topic.avro_prefixes
        if prefixes is not None:
            places.key_prefix, places.value_prefix = prefixes
        if record.headers:
            raise InternalError("the lane writes the records of the transaction topic without headers")
        return record.key, record.value
