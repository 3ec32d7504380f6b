"""Partial JSON updates: whatever the statement, the row is the one that a full image holds."""

import json
import random

import pytest

from faust_cdc.binlog.events import EventHeader, RowsEvent, TableMapColumn
from faust_cdc.errors import ValueConversionError
from faust_cdc.transcode.json_binary import json_text
from faust_cdc.transcode.json_document import (
    Node,
    apply_differences,
    encode_document,
    parse_document,
    read_differences,
)
from faust_cdc.transcode.partial_rows import full_images
from tests.lab import MySqlServer
from tests.transcode.both_paths import captured, snapshot, tables_from_server
from tests.transcode.images import table_map

SEED = 20_261_121
STATEMENTS = 120


def string(text: str) -> bytes:
    data = text.encode()
    assert len(data) < 128
    return bytes((12, len(data))) + data


def difference(operation: int, path: str, value: bytes | None = None) -> bytes:
    made = bytes((operation, len(path.encode()))) + path.encode()
    return made if value is None else made + bytes((len(value),)) + value


def changed(document: bytes, *differences: bytes) -> str:
    return json_text(
        encode_document(apply_differences(parse_document(document), read_differences(b"".join(differences))))
    )


DOCUMENT = encode_document(
    {b"a": [string("x"), bytes((5, 7, 0))], b'q"': {b"": bytes((4, 1))}, "ä.[".encode(): string("y")}
)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ((), '{"a":["x",7],"q\\"":{"":true},"ä.[":"y"}'),
        ((difference(0, "$.a[0]", string("new")),), '{"a":["new",7],"q\\"":{"":true},"ä.[":"y"}'),
        ((difference(0, "$.a[last]", string("z")),), '{"a":["x","z"],"q\\"":{"":true},"ä.[":"y"}'),
        ((difference(0, "$.a[last-1]", string("z")),), '{"a":["z",7],"q\\"":{"":true},"ä.[":"y"}'),
        ((difference(1, "$.a[9]", bytes((4, 0))),), '{"a":["x",7,null],"q\\"":{"":true},"ä.[":"y"}'),
        ((difference(1, "$.a[0]", bytes((4, 0))),), '{"a":[null,"x",7],"q\\"":{"":true},"ä.[":"y"}'),
        ((difference(1, "$.b", bytes((4, 2))),), '{"a":["x",7],"b":false,"q\\"":{"":true},"ä.[":"y"}'),
        ((difference(2, "$.a[0]"), difference(2, '$."ä.["')), '{"a":[7],"q\\"":{"":true}}'),
        ((difference(2, '$."q\\"".""'),), '{"a":["x",7],"q\\"":{},"ä.[":"y"}'),
    ],
)
def test_what_each_difference_does(differences: tuple[bytes, ...], expected: str) -> None:
    assert changed(DOCUMENT, *differences) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        difference(0, "$.none", string("x")),
        difference(0, "$.a[2]", string("x")),
        difference(0, "$.a.b", string("x")),
        difference(0, "$", string("x")),
        difference(1, "$.a", string("x")),
        difference(1, "$.a[0][0]", string("x")),
        difference(2, "$.a[last-2]"),
        difference(2, "$**.a"),
        difference(3, "$.a"),
        difference(0, "$.a", string("x"))[:-1],
        difference(2, "$.a")[:-1],
        b"\x02\xff",
        b"\x02",
    ],
)
def test_a_difference_that_does_not_fit_is_an_error(wrong: bytes) -> None:
    with pytest.raises(ValueError):
        changed(DOCUMENT, wrong)


def test_containers_grow_into_the_large_format() -> None:
    grown: list[Node] = [string("a" * 100)] * 700
    data = encode_document({b"k": grown, b"n": bytes((7, 1, 0, 1, 0))})
    assert data[0] == 1
    assert json.loads(json_text(data)) == {"k": ["a" * 100] * 700, "n": 65537}
    assert encode_document(parse_document(data)) == data


def partial_event(rows: bytes, before: bytes = b"\x01") -> RowsEvent:
    table = table_map(TableMapColumn(245, 4, True, name="j"))
    header = EventHeader(0, 39, 1, 0, 0, "binlog.000001", 4, 100)
    return RowsEvent(header, "partial_update", 7, 1, 1, (before, b"\x01"), memoryview(rows), table)


def cell(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def test_an_image_without_differences_is_taken_as_it_is() -> None:
    plain = b"\x00" + cell(DOCUMENT) + b"\x00" + b"\x00" + cell(string("n"))
    assert full_images(partial_event(plain)).rows == b"\x00" + cell(DOCUMENT) + b"\x00" + cell(string("n"))
    unchanged = b"\x00" + cell(DOCUMENT) + b"\x01\x01\x00" + cell(b"")
    assert full_images(partial_event(unchanged)).rows == (b"\x00" + cell(DOCUMENT)) * 2


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (partial_event(b"\x01" + b"\x01\x01\x00" + cell(difference(2, "$.a"))), "before image does not hold"),
        (partial_event(b"" + b"\x01\x01\x00" + cell(difference(2, "$.a")), b"\x00"), "before image does not hold"),
        (
            partial_event(b"\x00" + cell(DOCUMENT) + b"\x01\x01\x00" + cell(difference(2, "$.b"))),
            r"cannot remove \$\.b",
        ),
        (partial_event(b"\x00" + cell(DOCUMENT) + b"\x01\x01\x00" + b"\x09\x00\x00\x00"), "the row ends at byte"),
        (partial_event(b"\x00" + cell(DOCUMENT)), "no length stands"),
        (partial_event(b"\x00" + cell(DOCUMENT)[:-1]), "the row ends at byte"),
    ],
)
def test_a_broken_partial_update_names_its_place(event: RowsEvent, cause: str) -> None:
    with pytest.raises(ValueConversionError, match=rf"shop\.t at binlog\.000001:4, row 0, column '?j?'?.*{cause}"):
        full_images(event)


def random_value(rnd: random.Random) -> str:
    choices = [
        "NULL", "TRUE", "1", "-70000", "18446744073709551615", "1.5e0", "CAST(1.50 AS DECIMAL(9,2))", "'short'",
        f"REPEAT('long {rnd.random()}', {rnd.choice([1, 20, 4000])})", "JSON_ARRAY(1, JSON_OBJECT('k', 2))",
        "JSON_OBJECT()",
        "CAST('2026-01-02 03:04:05' AS DATETIME)", "X'00ff'",
    ]  # fmt: skip
    return rnd.choice(choices)


def random_change(rnd: random.Random, column: str) -> str:
    names = ["a", "bb", '"x y"', '"d.[0]"', '"q\\\\"uo"', '"ключ"', '""', "list", "deep.inner.last"]

    def path() -> str:
        made = "$." + rnd.choice(names)
        return made + rnd.choice(["", "", f"[{rnd.randint(0, 4)}]", "[last]", "[last-1]", ".new"])

    kind = rnd.choice(["SET", "REPLACE", "REMOVE"])
    if kind == "REMOVE":
        return f"{column} = JSON_REMOVE({column}, '{path()}', '{path()}')"
    pairs = ", ".join(f"'{path()}', {random_value(rnd)}" for _ in range(rnd.randint(1, 3)))
    return f"{column} = JSON_{kind}({column}, {pairs})"


COLUMNS = """id int PRIMARY KEY, t tinyint, s varchar(300), c char(4), d decimal(20,5), e enum('a','b'),
 st set('x','y'), b bit(11), ts timestamp(3) NULL, dt datetime(6), ti time(1), y year, da date, f float,
 db double, m mediumint, bi bigint, j json, bl blob, k json, si smallint, g point,
 v vector(2), tt text, l json NOT NULL"""
ROW = """'a text', 'c', 12345.67890, 'b', 'x,y', b'10101', '2026-01-02 03:04:05.678', '2026-01-02 03:04:05.678901',
 '-1:2:3.4', 2026, '2026-01-02', 1.5, 2.5, -7, 1e12"""
START = """'{"a": 1, "bb": "text to be replaced", "x y": {"new": 1}, "d.[0]": [1, 2], "q\\\\\\"uo": null, "ключ": "v",
 "": 0, "list": [1, [2], {"three": 3}, "four"], "deep": {"inner": {"last": "here"}}}'"""
TAIL = "X'00ff', '[1, 2, 3]', -5, POINT(1, 2), STRING_TO_VECTOR('[1,2]'), 'tail', '{}'"


@pytest.mark.integration
def test_partial_updates_give_the_rows_of_full_images(mysql: MySqlServer, mysql_database: str) -> None:
    rnd = random.Random(SEED)
    mysql.execute(f"CREATE TABLE partial ({COLUMNS}); CREATE TABLE whole ({COLUMNS})", mysql_database)
    inserts, changes = [], []
    for name in ("partial", "whole"):
        rows = ",".join(f"({key}, {'NULL' if key % 2 else key}, {ROW}, {START}, {TAIL})" for key in range(1, 6))
        inserts.append(f"SET time_zone = '+00:00'; INSERT INTO {name} VALUES {rows}")
    for _ in range(STATEMENTS):
        sets = ", ".join(random_change(rnd, column) for column in rnd.sample(["j", "k", "l"], rnd.randint(1, 2)))
        where = rnd.choice([f"id = {rnd.randint(1, 5)}", "id < 4"])
        for name, option in (("partial", "PARTIAL_JSON"), ("whole", "")):
            changes.append(
                f"SET binlog_row_value_options = '{option}'; UPDATE {name} SET {sets}, si = si + 1 WHERE {where}"
            )
    tables = tables_from_server(mysql, mysql_database, "partial", "whole")
    found = captured(mysql, tables, ";".join([*inserts, *changes]))
    partial, whole = found["partial"], found["whole"]
    assert partial.kinds == {"write", "partial_update"}
    assert whole.kinds == {"write", "update"}
    assert len(partial.updated) > STATEMENTS
    assert sum(map(len, partial.raw)) < 0.9 * sum(map(len, whole.raw)), "differences, not documents"
    assert partial.updated == whole.updated
    last = {after[0]: after for _, after in partial.updated}
    assert last == {row[0]: row for row in snapshot(mysql, partial.transcoder)}


@pytest.mark.integration
def test_documents_are_encoded_as_the_server_does(mysql: MySqlServer, mysql_database: str) -> None:
    """Byte for byte, so that the size limits of the two formats are the server's."""
    mysql.execute("CREATE TABLE t (id int PRIMARY KEY, j json NOT NULL)", mysql_database)
    values = [START, "'[]'", "'{}'", "'3'", "JSON_ARRAY(CAST('a' AS BINARY(3)), 1.5, 4294967296)"]
    values += [f"JSON_ARRAY(REPEAT('x', {size}), REPEAT('y', {size}), 70000)" for size in range(32_740, 32_770)]
    values += [f"JSON_OBJECT(REPEAT('k', {size}), JSON_ARRAY(REPEAT('x', 65000), 1))" for size in (1, 500, 65_000)]
    values += [f"CONCAT('[', REPEAT('7,', {count}), '8]')" for count in (1, 21_843, 21_844, 21_845, 70_000)]
    sql = ";".join(f"INSERT INTO t VALUES ({key}, {value})" for key, value in enumerate(values))
    found = captured(mysql, tables_from_server(mysql, mysql_database, "t"), sql)["t"]
    documents = [raw[1 + 4 + 4 :] for raw in found.raw]
    assert len(documents) == len(values)
    assert [encode_document(parse_document(one)) for one in documents] == documents
    assert {one[0] for one in documents} == {0, 1, 2, 3, 5}
