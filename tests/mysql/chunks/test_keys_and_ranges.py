"""Which tables can be read in chunks, by which columns, and what SQL says of a chunk."""

from __future__ import annotations

import itertools
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.connections import Connection

from faust_cdc.mysql.indexes import Index, IndexPart, read_indexes
from faust_cdc.mysql.key_ranges import ChunkKey, KeyColumn, KeyKind, Unchunkable, chunk_key, where
from faust_cdc.relational.key_range import KeyRange
from faust_cdc.relational.model import Column, Table, TableId
from tests.lab.sql_servers import SqlServer
from tests.mysql.chunks.walking import key_of

ID = TableId("shop", "orders")


def integer(name: str, *, descending: bool = False) -> KeyColumn:
    return KeyColumn(name, KeyKind.INTEGER, descending=descending)


def table_of(*columns: Column, key: tuple[str, ...] = ("a",)) -> Table:
    return Table(ID, columns, key)


def column(type_name: str, name: str = "a", **more: Any) -> Column:
    return Column(name, type_name, 0, nullable=False, **more)


def test_a_condition_of_one_column() -> None:
    key = ChunkKey((integer("a`b"),))
    assert where(key, KeyRange()) == "1 = 1"
    assert where(key, KeyRange(("-5",), None)) == "(`a``b` > -5)"
    assert where(key, KeyRange(None, ("7",))) == "(`a``b` <= 7)"
    assert where(key, KeyRange(("-5",), ("7",)), "v > 3 -- no more") == (
        "(`a``b` > -5) AND (`a``b` <= 7) AND (v > 3 -- no more\n)"
    )
    assert where(key, KeyRange(), "  ") == "1 = 1"


def test_a_condition_of_several_columns_compares_what_is_shared_once() -> None:
    key = ChunkKey((integer("a"), integer("b"), integer("c")))
    assert where(key, KeyRange(("1", "2", "3"), None)) == (
        "(`a` > 1 OR (`a` = 1 AND (`b` > 2 OR (`b` = 2 AND (`c` > 3)))))"
    )
    assert where(key, KeyRange(("1", "2", "3"), ("1", "2", "9"))) == "`a` = 1 AND `b` = 2 AND (`c` > 3) AND (`c` <= 9)"


TRIPLES = st.tuples(*[st.integers(-2, 2)] * 3)


@given(st.lists(TRIPLES, unique=True), st.lists(TRIPLES, max_size=5), st.tuples(*[st.booleans()] * 3))
def test_ranges_part_all_rows(rows: list[Any], cuts: list[Any], down: tuple[bool, bool, bool]) -> None:
    """Held against the rows sorted in Python, with another database to compare numbers."""
    key = ChunkKey(tuple(integer(name, descending=one) for name, one in zip("abc", down, strict=True)))

    def place(row: Any) -> Any:
        return [-value if one else value for value, one in zip(row, down, strict=True)]

    bounds = [tuple(map(str, cut)) for cut in sorted(set(cuts), key=place)]
    edges = [None, *bounds, None]
    found = []
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (a, b, c)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        for low, high in itertools.pairwise(edges):
            chosen = where(key, KeyRange(low, high))
            found += database.execute(f"SELECT a, b, c FROM t WHERE {chosen} ORDER BY {key.order()}").fetchall()
    database.close()
    assert found == sorted(rows, key=place)


@pytest.mark.parametrize(
    ("of", "cell", "literal"),
    [
        (KeyColumn("k", KeyKind.INTEGER), "-9223372036854775808", "-9223372036854775808"),
        (KeyColumn("k", KeyKind.INTEGER), "0000000018", "18"),
        (KeyColumn("k", KeyKind.BITS), 2**64 - 1, "18446744073709551615"),
        (KeyColumn("k", KeyKind.DECIMAL), b"-0.10", "-0.10"),
        (KeyColumn("k", KeyKind.TEXT, "latin1"), "61E4", "_latin1 x'61E4'"),
        (KeyColumn("k", KeyKind.TEXT, "utf8mb4"), "", "_utf8mb4 x''"),
        (KeyColumn("k", KeyKind.BYTES), "00FF", "_binary x'00FF'"),
        (KeyColumn("k", KeyKind.QUOTED), "-838:59:59.000000", "'-838:59:59.000000'"),
    ],
)
def test_literals(of: KeyColumn, cell: object, literal: str) -> None:
    assert of.literal(cell) == literal
    assert of.accepts(literal)


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (KeyKind.INTEGER, "1 OR 1"),
        (KeyKind.INTEGER, "'1'"),
        (KeyKind.BITS, "-1"),
        (KeyKind.DECIMAL, "1."),
        (KeyKind.TEXT, "_utf8mb4 x'61'"),
        (KeyKind.TEXT, "_latin1 x'6'"),
        (KeyKind.TEXT, "_latin1 x'61' OR 1"),
        (KeyKind.BYTES, "x'61'"),
        (KeyKind.QUOTED, "'1' OR '1'"),
        (KeyKind.QUOTED, "'\\'"),
    ],
)
def test_what_is_no_literal(of: KeyKind, text: str) -> None:
    key = ChunkKey((integer("a"), KeyColumn("k", of, "latin1")))
    assert not key.accepts(("1", text))
    assert not key.accepts(("1",))


@pytest.mark.parametrize(
    "type_name",
    ["float", "double", "enum", "set", "json", "text", "longtext", "blob", "geometry", "point", "vector", "nonsense"],
)
def test_types_that_make_no_chunks(type_name: str) -> None:
    found = chunk_key(table_of(column(type_name)))
    assert isinstance(found, Unchunkable)
    assert f"shop.orders: chunks by 'a' ({type_name})" in found.reason


def test_what_else_makes_no_chunks() -> None:
    def reason(table: Table, *indexes: Index, surrogate: str | None = None) -> str:
        found = chunk_key(table, indexes, surrogate)
        assert isinstance(found, Unchunkable), found
        return found.reason

    one = table_of(column("int"))
    primary = Index("PRIMARY", (IndexPart("a"),), unique=True)
    assert "neither a primary key nor a unique" in reason(table_of(column("int"), key=()))
    assert "no unique index over (a) now" in reason(one)
    assert "no unique index over (a) now" in reason(one, Index("i", (IndexPart("a"),)))
    assert "only the beginnings of 'a'" in reason(one, Index("i", (IndexPart("a", is_prefix=True),), unique=True))
    assert "has no order" in reason(one, Index("i", (IndexPart("a"),), unique=True, ordered=False))
    assert "hidden" in reason(one, Index("i", (IndexPart("a"),), unique=True, visible=False))
    assert "no column 'x'" in reason(one, primary, surrogate="x")
    nullable = table_of(column("int"), Column("b", "int", 1, nullable=True))
    assert "must be NOT NULL" in reason(nullable, primary, surrogate="b")
    two = table_of(column("int"), column("int", "b"))
    assert "begins with the surrogate key 'b'" in reason(two, primary, surrogate="b")
    assert "hidden" in reason(table_of(column("int", "b")), primary)
    assert "charset is not known" in reason(table_of(column("varchar")), primary)


@pytest.mark.parametrize(
    ("type_name", "collation", "of_mariadb", "makes_chunks"),
    [
        ("char", "utf8mb4_0900_ai_ci", False, True),
        ("char", "utf8mb4_0900_ai_ci", True, False),
        ("char", "utf8mb4_uca1400_nopad_ai_ci", True, False),
        ("char", "utf8mb4_uca1400_ai_ci", True, True),
        ("varchar", "utf8mb4_0900_ai_ci", True, True),
        ("varchar", "utf8mb4_nopad_bin", True, True),
    ],
)
def test_char_without_padding(type_name: str, collation: str, of_mariadb: bool, makes_chunks: bool) -> None:
    """The servers themselves are asked in test_every_key and test_other_servers."""
    table = table_of(column(type_name, charset="utf8mb4", collation=collation))
    assert isinstance(chunk_key(table, mariadb=of_mariadb), ChunkKey) is makes_chunks


def test_what_makes_chunks() -> None:
    two = table_of(column("int"), column("varchar", "b", charset="latin1", collation="latin1_bin"), key=("b", "a"))
    parts = (IndexPart("b", descending=True), IndexPart("a"))
    hidden = Index("hidden", parts, unique=True, visible=False)
    found = chunk_key(two, (hidden, Index("best", parts, unique=True)))
    assert isinstance(found, ChunkKey)
    assert (found.index, found.unique, found.order()) == ("best", True, "`b` DESC, `a`")
    assert found.describe() == "`b` text latin1_bin DESC, `a` integer"
    assert isinstance(chunk_key(two), ChunkKey)
    surrogate = chunk_key(two, (Index("i", (IndexPart("a"), IndexPart("b")), unique=True),), "A")
    assert isinstance(surrogate, ChunkKey)
    assert (surrogate.index, surrogate.unique, surrogate.order()) == ("i", False, "`a`")


@pytest.mark.integration
def test_indexes_of_real_tables(server: SqlServer, connection: Connection[Any], database: str) -> None:
    hide = "IGNORED" if server.name == "mariadb" else "INVISIBLE"
    server.execute(
        "CREATE TABLE t (a INT, b VARCHAR(50) NOT NULL, c INT NOT NULL, PRIMARY KEY (c DESC, a), UNIQUE u (b(5)),"
        f"INDEX h (a) {hide}, FULLTEXT f (b)) ENGINE=InnoDB;"
        "CREATE TABLE m (a INT PRIMARY KEY, b INT NOT NULL, UNIQUE (b) USING BTREE) ENGINE=MEMORY;"
        "CREATE TABLE bare (a INT)",
        database,
    )
    names = ("t", "m", "bare", "gone")
    found = read_indexes(connection, [TableId(database, name) for name in names])
    assert set(found) == {TableId(database, "t"), TableId(database, "m")}
    indexes = {one.name: one for one in found[TableId(database, "t")]}
    assert next(iter(indexes)) == "PRIMARY"
    assert indexes["PRIMARY"] == Index("PRIMARY", (IndexPart("c", descending=True), IndexPart("a")), unique=True)
    assert indexes["u"] == Index("u", (IndexPart("b", is_prefix=True),), unique=True)
    assert indexes["h"] == Index("h", (IndexPart("a"),), visible=False)
    assert not indexes["f"].ordered
    assert {one.name: one.ordered for one in found[TableId(database, "m")]} == {"PRIMARY": False, "b": True}


@pytest.mark.integration
def test_real_tables_that_make_no_chunks(server: SqlServer, connection: Connection[Any], database: str) -> None:
    def reason(definition: str) -> str:
        server.execute(f"DROP TABLE IF EXISTS t; CREATE TABLE t ({definition})", database)
        found = key_of(connection, TableId(database, "t"))
        assert isinstance(found, Unchunkable), found
        return found.reason

    assert "neither" in reason("a INT, b INT UNIQUE")
    assert "beginnings of 'a'" in reason("a VARCHAR(50), PRIMARY KEY (a(5))")
    assert "labels" in reason("a ENUM('x', 'b') PRIMARY KEY")
    assert "not exact" in reason("a INT, b DOUBLE, PRIMARY KEY (a, b)")
    if server.name == "mariadb":
        nopad = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin PRIMARY KEY"
        assert "otherwise than it orders it" in reason(f"a CHAR(5) {nopad}")
        server.execute(f"CREATE OR REPLACE TABLE t (a VARCHAR(5) {nopad})", database)
        assert isinstance(key_of(connection, TableId(database, "t")), ChunkKey)
