"""Single rows by key, read as a snapshot reads them, on a connection of their own."""

from __future__ import annotations

import contextlib
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from faust_cdc.errors import SourceConnectionLost
from faust_cdc.mysql.connection import SourceAddress, close_quietly, connect, translate_mysql_error


class RowLookup:
    """Runs SELECTs that give raw text-protocol cells; connects with the first, and anew when the connection was idle
    for too long. Waits are those of `address`. Not thread-safe."""

    def __init__(self, address: SourceAddress, purpose: str) -> None:
        self._address = address
        self._purpose = purpose
        self._connection: Connection[Any] | None = None

    def rows(self, sql: str, arguments: tuple[Any, ...]) -> list[tuple[bytes | None, ...]]:
        """Return all rows of `sql`, whose `%s` are `arguments`.

        Raises SourceConnectionLost, SourceRefused, SchemaOutOfSync (no such table or column) …
        """
        if self._connection is not None:
            with contextlib.suppress(SourceConnectionLost):
                return self._run(self._connection, sql, arguments)
            self.close()
        return self._run(self._open(), sql, arguments)

    def close(self) -> None:
        """Close the connection, if any."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                close_quietly(connection)

    def _open(self) -> Connection[Any]:
        connection = self._connection = connect(self._address, purpose=self._purpose)
        connection.decoders, connection.use_unicode = {}, False
        return connection

    def _run(self, connection: Connection[Any], sql: str, arguments: tuple[Any, ...]) -> list[tuple[bytes | None, ...]]:
        try:
            with connection.cursor(Cursor) as cursor:
                cursor.execute(sql, arguments)
                return list(cursor.fetchall())
        except (pymysql.err.Error, OSError) as error:
            raise translate_mysql_error(error, f"{self._purpose} as {self._address}") from error
