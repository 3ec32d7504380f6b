"""Column lists, message keys, and which rule serves a column."""

import pytest

from faust_cdc.config.column_rules import column_rules, key_columns, key_entries
from faust_cdc.errors import ConfigError, UnsupportedColumn
from faust_cdc.relational.columns import Action, ColumnSelection
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.relational.source_type import SourceType, source_type_of


def column(name: str, expression: str = "varchar(20)", labels: tuple[str, ...] = ()) -> Column:
    return Column(
        name, expression.partition("(")[0].split()[0], 0, True, type_expression=expression, enum_values=labels
    )


def people(*columns: Column, key: tuple[str, ...] = ()) -> Table:
    return Table(TableId("shop", "people"), columns, key)


PEOPLE = people(column("id", "int"), column("name"), column("mail"), column("doc", "json"), key=("id",))


def included(selection: ColumnSelection) -> list[str]:
    return [one.name for one in PEOPLE.columns if selection.includes(PEOPLE.id, one)]


def test_lists_match_whole_names_in_any_case() -> None:
    assert included(ColumnSelection.parse()) == ["id", "name", "mail", "doc"]
    assert included(ColumnSelection.parse(exclude=r"SHOP\.people\.MAIL, shop.people.na")) == ["id", "name", "doc"]
    assert included(ColumnSelection.parse(include=r"shop\.people\.(id|mail)")) == ["id", "mail"]
    assert included(ColumnSelection.parse(include="shop.pe{1\\,2}ople.name")) == ["name"]
    assert included(ColumnSelection.parse(include="other.people.id")) == []


def test_a_bad_pattern_names_its_option() -> None:
    with pytest.raises(ConfigError, match=r"column\.exclude\.list: 'a\.\(b' is not a regular expression"):
        ColumnSelection.parse(exclude="a.(b")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (None, ("id",)),
        ("shop.people:name", ("name",)),
        (" shop.people:mail, name ;(.*).people:id", ("mail", "name", "id")),
        ("shop.people:.*m.*,name", ("name", "mail")),
        ("other.people:name", ("id",)),
        ("shop.people:gone;", ("id",)),
        ("shop,shop.people:mail", ("mail",)),
    ],
)
def test_message_keys(text: str | None, key: tuple[str, ...]) -> None:
    assert ColumnSelection.parse(keys=text).key_of(PEOPLE) == key


def test_entries_of_message_keys() -> None:
    assert key_entries("a.b:c,d ;(.*).e:f;") == ("a.b.c", "a.b.d", "(.*).e.f")
    assert key_columns("a.b:c;x.y:z, q") is None
    assert key_columns(";") == "Must not be empty"
    for wrong in ("a.b", "a.b:", "a:b:c", "a.b:c;;d.e:f", "a.b:c,"):
        assert "has an invalid format (expecting" in str(key_columns(wrong)), wrong


RULES = {
    "column.truncate.to.5.chars": "shop.people.*",
    "column.truncate.to.3.chars": "shop.people.*",
    "column.mask.with.2.chars": "shop.people.(mail|doc)",
    "column.mask.hash.v2.MD5.with.salt.a.b": "shop.people.name",
}


def test_masks_come_first_unless_compatible() -> None:
    selection = ColumnSelection.parse(rules=column_rules(RULES), propagate=".*name", propagate_datatypes=".*INT")

    def served(name: str, compatible: bool) -> tuple[Action, int] | None:
        shaping = selection.shaping_of(PEOPLE.id, PEOPLE.column(name), compatible)
        return None if shaping is None else (shaping.action, shaping.length)

    assert [served(name, False) for name in ("id", "name", "mail")] == [
        (Action.TRUNCATE, 3),
        (Action.HASH_V2, 0),
        (Action.MASK, 2),
    ]
    assert [served(name, True) for name in ("id", "name", "mail")] == [(Action.TRUNCATE, 3)] * 3
    plain = ColumnSelection.parse(
        rules=column_rules({"column.mask.hash.MD5.with.salt.a": ".*name"}), propagate=".*name"
    )
    found = plain.shaping_of(PEOPLE.id, PEOPLE.column("name"), compatible=True)
    assert found is not None
    assert found.action is Action.PROPAGATE


def test_a_mask_that_cannot_be_kept_is_refused() -> None:
    selection = ColumnSelection.parse(rules=column_rules({"column.mask.with.2.chars": r"shop\.people\..*"}))
    with pytest.raises(UnsupportedColumn) as caught:
        selection.ensure_masked(PEOPLE)
    assert "column 'id' (int): 'column.mask.with.2.chars' masks it, but it is part of the record key" in str(
        caught.value
    )
    assert "column 'doc' (json): 'column.mask.with.2.chars' cannot mask it" in str(caught.value)
    assert "'mail'" not in str(caught.value)
    kept = ColumnSelection.parse(
        exclude=".*doc", keys="shop.people:name", rules=column_rules({"column.mask.with.2.chars": ".*(mail|doc)"})
    )
    kept.ensure_masked(PEOPLE)


def test_lists_that_match_nothing_are_named() -> None:
    selection = ColumnSelection.parse(
        exclude="shop.people.age",
        keys="shop.persons:id",
        rules=column_rules({"column.mask.with.2.chars": "people.mail", "column.truncate.to.1.chars": ".*name"}),
        propagate_datatypes="shop.INT",
    )
    options = [option for option, _ in selection.unmatched([PEOPLE])]
    assert options == [
        "column.exclude.list",
        "message.key.columns",
        "column.mask.with.2.chars",
        "datatype.propagate.source.type",
    ]
    assert ColumnSelection.parse(include=".*", propagate_datatypes=r".*\.int").unmatched([PEOPLE]) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("int", SourceType("INT", None, None)),
        ("int(11) unsigned", SourceType("INT UNSIGNED", 11, None)),
        ("bigint(5) unsigned zerofill", SourceType("BIGINT UNSIGNED ZEROFILL", 5, None)),
        ("decimal(10,2)", SourceType("DECIMAL", 10, 2)),
        ("datetime(6)", SourceType("DATETIME", 6, None)),
        ("longtext", SourceType("LONGTEXT", None, None)),
    ],
)
def test_source_types(expression: str, expected: SourceType) -> None:
    assert source_type_of(column("c", expression)) == expected


def test_source_types_of_labels_and_of_unknown_text() -> None:
    assert source_type_of(column("c", "enum('a','b')", ("a", "b"))) == SourceType("ENUM", 1, None)
    assert source_type_of(column("c", "set('a','b,(1)')", ("a", "b,(1)"))) == SourceType("SET", 3, None)
    assert source_type_of(Column("c", "bigint", 0, True, unsigned=True)) == SourceType("BIGINT UNSIGNED", None, None)
