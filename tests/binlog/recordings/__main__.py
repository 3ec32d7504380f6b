"""Records all recordings anew: `python -m tests.binlog.recordings [name …]`."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from faust_cdc.binlog.reader import BinlogReader, DumpStart
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition
from tests.binlog.recordings import FOLDER, NAMES, Recording, save
from tests.lab.sql_servers import MariaDbServer, MySqlServer, SqlServer

_COLUMNS = (
    "SELECT table_name, column_name, is_nullable, data_type, column_type, character_set_name, extra "
    "FROM information_schema.columns WHERE table_schema = 'rec' ORDER BY table_name, ordinal_position"
)
_KEYS = (
    "SELECT table_name, column_name FROM information_schema.statistics WHERE table_schema = 'rec' "
    "AND index_name = 'PRIMARY' ORDER BY table_name, seq_in_index"
)


def source_address(server: SqlServer) -> SourceAddress:
    """The capturing user of a lab server."""
    return SourceAddress(server.host, server.port, server.user, server.password)


def dump(server: SqlServer, position: BinlogPosition) -> Iterator[bytes]:
    """Yield the packets from `position` to the first heartbeat, which is left out."""
    address = source_address(server)
    with connect(address, purpose="recording") as connection:
        info = inspect_server(connection)
    start = DumpStart(position, None)
    with BinlogReader(address, 7001, start, info, heartbeat_ms=500) as reader:
        while True:
            packet = reader.next_packet(5000)
            if packet is None:
                raise AssertionError(f"{server.name} sent neither event nor heartbeat")
            if packet[4] in (27, 41):
                return
            yield packet


def record(name: str, server: SqlServer) -> Recording:
    """Run the statements of one recording on a server whose binlog was emptied, and record what comes of it."""
    script = (FOLDER / f"{name}.sql").read_text("utf-8")
    maria = isinstance(server, MariaDbServer)
    variables = dict(re.findall(r"^-- variable: (\w+)=(\w+)$", script, re.MULTILINE))
    before = {variable: server.query(f"SELECT @@GLOBAL.{variable}")[0][0] for variable in variables}
    for variable, value in variables.items():
        server.execute(f"SET GLOBAL {variable} = {value}")
    server.execute("SET sql_log_bin = 0; DROP DATABASE IF EXISTS rec")
    server.execute("RESET MASTER" if maria else "RESET BINARY LOGS AND GTIDS")
    first = server.query("SHOW BINARY LOGS")[0][0]
    server.execute(script)
    packets = tuple(dump(server, BinlogPosition(first, 4)))
    events = [
        [row[0], row[1], row[2], row[4], row[5]]
        for log in server.query("SHOW BINARY LOGS")
        for row in server.query(f"SHOW BINLOG EVENTS IN '{log[0]}'")
    ]
    facts = {
        "version": server.query("SELECT VERSION()")[0][0],
        "events": events,
        "columns": [list(row) for row in server.query(_COLUMNS)],
        "keys": [list(row) for row in server.query(_KEYS)],
    }
    for variable, old in before.items():
        server.execute(f"SET GLOBAL {variable} = {old!r}")
    return Recording(name, packets, facts)


def main(names: list[str]) -> None:
    """Record the named recordings, or all."""
    makers: dict[str, Callable[[], SqlServer]] = {
        "mysql": MySqlServer,
        "mysql-without-gtids": lambda: MySqlServer(gtid_mode=False),
        "mariadb": MariaDbServer,
    }
    servers: dict[str, SqlServer] = {}
    with ExitStack() as stack:
        for name in names or NAMES:
            kind = (FOLDER / f"{name}.sql").read_text("utf-8").partition("-- server: ")[2].partition("\n")[0]
            if kind not in servers:
                servers[kind] = stack.enter_context(makers[kind]())
            recording = record(name, servers[kind])
            save(recording)
            print(f"{name}: {len(recording.packets)} packets of {recording.server['version']}")


if __name__ == "__main__":
    main(sys.argv[1:])
