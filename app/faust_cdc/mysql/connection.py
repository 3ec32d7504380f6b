"""Connections to the source server, and what its errors mean for us.

Every pymysql error passes through `translate_mysql_error`, the one table from error numbers to the error tree:
what passes by itself is `SourceConnectionLost` (retried), what needs a person is `SourceRefused`,
`ServerMisconfigured` or `BinlogNotAvailable` with a remedy. Numbers: MySQL Server Error Message Reference,
MariaDB Error Codes, client errors 2000-2061.
"""

from __future__ import annotations

import functools
import re
import ssl
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pymysql
from pymysql.connections import Connection

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.errors import (
    BinlogNotAvailable,
    CdcError,
    ConfigError,
    InternalError,
    SchemaOutOfSync,
    ServerMisconfigured,
    SourceConnectionLost,
    SourceRefused,
)

SourceConnection: TypeAlias = "Connection[Any]"
"""A connection to the source server, for the layers above, which know no driver."""

NO_LIMIT_MS = 24 * 3600 * 1000
"""A day: a wait that long is no wait any more, and drivers want a number."""

SSL_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")


@dataclass(frozen=True)
class SourceAddress:
    """Where the source server is and how to log in; times in milliseconds."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    ssl_mode: str = "preferred"
    """One of SSL_MODES, Debezium's `database.ssl.mode`."""
    ssl_ca: str | None = None
    """PEM file of the authority for verify_ca and verify_identity; None: the system's authorities."""
    connect_timeout_ms: int = 30_000
    read_timeout_ms: int = 600_000
    """Longest wait for an answer to a statement; the binlog dump has its own, tighter one."""

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"

    @classmethod
    def of(cls, config: MySqlConnectorConfig, limit_ms: int = NO_LIMIT_MS) -> SourceAddress:
        """Return where and as whom a connector connects, no wait of it longer than `limit_ms`."""
        return cls(
            host=config.database_hostname,
            port=config.database_port,
            user=config.database_user,
            password=config.database_password.reveal(),
            ssl_mode=config.database_ssl_mode,
            ssl_ca=config.database_ssl_ca,
            connect_timeout_ms=min(config.connect_timeout_ms, limit_ms),
            # Debezium's 0 is "no limit".
            read_timeout_ms=min(config.database_query_timeout_ms or limit_ms, limit_ms),
        )


@dataclass(frozen=True)
class ServerInfo:
    """What the server says of itself when a task starts."""

    flavor: str
    """`mysql` or `mariadb`."""
    version: tuple[int, ...]
    version_text: str
    server_uuid: str | None
    """None on MariaDB."""
    server_id: int
    gtid_mode: bool
    """True only for gtid_mode=ON exactly (as Debezium); always True on MariaDB."""
    row_metadata_full: bool
    binlog_checksum: str
    """`CRC32` or `NONE`."""

    @property
    def identity(self) -> str:
        """What tells this server from its replicas."""
        return self.server_uuid or f"server_id {self.server_id}"

    @property
    def binlog_status_statement(self) -> str:
        """What asks for the end of the binlog; it gives no row where there is none."""
        # SHOW MASTER STATUS went away in MySQL 8.4; its successor came in 8.2, and is unknown to MariaDB.
        is_newer = self.flavor != "mariadb" and self.version >= (8, 2, 0)
        return "SHOW BINARY LOG STATUS" if is_newer else "SHOW MASTER STATUS"


_GRANTS = "GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO"

_REFUSED = frozenset((1044, 1045, 1698, 1130, 1142, 1143, 1227, 1370, 1049, 1129, 1133, 1251, 1410))
_REFUSED_ACCOUNT = frozenset((1820, 1862, 3118, 3955, 3957, 4151, 2054, 2059, 2061, 2026, 3159))
_CONNECTION_LOST = frozenset(
    (
        *(1040, 1203, 1226),  # no free connection now
        *(1053, 1077, 1078, 1079, 1080, 1152, 1154, 1184, 3169),  # shutdown, aborted, session killed
        *(1157, 1158, 1159, 1160, 1161),  # network reads and writes
        *(1205, 1213, 1317, 1836, 1927, 1928, 1969, 3024, 4031),  # waited too long, deadlock, killed, read only
        *(2000, 2001, 2002, 2003, 2004, 2005, 2006, 2012, 2013, 2014, 2027, 2055),  # client side
    )
)
_BINLOG_GONE = frozenset((1220, 1373, 1612))
_MISCONFIGURED = frozenset((1381, 1153, 1593, 1794, 1777, 1781, 1782, 1785))
_TABLE_CHANGED = frozenset((1051, 1054, 1146, 1109, 1176, 1356, 1412, 1932))


def _number_and_text(error: BaseException) -> tuple[int | None, str]:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    text = str(error.args[1]) if number is not None and len(error.args) > 1 else str(error)
    return number, text


def _remedy_for_refusal(number: int, where: str) -> str:
    user = f"'{where.partition('@')[0].rpartition(' ')[2]}'@'%'" if "@" in where else "the connector's user"
    if number in (1045, 1698, 1251):
        return f"check database.user and database.password; the account {user} must exist for this client's host."
    if number in (1044, 1142, 1143, 1227, 1370, 1410):
        return f"run {_GRANTS} {user};"
    if number == 1129:
        return "the server blocked this host after failed connections: run mariadb-admin/mysqladmin flush-hosts there."
    if number == 2026:
        return "check database.ssl.mode and the certificates of server and client."
    return f"check the account {user}: host pattern, expiry, lock, authentication plugin, required TLS."


def translate_mysql_error(error: BaseException, where: str) -> CdcError:
    """Return the `CdcError` that a pymysql, socket or TLS error means.

    `where` says what was being done, with the address, e.g. `listing tables at user@host:3306`. The caller raises
    the answer `from` the original. Errors of our own tree come back unchanged.
    """
    if isinstance(error, CdcError):
        return error
    original = getattr(error, "original_exception", error)
    if isinstance(original, ssl.SSLError):
        return SourceRefused(
            f"TLS with the source server failed while {where}: {original}.",
            remedy="check database.ssl.mode, database.ssl.ca and the certificate the server presents.",
        )
    number, text = _number_and_text(error)
    said = f"{where}: error {number}: {text}" if number is not None else f"{where}: {text}"
    if number in _CONNECTION_LOST or isinstance(error, OSError | EOFError):
        return SourceConnectionLost(f"The source server is not reachable for now, while {said}.")
    if number in _REFUSED or number in _REFUSED_ACCOUNT:
        return SourceRefused(f"The source server refused while {said}.", remedy=_remedy_for_refusal(number or 0, where))
    if number in _BINLOG_GONE:
        return BinlogNotAvailable(
            f"The source server lacks the binlog asked for while {said}.",
            remedy="take a new snapshot, and keep binlogs longer (binlog_expire_logs_seconds).",
        )
    if number in _MISCONFIGURED:
        return ServerMisconfigured(f"A setting of the source server stands in the way while {said}.")
    if number in _TABLE_CHANGED:
        return SchemaOutOfSync(f"A table changed under our hands while {said}.")
    if isinstance(error, pymysql.err.InternalError | pymysql.err.InterfaceError):
        # pymysql's own name for packets out of order and for a connection that is already closed.
        return SourceConnectionLost(f"The connection to the source server broke while {said}.")
    return InternalError(f"The source server answered what we did not expect, while {said}.")


def _tls(address: SourceAddress) -> dict[str, Any]:
    """Return pymysql's arguments for a TLS mode; of `preferred`, which it cannot say, see `connect`."""
    if address.ssl_mode not in SSL_MODES:
        raise ConfigError(f"database.ssl.mode is {address.ssl_mode!r}; legal are {', '.join(SSL_MODES)}.")
    if address.ssl_mode in ("disabled", "preferred"):
        return {"ssl_disabled": True}
    if not address.ssl_mode.startswith("verify"):
        return {"ssl": _unverified()}
    try:
        context = ssl.create_default_context(cafile=address.ssl_ca)
    except OSError as error:
        raise ConfigError(f"database.ssl.ca {address.ssl_ca!r} cannot be read: {error}.") from error
    # MySQL's self-made certificates lack what RFC 5280's strict checks of Python 3.13 ask for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = address.ssl_mode == "verify_identity"
    context.verify_mode = ssl.CERT_REQUIRED
    return {"ssl": context}


@functools.cache
def _unverified() -> ssl.SSLContext:
    """Return the context of modes that verify nothing: the system's authorities would take 40 ms to load each time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(address: SourceAddress, *, database: str | None = None, purpose: str) -> Connection[Any]:
    """Open a connection: utf8mb4, autocommit, time zone +00:00.

    `purpose` names the connection in errors. Raises SourceRefused (password, privilege, TLS), SourceConnectionLost
    (unreachable, unknown host), ConfigError (TLS options).
    """
    arguments: dict[str, Any] = {
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "password": address.password,
        "database": database,
        "charset": "utf8mb4",
        "autocommit": True,
        "init_command": "SET time_zone = '+00:00'",
        "connect_timeout": max(1, (address.connect_timeout_ms + 999) // 1000),
        "read_timeout": max(1, (address.read_timeout_ms + 999) // 1000),
        "write_timeout": max(1, (address.read_timeout_ms + 999) // 1000),
        "program_name": "faust-cdc",
        **_tls(address),
    }
    try:
        if address.ssl_mode != "preferred":
            return Connection(**arguments)
        # As pymysql does by itself, but with a context that is made once.
        connection = Connection(**arguments, defer_connect=True)
        connection.ssl, connection._ssl_required, connection.ctx = True, False, _unverified()  # type: ignore[attr-defined]
        connection.connect()
        return connection
    except (pymysql.err.Error, OSError, RuntimeError) as error:
        raise translate_mysql_error(error, f"connecting for {purpose} as {address}") from error


def close_quietly(connection: Connection[Any]) -> None:
    """Close without the goodbye packet and without errors: for connections that may be broken."""
    connection._force_close()  # type: ignore[attr-defined]  # the public close() may block on a dead peer


def query(connection: Connection[Any], sql: str, arguments: tuple[Any, ...] = (), *, doing: str) -> list[Any]:
    """Run one statement and return its rows as tuples; errors are translated, `doing` names the work."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments or None)
            return list(cursor.fetchall())
    except (pymysql.err.Error, OSError) as error:
        raise translate_mysql_error(error, f"{doing} as {describe(connection)}") from error


def query_by_name(
    connection: Connection[Any], sql: str, arguments: tuple[Any, ...] = (), *, doing: str
) -> list[dict[str, Any]]:
    """Run one statement and return its rows by column name in lower case; errors as in `query`."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments or None)
            names = [str(column[0]).lower() for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except (pymysql.err.Error, OSError) as error:
        raise translate_mysql_error(error, f"{doing} as {describe(connection)}") from error


def is_mariadb(connection: Connection[Any]) -> bool:
    """Return True when the greeting of the server names MariaDB."""
    return "mariadb" in str(getattr(connection, "server_version", "")).lower()


def greeted_version(connection: Connection[Any]) -> tuple[int, ...]:
    """Return the version in the server's greeting, (0,) when it says none."""
    text = str(getattr(connection, "server_version", ""))
    if is_mariadb(connection):
        # What MariaDB puts before its own version, lest old replicas take 10 for less than 5.
        text = text.removeprefix("5.5.5-")
    numbers = re.match(r"[\d.]+", text)
    return tuple(int(part) for part in numbers[0].split(".") if part) if numbers else (0,)


def describe(connection: Connection[Any]) -> str:
    """Return `user@host:port` of a connection for messages."""
    user = connection.user
    name = user.decode("utf-8", "replace") if isinstance(user, bytes) else user
    return f"{name}@{connection.host}:{connection.port}"


_VARIABLES = (
    "version",
    "version_comment",
    "server_uuid",
    "server_id",
    "gtid_mode",
    "binlog_row_metadata",
    "binlog_checksum",
)


def server_variables(connection: Connection[Any], names: tuple[str, ...]) -> dict[str, str]:
    """Return global variables by lower-case name; those the server does not know are missing."""
    marks = ", ".join(["%s"] * len(names))
    rows = query(
        connection,
        f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({marks})",
        names,
        doing="reading server variables",
    )
    return {str(name).lower(): str(value) for name, value in rows}


def inspect_server(connection: Connection[Any]) -> ServerInfo:
    """Ask the server for flavor, version and the settings that decide how its binlog is read."""
    found = server_variables(connection, _VARIABLES)
    text = found.get("version", "")
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if numbers is None:
        raise ServerMisconfigured(f"The server at {describe(connection)} has no readable version: {text!r}.")
    maria = "mariadb" in text.lower() or "mariadb" in found.get("version_comment", "").lower()
    return ServerInfo(
        flavor="mariadb" if maria else "mysql",
        version=tuple(int(part) for part in numbers.groups() if part is not None),
        version_text=text,
        server_uuid=None if maria else found.get("server_uuid"),
        server_id=int(found.get("server_id", "0")),
        gtid_mode=maria or found.get("gtid_mode", "OFF").upper() == "ON",
        row_metadata_full=found.get("binlog_row_metadata", "MINIMAL").upper() == "FULL",
        binlog_checksum=found.get("binlog_checksum", "NONE").upper(),
    )
