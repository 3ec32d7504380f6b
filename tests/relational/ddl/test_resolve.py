"""What statements make of tables, where a statement tells more than a generated one on a server would show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faust_cdc.history.table_reading import as_told
from faust_cdc.relational.ddl import (
    ChangeKind,
    CharsetPair,
    DdlContext,
    TableChange,
    Unresolvable,
    parse,
    resolve,
)
from faust_cdc.relational.model import Column, Table, TableId

MYSQL = DdlContext(
    "mysql",
    (8, 4, 0),
    "d",
    CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci"),
    {"d": CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci"), "o": CharsetPair("latin1", "latin1_swedish_ci")},
)
OLD = replace(MYSQL, version=(5, 7, 44), explicit_defaults_for_timestamp=False)
MARIADB = replace(MYSQL, flavor="mariadb", version=(10, 11, 6))


def run(sql: str, tables: dict[TableId, Table] | None = None, context: DdlContext = MYSQL) -> dict[TableId, Table]:
    """Return the tables after all statements of a text."""
    known = dict(tables or {})
    for statement in parse(sql, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version):
        found = resolve(statement, known, context)
        assert not isinstance(found, Unresolvable), found
        for change in found:
            if change.previous is not None or change.kind is ChangeKind.DROP:
                known.pop(change.previous or change.id, None)
        known.update({change.id: change.table for change in found if change.table is not None})
    return known


def table(sql: str, context: DdlContext = MYSQL) -> Table:
    """Return the only table that the statements leave."""
    (found,) = run(sql, context=context).values()
    return found


def column(definition: str, context: DdlContext = MYSQL) -> Column:
    """Return the column of such a definition."""
    return table(f"CREATE TABLE t (x {definition}, other INT)", context).columns[0]


@pytest.mark.parametrize(
    ("definition", "context", "text"),
    [
        ("INT", MYSQL, "int"),
        ("INT", OLD, "int(11)"),
        ("BIGINT UNSIGNED", MARIADB, "bigint(20) unsigned"),
        ("INT(5) ZEROFILL", MYSQL, "int(5) unsigned zerofill"),
        ("TINYINT(1)", MYSQL, "tinyint(1)"),
        ("TINYINT(1) UNSIGNED", MYSQL, "tinyint unsigned"),
        ("BOOL", MYSQL, "tinyint(1)"),
        ("FLOAT(25)", MYSQL, "double"),
        ("FLOAT(24)", MYSQL, "float"),
        ("REAL", replace(MYSQL, sql_mode=1), "float"),
        ("DEC", MYSQL, "decimal(10,0)"),
        ("YEAR", MYSQL, "year"),
        ("YEAR", OLD, "year(4)"),
        ("TEXT(63)", MYSQL, "tinytext"),
        ("TEXT(64)", MYSQL, "text"),
        ("TEXT(16384)", MYSQL, "mediumtext"),
        ("BLOB(255)", MYSQL, "tinyblob"),
        ("CHAR(3) BYTE", MYSQL, "binary(3)"),
        ("TEXT CHARACTER SET binary", MYSQL, "blob"),
        ("JSON", MYSQL, "json"),
        ("JSON", MARIADB, "longtext"),
        ("GEOMETRYCOLLECTION", MYSQL, "geomcollection"),
        ("GEOMETRYCOLLECTION", OLD, "geometrycollection"),
        ("ENUM('it''s', 'b ')", MYSQL, "enum('it''s','b')"),
    ],
)
def test_types_are_shown_as_the_server_shows_them(definition: str, context: DdlContext, text: str) -> None:
    assert column(definition, context).type_expression == text


@pytest.mark.parametrize(
    ("definition", "charset", "collation"),
    [
        ("CHAR(3)", "utf8mb4", "utf8mb4_0900_ai_ci"),
        ("CHAR(3) CHARSET utf8", "utf8mb3", "utf8mb3_general_ci"),
        ("CHAR(3) COLLATE latin1_bin", "latin1", "latin1_bin"),
        ("CHAR(3) CHARSET latin1 BINARY", "latin1", "latin1_bin"),
        ("NCHAR(3)", "utf8mb3", "utf8mb3_general_ci"),
        ("CHAR(3) ASCII", "latin1", "latin1_swedish_ci"),
        ("CHAR(3) UNICODE", "ucs2", "ucs2_general_ci"),
    ],
)
def test_charsets_of_columns(definition: str, charset: str, collation: str) -> None:
    found = column(definition)
    assert (found.charset, found.collation) == (charset, collation)


def test_the_charset_comes_from_the_database_of_the_table_not_of_the_session() -> None:
    found = table("CREATE TABLE o.t (a CHAR(1))")
    assert (found.charset, found.collation, found.columns[0].charset) == ("latin1", "latin1_swedish_ci", "latin1")
    unknown = resolve(parse("CREATE TABLE x.t (a INT)", flavor="mysql")[0], {}, MYSQL)
    assert unknown == Unresolvable("the database's default charset is not known", (TableId("x", "t"),))


def test_timestamps_before_explicit_defaults() -> None:
    found = table("CREATE TABLE t (a TIMESTAMP, b TIMESTAMP, c TIMESTAMP NULL, d TIMESTAMP(3) DEFAULT NOW(3))", OLD)
    a, b, c, d = found.columns
    assert (a.nullable, a.default, a.on_update, a.default_is_expression) == (False, "CURRENT_TIMESTAMP", True, False)
    assert (b.nullable, b.default, b.on_update) == (False, "0000-00-00 00:00:00", False)
    assert (c.nullable, c.default) == (True, None)
    assert (d.default, d.on_update) == ("CURRENT_TIMESTAMP(3)", False)


def test_texts_grow_with_the_charset() -> None:
    made = "CREATE TABLE t (a TINYTEXT, b TEXT, c MEDIUMTEXT, d LONGTEXT) CHARSET latin1;"
    grown = table(made + "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4")
    assert [one.type_name for one in grown.columns] == ["text", "mediumtext", "longtext", "longtext"]
    shrunk = table(made.replace("latin1", "utf8mb4") + "ALTER TABLE t CONVERT TO CHARACTER SET latin1")
    assert [one.type_name for one in shrunk.columns] == ["tinytext", "text", "mediumtext", "longtext"]


def test_the_size_of_a_blob_beside_a_conversion_is_not_guessed() -> None:
    known = run("CREATE TABLE t (a BIGINT, b MEDIUMBLOB)")
    convert = "ALTER TABLE t CONVERT TO CHARACTER SET utf16"
    found = resolve(parse(f"{convert}, MODIFY a MEDIUMBLOB", flavor="mysql")[0], known, MYSQL)
    assert isinstance(found, Unresolvable)
    assert "size of column 'a'" in found.reason
    assert run(convert, known)[TableId("d", "t")].column("b").type_name == "mediumblob"


def test_columns_move_in_the_clauses_order() -> None:
    found = table(
        "CREATE TABLE t (a INT, b INT, c INT);"
        "ALTER TABLE t ADD x INT AFTER a, MODIFY c INT FIRST, DROP b, ADD y INT, ADD z INT AFTER c"
    )
    assert [one.name for one in found.columns] == ["c", "z", "a", "x", "y"]
    assert [one.position for one in found.columns] == [0, 1, 2, 3, 4]


def test_names_are_swapped_by_one_statement() -> None:
    found = table(
        "CREATE TABLE t (a INT, b CHAR(1), UNIQUE (a)); ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a"
    )
    assert [(one.name, one.type_name) for one in found.columns] == [("b", "int"), ("a", "char")]
    assert found.keys[0].columns == ("b",)


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        ("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))", ("b", "a")),
        ("CREATE TABLE t (a INT NOT NULL UNIQUE, b INT NOT NULL UNIQUE)", ("a",)),
        ("CREATE TABLE t (a INT UNIQUE, b INT NOT NULL UNIQUE)", ("b",)),
        ("CREATE TABLE t (a CHAR(9) NOT NULL, b INT NOT NULL, UNIQUE (a(3)), UNIQUE (b))", ("b",)),
        ("CREATE TABLE t (a INT NOT NULL); ALTER TABLE t ADD UNIQUE (a)", ("a",)),
        ("CREATE TABLE t (a INT NOT NULL, b INT NOT NULL UNIQUE); ALTER TABLE t ADD UNIQUE (a)", ("b",)),
        ("CREATE TABLE t (a INT KEY); ALTER TABLE t DROP PRIMARY KEY", ()),
        ("CREATE TABLE t (a INT KEY, b INT NOT NULL UNIQUE); ALTER TABLE t DROP COLUMN a", ("b",)),
        ("CREATE TABLE t (a INT KEY); ALTER TABLE t RENAME COLUMN a TO z", ("z",)),
        ("CREATE TABLE t (a INT NOT NULL UNIQUE); ALTER TABLE t MODIFY a INT NULL", ()),
    ],
)
def test_the_record_key(sql: str, key: tuple[str, ...]) -> None:
    assert table(sql).primary_key == key


def test_which_of_several_old_keys_is_first_is_not_guessed() -> None:
    known = run("CREATE TABLE t (z INT KEY, a INT NOT NULL UNIQUE, b INT NOT NULL UNIQUE)")
    found = resolve(parse("ALTER TABLE t DROP PRIMARY KEY", flavor="mysql")[0], known, MYSQL)
    assert isinstance(found, Unresolvable)
    assert found.tables == (TableId("d", "t"),)


def test_keys_get_the_names_that_servers_give() -> None:
    found = table(
        "CREATE TABLE t (a INT, b INT, UNIQUE (a), KEY (a, b), UNIQUE (b), FOREIGN KEY (b, a) REFERENCES o (b, a))"
    )
    assert [key.name for key in found.keys] == ["a", "a_2", "b", "b_2"]


def test_a_ghost_table_takes_the_place_of_its_original() -> None:
    before = run("CREATE TABLE t (a INT KEY); CREATE TABLE _t_gho LIKE t; ALTER TABLE _t_gho ADD b CHAR(3)")
    statement = parse("RENAME TABLE t TO _t_del, _t_gho TO t", flavor="mysql")[0]
    found = resolve(statement, before, MYSQL)
    assert isinstance(found, tuple)
    assert [(one.kind, one.previous, one.id) for one in found] == [
        (ChangeKind.RENAME, TableId("d", "t"), TableId("d", "_t_del")),
        (ChangeKind.RENAME, TableId("d", "_t_gho"), TableId("d", "t")),
    ]
    assert found[1].table is not None
    assert [one.name for one in found[1].table.columns] == ["a", "b"]


def test_tables_swap_their_names() -> None:
    before = run("CREATE TABLE a (x INT); CREATE TABLE b (y INT)")
    after = run("RENAME TABLE a TO tmp, b TO a, tmp TO b", before)
    assert {one.table: found.columns[0].name for one, found in after.items()} == {"a": "y", "b": "x"}


def test_names_are_kept_as_the_server_keeps_them() -> None:
    lower = replace(MYSQL, lower_case_table_names=1)
    assert list(run("CREATE TABLE D.Tab (a INT)", context=lower)) == [TableId("d", "tab")]
    either = replace(MYSQL, lower_case_table_names=2)
    known = run("CREATE TABLE Tab (a INT)", context=either)
    assert list(run("ALTER TABLE tAB ADD b INT", known, either)) == [TableId("d", "Tab")]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE TABLE n SELECT 1", "its columns come from a query"),
        ("CREATE TABLE n LIKE missing", "the table that it is like, 'missing', is not known"),
        ("ALTER TABLE missing ADD a INT", "the table d.missing is not known"),
        ("RENAME TABLE missing TO n", "the table d.missing is not known"),
        ("ALTER TABLE t MODIFY missing INT", "the column 'missing' is not known"),
        ("ALTER TABLE t DROP KEY missing", "the key 'missing' is not known"),
        ("ALTER TABLE t ADD A CHAR(1)", "the column 'A' is there already"),
        ("ALTER TABLE t ADD b INT, RENAME COLUMN a TO b", "the column 'b' is there already"),
        ("CREATE TABLE n (a FROBNICATE)", "the type 'FROBNICATE' is not known"),
        ("CREATE TABLE n (a CHAR(1) CHARSET klingon)", "the charset 'klingon' is not known"),
        ("CREATE TABLE n (a CHAR(1) COLLATE klingon_ci)", "the collation 'klingon_ci' is not known"),
        ("ALTER TABLE t ADD b CHAR(9) DEFAULT (CONCAT('a', 'b'))", "how the server shows the default of column 'b'"),
        ("CREATE TABLE n (a VARCHAR(60000))", "varchar(60000) is longer than the type can be"),
    ],
)
def test_what_the_text_does_not_tell_is_left_to_the_server(sql: str, reason: str) -> None:
    known = run("CREATE TABLE t (a INT)")
    found = resolve(parse(sql, flavor="mysql")[0], known, MYSQL)
    assert isinstance(found, Unresolvable)
    assert found.reason.startswith(reason)
    assert found.tables


@pytest.mark.parametrize(
    ("clause", "names"),
    [
        ("ADD b VARCHAR(10)", ["id", "v", "b"]),
        ("DROP KEY k, ADD b CHAR(1) FIRST", ["b", "id", "v"]),
        ("RENAME INDEX k TO k2, DROP v", ["id"]),
        ("DEFAULT CHARSET utf8mb4, DROP INDEX k", ["id", "v"]),
    ],
)
def test_a_table_of_a_history_tells_no_collation_and_no_keys_and_is_altered_all_the_same(
    clause: str, names: list[str]
) -> None:
    """As after each restart: where table maps have no names, the next rows are read by what is resolved here."""
    known = run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5), KEY k (v)) CHARSET latin1")
    told = {one: as_told(found, comments=False) for one, found in known.items()}
    after = run(f"ALTER TABLE t {clause}; ALTER TABLE t DROP KEY other, ADD z CHAR(2)", told)
    (found,) = after.values()
    assert [one.name for one in found.columns] == [*names, "z"]
    expected = "utf8mb4" if "utf8mb4" in clause else "latin1"
    assert {one.charset for one in found.columns if one.name in ("b", "z")} <= {"latin1", expected}
    assert (found.columns[-1].charset, found.primary_key) == (expected, ("id",))


def test_databases() -> None:
    def changes(sql: str) -> tuple[TableChange, ...]:
        found = resolve(parse(sql, flavor="mysql")[0], run("CREATE TABLE t (a INT)"), MYSQL)
        assert isinstance(found, tuple)
        return found

    latin1 = CharsetPair("latin1", "latin1_swedish_ci")
    new = TableId("n", "")
    assert changes("CREATE DATABASE n CHARSET latin1") == (
        TableChange(ChangeKind.CREATE_DATABASE, new, charset=latin1),
    )
    assert changes("CREATE DATABASE n") == (TableChange(ChangeKind.CREATE_DATABASE, new, charset=MYSQL.server_charset),)
    assert changes("ALTER DATABASE CHARSET latin1")[0].id == TableId("d", "")
    assert [(one.kind, one.id) for one in changes("DROP DATABASE d")] == [
        (ChangeKind.DROP, TableId("d", "t")),
        (ChangeKind.DROP_DATABASE, TableId("d", "")),
    ]


def test_what_changes_no_structure() -> None:
    known = run("CREATE TABLE t (a INT)")
    for sql in (
        "CREATE TABLE IF NOT EXISTS t (b INT)",
        "CREATE TEMPORARY TABLE x (a INT)",
        "CREATE VIEW v AS SELECT 1",
    ):
        assert resolve(parse(sql, flavor="mysql")[0], known, MYSQL) == ()
    for clause in ("ENGINE=InnoDB", "EXCHANGE PARTITION p WITH TABLE o", "FORCE", "DROP FOREIGN KEY f", "ORDER BY a"):
        assert run(f"ALTER TABLE t {clause}", known) == known
