"""Finds the rows of an XA transaction whose COMMIT was read and whose PREPARE was not: see `prepared`.

Files are searched backwards from the COMMIT; an XA transaction of the same name that was decided before has its own
PREPARE before that, so the last one counts. A file is searched once: what was found in it is kept for the next COMMIT.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from faust_cdc.binlog.events import BinlogEvent, GtidEvent, RotateEvent, XaPrepareEvent
from faust_cdc.binlog.reader import BinlogReader, DumpStart
from faust_cdc.errors import FatalError, TransientError
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, connect, query
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.pipeline.prepared import Xid

log = logging.getLogger(__name__)

_WAIT_MS = 500
_OWN_SERVER_ID: Final = 1 << 31
"""Flipped in the connector's server id: a server ends the older of two dumps with one id, and that is the stream."""
_FIRST_POS = 4


class _Prepare(NamedTuple):
    """Where the group of events that an XA PREPARE ends begins and ends."""

    begin: BinlogPosition
    end_pos: int


class PreparedSearch:
    """Reads prepared transactions again, on connections of its own."""

    def __init__(
        self,
        address: SourceAddress,
        server_id: int,
        info: ServerInfo,
        heartbeat_ms: int,
        should_stop: Callable[[], bool],
    ) -> None:
        self._address = address
        self._server_id = server_id ^ _OWN_SERVER_ID or 1  # 0 would end the dump with the file
        self._info = info
        self._heartbeat_ms = heartbeat_ms
        self._should_stop = should_stop
        self._found: dict[str, dict[Xid, _Prepare]] = {}

    def events(self, xid: Xid, decision: BinlogPosition) -> Iterator[BinlogEvent]:
        """Yield the events of the group that prepared `xid`, which the event at `decision` commits.

        Raises FatalError when no binlog file of the server has it any more, TransientError when asked to stop.
        """
        prepare = self._find(xid, decision)
        for event in self._read(prepare.begin):
            if not isinstance(event, RotateEvent) and event.header.pos >= prepare.begin.pos:
                yield event
            if event.header.end_pos >= prepare.end_pos and isinstance(event, XaPrepareEvent):
                return

    def _find(self, xid: Xid, decision: BinlogPosition) -> _Prepare:
        with connect(self._address, purpose="the list of binlog files") as connection:
            files = [str(row[0]) for row in query(connection, "SHOW BINARY LOGS", doing="listing binlog files")]
        older = [file for file in files if BinlogPosition(file, _FIRST_POS) < decision]
        log.info("XA COMMIT %s at %s: its rows were prepared before the stream began; searching them", xid, decision)
        for file in reversed(older):
            if file not in self._found:
                self._found[file] = self._prepared_in(file, decision)
            if xid in self._found[file]:
                return self._found[file][xid]
        raise FatalError(
            f"XA COMMIT {xid} at {decision}: the rows of this transaction were prepared before the stream began, and "
            f"no binlog file of the server has them any more (searched {', '.join(reversed(older))}).",
            remedy="take a new snapshot (delete the connector's offsets); or, if the transaction changed no captured "
            "table, set the offset behind this event",
        )

    def _prepared_in(self, file: str, decision: BinlogPosition) -> dict[Xid, _Prepare]:
        """Return the last PREPARE of each xid in `file`, before `decision` where that is in it too."""
        found: dict[Xid, _Prepare] = {}
        begin = BinlogPosition(file, _FIRST_POS)
        for event in self._read(begin):
            header = event.header
            place = BinlogPosition(header.file, header.pos)
            if header.file != file or place >= decision or _leaves(event, file):
                break
            if isinstance(event, GtidEvent):  # also without GTIDs: MySQL writes an anonymous one
                begin = place
            elif isinstance(event, XaPrepareEvent):
                xid = Xid(event.format_id, event.gtrid, event.bqual)
                found[xid] = _Prepare(begin, header.end_pos)
        return found

    def _read(self, begin: BinlogPosition) -> Iterator[BinlogEvent]:
        start = DumpStart(begin, None)
        with BinlogReader(self._address, self._server_id, start, self._info, heartbeat_ms=self._heartbeat_ms) as reader:
            while not self._should_stop():
                event = reader.next_event(_WAIT_MS)
                if event is not None:
                    yield event
        raise TransientError("Stopped while searching the rows of a prepared XA transaction.")


def _leaves(event: BinlogEvent, file: str) -> bool:
    return isinstance(event, RotateEvent) and event.next_file != file
