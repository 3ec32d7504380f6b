"""Rare values and column kinds on real servers: both paths give the server's own answer, or one and the same error."""

import pytest

from faust_cdc.errors import ValueConversionError
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import captured, snapshot, tables_from_server

pytestmark = pytest.mark.integration


def check_undefined_bytes(server: SqlServer, database: str, charset: str, stored: str) -> None:
    """`stored` are bytes that the server keeps though it has no character for them, and shows as ?."""
    server.execute(f"CREATE TABLE t (id int PRIMARY KEY, c varchar(9) CHARACTER SET {charset})", database)
    tables = tables_from_server(server, database, "t")
    with pytest.raises(ValueConversionError, match=r"column 'c' \(varchar\(9\)\): '.*' codec"):
        captured(server, tables, f"INSERT INTO t VALUES (1, X'{stored}')")
    assert "?" in server.query("SELECT CONVERT(c USING utf8mb4) FROM t", database)[0][0]
    server.execute("DELETE FROM t", database)
    transcoder = captured(server, tables, "INSERT INTO t VALUES (2, 'plain')")["t"].transcoder
    server.execute(f"INSERT INTO t VALUES (1, X'{stored}')", database)
    with pytest.raises(ValueConversionError, match=r"column 'c' \(varchar\(9\)\).*'.*' codec"):
        snapshot(server, transcoder)


@pytest.mark.parametrize(("charset", "stored"), [("dec8", "61ff"), ("cp1250", "81"), ("swe7", "e4"), ("euckr", "a2fe")])
def test_undefined_bytes_are_an_error_on_mysql(
    mysql: MySqlServer, mysql_database: str, charset: str, stored: str
) -> None:
    check_undefined_bytes(mysql, mysql_database, charset, stored)


def test_undefined_bytes_are_an_error_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_undefined_bytes(mariadb, mariadb_database, "dec8", "61ff")
