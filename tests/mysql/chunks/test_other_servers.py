"""The oldest and newest servers that can be had, and the keys of every type and collation that each of them knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection

from faust_cdc.mysql.connection import SourceAddress, connect
from faust_cdc.mysql.range_planner import RangePlanner
from faust_cdc.relational.key_range import KeyRange
from faust_cdc.relational.model import TableId
from tests.lab.other_servers import MariaDb102Server, MariaDb114Server, MariaDb118Server, MySql56Server
from tests.lab.sql_servers import SqlServer
from tests.mysql.chunks.test_every_key import KEYS, OF_ONE_SERVER, check_every_collation, fill
from tests.mysql.chunks.walking import SIZES, check_walk, ranges, rows_of, some_key_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(MySql56Server, marks=pytest.mark.legacy, id="mysql-5.6"),
        *(
            pytest.param(one, marks=pytest.mark.slow, id=one.name)
            for one in (MariaDb102Server, MariaDb114Server, MariaDb118Server)
        ),
    ],
)
def server(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    with request.param() as running:
        yield running


@pytest.fixture
def connection(server: SqlServer) -> Iterator[Connection[Any]]:
    address = SourceAddress(server.host, server.port, server.user, server.password)
    with closing(connect(address, purpose="a test")) as opened:
        yield opened


@pytest.fixture
def database(server: SqlServer) -> Iterator[str]:
    server.create_database("chunks")
    yield "chunks"
    server.drop_database("chunks")


def test_every_type(server: SqlServer, connection: Connection[Any], database: str) -> None:
    known = {**KEYS, **OF_ONE_SERVER["mariadb" if server.name.startswith("mariadb") else "mysql"]}
    table = TableId(database, "t")
    unknown = []
    for name, (definition, values) in known.items():
        drop = "SET sql_mode = ''; DROP TABLE IF EXISTS t"
        try:
            server.execute(f"{drop}; CREATE TABLE t (k {definition} NOT NULL PRIMARY KEY, v INT)", database)
        except pymysql.MySQLError:
            unknown.append(name)
            continue
        fill(server, table, values)
        key = some_key_of(connection, table)
        for size in SIZES:
            check_walk(connection, table, key, size)
        assert ranges(RangePlanner(connection, table, key, 1000, limit_ms=60_000)) == [KeyRange()]
        assert rows_of(connection, table, key, KeyRange(), limit_ms=60_000)
    assert set(unknown) < set().union(*OF_ONE_SERVER.values())


@pytest.mark.parametrize("type_name", ["VARCHAR", "CHAR"])
def test_every_collation(server: SqlServer, connection: Connection[Any], database: str, type_name: str) -> None:
    check_every_collation(server, connection, database, type_name)
