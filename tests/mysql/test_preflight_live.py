"""What must hold on the server, on servers where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from pymysql.connections import Connection

from faust_cdc.errors import BinlogNotAvailable, GtidGap, ServerMisconfigured, SourceRefused
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition, GtidSet
from faust_cdc.mysql.preflight import ensure_privileges, run_preflight
from tests.lab.sql_servers import MariaDbServer, MySqlServer, SqlServer

pytestmark = pytest.mark.integration


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    """Each of the two servers in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, SqlServer)
    return found


@contextmanager
def connected(server: SqlServer, user: str = "cdc", password: str = "cdc-secret") -> Iterator[Connection[Any]]:
    address = SourceAddress(server.host, server.port, user, password)
    with closing(connect(address, purpose="a test")) as connection:
        yield connection


def test_a_right_server_passes(server: SqlServer) -> None:
    with connected(server) as connection:
        info = inspect_server(connection)
        assert info.flavor == server.name
        assert info.version >= (10, 5) if server.name == "mariadb" else info.version >= (9, 7)
        assert info.gtid_mode
        assert info.row_metadata_full
        assert info.binlog_checksum == "CRC32"
        assert (info.server_uuid is None) == (server.name == "mariadb")
        run_preflight(connection, info, 7100, None)
        name, size = server.query("SHOW BINARY LOGS")[-1][:2]
        run_preflight(connection, info, 7100, BinlogPosition(name, size))


@pytest.mark.parametrize(
    ("variable", "wrong", "right"), [("binlog_format", "MIXED", "ROW"), ("binlog_row_image", "MINIMAL", "FULL")]
)
def test_wrong_global_variables(server: SqlServer, variable: str, wrong: str, right: str) -> None:
    server.execute(f"SET GLOBAL {variable} = {wrong}")
    try:
        with (
            connected(server) as connection,
            pytest.raises(ServerMisconfigured, match=f"{variable} of .* is {wrong}; expected {right}.*SET GLOBAL"),
        ):
            run_preflight(connection, inspect_server(connection), 7100, None)
    finally:
        server.execute(f"SET GLOBAL {variable} = {right}")


def test_the_servers_own_id_is_refused(server: SqlServer) -> None:
    with connected(server) as connection, pytest.raises(SourceRefused, match=r"database\.server\.id 1 is"):
        run_preflight(connection, inspect_server(connection), 1, None)


@pytest.mark.parametrize("kind", [MySqlServer, MariaDbServer], ids=["mysql", "mariadb"])
def test_a_server_without_binlog(kind: type[MySqlServer] | type[MariaDbServer]) -> None:
    with kind(extra_args=["--skip-log-bin"]) as server, connected(server) as connection:
        info = inspect_server(connection)
        with pytest.raises(ServerMisconfigured, match=r"log_bin of .* is OFF; expected ON"):
            run_preflight(connection, info, 7100, None)


_ENOUGH = "SELECT, REPLICATION SLAVE, REPLICATION CLIENT"


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        (["SELECT ON *.*"], "REPLICATION SLAVE, REPLICATION CLIENT"),
        (["SELECT, REPLICATION CLIENT ON *.*"], "REPLICATION SLAVE"),
        (["REPLICATION SLAVE, REPLICATION CLIENT ON *.*"], "SELECT"),
        ([f"{_ENOUGH} ON *.*"], None),
        (["REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "SELECT ON somewhere.*"], None),
        (["REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "SELECT (user, host) ON mysql.db"], None),
        (["ALL PRIVILEGES ON *.*"], None),
    ],
)
def test_privileges(server: SqlServer, grants: list[str], missing: str | None) -> None:
    server.execute("DROP USER IF EXISTS 'probe'@'%'; CREATE USER 'probe'@'%' IDENTIFIED BY 'probe-1'")
    for grant in grants:
        server.execute(f"GRANT {grant} TO 'probe'@'%'")
    with connected(server, "probe", "probe-1") as connection:
        if missing is None:
            ensure_privileges(connection)
        else:
            with pytest.raises(
                SourceRefused, match=rf"lacks {missing}\. Remedy: GRANT {missing} ON \*\.\* TO 'probe'@'%';"
            ):
                ensure_privileges(connection)


def test_privileges_of_roles_count(server: SqlServer) -> None:
    server.execute(
        "DROP USER IF EXISTS 'probe'@'%'; DROP ROLE IF EXISTS cdc_role, empty_role; CREATE ROLE cdc_role, empty_role"
    )
    server.execute(f"CREATE USER 'probe'@'%' IDENTIFIED BY 'probe-1'; GRANT {_ENOUGH} ON *.* TO cdc_role")
    server.execute("GRANT cdc_role TO 'probe'@'%'")
    with connected(server, "probe", "probe-1") as connection, pytest.raises(SourceRefused, match="lacks SELECT"):
        ensure_privileges(connection)
    to = "FOR" if server.name == "mariadb" else "TO"
    server.execute(f"SET DEFAULT ROLE cdc_role {to} 'probe'@'%'")
    with connected(server, "probe", "probe-1") as connection:
        ensure_privileges(connection)


def test_a_position_that_is_not_there(server: SqlServer) -> None:
    name, size = server.query("SHOW BINARY LOGS")[-1][:2]
    with connected(server) as connection:
        info = inspect_server(connection)
        with pytest.raises(BinlogNotAvailable, match=r"binlog\.777777 is not on .*; the oldest there is binlog\.0"):
            run_preflight(connection, info, 7100, BinlogPosition("binlog.777777", 4))
        with pytest.raises(BinlogNotAvailable, match="lies behind the end"):
            run_preflight(connection, info, 7100, BinlogPosition(name, size + 10_000_000))


def test_gtids_that_are_not_there() -> None:
    with MySqlServer() as server:
        uuid = server.query("SELECT @@server_uuid")[0][0]
        server.execute("CREATE DATABASE d; CREATE DATABASE e; FLUSH BINARY LOGS; CREATE DATABASE f")
        executed = GtidSet.parse(server.query("SELECT @@GLOBAL.gtid_executed")[0][0])
        with connected(server) as connection:
            info = inspect_server(connection)
            run_preflight(connection, info, 7100, GtidSet())
            run_preflight(connection, info, 7100, executed)
            server.execute(f"PURGE BINARY LOGS TO '{server.query('SHOW BINARY LOGS')[-1][0]}'")
            run_preflight(connection, info, 7100, executed)
            with pytest.raises(GtidGap, match=f"transactions {uuid}:1-2 were purged"):
                run_preflight(connection, info, 7100, GtidSet())
            with pytest.raises(GtidGap, match=f"never executed: {uuid}:99:blue:1"):
                run_preflight(connection, info, 7100, executed.add(f"{uuid}:99").add(f"{uuid}:blue:1"))


def test_gtids_in_the_offsets_of_a_server_without_gtids() -> None:
    with MySqlServer(gtid_mode=False) as server, connected(server) as connection:
        info = inspect_server(connection)
        assert not info.gtid_mode
        with pytest.raises(ServerMisconfigured, match=r"gtid_mode of .* is OFF; expected ON"):
            run_preflight(connection, info, 7100, GtidSet())
