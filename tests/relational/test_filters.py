"""Debezium's include and exclude lists."""

import pytest

from faust_cdc.errors import ConfigError
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import TableId


@pytest.mark.parametrize(
    ("options", "table", "expected"),
    [
        ({}, "shop.orders", True),
        ({}, "mysql.user", False),
        ({}, "PERFORMANCE_SCHEMA.x", False),
        ({"database_include": "mysql"}, "mysql.user", False),
        ({"database_include": "shop"}, "shop.orders", True),
        ({"database_include": "shop"}, "shop2.orders", False),
        ({"database_include": "SHOP"}, "shop.orders", True),
        ({"database_include": "sho."}, "shop.orders", True),
        ({"database_include": "a, shop ,b"}, "shop.orders", True),
        ({"database_exclude": "shop"}, "shop.orders", False),
        ({"database_exclude": "shop"}, "shop2.orders", True),
        ({"table_include": "shop.orders"}, "shop.orders", True),
        ({"table_include": "shop.orders"}, "shop.orders2", False),
        ({"table_include": "orders"}, "shop.orders", False),
        ({"table_include": r"shop\.(orders|items)"}, "shop.items", True),
        ({"table_include": r"shop\.o.*,other\.t"}, "other.t", True),
        ({"table_include": "shop.Orders"}, "SHOP.oRDERS", True),
        ({"table_exclude": r".*\.tmp_.*"}, "shop.tmp_1", False),
        ({"table_exclude": r".*\.tmp_.*"}, "shop.x", True),
        ({"table_include": r"shop\.a{1\,3}"}, "shop.aaa", True),
        ({"table_include": r"shop\.a{1\,3}"}, "shop.aaaa", False),
        ({"database_include": "shop", "table_exclude": r"shop\.x"}, "shop.x", False),
        ({"database_include": "shop", "table_exclude": r"shop\.x"}, "other.y", False),
        ({"table_include": " , "}, "any.t", True),
        ({"table_include": r"d\.a|b"}, "d.ab", False),
    ],
)
def test_accepts(options: dict[str, str], table: str, expected: bool) -> None:
    database, _, name = table.partition(".")
    chosen = TableFilter(**options)  # type: ignore[arg-type]
    assert chosen.accepts(TableId(database, name)) is expected
    assert chosen.accepts(TableId(database, name)) is expected


def test_a_bad_pattern_names_its_option() -> None:
    with pytest.raises(ConfigError, match=r"table\.include\.list: 'shop\.\(' is not a regular expression"):
        TableFilter(table_include="ok,shop.(")


def test_some_tables_are_captured_whatever_the_lists_say() -> None:
    signals = TableId("mysql", "signals")
    chosen = TableFilter(database_include="shop", table_exclude=".*", always=[signals])
    assert chosen.accepts(signals)
    assert not chosen.accepts(TableId("shop", "signals"))
