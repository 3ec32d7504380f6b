"""The check of a signal's route keeps the stream no longer than it says, and asks nobody for what is known."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
from faust_cdc.config.routes import parse_route
from faust_cdc.errors import ConfigError, TransientError
from faust_cdc.pipeline import route_check
from faust_cdc.pipeline.ddl_reading import KnownTables
from faust_cdc.pipeline.route_check import check_within
from faust_cdc.registry import compatibility
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.routing.changes import RouteChange

CHANGE = RouteChange((), (parse_route("shop.*", {"topic": "all"}),))


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes a connection and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def config(port: int) -> MySqlConnectorConfig:
    return parse_connector_config(
        {
            "name": "c",
            "connector.class": "io.debezium.connector.mysql.MySqlConnector",
            "topic.prefix": "p",
            "database.hostname": "127.0.0.1",
            "database.port": str(port),
            "database.user": "u",
            "database.password": "x",
            "database.server.id": "5400",
        }
    )


def tables(count: int) -> dict[TableId, Table]:
    ids = [TableId("shop", f"t{number}") for number in range(count)]
    return {one: Table(one, (Column("id", "int", 0, False),), ("id",)) for one in ids}


def test_tables_that_are_known_are_asked_of_nobody(silent: int) -> None:
    known = tables(2)
    found = check_within(config(silent), CHANGE, KnownTables(known.get, lambda: iter(known)))
    (problem,) = found.problems
    assert "equal keys would be taken for one row" in problem
    assert found.tables == {"shop.*": ("shop.t0", "shop.t1")}


def test_a_server_that_says_nothing_is_not_waited_for(silent: int) -> None:
    began = time.monotonic()
    with pytest.raises(TransientError):
        check_within(config(silent), CHANGE, None, max_s=1.0)
    assert time.monotonic() - began < 20, "connection.validation.timeout.ms is 30 s"


def test_a_check_of_many_tables_is_given_up() -> None:
    with pytest.raises(ConfigError, match=r"it took more than 0 s .* set it by REST"):
        check_within(config(1), CHANGE, tables(3), max_s=0.0)


MERGED = RouteChange((), (parse_route("shop.*", {"topic": "all", "key_source": "${database}.${table}"}),))


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often two uses of a topic, and two schemas, were held against each other."""
    found: Counter[str] = Counter()

    def counted(module: Any, name: str) -> None:
        real = getattr(module, name)

        def call(*given: Any) -> Any:
            found[name] += 1
            return real(*given)

        monkeypatch.setattr(module, name, call)

    counted(route_check, "clash")
    counted(compatibility, "incompatibilities")
    return found


def shards(count: int, odd: Callable[[int], Column | None]) -> dict[TableId, Table]:
    """Tables of twelve columns, and of one more where `odd` says which."""
    usual = tuple(Column(f"c{place}", "int", place, place > 0) for place in range(12))
    found = {}
    for number in range(count):
        table_id, more = TableId("shop", f"t{number:03d}"), odd(number)
        found[table_id] = Table(table_id, usual if more is None else (*usual, more), ("c0",))
    return found


def test_shards_that_are_merged_are_not_held_each_against_each(compared: Counter[str]) -> None:
    """Of 200, the half is of a version with one column more."""
    count = 200
    known = shards(count, lambda number: Column("more", "int", 12, True) if number % 2 else None)
    assert check_within(config(1), MERGED, known, max_s=600.0).problems == ()
    assert 0 < compared["clash"] <= 6 * count
    assert 0 < compared["incompatibilities"] <= 2, "one way and the other"


def test_each_shard_that_does_not_fit_is_found() -> None:
    known = shards(9, lambda number: Column("more", "int", 12, False) if number in (3, 7) else None)
    problems = check_within(config(1), MERGED, known, max_s=600.0).problems
    named = [problem.split(" would share")[0] for problem in problems]
    assert named == [f"shop.t000 and shop.t{number:03d}" for number in (3, 7)]


def test_shards_with_equal_constants_are_found() -> None:
    """The constant is the first digit: the last of them alone has another one."""
    route = parse_route("(.*)\\.t(.).*", {"topic": "all", "key_source": "${2}"})
    problems = check_within(config(1), RouteChange((), (route,)), shards(101, lambda _: None), max_s=600.0).problems
    named = [problem.split(" would share")[0] for problem in problems]
    assert named == [f"shop.t000 and shop.t{number:03d}" for number in range(1, 100)]
