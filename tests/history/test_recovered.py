"""A history read up to a place: which lines count, and what they leave."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from faust_cdc.history.changes import ChangeKind, SchemaChange, StructureChange, shortened
from faust_cdc.history.place import is_at_or_before
from faust_cdc.history.recovered import RecoveredHistory
from faust_cdc.history.table_changes import history_json, history_record
from faust_cdc.history.table_reading import as_told
from faust_cdc.relational.model import Column, Table, TableId

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
SHOP = TableId("shop", "orders")


def table(table_id: TableId, *names: str) -> Table:
    columns = tuple(Column(name, "int", place, True, has_default=True) for place, name in enumerate(names))
    return Table(table_id, columns, names[:1], "utf8mb4")


def line(
    position: dict[str, Any],
    *changes: StructureChange,
    ddl: str | None = "…",
    server: str = "s",
    database: str = "shop",
) -> bytes:
    told = [change.as_json(comments=False) for change in changes]
    return history_json(history_record(server, position, 7, database, ddl, told)).encode()


def created(name: str, *columns: str) -> StructureChange:
    table_id = TableId("shop", name)
    return StructureChange(ChangeKind.CREATE, table_id, table(table_id, *columns))


def history(*lines: bytes) -> RecoveredHistory:
    found = RecoveredHistory("s", lambda position: position["pos"] <= 100)
    for one in lines:
        found.add(one)
    return found


def test_the_last_state_of_each_table_is_what_holds() -> None:
    renamed = StructureChange(
        ChangeKind.ALTER, TableId("shop", "b2"), table(TableId("shop", "b2"), "x"), TableId("shop", "b")
    )
    found = history(
        line({"pos": 1, "snapshot": "INITIAL"}, created("a", "id"), created("b", "x"), created("c", "y")),
        line({"pos": 50}, created("a", "id", "more")),
        line({"pos": 60}, StructureChange(ChangeKind.DROP, TableId("shop", "c"))),
        line({"pos": 70}, renamed),
        line({"pos": 101}, created("a", "id", "more", "later")),
    )
    assert set(found) == {TableId("shop", "a"), TableId("shop", "b2")}
    assert found.table(TableId("shop", "a")) == as_told(table(TableId("shop", "a"), "id", "more"), comments=False)
    assert (found.lines, found.ahead, found.damaged, found.is_begun) == (5, 1, 0, True)
    assert found.is_of_snapshot


def test_the_line_that_stands_where_no_snapshot_was_tells_of_no_table() -> None:
    found = history(line({"pos": 1, "snapshot": "INITIAL"}, ddl="SET x=1"), line({"pos": 2}, created("a", "id")))
    assert (found.is_begun, found.is_of_snapshot) == (True, False)


def test_a_line_that_comes_twice_changes_nothing() -> None:
    lines = [line({"pos": 1}, created("a", "id")), line({"pos": 2}, created("a", "id", "v"))]
    once, twice = history(*lines), history(*lines, *lines)
    assert once.table(TableId("shop", "a")) == twice.table(TableId("shop", "a"))


def test_statements_alone() -> None:
    found = history(
        line({"pos": 1}, created("a", "id")),
        line({"pos": 2}, ddl="CREATE INDEX i ON a (id)"),
        line({"pos": 3}, ddl="CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.id = 1"),
    )
    for ddl in (
        "CREATE TABLE IF NOT EXISTS a (x INT)",
        "CREATE TABLE IF NOT EXISTS creatable (x INT)",
        "DROP TEMPORARY TABLE IF EXISTS a",
        "CREATE TEMPORARY TABLE a (x INT)",
        "ALTER TABLE alias ADD v INT",
        "ALTER TABLE shop2.a ADD v INT",
    ):
        found.add(line({"pos": 4}, ddl=ddl))
        assert (list(found), found.unread) == ([TableId("shop", "a")], set()), ddl
    found.add(line({"pos": 4}, ddl="ALTER TABLE a ADD v INT"))
    assert (list(found), found.unread) == ([], {TableId("shop", "a")})
    found.add(line({"pos": 5}, created("a", "id", "v", "w")))
    assert (list(found), found.unread) == ([TableId("shop", "a")], set())
    found.add(line({"pos": 6}, ddl="DROP DATABASE IF EXISTS `shop`"))
    assert list(found) == []


@pytest.mark.parametrize(
    ("name", "ddl"),
    [
        ("a`b", "ALTER TABLE `a``b` ADD x INT"),
        ("a`b", 'ALTER TABLE "a`b" ADD x INT'),
        ('a"b', 'ALTER TABLE `a"b` ADD x INT'),
        ('a"b', 'ALTER TABLE shop."a""b" ADD x INT'),
        ("it's", "RENAME TABLE `it's` TO `#`"),
        ("#", "ALTER TABLE z RENAME TO `#`"),
        ('"a', 'DROP TABLE z, `"a`'),
    ],
)
def test_a_statement_alone_of_a_table_with_quotes_in_its_name(name: str, ddl: str) -> None:
    wanted = TableId("shop", name)
    found = history(line({"pos": 1}, created(name, "id"), created("a", "id")))
    assert wanted in found
    found.add(line({"pos": 2}, ddl=ddl))
    assert (list(found), found.unread) == ([SHOP._replace(table="a")], {wanted})


@pytest.mark.parametrize(
    ("ddl", "told", "left"),
    [
        ("DROP DATABASE shop", "shop", False),
        ('DROP DATABASE "shop"', "shop", False),
        ("drop/**/database shop", "shop", False),
        ("DROP DATABASE /* x */ shop", "shop", False),
        ("DROP DATABASE shop /* generated by server */", "shop", False),
        ("CREATE OR REPLACE DATABASE shop", "shop", False),
        ("DROP DATABASE SHOP", "SHOP", False),  # Debezium's line, of a server that has names in lower case
        ("DROP DATABASE SHOP", "shop", False),  # ours
        ("DROP DATABASE sh", "sh", True),
        ("CREATE DATABASE shop", "shop", True),
        ("ALTER DATABASE shop CHARACTER SET latin1", "shop", True),
        ("ALTER TABLE a COMMENT 'DROP DATABASE shop", "shop", False),  # it cannot be read, and names the table
        ("GRANT ALL ON a TO u", "shop", True),
        ("DROP INDEX i ON a", "shop", True),
    ],
)
def test_a_database_that_is_dropped(ddl: str, told: str, left: bool) -> None:
    found = history(line({"pos": 1}, created("a", "id")))
    found.add(line({"pos": 2}, ddl=ddl, database=told))
    assert (TableId("shop", "a") in found) is left
    assert found.damaged == 0


def test_of_two_databases_whose_names_differ_in_case_the_one_is_dropped() -> None:
    other = TableId("SHOP", "a")
    found = history(
        line({"pos": 1}, created("a", "id"), StructureChange(ChangeKind.CREATE, other, table(other, "id"))),
        line({"pos": 2}, ddl="DROP DATABASE SHOP", database="SHOP"),
    )
    assert list(found) == [TableId("shop", "a")]


@pytest.mark.parametrize("ddl", ["DROP DATABASE shop", "DROP DATABASE SHOP"])
def test_with_its_database_a_table_is_gone_of_which_nobody_knew_what_it_was(ddl: str) -> None:
    damaged = line({"pos": 2}, created("b", "x"), ddl="ALTER TABLE b ADD x INT")[:-CUT]
    found = history(line({"pos": 1}, *(created(one, "id") for one in "ab")), damaged)
    found.add(line({"pos": 3}, ddl="ALTER TABLE a ADD v INT"))
    assert (len(found.unread), len(found.doubted)) == (2, 1)
    found.add(line({"pos": 4}, ddl=ddl, database=ddl.split()[-1]))
    assert (found.unread, found.doubted) == (set(), set())


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[]",
        b"null",
        b'{"source":{"server":"s"}}',
        b'{"source":{"server":"s"},"position":{"pos":1},"tableChanges":[{"type":"CREATE","id":"nothing"}]}',
        b'{"source":{"server":"s"},"position":{"pos":1},"tableChanges":[{"type":"CREATE","id":"\\"a\\".\\"b\\""}]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_line_is_counted_and_told(bad: bytes) -> None:
    found = history(line({"pos": 1}, created("a", "id")), bad)
    assert found.damaged == 1
    assert found.first_damage


CUT = 40
"""Bytes that are lost of a line's end."""


@pytest.mark.parametrize(
    ("bad", "doubted"),
    [
        (line({"pos": 2}, created("b", "x"), ddl="ALTER TABLE b ADD x INT")[:-CUT], "b"),
        (line({"pos": 2}, created("b", "x"), ddl="ALTER TABLE shop.B ADD x INT")[:-CUT], "b"),
        (line({"pos": 2}, created("b", "x"), ddl="RENAME TABLE c TO d, a TO c")[:-CUT], "abc"),
        (line({"pos": 2}, created("b", "x"), ddl=None)[:-CUT], "abc"),  # the rest may have been of others
        (line({"pos": 2}, created("b", "x"), ddl="DROP DATABASE shop")[:-CUT], "abc"),
        (line({"pos": 2}, created("b", "x"), ddl=None).replace(b'"columns"', b'"colons"'), "b"),
        (line({"pos": 2}, created("b", "x"), ddl="NOVELTY")[:-CUT], "abc"),
        (line({"pos": 101}, created("b", "x"))[:-CUT], ""),  # ahead: its statement is read again
        (line({"pos": 2}, created("b", "x"), server="another")[:-CUT], ""),
        (line({"place": 2}, created("b", "x"), ddl="ALTER TABLE b ADD x INT"), "b"),
        (b"\xff", "abc"),
        (b"[]", "abc"),
        (b"[" * 100_000, "abc"),
    ],
)
def test_no_older_line_is_believed_of_a_table_that_a_damaged_line_may_have_changed(bad: bytes, doubted: str) -> None:
    found = history(line({"pos": 1}, *(created(one, "id") for one in "abc")), bad)
    for one in map(TableId, ["shop"] * 3, "abc"):
        found.table(one)  # a line is looked at when its table is asked for
    assert found.damaged == 1
    assert {one.table for one in found.doubted} == set(doubted)
    assert {one.table for one in found} == set("abc").difference(doubted)
    found.add(line({"pos": 3}, *(created(one, "id") for one in "ab"), StructureChange(ChangeKind.DROP, SHOP)))
    assert {one.table for one in found.doubted} == set(doubted).difference("ab"), "later lines tell"


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_damaged_line_with_a_part_of_its_statement_may_have_changed_any_table(is_cut: bool) -> None:
    """The history has no more of a statement than fits a record; the names of a long RENAME TABLE are everywhere."""
    long = "RENAME TABLE b TO x, " + ", ".join(f"t{place} TO u{place}" for place in range(30_000 if is_cut else 3))
    told = shortened(SchemaChange("shop", f"{long}, c TO d"))
    assert (told.ddl != f"{long}, c TO d") is is_cut
    bad = line({"pos": 2}, created("x", "id"), ddl=told.ddl)[:-CUT]
    found = history(line({"pos": 1}, *(created(one, "id") for one in "abc")), bad)
    assert {one.table for one in found.doubted} == set("abc" if is_cut else "bc")


def test_a_table_that_is_described_badly_is_not_known() -> None:
    good = json.loads(line({"pos": 1}, created("a", "id")))
    del good["tableChanges"][0]["table"]["columns"][0]["typeName"]
    found = history(json.dumps(good).encode())
    assert found.table(TableId("shop", "a")) is None
    assert (found.damaged, list(found)) == (1, [])
    assert found.doubted == {TableId("shop", "a")}


def test_lines_of_other_servers_are_passed_over() -> None:
    found = history(line({"pos": 1}, created("a", "id"), server="another"))
    assert (found.foreign, found.lines, list(found)) == (1, 0, [])


PLACE = {"file": "binlog.000003", "pos": 500, "gtids": f"{UUID}:1-9", "server_id": 1, "ts_sec": 50}


def at(file: int, pos: int, **more: int) -> dict[str, Any]:
    return {"file": f"binlog.{file:06d}", "pos": pos, **more}


@pytest.mark.parametrize(
    ("position", "place", "counts"),
    [
        ({"gtids": f"{UUID}:1-8"}, PLACE, True),
        ({"gtids": f"{UUID}:1-9"}, PLACE, True),
        ({"gtids": f"{UUID}:1-10"}, PLACE, False),
        ({"gtids": f"{UUID}:1-7:9"}, PLACE, True),
        ({"gtids": f"{UUID}:1-7:10"}, PLACE, False),
        ({"gtids": f"{UUID}:1-7,{UUID[:-1]}3:1"}, PLACE, False),
        ({"gtids": f"{UUID}:1-8"}, PLACE | {"gtids": f"{UUID}:1-3:5-9"}, False),
        ({"gtids": f"{UUID}:1-9", "event": 1}, PLACE, False),
        ({"gtids": f"{UUID}:1-9", "event": 1}, PLACE | {"event": 2}, True),
        ({"gtids": f"{UUID}:1-9"}, PLACE | {"snapshot": "INITIAL"}, False),
        ({"gtids": f"{UUID}:1-9", "snapshot": "INITIAL"}, PLACE | {"snapshot": "INITIAL"}, True),
        ({"file": "binlog.000009", "pos": 4}, PLACE, True),
        ({"gtids": f"{UUID}:1-2"}, {"file": "binlog.000003", "pos": 500}, False),
        (at(3, 500, server_id=1), at(3, 500, server_id=1), True),
        (at(3, 501, server_id=1), at(3, 500, server_id=1), False),
        (at(999_999, 9, server_id=1), at(1_000_000, 4, server_id=1), True),
        (at(9, 9, ts_sec=49), at(1, 4, server_id=1, ts_sec=50), True),
        (at(1, 9, ts_sec=51), at(9, 4, server_id=1, ts_sec=50), False),
    ],
)
def test_which_positions_count(position: dict[str, Any], place: dict[str, Any], counts: bool) -> None:
    assert is_at_or_before(place, is_mariadb=False)(position) is counts


def test_the_line_of_a_statement_that_is_read_again_does_not_count() -> None:
    """Its line was safe, and the offset behind it was not committed."""
    gtids = f"{UUID}:1-5"
    counts = is_at_or_before({"gtids": gtids, "file": "b.000002", "pos": 300, "server_id": 1}, is_mariadb=False)
    again = {"gtids": gtids, "file": "b.000002", "pos": 420, "server_id": 1}
    assert not counts(again)
    assert not counts(again | {"file": "b.000003", "pos": 4})
    assert counts(again | {"pos": 300})
    assert counts(again | {"file": "b.000001"})
    assert not counts(again | {"server_id": 2}), "the one that wrote the statement first"
    assert counts(again | {"snapshot": "INITIAL"}), "no statement's"


def test_positions_of_mariadb() -> None:
    counts = is_at_or_before({"gtids": "0-1-7,1-2-3"}, is_mariadb=True)
    assert [counts({"gtids": one}) for one in ("0-1-7", "0-1-8", "1-2-3,0-1-1", "2-1-1")] == [True, False, True, False]


def test_a_bad_position_is_a_damaged_line() -> None:
    found = RecoveredHistory("s", is_at_or_before(PLACE, is_mariadb=False))
    found.add(line({"gtids": "nonsense"}))
    found.add(line({"gtids": f"{UUID}:1-9", "event": "x"}))
    assert found.damaged == 2


def test_memory_is_that_of_the_tables_not_of_the_lines() -> None:
    def fed(lines_per_table: int) -> int:
        tracemalloc.start()
        found = RecoveredHistory("s", lambda _: True)
        for version in range(lines_per_table):
            for number in range(200):
                found.add(line({"pos": version}, created(f"t{number}", "id", *(f"c{one}" for one in range(10)))))
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(found) == 200
        return kept

    once, many = fed(1), fed(15)
    assert many < 1.5 * once


def test_a_line_is_told_again_as_of_another_position() -> None:
    """What is read of it is the same, and it counts from where the history is written anew."""
    usual = line({"pos": 1, "file": "f"}, created("a", "id", "more"))
    found = history(usual, line({"pos": 2}, created("b", "x"), created("c", "y")))
    again = found.line_at(TableId("shop", "a"), b'{"pos":90,"snapshot":"INITIAL"}')
    assert again is not None
    assert json.loads(again) == json.loads(usual) | {"position": {"pos": 90, "snapshot": "INITIAL"}}
    anew = history(again)
    assert anew.table(TableId("shop", "a")) == found.table(TableId("shop", "a"))
    assert anew.is_begun
    for table_id in (TableId("shop", "b"), TableId("shop", "c"), TableId("shop", "nowhere")):
        assert found.line_at(table_id, b"{}") is None


@pytest.mark.parametrize("name", ["plain", "back\\slash", "grün", "sn\u2603", "x.y", "tab\there", "``", 'a"b', '"a"'])
def test_the_usual_line_says_what_any_other_spelling_of_it_says(name: str) -> None:
    """The quick look at a line takes the same table from it as JSON's own reading of it does."""
    ddl = f'CREATE TABLE `{name}` (id INT COMMENT "\\","tableChanges":[{{"type":"CREATE","id":"\\")\n'
    usual = line({"pos": 1, "file": "f"}, created(name, "id", "more"), ddl=ddl)
    spelt = json.dumps(json.loads(usual)).encode()  # with blanks, and escapes for what is not ASCII
    escaped = json.dumps(json.loads(usual), separators=(",", ":")).encode()
    found = [history(one) for one in (usual, spelt, escaped)]
    wanted = TableId("shop", name)
    for one in found:
        assert list(one) == [wanted]
        assert one.table(wanted) == as_told(table(wanted, "id", "more"), comments=False)
    assert found[0].line_at(wanted, b"{}") is not None
    assert found[1].line_at(wanted, b"{}") is None


def test_each_line_is_of_the_server_that_it_names() -> None:
    """A topic may be shared: lines of others come in between."""
    servers = ["s", "s", "other", "s", "other", "other", "s"]
    found = history(
        *(line({"pos": 1}, created(f"t{number}", "id"), server=server) for number, server in enumerate(servers))
    )
    assert [one.table for one in found] == ["t0", "t1", "t3", "t6"]
    assert (found.lines, found.foreign) == (4, 3)
