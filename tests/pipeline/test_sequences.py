"""A sequence's state is a row in the binlog of MariaDB, but no row of a table that anybody captures."""

from collections.abc import Iterable

import pytest

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.binlog.reader import BinlogReader, DumpStart
from faust_cdc.mysql.connection import connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.schema import captured_tables, read_tables
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions
from tests.lab import MariaDbServer
from tests.transcode.both_paths import address

pytestmark = pytest.mark.integration

SQL = """CREATE SEQUENCE s; CREATE TABLE t (id bigint PRIMARY KEY DEFAULT nextval(s), v int);
INSERT INTO t (v) VALUES (1), (2); DO SETVAL(s, 500); INSERT INTO t (v) VALUES (3); DROP TABLE t; DROP SEQUENCE s;
CREATE SEQUENCE gone; DROP SEQUENCE gone;
CREATE TABLE gone (next_not_cached_value bigint NOT NULL, minimum_value bigint NOT NULL, maximum_value bigint NOT NULL,
  start_value bigint NOT NULL, increment bigint NOT NULL, cache_size bigint unsigned NOT NULL,
  cycle_option tinyint unsigned NOT NULL, cycle_count bigint NOT NULL);
INSERT INTO gone VALUES (1, 1, 1, 1, 1, 1, 1, 1); CREATE SEQUENCE left_over; CREATE TABLE u (id int PRIMARY KEY);
INSERT INTO u VALUES (NEXTVAL(left_over))"""


def test_rows_of_sequences_are_passed_over(mariadb: MariaDbServer, mariadb_database: str) -> None:
    topics: list[str] = []
    asked: list[TableId] = []
    file, pos = mariadb.query("SHOW MASTER STATUS")[0][:2]
    mariadb.execute(SQL, mariadb_database)
    end = BinlogPosition(*mariadb.query("SHOW MASTER STATUS")[0][:2])
    with connect(address(mariadb), purpose="a test") as connection:

        def read(ids: Iterable[TableId]) -> dict[TableId, Table]:
            wanted = list(ids)
            asked.extend(wanted)
            return read_tables(connection, wanted)

        cache = TranscoderCache(
            TopicNaming("p"),
            TranscodeOptions(connector="mariadb"),
            lambda table_id: table_id.database == mariadb_database,
            read,
            avro_converters(lambda _subject, _schema: 1),
            topics.append,
        )
        seen: dict[str, list[bool]] = {}
        start = DumpStart(BinlogPosition(file, pos), None)
        with BinlogReader(address(mariadb), 71_900, start, inspect_server(connection)) as reader:
            while reader.position < end:
                event = reader.next_event(5000)
                if isinstance(event, RowsEvent):
                    found = cache.for_table_map(event.table_map)
                    seen.setdefault(event.table_map.table, []).append(found is not None)
        names = [
            table_id.table for table_id in captured_tables(connection, lambda one: one.database == mariadb_database)
        ]
    assert names == ["gone", "u"]
    assert seen.keys() == {"s", "t", "gone", "left_over", "u"}
    assert not any([*seen["s"], *seen["left_over"]])
    assert all([*seen["t"], *seen["u"]])
    # Without the DDL in between, which the stream invalidates by, both lives of the name are that of the table of now.
    assert all(seen["gone"])
    assert sorted(topics) == [f"p.{mariadb_database}.{name}" for name in ("gone", "t", "u")]
    assert sorted(one.table for one in asked) == ["gone", "left_over", "s", "t", "u"], "each asked for once"
