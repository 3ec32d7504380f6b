"""Which route serves a table, and what it makes of the table's name."""

from __future__ import annotations

import pytest

from faust_cdc.config.routes import Route, parse_route
from faust_cdc.errors import ConfigError
from faust_cdc.relational.model import TableId
from faust_cdc.routing import RouteMap, TopicNaming

NAMING = TopicNaming("shop")
ORDERS = TableId("shop_1", "orders")


def routes(**topics: str) -> list[Route]:
    return [parse_route(tables, {"topic": topic}) for tables, topic in topics.items()]


def test_without_routes_the_naming_strategy_says() -> None:
    found = RouteMap(NAMING)
    assert not found
    assert found.of(ORDERS) is None
    assert found.topics(ORDERS) == ("shop.shop_1.orders",)
    assert found.key_field(ORDERS) is None


def test_fields_and_groups_are_filled_in_and_made_fit() -> None:
    route = parse_route(
        r"shop_(\d)\.(?<name>.*)",
        {"topic": ["${prefix}-${1}-${name}", "${database}.${table}"], "key_source": "${database}/${1}"},
    )
    found = RouteMap(NAMING, [route])
    assert found.topics(ORDERS) == ("shop-1-orders", "shop_1.orders")
    assert found.topics(TableId("shop_2", "größe 1")) == ("shop-2-gr__e_1", "shop_2.gr__e_1")
    assert found.key_field(ORDERS) == ("__dbz__physicalTableIdentifier", "shop_1/1")
    assert found.topics(TableId("other", "orders")) == ("shop.other.orders",)
    assert len(found.topics(TableId("shop_3", "x" * 300))[0]) == 249


def test_the_exact_name_wins_and_then_the_first_pattern() -> None:
    given = routes(**{r"shop_1\.orders": "exact", "shop_1.*": "a", "shop.*": "b"})
    found = RouteMap(NAMING, given)
    assert found.topics(ORDERS) == ("exact",)
    assert not found.is_ambiguous(ORDERS)
    items = TableId("shop_1", "items")
    assert found.topics(items) == ("b",)
    assert found.is_ambiguous(items)
    assert not found.is_ambiguous(TableId("shop", "x"))


def test_no_route_leads_to_what_is_no_tables() -> None:
    found = RouteMap(NAMING, routes(**{"shop.*": "${table}"}), {"orders": "the topic of signals"})
    with pytest.raises(ConfigError, match=r"route 'shop\.\*': .* would go to 'orders', which is the topic of signals"):
        found.topics(ORDERS)
    assert found.topics(TableId("shop", "items")) == ("items",)
    twice = RouteMap(NAMING, [parse_route("shop_1.*", {"topic": ["${table}", "orders"]})])
    with pytest.raises(ConfigError, match="'orders' twice"):
        twice.topics(ORDERS)
