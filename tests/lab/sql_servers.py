"""MySQL and MariaDB as sources: row binlog, full metadata, GTIDs, and user `cdc` with just what a source needs."""

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor

from tests.lab.commands import made_once, run
from tests.lab.install import install_mariadb, install_mysql
from tests.lab.process import LabProcess, wait_until

NO_SUCH_THREAD = 1094
CDC_PRIVILEGES = "SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES"


class SqlServer(LabProcess):
    """What both servers share: addresses, an administrator's connection over the socket, databases."""

    user = "cdc"
    password = "cdc-secret"
    position_statement = "SHOW MASTER STATUS"
    """What shows the end of the binlog."""
    knows_row_metadata = True
    """Whether the server has `binlog_row_metadata`; MySQL before 8.0 and MariaDB before 10.5 have not."""

    def __init__(
        self, *, server_id: int = 1, binlog_row_metadata: str = "FULL", extra_args: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.server_id = server_id
        self.binlog_row_metadata = binlog_row_metadata
        self.extra_args = list(extra_args)
        self.data_folder = self.folder / "data"
        self.temporary_folder = self.folder / "tmp"
        self.temporary_folder.mkdir(exist_ok=True)
        self.socket_path = self.folder / "sock"

    def address(self) -> dict[str, Any]:
        """Host, port, user and password of the capturing user, in connector's words."""
        return {
            "database.hostname": self.host,
            "database.port": self.port,
            "database.user": self.user,
            "database.password": self.password,
        }

    def admin(self, database: str | None = None) -> "pymysql.Connection[Cursor]":
        """An autocommit connection of root that accepts several statements at once.

        Without TLS, for it is a Unix socket: to read the machine's certificates takes longer than most statements.
        """
        return pymysql.connect(
            unix_socket=str(self.socket_path),
            user="root",
            database=database,
            charset="utf8mb4",
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
            connect_timeout=60,
            ssl_disabled=True,
        )

    def execute(self, sql_script: str, database: str | None = None) -> None:
        """Run statements separated by semicolons as root."""
        with self.admin(database) as connection, connection.cursor() as cursor:
            self._run_all(cursor, sql_script)

    def query(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement as root and return its rows."""
        with self.admin(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    @contextmanager
    def global_variables(self, **wanted: object) -> Iterator[None]:
        """Set global variables and, in the end, what they were before: the next test may be on the same server."""
        names = ", ".join(f"@@GLOBAL.{name}" for name in wanted)
        (before,) = self.query(f"SELECT {names}")
        statement = "; ".join(f"SET GLOBAL {name} = %s" for name in wanted)
        with self.admin() as connection, connection.cursor() as cursor:
            try:
                self._run_all(cursor, statement, tuple(wanted.values()))
                yield
            finally:
                self._run_all(cursor, statement, before)

    @staticmethod
    def _run_all(cursor: Cursor, statements: str, values: tuple[object, ...] | None = None) -> None:
        cursor.execute(statements, values)
        while cursor.nextset():
            pass

    def kill_connection(self, number: int) -> None:
        """End a connection of somebody else's; one that has ended meanwhile is no error."""
        try:
            self.execute(f"KILL {number}")
        except pymysql.MySQLError as error:
            if error.args[0] != NO_SUCH_THREAD:
                raise

    def create_database(self, name: str) -> None:
        """Create an empty utf8mb4 database."""
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def purge_binlogs(self) -> None:
        """Begin a new binlog file and delete all before it.

        The server keeps a file that a dump still reads, which one of a reader just gone does until it next writes.
        """

        def purged() -> bool:
            self.execute("FLUSH BINARY LOGS")
            self.execute(f"PURGE BINARY LOGS TO '{self.query('SHOW BINARY LOGS')[-1][0]}'")
            return len(self.query("SHOW BINARY LOGS")) == 1

        wait_until(purged, timeout_s=60, what=f"purged binlog files of {self.name}", interval_s=0.2)

    def ready(self) -> bool:
        """Whether root can log in and select."""
        # A failed attempt of PyMySQL leaves its Unix socket to the garbage collector, which warns; so ask first.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(self.socket_path)) != 0:
                return False
        try:
            return self.query("SELECT 1") == [(1,)]
        except pymysql.MySQLError:
            return False

    def first_started(self) -> None:
        """Create the capturing user and root over TCP, outside the binlog."""
        self.execute(
            "SET sql_log_bin = 0;"
            f"CREATE USER '{self.user}'@'%' IDENTIFIED BY '{self.password}';"
            f"GRANT {CDC_PRIVILEGES} ON *.* TO '{self.user}'@'%';"
            "CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '';"
            "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;"
        )

    def _common_options(self) -> list[str]:
        options = [
            f"--datadir={self.data_folder}",
            f"--tmpdir={self.temporary_folder}",  # a MariaDB that starts deletes what others have in a common one
            f"--socket={self.socket_path}",
            f"--port={self.port}",
            f"--pid-file={self.folder / 'pid'}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--server-id={self.server_id}",
            "--log-bin=binlog",
            "--binlog-format=ROW",
            "--binlog-row-image=FULL",
            *([f"--binlog-row-metadata={self.binlog_row_metadata}"] if self.knows_row_metadata else []),
            "--default-time-zone=+00:00",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=2",
            "--sync-binlog=0",
            "--max-connections=200",
        ]
        return [*options, *(["--user=root"] if os.geteuid() == 0 else [])]


class MySqlServer(SqlServer):
    """MySQL 9.7 with caching_sha2_password."""

    name = "mysql"
    position_statement = "SHOW BINARY LOG STATUS"

    def __init__(
        self,
        *,
        gtid_mode: bool = True,
        server_id: int = 1,
        binlog_row_metadata: str = "FULL",
        extra_args: Sequence[str] = (),
        mysqld: Path | None = None,
    ) -> None:
        """`mysqld`: a server that the machine has already, instead of the one in the cache."""
        super().__init__(server_id=server_id, binlog_row_metadata=binlog_row_metadata, extra_args=extra_args)
        self.gtid_mode = gtid_mode
        self._mysqld = mysqld
        self._base = Path() if mysqld else self._install()

    def _install(self) -> Path:
        return install_mysql()

    def _program(self) -> list[str]:
        """Through the folder's own loader: these programs need a newer C library than the machine may have."""
        if self._mysqld is not None:
            return [str(self._mysqld), "--no-defaults", "--mysqlx=OFF"]
        loader = next((self._base / "usr/lib").glob("*-linux-gnu*/ld-linux-*.so.?"))
        usr = self._base / "usr"
        return [
            str(loader),
            "--library-path",
            str(loader.parent),
            str(usr / "sbin/mysqld"),
            "--no-defaults",
            f"--basedir={usr}",
            f"--plugin-dir={usr / 'lib/mysql/plugin'}",
            f"--character-sets-dir={usr / 'share/mysql/charsets'}",
            f"--lc-messages-dir={usr / 'share/mysql'}",
            "--secure-file-priv=NULL",
            "--mysqlx=OFF",
            "--innodb-redo-log-capacity=32M",
        ]

    def client(self, name: str) -> list[str]:
        """The command that starts a client program of the same installation, such as `mysqlbinlog`."""
        if self._mysqld is not None:
            return [str(_beside(self._mysqld, name))]
        return [*self._program()[:3], str(self._base / "usr/bin" / name)]

    def prepare(self) -> None:
        """Initialise the data folder; what a failed first start left is thrown away."""
        command = [*self._program(), "--initialize-insecure"]
        if os.geteuid() == 0:
            command.append("--user=root")

        def initialise(folder: Path) -> None:
            run([*command, f"--datadir={folder}"], what="initialising MySQL", cwd=self.folder)

        shutil.rmtree(self.data_folder, ignore_errors=True)
        made_once(self.data_folder, tuple(command), initialise)
        (self.data_folder / "auto.cnf").unlink(missing_ok=True)  # the server's UUID: each makes its own

    def command(self) -> list[str]:
        """The server with our options; `extra_args` come last and win."""
        gtid = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"] if self.gtid_mode else ["--gtid-mode=OFF"]
        return [*self._program(), *self._common_options(), *gtid, *self.extra_args]


class MariaDbServer(SqlServer):
    """The distribution's MariaDB; GTIDs are always on."""

    name = "mariadb"
    users_table = "mysql.global_priv"

    def __init__(
        self, *, server_id: int = 1, binlog_row_metadata: str = "FULL", extra_args: Sequence[str] = ()
    ) -> None:
        super().__init__(server_id=server_id, binlog_row_metadata=binlog_row_metadata, extra_args=extra_args)
        self._server = self._install()

    def _install(self) -> Path:
        """Path of the server's program."""
        return install_mariadb()

    def prepare(self) -> None:
        """Initialise the data folder; what a failed first start left is thrown away."""
        command = [
            str(_beside(self._server, "mariadb-install-db")),
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]
        if os.geteuid() == 0:
            command.append("--user=root")

        def initialise(folder: Path) -> None:
            run([*command, f"--datadir={folder}"], what="initialising MariaDB", cwd=self.folder)

        shutil.rmtree(self.data_folder, ignore_errors=True)
        made_once(self.data_folder, tuple(command), initialise)

    def first_started(self) -> None:
        """As for MySQL, but the initialiser has made root@127.0.0.1 and nobody-users already."""
        self.execute(
            "SET sql_log_bin = 0;"
            f"CREATE OR REPLACE USER '{self.user}'@'%' IDENTIFIED BY '{self.password}';"
            f"GRANT {CDC_PRIVILEGES} ON *.* TO '{self.user}'@'%';"
            "CREATE OR REPLACE USER 'root'@'127.0.0.1' IDENTIFIED BY '';"
            "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;"
            f"DELETE FROM {self.users_table} WHERE User = '';"
            "FLUSH PRIVILEGES;"
        )

    def command(self) -> list[str]:
        """The server with our options; `extra_args` come last and win."""
        # Nothing here outlives a power cut; without this a DDL statement waits for the disk several times.
        return [str(self._server), "--no-defaults", *self._common_options(), "--loose-sync-frm=OFF", *self.extra_args]


def _beside(server: Path, name: str) -> Path:
    """The program `name` of the same installation as `server`."""
    for folder in (server.parent, server.parent.parent / "bin", Path("/usr/bin")):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{name} is not beside {server}")
