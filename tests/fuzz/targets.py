"""What the mutated bytes are fed to. A target runs one input and returns, or lets the error through.

Each takes (seed number, bytes): the seed number says which packet, table or column the bytes are for.
"""

from __future__ import annotations

import dataclasses
import io
import json
import random
import socket
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import fastavro
import zstandard

from faust_cdc.binlog import codes
from faust_cdc.binlog.decoder import EventDecoder
from faust_cdc.binlog.events import (
    BinlogEvent,
    EventHeader,
    GtidEvent,
    PreviousGtidsEvent,
    QueryEvent,
    RowsEvent,
    TableMapColumn,
)
from faust_cdc.binlog.packets import PacketStream
from faust_cdc.errors import SourceConnectionLost
from faust_cdc.mysql.charsets import decode_statement
from faust_cdc.mysql.positions import GtidSet, MariaDbGtidSet
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.dispatcher import Dispatcher, DispatchRules
from faust_cdc.pipeline.statements import changes_system_table, first_words, readable
from faust_cdc.relational.ddl import StatementText, heading, words_of
from faust_cdc.routing import TopicNaming
from faust_cdc.transcode.partial_rows import full_images
from faust_cdc.transcode.plan import TranscodeOptions
from tests.fuzz.compiled_targets import lane_streams, run_encoder, run_lane, whole_images
from tests.fuzz.corpus import Packet, bare, known_tables, packets, rows_events, rows_of, sealed
from tests.fuzz.mutations import mutated
from tests.fuzz.result_targets import (
    column_definitions,
    result_packets,
    result_streams,
    run_column_definition,
    run_result_row,
    run_result_stream,
)
from tests.transcode.images import SOURCE, columns, table, table_map, transcoder
from tests.transcode.text_cells import TEXT_CELLS

OPTIONS = (
    TranscodeOptions(field_name_adjustment="avro"),
    TranscodeOptions(
        time_precision_mode="connect",
        decimal_handling_mode="string",
        bigint_unsigned_handling_mode="precise",
        binary_handling_mode="base64",
        field_name_adjustment="avro",
    ),
    TranscodeOptions(
        time_precision_mode="isostring",
        decimal_handling_mode="double",
        binary_handling_mode="hex",
        field_name_adjustment="avro",
        enable_time_adjuster=False,
    ),
)
_READ_BACK_EVERY = 4


@dataclass(frozen=True)
class Target:
    """One way in."""

    name: str
    share: int
    """Inputs of a hundred."""
    seeds: Callable[[], Sequence[bytes]]
    run: Callable[[int, bytes], None]
    position: str
    """Regular expression that the message of every error must match: how this target names the place."""
    mutate: Callable[[bytes, random.Random, Sequence[bytes]], bytes] = mutated


_IN_FILE = r"\w\.\d{6}:\d+"


def dispatcher(options: TranscodeOptions) -> Dispatcher:
    """The product's dispatcher, its registry and topics left out."""
    known = known_tables()
    cache_of_tables = TranscoderCache(
        TopicNaming("p"),
        options,
        lambda _: True,
        lambda ids: {one: known[one] for one in ids if one in known},
        avro_converters(lambda _subject, _schema: 7),
        lambda _topic: None,
    )
    return Dispatcher(cache_of_tables, [], DispatchRules())


@cache
def _dispatchers() -> tuple[Dispatcher, ...]:
    return tuple(map(dispatcher, OPTIONS))


def _take(event: BinlogEvent, through: Dispatcher, read_back: bool = False) -> None:
    """Do with an event what the pipeline does with it."""
    if isinstance(event, RowsEvent):
        for record in through.records(event, SOURCE):
            if read_back and record.value is not None:
                captured = through._cache.for_table_map(event.table_map)
                assert captured is not None
                _read_back(record.value, captured.transcoder.plan.value_schema)
    elif isinstance(event, QueryEvent):
        _statement(event.query, event.database)
    elif isinstance(event, GtidEvent) and event.gtid is not None:
        if ":" in event.gtid:
            GtidSet().add(event.gtid)
        else:
            MariaDbGtidSet().add(event.gtid)
    elif isinstance(event, PreviousGtidsEvent):
        (GtidSet if ":" in event.gtids else MariaDbGtidSet).parse(event.gtids)


def _read_back(value: bytes, schema: object) -> None:
    """A record that was written must be readable with the schema that readers get, to its last byte."""
    stream = io.BytesIO(value[5:])
    fastavro.schemaless_reader(stream, schema, None)
    assert stream.tell() == len(value) - 5, "bytes are left after the record"


def _statement(text: str, database: str) -> None:
    statement = readable(text)
    first_words(statement)
    heading(text, flavor="mariadb")
    words_of(text, flavor="mariadb")
    StatementText(text, flavor="mariadb").cut(0, len(text))
    changes_system_table(statement, database)


# packet: any event, its size and checksum mostly made right again


def _damaged_packet(data: bytes, dice: random.Random, others: Sequence[bytes]) -> bytes:
    """Mostly spare the header; its first byte here says whether size and checksum are repaired."""
    if dice.random() < 0.15:
        return bytes([dice.random() < 0.5]) + mutated(data[1:], dice, others)
    return b"\x01" + data[1:20] + mutated(data[20:], dice, others)


def _run_packet(seed: int, data: bytes) -> None:
    packet = packets()[seed]
    body = data[1:]
    repaired = data[:1] == b"\x01" and len(body) >= codes.HEADER_BYTES
    whole = sealed(body, packet.checksum or packet.data[4] == codes.FORMAT_DESCRIPTION) if repaired else body
    for event in packet.decoder().feed(whole):
        _take(event, _dispatchers()[0])


# table map: what it says is planned, and the rows that followed it are read with it


@cache
def _maps_with_rows() -> tuple[tuple[Packet, bytes], ...]:
    """(packet of the rows, bytes of the table map without its id) of recordings with full metadata."""
    seen: dict[bytes, tuple[Packet, bytes]] = {}
    for packet, event in rows_events():
        body = event.table_map.body
        small = len(body) < 2500 and packet.data[4] != codes.TRANSACTION_PAYLOAD
        if event.table_map.has_full_metadata and small:
            seen.setdefault(body, (packet, body))
    return tuple(seen.values())


def _run_table_map(seed: int, data: bytes) -> None:
    rows, _ = _maps_with_rows()[seed]
    decoder = EventDecoder(rows.flavor, "binlog.000001", checksum=False)
    head = rows.tables[0].table_id.to_bytes(6, "little") + b"\1\0"
    list(decoder.feed(sealed(b"\1\0\0\0\x13" + bytes(8) + b"\0\0\2\0\0\0" + head + data, False)))
    through = dispatcher(OPTIONS[zlib.crc32(data) % len(OPTIONS)])
    for event in decoder.feed(sealed(bare(rows), False)):
        _take(event, through, read_back=True)


# rows: the images alone


def _run_rows(seed: int, data: bytes) -> None:
    event = rows_events()[seed][1]
    number = zlib.crc32(data)
    _take(
        dataclasses.replace(event, rows=memoryview(data)),
        _dispatchers()[number % len(OPTIONS)],
        number % _READ_BACK_EVERY == 0,
    )


# payload: the events inside a compressed transaction


@cache
def _payloads() -> tuple[tuple[Packet, bytes], ...]:
    found = []
    for packet in packets():
        if packet.data[4] == codes.TRANSACTION_PAYLOAD:
            compressed = packet.data[packet.data.index(b"\x28\xb5\x2f\xfd") : -4]
            inner = zstandard.ZstdDecompressor().decompressobj().decompress(compressed)
            if len(inner) < 50_000:
                found.append((packet, inner))
    return tuple(found)


def payload_packet(inner: bytes, *, says: int | None = None, checksum: bool = True) -> bytes:
    """A transaction payload event around the inner events; `says` is the uncompressed size it states."""
    compressed = zstandard.ZstdCompressor(level=1).compress(inner)
    numbers = (len(compressed), 0, len(inner) if says is None else says)
    fields = b"".join(bytes([kind, 9, 0xFE]) + n.to_bytes(8, "little") for kind, n in enumerate(numbers, 1))
    return sealed(b"\1\0\0\0\x28" + bytes(8) + b"\0\0\2\0\0\0" + fields + b"\0" + compressed, checksum)


def _run_payload(seed: int, data: bytes) -> None:
    packet, _ = _payloads()[seed]
    for event in packet.decoder().feed(payload_packet(data)):
        _take(event, _dispatchers()[0])


# single cells


@cache
def _json_bodies() -> tuple[bytes, ...]:
    return tuple(body for row in rows_of("j") for body in _cells(row, 1))


@cache
def _geometry_bodies() -> tuple[bytes, ...]:
    return tuple(body for row in rows_of("g") for body in _cells(row, 4))


def _cells(rows: bytes, count: int) -> list[bytes]:
    """The cells of rows (id INT, count times a type with a four-byte length), nothing null."""
    found, at = [], 0
    while at < len(rows):
        at += 5
        for _ in range(count):
            size = int.from_bytes(rows[at : at + 4], "little")
            found.append(rows[at + 4 : at + 4 + size])
            at += 4 + size
    return found


_CELL_TYPES = {"json": 245, "geometry": 255, "point": 255, "vector": 242}


@cache
def _cell_transcoders() -> dict[str, Callable[[bytes], object]]:
    return {ddl: _cell_reader(ddl) for ddl in ("json", "geometry", "point", "vector(3)")}


def _cell_reader(ddl: str) -> Callable[[bytes], object]:
    made = transcoder(table(*columns(ddl)), TableMapColumn(_CELL_TYPES[ddl.partition("(")[0]], 4, True))

    def read(body: bytes) -> object:
        (value,), end = made.read_row(memoryview(b"\0" + len(body).to_bytes(4, "little") + body), 0, b"\1")
        assert end == len(body) + 5
        return value

    return read


def _run_json(_seed: int, data: bytes) -> None:
    value = _cell_transcoders()["json"](data)
    assert isinstance(value, str)
    json.loads(value, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


# partial JSON: (length, old document, differences) as the only row of a table with one JSON column


@cache
def _partial_updates() -> tuple[bytes, ...]:
    """Each document with an INSERT, a REPLACE and a REMOVE that fit it, if it is a container, and one that does not."""
    documents = _json_bodies()[:40]
    found = []
    for number, document in enumerate(documents):
        value = documents[number * 7 % len(documents)][:200]
        paths = (b"$.new", b"$.new", b"$.new") if document[0] < 2 else (b"$[0]", b"$[last]", b"$[0]")
        operations = (1, 0, 2) if number % 4 else (1, 2, 0)
        differences = b"".join(
            bytes((operation, len(path))) + path + (b"" if operation == 2 else bytes((len(value),)) + value)
            for operation, path in zip(operations, paths, strict=True)
        )
        found.append(struct.pack("<I", len(document)) + document + differences)
    return tuple(found)


def _run_partial_json(_seed: int, data: bytes) -> None:
    size = int.from_bytes(data[:4], "little")
    old, differences = data[4 : 4 + size], data[4 + size :]
    column = TableMapColumn(codes.JSON, 4, True, name="j")
    rows = b"\0" + _sized(old) + b"\x01\x01\0" + _sized(differences)
    header = EventHeader(0, 39, 1, 0, 0, "binlog.000001", 4, 100)
    event = RowsEvent(header, "partial_update", 7, 1, 1, (b"\x01", b"\x01"), memoryview(rows), table_map(column))
    images = bytes(full_images(event).rows)
    new = images[1 + 4 + len(old) + 1 + 4 :]
    assert len(new) <= len(data) * 4 + 64, "the new document is larger than what it was made from"
    if differences:  # without one, the old document is handed on as it is
        _run_json(0, new)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _run_geometry(_seed: int, data: bytes) -> None:
    ddl = ("geometry", "point", "vector(3)")[zlib.crc32(data) % 3]
    value = _cell_transcoders()[ddl](data)
    assert not isinstance(value, dict) or value["wkb"] == data[4:], "the body changed on its way"


def _run_text_cell(seed: int, data: bytes) -> None:
    ddl, _ = TEXT_CELLS[seed]
    transcoder(table(*columns(ddl))).read_text_row([data])


# statements and framing


@cache
def _statements() -> tuple[bytes, ...]:
    texts = {
        event.query.encode()
        for packet in packets()
        if packet.data[4] == codes.QUERY
        for event in packet.decoder().feed(packet.data)
        if isinstance(event, QueryEvent)
    }
    more = (
        *(
            "/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`h`*/ /*!50003 TRIGGER g BEFORE INSERT ON t*/",
            "/**//**/ # x\n--\n a",
        ),
        *(
            "SET STATEMENT max_statement_time = 60 FOR DELETE FROM `d`.`t` WHERE 1",
            "insert low_priority into mysql.t (a)",
        ),
    )
    return tuple(sorted(texts | {one.encode() for one in more}))


def _run_statement(_seed: int, data: bytes) -> None:
    for collation in (None, 8, 54, 255):
        _statement(decode_statement(data, collation), "d")


@cache
def _streams() -> tuple[bytes, ...]:
    framed = [len(one.data).to_bytes(3, "little") + b"%c" + one.data for one in packets()[:40]]
    return tuple(
        b"".join(one.replace(b"%c", bytes([number]), 1) for number, one in enumerate(framed[at : at + 4], 1))
        for at in range(0, len(framed), 4)
    )


def _run_framing(_seed: int, data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:60_000])
        theirs.close()
        stream = PacketStream(ours, "db:3306", packet_size_max_bytes=1 << 20)
        try:
            while stream.read(1.0) is not None:
                pass
        except SourceConnectionLost as error:
            if "closed the binlog connection" not in str(error):
                raise


TARGETS = (
    Target(
        "packet",
        24,
        lambda: [b"\x01" + bare(packet) for packet in packets()],
        _run_packet,
        rf"{_IN_FILE}|packet after",
        _damaged_packet,
    ),
    Target("rows", 14, lambda: [bytes(event.rows) for _, event in rows_events()], _run_rows, _IN_FILE),
    Target("table_map", 10, lambda: [body for _, body in _maps_with_rows()], _run_table_map, _IN_FILE),
    Target("payload", 6, lambda: [inner for _, inner in _payloads()], _run_payload, _IN_FILE),
    Target("json", 10, _json_bodies, _run_json, r"byte \d+ of the event's rows"),
    Target("partial_json", 4, _partial_updates, _run_partial_json, rf"{_IN_FILE}|byte \d+ of the event's rows"),
    Target("geometry", 4, _geometry_bodies, _run_geometry, r"byte \d+ of the event's rows"),
    Target("text_cell", 2, lambda: [cell for _, cell in TEXT_CELLS], _run_text_cell, r"column 'c0'"),
    Target("statement", 4, _statements, _run_statement, "never"),
    Target("framing", 2, _streams, _run_framing, "db:3306"),
    Target(
        "encoder",
        14,
        lambda: [bytes(event.rows) for _, event in whole_images()],
        lambda seed, data: run_encoder(_dispatchers(), seed, data),
        _IN_FILE,
    ),
    Target("result_row", 10, result_packets, lambda seed, data: run_result_row(OPTIONS, seed, data), "never"),
    Target("result_stream", 3, result_streams, run_result_stream, "never"),
    Target("column_definition", 1, column_definitions, run_column_definition, "db:3306"),
    Target("lane", 6, lane_streams, lambda seed, data: run_lane(_dispatchers(), seed, data), "never"),
)
BY_NAME = {target.name: target for target in TARGETS}
