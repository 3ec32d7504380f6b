"""Each of the two servers in turn, with a database and a connection of the capturing user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pymysql.connections import Connection

from faust_cdc.mysql.connection import SourceAddress, connect
from tests.lab.sql_servers import SqlServer


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, SqlServer)
    return found


@pytest.fixture
def database(request: pytest.FixtureRequest, server: SqlServer) -> str:
    return str(request.getfixturevalue(f"{server.name}_database"))


@pytest.fixture
def connection(server: SqlServer) -> Iterator[Connection[Any]]:
    address = SourceAddress(server.host, server.port, server.user, server.password)
    with closing(connect(address, purpose="a test")) as opened:
        yield opened
