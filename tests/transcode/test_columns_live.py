"""Column options on real servers: both paths give equal bytes, and left-out columns are stepped over to the byte."""

import pytest

from faust_cdc.config.column_rules import column_rules
from faust_cdc.errors import TableError
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.transcode.plan import TranscodeOptions
from tests.lab import SqlServer
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server
from tests.transcode.images import SOURCE

pytestmark = pytest.mark.integration

COLUMNS = {
    "c": "CHAR(5)",
    "v": "VARCHAR(300) CHARACTER SET latin1",
    "x": "MEDIUMTEXT",
    "bi": "BINARY(4)",
    "vb": "VARBINARY(9)",
    "bl": "BLOB",
    "ti": "TINYINT",
    "si": "SMALLINT UNSIGNED",
    "mi": "MEDIUMINT",
    "b": "BIGINT",
    "f": "FLOAT",
    "d": "DOUBLE",
    "de": "DECIMAL(20,7)",
    "bt": "BIT(11)",
    "y": "YEAR",
    "da": "DATE",
    "t": "TIME(3)",
    "dt": "DATETIME(6)",
    "ts": "TIMESTAMP(1) NULL",
    "e": "ENUM('a','b')",
    "s": "SET('a','b','c')",
    "g": "POINT",
    "j": "JSON",
}
ROW = (
    "'añ', 'größe', REPEAT('🦊x', 200), x'0102', x'00ff00', REPEAT('z', 300), -3, 65535, -8388608, -9, 1.5, -2.25, "
    "-1234567890123.1234567, b'10000000001', 2024, '2024-02-29', '-12:34:56.789', '2024-02-29 12:34:56.789012', "
    "'2024-02-29 12:34:56.7', 'b', 'a,c', POINT(1, 2), '[1]'"
)


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    """Each of the two servers in turn."""
    found: SqlServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database(server: SqlServer, request: pytest.FixtureRequest) -> str:
    """A database with a table of many types."""
    name: str = request.getfixturevalue(f"{server.name}_database")
    columns = ", ".join(f"{column} {ddl}" for column, ddl in COLUMNS.items())
    server.execute(f"CREATE TABLE wide (id INT PRIMARY KEY, {columns})", name)
    return name


def options_of(
    rules: dict[str, str] | None = None, exclude: str | None = None, key: str | None = None
) -> TranscodeOptions:
    return TranscodeOptions(columns=ColumnSelection.parse(exclude=exclude, keys=key, rules=column_rules(rules or {})))


def test_rules_give_equal_bytes_on_both_paths(server: SqlServer, database: str) -> None:
    rules = {
        "column.mask.with.3.chars": ".*wide.c",
        "column.mask.hash.SHA-512.with.salt.s": ".*wide.(v|x|e)",
        "column.truncate.to.2.chars": ".*wide.(id|bi|vb|bl|ti|de|dt|ts|s|j)",
    }
    [table] = tables_from_server(server, database, "wide")
    names = ", ".join(COLUMNS)
    sql = f"INSERT INTO wide SELECT 1, {ROW}; INSERT INTO wide (id, {names}) VALUES (2{', NULL' * len(COLUMNS)})"
    changes = captured(server, [table], sql, options_of(rules, ".*wide.(mi|g)", ".*wide:vb,id"))["wide"]
    transcoder = changes.transcoder
    read = snapshot(server, transcoder)
    shorn = [row[: len(transcoder.plan.columns)] for row in read]  # what stands behind is the key's own
    assert differences(transcoder, [row[: len(shorn[0])] for row in changes.inserted], shorn) == []
    assert [transcoder.key(row) for row in changes.inserted] == [transcoder.key(row) for row in read]
    for row, twin in zip(changes.inserted, read, strict=True):
        assert transcoder.value("c", None, row, SOURCE, 1) == transcoder.value("c", None, twin, SOURCE, 1)
    assert [transcoder.key_struct_json(row) for row in read] == ['{"vb":"AP8A","id":1}', '{"vb":null,"id":2}']
    values = {one.column.name: (read[0][one.index], read[1][one.index]) for one in transcoder.plan.columns}
    assert values["c"] == ("***", "***")
    assert values["vb"] == (b"\0\xff", None)
    assert (len(values["v"][0]), len(values["x"][0]), len(values["e"][0])) == (128, 128, 1)
    assert (values["s"][0], values["ti"][0]) == ("a,", -3)
    assert values["ts"][0] == "2024-02-29T12:34:56.7Z", "its length is 1: nothing to truncate, as in Debezium"


def test_left_out_columns_of_all_types(server: SqlServer, database: str) -> None:
    if server.name == "mariadb":
        server.execute("ALTER TABLE wide ADD COLUMN u UUID AFTER c, ADD COLUMN n INET6", database)
    [table] = tables_from_server(server, database, "wide")
    sql = f"INSERT INTO wide (id, {', '.join(COLUMNS)}) SELECT 1, {ROW}; INSERT INTO wide (id) VALUES (2)"
    more = f"{sql}; UPDATE wide SET {'n = NULL, ' if server.name == 'mariadb' else ''} c = 'new'; DELETE FROM wide"
    changes = captured(server, [table], more, options_of(exclude=r".*\.wide\.(?!id$).*"))["wide"]
    assert changes.inserted == changes.deleted == [(1,), (2,)]
    assert changes.updated == [((1,), (1,)), ((2,), (2,))]


def test_an_incomplete_row_image_is_refused_unless_what_it_lacks_is_left_out(server: SqlServer, database: str) -> None:
    """As in Debezium 3.6.1, which stops at "internal schema size …, but row size …"."""
    [table] = tables_from_server(server, database, "wide")
    server.execute(f"INSERT INTO wide SELECT 1, {ROW}", database)
    sql = "SET SESSION binlog_row_image=NOBLOB; UPDATE wide SET ti = 7 WHERE id = 1"
    changes = captured(server, [table], sql, options_of())["wide"]
    before, after = changes.updated[0]
    with pytest.raises(TableError, match=r"wide: the row image leaves out x, bl, .*binlog_row_image=FULL"):
        changes.transcoder.value("u", before, after, SOURCE, 1)
    whole = options_of({"column.mask.with.1.chars": ".*wide.c"}, ".*wide.(x|bl|g|j)")
    complete = captured(server, [table], sql.replace("7", "8"), whole)["wide"]
    before, after = complete.updated[0]
    assert complete.transcoder.value("u", before, after, SOURCE, 1)
    assert not complete.transcoder.unchanged(before, after)
