"""The compiled encoder gives the reference transcoder's bytes: every type, every set of options, both servers."""

import pytest

from faust_cdc.binlog.events import TableMapEvent
from faust_cdc.config.column_rules import column_rules
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.transcode.compiled import cells, is_compiled, program
from faust_cdc.transcode.plan import TranscodeOptions, TranscodePlan, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import rows_events, tables_from_server
from tests.transcode.compiled.equal import compare_event, encoder_of
from tests.transcode.option_sets import option_sets
from tests.transcode.test_both_paths import Literal
from tests.transcode.test_equal_bytes import MARIADB_ONLY, MYSQL_ONLY, written_tables

pytestmark = pytest.mark.integration


def check(server: SqlServer, database: str, connector: str, more: list[tuple[str, Literal]]) -> None:
    assert is_compiled(), "the hot path is not compiled: run hatch_build.py"
    tables, events = written_tables(server, database, more)
    encoded = left = 0
    sets = [*option_sets(connector), TranscodeOptions(connector=connector, compatible=True)]
    for options in sets:
        for table in tables:
            transcoder = ReferenceTranscoder(build_plan(table, "p.d.t", options), 1, 2)
            transcoder.bind(events[table.id][0].table_map)
            encoder = encoder_of(transcoder, events[table.id][0])
            assert encoder is not None or options.compatible
            for event in events[table.id] if encoder is not None else ():
                assert encoder is not None
                done, rest = compare_event(transcoder, encoder, event)
                encoded, left = encoded + done, left + rest
    print(f"{server.name}: {encoded} rows equal under {len(sets)} sets of options, {left} left to the reference path")
    assert encoded > 5_000


def test_every_type_and_option_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check(mysql, mysql_database, "mysql", MYSQL_ONLY)


def test_every_type_and_option_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check(mariadb, mariadb_database, "mariadb", MARIADB_ONLY)


def test_columns_left_out_for_the_key_alone_and_changed(mysql: MySqlServer, mysql_database: str) -> None:
    """Excluded columns are stepped over, a key column may stand in the key alone, rules go through Python."""
    mysql.execute(
        "CREATE TABLE t (a int, b varchar(20), c json, d datetime(3), e bit(9), f decimal(30,5), g text, h blob, "
        "i enum('x','y'), j char(9), k int NOT NULL, PRIMARY KEY (k, a))",
        mysql_database,
    )
    sql = (
        "INSERT INTO t VALUES (1,'bé','{}',NOW(3),5,1.5,'text','blob','x','j',7), (2,NULL,NULL,NULL,NULL,NULL,NULL,"
        "NULL,NULL,NULL,8); UPDATE t SET g='longer text'; UPDATE t SET k=9 WHERE a=1; DELETE FROM t"
    )
    (table,) = tables_from_server(mysql, mysql_database, "t")
    events = rows_events(mysql, [table], sql)[table.id]
    rules = column_rules({"column.mask.with.4.chars": r".*\.t\.[bj]", "column.truncate.to.3.chars": r".*\.t\.g"})
    selection = ColumnSelection.parse(None, r".*\.t\.[cdefhk]", None, rules, None, None, False)
    transcoder = ReferenceTranscoder(build_plan(table, "p.d.t", TranscodeOptions(columns=selection)), 1, 2)
    transcoder.bind(events[0].table_map)
    encoder = encoder_of(transcoder, events[0])
    assert encoder is not None
    totals = [compare_event(transcoder, encoder, event) for event in events]
    assert (sum(done for done, _ in totals), sum(rest for _, rest in totals)) == (7, 0)


def test_common_columns_have_an_operation_of_their_own(mysql: MySqlServer, mysql_database: str) -> None:
    """What most tables hold does not go through Python."""
    mysql.execute(
        "CREATE TABLE t (a bigint unsigned PRIMARY KEY, b int, c enum('new','paid'), d decimal(12,2), e char(3), "
        "f varchar(255), g json, h datetime(3), i timestamp(6) NULL, j set('x'), k double, l tinyint(1), m date, "
        "n time, o year, p text CHARACTER SET latin1, q blob, r binary(16), s float, t bit(8), u smallint unsigned)",
        mysql_database,
    )
    (table,) = tables_from_server(mysql, mysql_database, "t")
    (event,) = rows_events(mysql, [table], "INSERT INTO t (a) VALUES (1)")[table.id]
    assert cold_columns(build_plan(table, "p.d.t", TranscodeOptions()), event.table_map) == []
    rules = column_rules(
        {
            "column.mask.with.4.chars": r".*\.t\.[ce]",
            "column.truncate.to.3.chars": r".*\.t\.[fpqr]",
            "column.mask.hash.v2.SHA-256.with.salt.abc": r".*\.t\.[j]",
        }
    )
    masks = TranscodeOptions(columns=ColumnSelection.parse(None, None, None, rules, None, None, False))
    assert cold_columns(build_plan(table, "p.d.t", masks), event.table_map) == []


def cold_columns(plan: TranscodePlan, table_map: TableMapEvent) -> list[str]:
    """Type texts of the columns that Python writes."""
    pairs = zip(plan.columns, table_map.columns, strict=True)
    return [one.column.type_expression for one, wired in pairs if program.cell_of(one, wired, True).code == cells.COLD]


def test_no_option_sends_a_type_of_mysql_through_python(mysql: MySqlServer, mysql_database: str) -> None:
    """Every form that a mode gives a type has an operation."""
    tables, events = written_tables(mysql, mysql_database, MYSQL_ONLY)
    for options in option_sets("mysql"):
        for table in tables:
            plan = build_plan(table, "p.d.t", options)
            assert cold_columns(plan, events[table.id][0].table_map) == [], options
