"""Bytes that are no character of a column's charset, in every charset of both servers: one answer on both paths."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import ValueConversionError
from faust_cdc.mysql.collations import max_bytes_per_character
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.lab import SqlServer
from tests.mysql.test_schema_live import database, server
from tests.transcode.both_paths import rows_events, tables_from_server, text_cells

pytestmark = pytest.mark.integration

__all__ = ["database", "server"]

REFUSED = "refused"
WIDE = {
    "ucs2": ("d800", "dfff", "0041d8000042", "fffe", "ffff", "0000"),
    "utf16": ("d800dc00", "dbffdfff", "fffe", "0000"),
    "utf16le": ("00d800dc", "ffdbffdf", "feff", "0000"),
    "utf32": ("0000d800", "0010ffff", "0000fffe", "00110000", "00000000"),
}
MORE = (
    "efbfbe",
    "eda080",
    "f48fbfbf",
    "c080",
    "81308130",
    "8ea1a1",
    "8fa2af",
    "a1a1",
    "fefe",
    "a440",
    "8140",
    "e3329a35",
)
"""Sequences of several bytes; a charset that they are not of refuses them at the INSERT, which is fine too."""


def candidates(charset: str) -> list[str]:
    """Byte sequences in hexadecimal: each byte alone and behind a letter, some of several bytes."""
    if charset in WIDE:
        return list(WIDE[charset])
    singles = [f"{byte:02x}" for byte in range(256)]
    leads = [
        f"{lead:02x}{byte:02x}" for lead in (0x81, 0xA2, 0xC9, 0xFE) for byte in (0x21, 0x40, 0x7F, 0x80, 0xA1, 0xFE)
    ]
    return [
        *singles,
        *(f"61{one}" for one in singles[128:]),
        *(leads if max_bytes_per_character(charset) > 1 else ()),
        *MORE,
    ]


def answer(read: Any) -> Any:
    try:
        return read()
    except ValueConversionError:
        return REFUSED


def text_value(transcoder: ReferenceTranscoder, cells: tuple[bytes | None, ...]) -> Any:
    return transcoder.read_text_row(cells)[1]


def binary_value(transcoder: ReferenceTranscoder, event: RowsEvent) -> Any:
    return transcoder.read_row(event.rows, 0, event.columns_present[0])[0][1]


def streamed(transcoder: ReferenceTranscoder, events: list[RowsEvent]) -> dict[int, Any]:
    """The value of each row, read alone."""
    found: dict[int, Any] = {}
    for event in events:
        transcoder.bind(event.table_map)
        rows = bytes(event.rows)
        key = int.from_bytes(rows[1:5], "little")
        found[key] = answer(partial(binary_value, transcoder, event))
    return found


def test_snapshot_and_stream_agree_on_every_byte_that_a_server_stores(server: SqlServer, database: str) -> None:
    charsets = [row[0] for row in server.query("SELECT character_set_name FROM information_schema.character_sets")]
    charsets = sorted(set(charsets) - {"binary"})
    server.execute(
        ";".join(f"CREATE TABLE `{one}` (id int PRIMARY KEY, c varchar(20) CHARACTER SET {one})" for one in charsets),
        database,
    )
    tables = tables_from_server(server, database, *charsets)
    values = {one: candidates(one) for one in charsets}
    inserts = [
        f"INSERT IGNORE INTO `{one}` VALUES ({key}, _binary 0x{value})"
        for one in charsets
        for key, value in enumerate(values[one])
    ]
    events = rows_events(server, tables, f"SET sql_mode = ''; BEGIN; {';'.join(inserts)}; COMMIT")
    differing, refused = [], 0
    for table in tables:
        transcoder = ReferenceTranscoder(build_plan(table, "p.d.t", TranscodeOptions()), 1, 2)
        stream = streamed(transcoder, events[table.id])
        cells = {int(row[0] or b""): row for row in text_cells(server, transcoder.plan)}
        assert set(cells) == set(stream)
        for key, row in cells.items():
            snapshot = answer(partial(text_value, transcoder, row))
            refused += snapshot == REFUSED
            if snapshot != stream[key]:
                differing.append((table.id.table, values[table.id.table][key], stream[key], snapshot))
    assert differing == []
    assert refused > 20, "some charsets have holes that the servers store"
    print(f"{sum(map(len, events.values()))} values of {len(charsets)} charsets, {refused} refused on both paths")
