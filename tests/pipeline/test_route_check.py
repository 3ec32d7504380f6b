"""The check of a signal's route keeps the stream no longer than it says, and asks nobody for what is known."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
from faust_cdc.config.routes import parse_route
from faust_cdc.errors import ConfigError, TransientError
from faust_cdc.pipeline.ddl_reading import KnownTables
from faust_cdc.pipeline.route_check import check_within
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
    """Each of the tables in one topic is held against each other."""
    with pytest.raises(ConfigError, match="it took more than 0 s"):
        check_within(config(1), CHANGE, tables(3), max_s=0.0)
