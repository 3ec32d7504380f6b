"""Table maps of recordings, completed by what is known of the tables; MINIMAL maps against it."""

from dataclasses import replace

import pytest

from faust_cdc.binlog.decoder import EventDecoder
from faust_cdc.binlog.events import TableMapColumn, TableMapEvent
from faust_cdc.errors import SchemaOutOfSync, UnsupportedColumn
from faust_cdc.relational.model import Column, Key, Table, TableId
from faust_cdc.relational.table_map import fingerprint, reconcile, wire_type
from tests.binlog.recordings import load


def table_map(name: str, table: str) -> TableMapEvent:
    """The last map of a table in a recording."""
    recording = load(name)
    decoder = EventDecoder(recording.flavor, "")
    maps = [e for p in recording.packets for e in decoder.feed(p) if isinstance(e, TableMapEvent) and e.table == table]
    return maps[-1]


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_a_full_map_alone_describes_the_table(flavor: str) -> None:
    table = reconcile(table_map(f"{flavor}_types", "types"), None)
    assert table.id == TableId("rec", "types")
    assert table.primary_key == ("id", "v1")
    said = {c.name: (c.type_name, c.length, c.scale, c.charset, c.unsigned, c.enum_values) for c in table.columns}
    assert said["id"] == ("bigint", None, None, None, True, ())
    assert said["t1"] == ("tinyint", None, None, None, False, ())
    assert said["y1"] == ("year", None, None, None, False, ())
    assert said["d2"] == ("decimal", 65, 30, None, True, ())
    assert said["bit3"] == ("bit", 12, None, None, False, ())
    assert said["ti3"] == ("time", 3, None, None, False, ())
    assert said["ts6"] == ("timestamp", 6, None, None, False, ())
    assert said["c2"] == ("char", 200, None, "utf8mb4", False, ())
    assert said["c3"] == ("char", 5, None, "latin1", False, ())
    assert said["v2"] == ("varchar", 300, None, "latin1", False, ())
    assert said["v3"] == ("varchar", 10, None, "utf16", False, ())
    assert said["bi"] == ("binary", 16, None, None, False, ())
    assert said["vb"] == ("varbinary", 300, None, None, False, ())
    assert said["tt"][0] == "tinytext"
    assert said["lb"][0] == "longblob"
    assert said["js"][0] == ("json" if flavor == "mysql" else "longtext")
    assert said["e1"] == ("enum", None, None, "utf8mb4", False, ("a", "b'c", "d,e"))
    assert said["e2"] == ("enum", None, None, "latin1", False, ("ä", "ö"))
    assert said["st"] == ("set", None, None, "utf8mb4", False, ("x", "y", "z"))
    assert [said[f"g{i}"][0] for i in range(8)] == [
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        "geometrycollection",
    ]
    assert table.column("nn").nullable is False
    assert [c.position for c in table.columns] == list(range(len(table.columns)))


def test_what_no_map_carries_comes_from_the_known_structure() -> None:
    event = table_map("mysql_types", "types")
    bare = reconcile(event, None)
    known = replace(
        bare,
        comment="of the table",
        columns=tuple(
            replace(c, default="7", has_default=True, comment="hi", length=1 if c.name == "t3" else c.length)
            for c in bare.columns
        ),
    )
    assert reconcile(event, known) == known
    assert reconcile(event, known).column("t3").length == 1


def test_a_column_that_changed_is_described_by_the_map() -> None:
    event = table_map("mysql_types", "types")
    bare = reconcile(event, None)

    def altered(name: str, **changes: object) -> Table:
        columns = [replace(c, comment="known") for c in bare.columns]
        columns[bare.columns.index(bare.column(name))] = replace(bare.column(name), comment="known", **changes)  # type: ignore[arg-type]
        return replace(bare, columns=tuple(columns))

    for name, changes in (
        ("id", {"unsigned": False}),
        ("i1", {"type_name": "bigint"}),
        ("v1", {"length": 21}),
        ("v2", {"charset": "latin2"}),
        ("nn", {"nullable": True}),
        ("e1", {"enum_values": ("a", "x", "d,e")}),
        ("d1", {"scale": 3}),
        ("g1", {"type_name": "polygon"}),
    ):
        result = reconcile(event, altered(name, **changes))
        assert result.column(name) == bare.column(name)
        assert {c.comment for c in result.columns if c.name != name} == {"known"}


def test_labels_that_are_not_of_the_charset_that_the_map_names_come_from_the_known_structure() -> None:
    event = table_map("mysql_types", "types")
    known = reconcile(event, None)
    labels = known.column("e1").enum_values
    sent = tuple(
        replace(one, enum_values=tuple(f"ü{label}".encode("latin1") for label in labels)) if one.name == "e1" else one
        for one in event.columns
    )
    wrong = replace(event, columns=sent)
    assert reconcile(wrong, known) == known
    with pytest.raises(UnsupportedColumn, match=r"A label of column e1 of rec\.types"):
        reconcile(wrong, None)
    fewer = replace(known.column("e1"), enum_values=labels[1:])
    with pytest.raises(UnsupportedColumn, match="A label of column e1"):
        reconcile(wrong, replace(known, columns=tuple(fewer if one.name == "e1" else one for one in known.columns)))


def test_columns_are_matched_by_name_not_by_place() -> None:
    event = table_map("mysql_types", "keyorder")
    bare = reconcile(event, None)
    moved = replace(bare, columns=tuple(replace(c, comment=c.name, position=9) for c in reversed(bare.columns)))
    result = reconcile(event, moved)
    assert [(c.name, c.comment, c.position) for c in result.columns] == [("a", "a", 0), ("b", "b", 1), ("c", "c", 2)]
    assert result.primary_key == ("c", "a")


def test_the_key_comes_from_the_map_or_else_from_a_known_unique_key() -> None:
    event = table_map("mysql_types", "nokey")
    bare = reconcile(event, None)
    assert bare.primary_key == ()
    assert reconcile(event, replace(bare, primary_key=("a",))).primary_key == ()  # nullable: no key
    assert reconcile(table_map("mysql_types", "uniquekey"), None).primary_key == ("c", "b")
    strict = replace(event, columns=tuple(replace(c, nullable=False) for c in event.columns))
    assert reconcile(strict, replace(bare, primary_key=("a",))).primary_key == ("a",)
    assert reconcile(strict, replace(bare, primary_key=("gone",))).primary_key == ()


def test_types_of_mariadb_that_only_the_known_structure_tells() -> None:
    event = table_map("mariadb_types", "own")
    bare = reconcile(event, None)
    assert [(c.type_name, c.charset) for c in bare.columns] == [
        *(("int", None), ("binary", None), ("binary", None), ("varchar", "latin1"), ("point", None)),
        ("varchar", "utf8mb4"),
    ]
    known = replace(
        bare,
        columns=tuple(
            replace(c, type_name={"u": "uuid", "i6": "inet6"}.get(c.name, c.type_name), length=c.length)
            for c in bare.columns
        ),
    )
    assert [c.type_name for c in reconcile(event, known).columns][1:3] == ["uuid", "inet6"]


def test_compression_is_no_part_of_the_structure() -> None:
    event = table_map("mariadb_types", "packed")
    bare = reconcile(event, None)
    assert [(c.name, c.type_name, c.length) for c in bare.columns] == [
        *(("id", "int", None), ("v", "varchar", 300), ("b", "blob", None)),
    ]
    assert reconcile(event, replace(bare, comment="known")).comment == "known"


def test_old_temporal_types_need_the_known_structure() -> None:
    event = table_map("mysql_types", "keyorder")
    bare = reconcile(event, None)
    columns = (replace(event.columns[0], type_code=12, unsigned=None), *event.columns[1:])
    event = replace(event, columns=columns)
    with pytest.raises(
        UnsupportedColumn, match=r"Column a of rec\.keyorder is DATETIME in the format before MySQL 5.6"
    ):
        reconcile(event, bare)
    old = replace(bare.columns[0], type_name="datetime", length=3)
    assert reconcile(event, replace(bare, columns=(old, *bare.columns[1:]))).columns[0] == old


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
@pytest.mark.parametrize("table", ["types", "longlabel", "uniquekey", "nokey", "keyorder", "wide"])
def test_a_minimal_map_gives_the_known_structure_when_it_fits(flavor: str, table: str) -> None:
    known = reconcile(table_map(f"{flavor}_types", table), None)
    assert reconcile(table_map(f"{flavor}_types_minimal", table), known) is known


def test_a_minimal_map_without_known_structure_is_refused() -> None:
    with pytest.raises(SchemaOutOfSync, match="binlog_row_metadata=FULL"):
        reconcile(table_map("mysql_types_minimal", "types"), None)


def test_a_minimal_map_must_fit_the_known_structure() -> None:
    event = table_map("mysql_types_minimal", "types")
    known = reconcile(table_map("mysql_types", "types"), None)
    with pytest.raises(SchemaOutOfSync, match=r"have 56 columns; expected the 55|columns; expected the \d+"):
        reconcile(event, replace(known, columns=known.columns[:-1]))
    for name, changes, message in (
        ("i1", {"type_name": "bigint", "type_expression": "bigint"}, "found wire type 3 with metadata 0, expected 8"),
        ("v1", {"length": 30}, "found wire type 15 with metadata 80, expected 15 with metadata 120"),
        ("nn", {"nullable": True}, "found NOT NULL, expected NULL"),
        ("id", {"unsigned": False}, "found unsigned, expected signed"),
        ("c3", {"charset": "latin2"}, "found charset latin1, expected latin2"),
        ("t1", {"type_name": "hologram"}, "expected none that is known"),
    ):
        columns = tuple(replace(c, **changes) if c.name == name else c for c in known.columns)
        with pytest.raises(SchemaOutOfSync, match=rf"Column {name} of rec\.types at binlog.*{message}"):
            reconcile(event, replace(known, columns=columns))


def test_fingerprints_tell_structures_apart() -> None:
    prints = {fingerprint(table_map("mysql_types", table)) for table in ("types", "nokey", "keyorder", "uniquekey")}
    assert len(prints) == 4
    assert fingerprint(table_map("mysql_types", "nokey")) == fingerprint(table_map("mysql_types", "nokey"))


def test_wire_types_of_labelled_columns_grow_with_their_labels() -> None:
    def column(type_name: str, labels: int) -> Column:
        return Column("c", type_name, 0, True, enum_values=tuple(map(str, range(labels))))

    assert [wire_type(column("enum", n)) for n in (1, 255, 256)] == [(247, 1), (247, 1), (247, 2)]
    assert [wire_type(column("set", n)) for n in (1, 8, 9, 32, 33, 64)] == [
        *((248, 1), (248, 1), (248, 2), (248, 4), (248, 8), (248, 8))
    ]


INT, BIGINT, BLOB = 3, 8, 252
UTF8MB4 = 45
"""The number of its collation."""


def hashed(*names: str | None) -> TableMapEvent:
    """A map of `a INT, b TEXT` with hidden BIGINTs behind; names only where the first one has a name."""
    event = table_map("mariadb_types", "types")
    has_names = bool(names) and names[0] is not None

    def column(code: int, metadata: int, name: str | None, unsigned: bool | None = None) -> TableMapColumn:
        described = TableMapColumn(code, metadata, code != INT)
        if not has_names:
            return described
        return replace(described, name=name, unsigned=unsigned, collation_id=UTF8MB4 if code == BLOB else None)

    columns = (column(INT, 0, "a", False), column(BLOB, 2, "b"), *(column(BIGINT, 0, name, True) for name in names))
    return replace(event, columns=columns, primary_key=((0, 0),) if has_names else None)


def texts(*keys: Key) -> Table:
    return Table(
        TableId("rec", "types"),
        (
            Column("a", "int", 0, False, type_expression="int"),
            Column("b", "text", 1, True, charset="utf8mb4", type_expression="text"),
        ),
        ("a",),
        keys=keys,
    )


B = Key("b", ("b",), unique=True)


def test_a_column_that_mariadb_hides_is_none_of_the_tables() -> None:
    event = hashed("DB_ROW_HASH_1", "DB_ROW_HASH_2")
    assert [one.name for one in reconcile(event, None).columns] == ["a", "b"]
    assert reconcile(event, texts(B)) == texts(B)


def test_a_column_of_that_name_that_the_table_has_is_kept() -> None:
    own = Column("DB_ROW_HASH_1", "bigint", 2, True, unsigned=True, type_expression="bigint(20) unsigned")
    known = replace(texts(), columns=(*texts().columns, own))
    assert reconcile(hashed("DB_ROW_HASH_1", "DB_ROW_HASH_2"), known) == known


@pytest.mark.parametrize(
    "keys",
    [
        (B,),
        (Key("PRIMARY", ("a",), unique=True), B),
        (Key("both", ("a", "b"), unique=True),),
    ],
)
def test_without_names_a_unique_key_of_long_values_tells_of_the_hidden_column(keys: tuple[Key, ...]) -> None:
    assert reconcile(hashed(None), texts(*keys)) == texts(*keys)


@pytest.mark.parametrize(
    "keys",
    [
        (),
        (Key("PRIMARY", ("a",), unique=True),),
        (Key("b", ("b",)),),
        (Key("b", ("b",), unique=True, prefixes=(100,)),),
    ],
)
def test_without_such_a_key_one_column_more_is_another_structure(keys: tuple[Key, ...]) -> None:
    with pytest.raises(SchemaOutOfSync, match="have 3 columns; expected the 2 of the known structure"):
        reconcile(hashed(None), texts(*keys))


@pytest.mark.parametrize(("collation", "primary_key"), [(None, ("a",)), ("utf8mb4_bin", ("a",)), (None, ("b",))])
def test_a_keys_column_that_a_history_has_as_not_null_may_be_nullable(
    collation: str | None, primary_key: tuple[str, ...]
) -> None:
    event = hashed()
    event = replace(event, columns=(replace(event.columns[0], nullable=True), event.columns[1]))
    known = replace(texts(), collation=collation, primary_key=primary_key)
    if collation is None and primary_key == ("a",):
        found = reconcile(event, known)
        assert [one.nullable for one in found.columns] == [True, True]
        assert found.primary_key == ()
    else:
        with pytest.raises(SchemaOutOfSync, match=r"Column a of .*found NULL, expected NOT NULL"):
            reconcile(event, known)


def test_the_only_other_key_is_the_records_where_the_known_one_cannot_be() -> None:
    columns = tuple(Column(name, "bigint", place, False, type_expression="bigint") for place, name in enumerate("ab"))
    fake, other = Key("PRIMARY", ("a",), unique=True), Key("b", ("b",), unique=True)
    known = Table(TableId("rec", "types"), columns, ("a",), keys=(fake, other))
    sent = (TableMapColumn(BIGINT, 0, True), TableMapColumn(BIGINT, 0, False))
    found = reconcile(replace(hashed(), columns=sent), known)
    assert ([one.nullable for one in found.columns], found.primary_key, found.keys) == ([True, False], ("b",), (other,))
