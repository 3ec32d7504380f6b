"""The server's words when it ends a dump, and what they mean."""

import pytest

from faust_cdc.binlog.reader import replica_uuid
from faust_cdc.binlog.refusals import dump_refused
from faust_cdc.errors import (
    BinlogCorrupt,
    BinlogNotAvailable,
    CdcError,
    GtidGap,
    ServerMisconfigured,
    SourceConnectionLost,
    SourceRefused,
)

_FIRST_EVENT = "; the first event '' at 4, the last event read from './binlog.000002' at 126"


@pytest.mark.parametrize(
    ("number", "text", "expected"),
    [
        (1236, "Could not find first log file name in binary log index file", BinlogNotAvailable),
        (1236, "Client requested source to start replication from position > file size", BinlogNotAvailable),
        (1236, "Client requested master to start from impossible position" + _FIRST_EVENT, BinlogNotAvailable),
        (1236, "Cannot replicate because the source purged required binary logs. Replicate the missing", GtidGap),
        (1236, "The slave is connecting using CHANGE MASTER TO MASTER_AUTO_POSITION = 1, but the master has purged "
               "binary logs containing GTIDs that the slave requires.", GtidGap),
        (1236, "Replica has more GTIDs than the source has, using the source's SERVER_UUID.", GtidGap),
        (1236, "Could not find GTID state requested by slave in any binlog files.", GtidGap),
        (1236, "Error: slave requested GTID 0-1-9, which is not in the master's binlog", GtidGap),
        (1236, "A replica with the same server_uuid/server_id as this replica has connected;", SourceRefused),
        (4052, "A slave with the same server_uuid/server_id is already connected" + _FIRST_EVENT, SourceRefused),
        (1236, "log event entry exceeded max_allowed_packet", ServerMisconfigured),
        (1236, "Binary log is not open", ServerMisconfigured),
        (1236, "event read from binlog did not pass checksum algorithm check", BinlogCorrupt),
        (1236, "bogus data in log event; the first event 'b' at 4", BinlogCorrupt),
        (1236, "something new", BinlogNotAvailable),
        (1053, "Server shutdown in progress", SourceConnectionLost),
        (1927, "Connection was killed", SourceConnectionLost),
        (1317, "Query execution was interrupted", SourceConnectionLost),
        (1227, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)", SourceRefused),
    ],
)  # fmt: skip
def test_words(number: int, text: str, expected: type[CdcError]) -> None:
    error = dump_refused(number, text, "of cdc@db:3306, begun at binlog.000001:4")
    assert type(error) is expected
    assert text.rstrip(".")[:40] in str(error)
    assert "binlog.000001:4" in str(error)


def test_one_server_id_is_one_replica() -> None:
    assert replica_uuid(5) == replica_uuid(5) != replica_uuid(6)
