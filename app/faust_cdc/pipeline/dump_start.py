"""From an offset to the way the binlog is asked for."""

from __future__ import annotations

from faust_cdc.binlog.reader import DumpStart
from faust_cdc.mysql.connection import ServerInfo
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet
from faust_cdc.offsets import SourceOffset


def dump_start(info: ServerInfo, offset: SourceOffset) -> DumpStart:
    """Say how to ask for the binlog: by GTID set where both sides have one, else by file and position."""
    position = BinlogPosition(offset.file, offset.pos)
    if offset.gtids is not None and info.gtid_mode:
        parse = MariaDbGtidSet.parse if info.flavor == "mariadb" else GtidSet.parse
        return DumpStart(position, parse(offset.gtids))
    return DumpStart(position, None)
