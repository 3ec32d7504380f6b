"""What only MariaDB has: both paths give the text that the server itself shows."""

import random
import zlib

import pytest

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.relational.table_map import reconcile
from faust_cdc.transcode.mariadb_cells import inet4_text, inet6_text, uncompressed, uuid_text
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.lab import MariaDbServer
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server
from tests.transcode.images import columns, table, table_map, transcoder

SEED = 20_261_121


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("6ccd780cbaba102695645b8c656024db", "6ccd780c-baba-1026-9564-5b8c656024db"),
        ("0d0e", "0d0e0000-0000-0000-0000-000000000000"),
        ("", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_zero_bytes_at_the_end_of_a_uuid_are_put_back(cell: str, text: str) -> None:
    assert uuid_text(bytes.fromhex(cell)) == text


@pytest.mark.parametrize("convert", [uuid_text, inet4_text, inet6_text])
def test_a_cell_that_is_too_long_is_an_error(convert: object) -> None:
    assert callable(convert)
    with pytest.raises(ValueError, match="17 bytes, expected at most"):
        convert(bytes(17))


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        (b"\x10abc", "compression method 1"),
        (b"\x89\x05" + zlib.compress(b"abc")[2:-4], "unpacks to 3 bytes"),
        (b"\x89\x02" + zlib.compress(b"abc")[2:-4], "unpacks to 3 bytes or more, expected 2"),
        (b"\x89\x03\xff\xff\xff", "cannot be unpacked"),
    ],
)
def test_a_broken_compressed_cell_is_an_error(cell: bytes, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        uncompressed(cell)


def test_a_row_of_mariadb_11_8() -> None:
    """Recorded on 11.8.9, which has VECTOR (as VARCHAR) and TIMESTAMP up to 2106; 10.11 of the lab has neither.

    CREATE TABLE t (v vector(3) NOT NULL, v2 vector(80), ts timestamp(3) NULL, t0 timestamp NULL);
    SET time_zone = '+00:00';
    INSERT INTO t VALUES (VEC_FromText('[1,2,3.5]'), NULL, '2106-02-07 06:28:14.999', '2100-01-01')
    """
    described = table(*columns("vector(3) NOT NULL", "vector(80)", "timestamp(3) NULL", "timestamp NULL"))
    sent = [
        TableMapColumn(15, 12, False, name="c0", collation_id=63),
        TableMapColumn(15, 320, True, name="c1", collation_id=63),
        TableMapColumn(17, 3, True, name="c2"),
        TableMapColumn(17, 0, True, name="c3"),
    ]
    made = transcoder(described, *sent)
    rows = b"\x02\x0c\x00\x00\x80?\x00\x00\x00@\x00\x00`@\xff\xff\xff\xfe'\x06\xf4\x86W\x00"
    row, end = made.read_row(memoryview(rows), 0, b"\x0f")
    assert row == ([1.0, 2.0, 3.5], None, "2106-02-07T06:28:14.999Z", "2100-01-01T00:00:00Z")
    assert end == len(rows)
    assert reconcile(table_map(*sent), described) == described
    assert [one.type_name for one in reconcile(table_map(*sent), None).columns][:2] == ["varbinary"] * 2


def random_addresses(rnd: random.Random) -> list[tuple[str, str, str]]:
    """UUIDs, IPv4 and IPv6 addresses in hexadecimal, many with zeros in various places."""
    found = []
    for _ in range(300):
        words = [rnd.choice([0, 0, 0, 0xFFFF, rnd.getrandbits(16), rnd.getrandbits(8)]) for _ in range(8)]
        parts = [rnd.choice([0, 255, rnd.getrandbits(8)]) for _ in range(4)]
        uuid = [rnd.choice([0, rnd.getrandbits(16), rnd.getrandbits(16)]) for _ in range(8)]
        uuid[3:5] = 0x4000 | uuid[3] & 0xFFF, 0x8000 | uuid[4] & 0x3FFF  # the server looks at version and variant
        found.append(("".join(f"{w:04x}" for w in uuid), bytes(parts).hex(), "".join(f"{w:04x}" for w in words)))
    for start in ("0" * 24, "0" * 20 + "ffff", "0" * 16 + "ffff0000"):
        tails = ("01020304", "00000000", "00010000", "00000001")
        found += [("00" * 16, "01020300", start + tail) for tail in tails]
    return found


def colons(uuid: str) -> str:
    return "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))


@pytest.mark.integration
def test_uuid_and_inet_are_the_servers_text(mariadb: MariaDbServer, mariadb_database: str) -> None:
    mariadb.execute("CREATE TABLE t (id int, u uuid, i4 inet4, i6 inet6, PRIMARY KEY (id))", mariadb_database)
    rows = ",".join(
        f"({key}, '{colons(u)}', CAST(X'{i4}' AS inet4), CAST(X'{i6}' AS inet6))"
        for key, (u, i4, i6) in enumerate(random_addresses(random.Random(SEED)))
    )
    sql = f"INSERT INTO t VALUES {rows}; INSERT INTO t VALUES (-1, NULL, NULL, NULL)"
    found = captured(mariadb, tables_from_server(mariadb, mariadb_database, "t"), sql)["t"]
    shown = mariadb.query("SELECT id, CAST(u AS char), CAST(i4 AS char), CAST(i6 AS char) FROM t", mariadb_database)
    assert len(found.inserted) > 300
    assert sorted(found.inserted) == sorted(shown)
    assert sorted(snapshot(mariadb, found.transcoder)) == sorted(shown)
    fields = [one.avro_field for one in found.transcoder.plan.columns]
    assert fields[1]["type"][1]["connect.name"] == "io.debezium.data.Uuid"
    assert [field["type"] for field in fields[2:]] == [["null", "string"]] * 2


@pytest.mark.integration
def test_uuid_as_key_and_defaults(mariadb: MariaDbServer, mariadb_database: str) -> None:
    uuid = "6ccd780c-baba-1026-9564-5b8c65602400"
    mariadb.execute(
        f"CREATE TABLE t (u uuid PRIMARY KEY DEFAULT '{uuid}', i inet6 NOT NULL DEFAULT '::FFFF:1.2.3.4')",
        mariadb_database,
    )
    found = captured(mariadb, tables_from_server(mariadb, mariadb_database, "t"), "INSERT INTO t VALUES ()")["t"]
    assert found.inserted == snapshot(mariadb, found.transcoder) == [(uuid, "::ffff:1.2.3.4")]
    assert [one.default for one in found.transcoder.plan.columns] == [uuid, "::ffff:1.2.3.4"]


COMPRESSED = [
    "varchar(10)", "varchar(60)", "varchar(63)", "varchar(64)", "varchar(2000)", "varbinary(253)", "varbinary(254)",
    "varbinary(255)", "varbinary(256)", "tinytext", "text", "mediumtext CHARACTER SET latin1", "longtext", "tinyblob",
    "blob", "mediumblob", "longblob",
]  # fmt: skip


def compressed(declared: str) -> str:
    name, _, rest = declared.partition(" ")
    return f"{name} COMPRESSED {rest}"


@pytest.mark.integration
@pytest.mark.parametrize("wrap", ["OFF", "ON"])
def test_compressed_columns(mariadb: MariaDbServer, mariadb_database: str, wrap: str) -> None:
    columns = ", ".join(f"c{n} {compressed(declared)}" for n, declared in enumerate(COMPRESSED))
    mariadb.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})", mariadb_database)
    texts = [
        "''",
        "'x'",
        "'é'",
        "REPEAT('ab', 5)",
        "LEFT(REPEAT('é', 3000), {n})",
        "LEFT(REPEAT('abc', 3000), {n})",
        "NULL",
    ]
    sizes = [int("".join(filter(str.isdigit, one.partition(" ")[0])) or "127") for one in COMPRESSED]
    rows = [
        f"({key}, " + ", ".join(f"LEFT({text.format(n=size)}, {size})" for size in sizes) + ")"
        for key, text in enumerate(texts)
    ]
    sql = f"SET column_compression_zlib_wrap = {wrap}; SET sql_mode = ''; INSERT INTO t VALUES " + ",".join(rows)
    sql += "; INSERT INTO t (id, c12, c16) VALUES (100, REPEAT('long ', 200000), REPEAT('blob ', 200000))"
    found = captured(mariadb, tables_from_server(mariadb, mariadb_database, "t"), sql)["t"]
    assert sum(map(len, found.raw)) < 60_000, "what the binlog holds is compressed"
    assert differences(found.transcoder, found.inserted, snapshot(mariadb, found.transcoder)) == []
    assert found.inserted[-1][13] == "long " * 200_000


@pytest.mark.integration
def test_old_temporal_formats_with_fractions(mariadb: MariaDbServer, mariadb_database: str) -> None:
    columns = ", ".join(f"t{n} time({n}), d{n} datetime({n}), s{n} timestamp({n}) NULL" for n in range(7))
    mariadb.execute("SET GLOBAL mysql56_temporal_format=OFF")
    try:
        mariadb.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})", mariadb_database)
    finally:
        mariadb.execute("SET GLOBAL mysql56_temporal_format=ON")
    values = [
        ("-838:59:59.999999", "1000-01-01 00:00:00.000001", "1970-01-01 00:00:01.000001"),
        ("838:59:59.999999", "9999-12-31 23:59:59.999999", "2038-01-19 03:14:07.999999"),
        ("-00:00:00.123456", "2026-02-28 12:34:56.123456", "2026-02-28 12:34:56.123456"),
        ("00:00:00", "0000-00-00 00:00:00", "0000-00-00 00:00:00"),
        ("10:11:12.5", "2024-00-01 00:00:00", "2024-02-29 23:59:59.9"),
    ]
    rows = ",".join(f"({key}, {', '.join([repr(one) for one in row] * 7)})" for key, row in enumerate(values))
    rows += ",(9" + ", NULL" * 21 + ")"
    sql = f"SET time_zone='+00:00'; SET sql_mode=''; INSERT INTO t VALUES {rows}"
    found = captured(mariadb, tables_from_server(mariadb, mariadb_database, "t"), sql)["t"]
    assert len(found.inserted) == 6
    assert differences(found.transcoder, found.inserted, snapshot(mariadb, found.transcoder)) == []
    assert found.inserted[0][-3:] == (-3_020_399_999_999, -30_610_223_999_999_999, "1970-01-01T00:00:01.000001Z")
    selection = ColumnSelection.parse(exclude=r".*\.[tds][1-6]")
    plan = build_plan(found.transcoder.plan.table, "t", TranscodeOptions(columns=selection))
    without, images = ReferenceTranscoder(plan, 1, 2), memoryview(found.raw[0])
    offset, seen = 0, []
    assert found.table_map is not None
    without.bind(found.table_map)
    while offset < len(images):
        narrow, offset = without.read_row(images, offset, b"\xff" * 3)
        seen.append(narrow)
    assert seen == [row[:4] for row in found.inserted], "columns that are left out are stepped over"
