"""`SourcePartition` and `SourceOffset`: Connect's two maps, byte for byte as a worker would write them.

Source: Debezium BinlogPartition, BinlogOffsetContext, BinlogSourceInfo (3.6.1); Connect's OffsetStorageWriter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from faust_cdc.errors import FatalError

INITIAL_SNAPSHOT = "INITIAL"
SET_OFFSET_REMEDY = "stop the connector and set a good offset, or delete the offset to take a new snapshot"


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class SourcePartition:
    """What an offset belongs to: one connector reading one logical server."""

    connector: str
    server: str
    """The `topic.prefix`."""

    def key(self) -> bytes:
        """Return the record key: `["<connector>",{"server":"<topic.prefix>"}]` without blanks."""
        return _compact([self.connector, {"server": self.server}])


@dataclass(frozen=True, slots=True)
class SourceOffset:
    """Where to go on reading.

    `file`/`pos` is the end of the last complete source transaction and `gtids` the executed set with it; the next
    start reads from there. `snapshot` is "INITIAL" while an initial snapshot is unfinished. `event` and `row` count
    what is already written of a source transaction that was split.
    """

    file: str
    pos: int
    gtids: str | None = None
    ts_sec: int = 0
    server_id: int = 0
    event: int = 0
    row: int = 0
    snapshot: str | None = None
    extra: dict[str, Any] = field(default_factory=dict, compare=False)
    """Members we do not use and hand back as they are."""

    def to_map(self) -> dict[str, Any]:
        """Return Debezium's offset map; members that are empty there are absent here too."""
        value: dict[str, Any] = dict(self.extra)
        if self.ts_sec:
            value["ts_sec"] = self.ts_sec
        value["file"] = self.file
        value["pos"] = self.pos
        if self.gtids is not None:
            value["gtids"] = self.gtids
        for name in ("row", "server_id", "event"):
            if getattr(self, name):
                value[name] = getattr(self, name)
        if self.snapshot is not None:
            value["snapshot"] = self.snapshot
        return value

    def to_json(self) -> bytes:
        """Return the record value."""
        return _compact(self.to_map())

    @classmethod
    def from_json(cls, raw: bytes, where: str) -> SourceOffset:
        """Read a stored offset, ours or Debezium's. Raises FatalError naming `where` and the bad member."""
        try:
            value = json.loads(raw)
        except ValueError as error:
            raise FatalError(
                f"{where}: the stored offset is not JSON ({error}); found {raw[:80]!r}.", remedy=SET_OFFSET_REMEDY
            ) from error
        if not isinstance(value, dict):
            raise FatalError(
                f"{where}: the stored offset is not a JSON object; found {raw[:80]!r}.", remedy=SET_OFFSET_REMEDY
            )
        numbers = {name: value.pop(name, 0) for name in ("pos", "ts_sec", "server_id", "event", "row")}
        for name, number in numbers.items():
            if number is None:
                numbers[name] = 0
            elif not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise FatalError(
                    f"{where}: offset member {name!r} is {number!r}, expected an integer of 0 or more.",
                    remedy=SET_OFFSET_REMEDY,
                )
        file, gtids, snapshot = value.pop("file", None), value.pop("gtids", None), value.pop("snapshot", None)
        if not isinstance(file, str) or not isinstance(gtids, str | None):
            raise FatalError(
                f"{where}: the offset needs the member 'file' as text and 'gtids' as text or absent; "
                f"found file={file!r}, gtids={gtids!r}.",
                remedy=SET_OFFSET_REMEDY,
            )
        # Debezium up to 2.x wrote the boolean true for an unfinished snapshot.
        marker = INITIAL_SNAPSHOT if snapshot is True or snapshot == "true" else snapshot or None
        return cls(file=file, gtids=gtids, snapshot=marker, extra=value, **numbers)
