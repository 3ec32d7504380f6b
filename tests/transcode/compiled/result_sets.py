"""Answers of prepared queries: read from a server undecoded, and through both transcoders."""

from __future__ import annotations

from dataclasses import dataclass

from faust_cdc.errors import CdcError
from faust_cdc.mysql.binary_rows import ResultColumn, text_cells, text_reader
from faust_cdc.mysql.connection import connect
from faust_cdc.mysql.prepared_query import PreparedQuery
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.compiled.result_program import result_rows
from faust_cdc.transcode.compiled.source import SourceHead, after_row, after_transaction
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.lab import SqlServer
from tests.transcode.both_paths import address
from tests.transcode.images import SOURCE

NOW_NS = 1_795_230_302_246_980_123


@dataclass(frozen=True)
class Answer:
    """A result set as it came."""

    columns: list[ResultColumn]
    packets: list[bytes]


def answer(server: SqlServer, table_id: TableId, expressions: list[str]) -> Answer:
    """The rows of a table in the binary protocol."""
    sql = f"SELECT {', '.join(expressions)} FROM `{table_id.database}`.`{table_id.table}`"
    with connect(address(server), purpose="a test") as connection:
        with PreparedQuery(connection, sql, lambda _error: None, lambda: False, 30_000) as query:
            packets = []
            while (packet := query.next_row()) is not None:
                packets.append(packet)
            found = Answer(query.columns, packets)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 'the connection is of use after the last row'")
    return found


def suffix() -> bytes:
    """What follows the row in a value whose source is `SOURCE`."""
    assert SOURCE.ts_us is not None
    assert SOURCE.table is not None
    assert SOURCE.gtid is not None
    before = SourceHead(SOURCE.version, SOURCE.connector, SOURCE.name).before_row(
        SOURCE.snapshot.encode(),
        SOURCE.db.encode(),
        SOURCE.table.encode(),
        SOURCE.ts_us,
        SOURCE.server_id,
        SOURCE.gtid.encode(),
        SOURCE.file.encode(),
        SOURCE.pos,
    )
    return before + bytes([2 * SOURCE.row]) + after_row(SOURCE.thread, None) + b"\0" + after_transaction(b"r", NOW_NS)


def compare_rows(
    transcoder: ReferenceTranscoder,
    columns: list[ResultColumn],
    packets: list[bytes],
    texts: list[tuple[bytes | None, ...]] | None = None,
) -> tuple[int, int]:
    """Assert that the compiled transcoder gives the reference's records; return (rows equal, rows left to it).

    A row may be left only when the reference refuses it too, or when its packet is no answer of a server. `texts`: the
    rows in the text protocol; None: from the packets.
    """
    rows, readers, equal, left = result_rows(transcoder, columns, topic=7), [text_reader(one) for one in columns], 0, 0
    end = suffix()
    for number, packet in enumerate(packets):
        rows.out = []
        taken = rows.row(packet, 1, len(packet), end)
        try:
            cells = text_cells(packet, readers) if texts is None else texts[number]
            row = transcoder.read_text_row(cells)
            expected = (7, transcoder.key(row), transcoder.value("r", None, row, SOURCE, NOW_NS))
        except (CdcError, ValueError):
            assert not taken, "the reference refuses what was encoded"
            left += 1
            continue
        if texts is not None:
            assert taken, f"left without a reason: {packet!r}"
        if taken:
            assert rows.out == [expected], f"row {number}"
            equal += 1
    return equal, left
