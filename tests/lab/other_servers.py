"""The oldest and the newest servers that are supported and can be had, beside those of `sql_servers`.

Their packages bring programs and SQL files but no initialiser that runs everywhere, so the system tables are made the
way the initialisers do it: the files are typed into `mysqld --bootstrap`.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.lab.commands import run
from tests.lab.install import (
    OTHER_MARIADB_VERSIONS,
    install_new_mariadb,
    install_old_mysql,
    install_other_mariadb,
)
from tests.lab.sql_servers import CDC_PRIVILEGES, MariaDbServer, MySqlServer

_SETTINGS = (
    "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n"
    "SET @auth_root_socket = NULL;\nSET @skip_auth_anonymous = 1;\nSET @current_hostname = 'localhost';\n"
)
"""What the initialisers of both flavours set before the files: root without a password, no anonymous user."""


def bootstrap(command: Sequence[str], data_folder: Path, files: Iterable[Path]) -> None:
    """Make the system tables in an empty data folder by typing SQL files into the server."""
    shutil.rmtree(data_folder, ignore_errors=True)
    (data_folder / "mysql").mkdir(parents=True)
    user = ["--user=root"] if os.geteuid() == 0 else []
    script = _SETTINGS + "".join(path.read_text(encoding="utf-8", errors="replace") + "\n" for path in files)
    run(
        [*command, f"--datadir={data_folder}", *user, "--bootstrap"],
        what=f"initialising {data_folder}",
        cwd=data_folder.parent,
        typed=script,
    )


class MySql56Server(MySqlServer):
    """MySQL 5.6: no row metadata, no generated columns, mysql_native_password. GTIDs only when asked for."""

    name = "mysql-5.6"
    position_statement = "SHOW MASTER STATUS"
    knows_row_metadata = False

    def __init__(self, *, gtid_mode: bool = False, server_id: int = 1, extra_args: Sequence[str] = ()) -> None:
        # Barracuda: rows of many long columns; its successors have no other format.
        options = ["--innodb-file-format=Barracuda", "--innodb-log-file-size=32M", "--performance-schema=OFF"]
        options += ["--log-slave-updates"] if gtid_mode else []
        super().__init__(gtid_mode=gtid_mode, server_id=server_id, extra_args=[*options, *extra_args])

    def _install(self) -> Path:
        return install_old_mysql()

    def _loader(self) -> list[str]:
        """A 64-bit machine has no loader for 32-bit programs, so they get the one of their libraries."""
        libraries = self._base / "i386/lib/i386-linux-gnu"
        more = self._base / "i386/usr/lib/i386-linux-gnu"
        return [str(libraries / "ld-linux.so.2"), "--library-path", f"{libraries}:{more}"]

    def _program(self) -> list[str]:
        share = self._base / "share"
        return [
            *self._loader(),
            str(self._base / "bin/mysqld"),
            "--no-defaults",
            f"--basedir={self._base}",
            f"--lc-messages-dir={share}",
            f"--character-sets-dir={share / 'charsets'}",
        ]

    def client(self, name: str) -> list[str]:
        """The command that starts `mysqlbinlog`."""
        return [*self._loader(), str(self._base / "bin" / name)]

    def prepare(self) -> None:
        """Make the system tables."""
        files = [self._base / "share" / name for name in ("mysql_system_tables.sql", "mysql_system_tables_data.sql")]
        bootstrap([*self._program(), "--innodb-log-file-size=32M"], self.data_folder, files)

    def first_started(self) -> None:
        """As its successors, but root@127.0.0.1 is there already, and so are nobody-users."""
        self.execute(
            "SET sql_log_bin = 0;"
            f"CREATE USER '{self.user}'@'%' IDENTIFIED BY '{self.password}';"
            f"GRANT {CDC_PRIVILEGES} ON *.* TO '{self.user}'@'%';"
            "DELETE FROM mysql.user WHERE User = '';"
            "FLUSH PRIVILEGES;"
        )


class _OtherMariaDb(MariaDbServer):
    """A MariaDB with a folder of its own."""

    system_tables = "mariadb_system_tables"

    def _share(self) -> Path:
        return self._server.parent.parent / "share"

    def _program(self) -> list[str]:
        return [
            str(self._server),
            "--no-defaults",
            f"--basedir={self._server.parent.parent}",
            f"--lc-messages-dir={self._share()}",
            f"--character-sets-dir={self._share() / 'charsets'}",
        ]

    def prepare(self) -> None:
        """Make the system tables."""
        names = (f"{self.system_tables}.sql", f"{self.system_tables}_data.sql")
        bootstrap(self._program(), self.data_folder, [self._share() / name for name in names])

    def command(self) -> list[str]:
        """The server with our options; `extra_args` come last and win."""
        return [*self._program(), *self._common_options(), *self.extra_args]


class MariaDb102Server(_OtherMariaDb):
    """MariaDB 10.2: no row metadata."""

    name = "mariadb-10.2"
    knows_row_metadata = False
    system_tables = "mysql_system_tables"
    users_table = "mysql.user"

    def _install(self) -> Path:
        return install_other_mariadb(OTHER_MARIADB_VERSIONS[0]) / "bin/mysqld"


class MariaDb114Server(_OtherMariaDb):
    """MariaDB 11.4."""

    name = "mariadb-11.4"

    def _install(self) -> Path:
        return install_other_mariadb(OTHER_MARIADB_VERSIONS[1]) / "bin/mariadbd"


class MariaDb118Server(_OtherMariaDb):
    """MariaDB 11.8: VECTOR, and TIMESTAMP until 2106."""

    name = "mariadb-11.8"

    def _install(self) -> Path:
        return install_new_mariadb() / "usr/sbin/mariadbd"

    def _share(self) -> Path:
        return self._server.parent.parent / "share/mariadb"

    def _program(self) -> list[str]:
        """Through the folder's own loader, as MySQL from the same release."""
        loader = next((self._server.parent.parent / "lib").glob("*-linux-gnu*/ld-linux-*.so.?"))
        return [str(loader), "--library-path", str(loader.parent), *super()._program()]
