"""Custom converters on real servers: binlog and snapshot give equal rows, and equal bytes of them."""

import pytest

from faust_cdc.transcode.options import TranscodeOptions
from tests.lab import SqlServer
from tests.mysql.test_schema_live import database, server
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server
from tests.transcode.images import SOURCE
from tests.transcode.test_custom_converters import made

pytestmark = pytest.mark.integration

__all__ = ["database", "server"]

FALLBACKS = {"fallback__date": "0001-01-01", "fallback__datetime": "1900-01-01 00:00:01"}
CONVERTERS = (
    *made("TinyIntOneToBooleanConverter", selector=r".*\.t\.t.*"),
    *made("JdbcSinkDataTypesConverter", selector__boolean=r".*\.b.*", selector__real=r".*\.r.*"),
    *made("JdbcSinkDataTypesConverter", selector__real=r".*\.f.*", treat__real__as__double="false"),
    *made("JdbcSinkDataTypesConverter", selector__string=r".*\.s.*"),
    *made("ZeroDateFallbackConverter", selector=r".*\.z.*", fallback__timestamp="1970-01-01T00:00:00Z", **FALLBACKS),
    *made("ZeroDateFallbackConverter"),
)
COLUMNS = {
    "t1": ("TINYINT(1) NOT NULL DEFAULT 1", "0", "-128", "127"),
    "t2": ("TINYINT(1)", "1", "NULL", "127"),
    "b1": ("BIGINT", "4294967296", "-9223372036854775808", "4294967297"),
    "b2": ("DECIMAL(20,3) DEFAULT 1.5", "0.999", "-1", "4294967297.001"),
    "b3": ("FLOAT", "0.99", "-1e38", "3e38"),
    "b4": ("BIT(1)", "b'0'", "NULL", "b'1'"),
    "b5": ("MEDIUMINT UNSIGNED", "0", "8388608", "16777215"),
    "r1": ("BIGINT UNSIGNED", "0", "9223372036854775808", "18446744073709551615"),
    "r2": ("DECIMAL(30,15) NOT NULL DEFAULT 0.1", "0.3", "-123456789012345.123456789012345", "0"),
    "r3": ("FLOAT(7,3)", "1.1", "-1234.567", "NULL"),
    "f1": ("DOUBLE DEFAULT 1.1", "0.1", "1e300", "5e-324"),
    "f2": ("BIGINT", "9007199254740993", "-36028797018963969", "1"),
    "f3": ("DECIMAL(30,10)", "0.1", "12345678901234567890.0123456789", "-0.3"),
    "s1": ("VARCHAR(9) CHARACTER SET latin1 DEFAULT 'é'", "'größe'", "''", "'é'"),
    "s2": ("ENUM('x','y')", "'x'", "'y'", "NULL"),
    "s3": ("SET('x','y') CHARACTER SET latin1", "'x,y'", "''", "'y'"),
    "s4": ("DECIMAL(30,20)", "0.00000000000000000001", "-1.5", "0"),
    "s5": ("INT UNSIGNED", "4294967295", "0", "1"),
    "s6": ("VARBINARY(9)", "x'ff41'", "'abc'", "x'c3a9'"),
    "s7": ("BINARY(3)", "'a'", "'abc'", "x'00'"),
    "s8": ("FLOAT", "3.14", "-1e38", "16777216"),
    "s9": ("DOUBLE", "0.1", "1e-5", "1e300"),
    "z1": ("DATE NOT NULL DEFAULT '2001-02-03'", "'0000-00-00'", "'2024-00-01'", "'0024-02-29'"),
    "z2": ("DATETIME(6) NOT NULL", "'0000-00-00'", "'0069-12-31'", "'9999-12-31 23:59:59.999999'"),
    "z3": ("TIMESTAMP(6) NULL", "'0000-00-00'", "'2024-02-29 12:34:56.1'", "NULL"),
    "n1": ("DATE NOT NULL DEFAULT '2001-02-03'", "'0000-00-00'", "'2024-02-29'", "'1000-01-01'"),
    "n2": ("DATETIME(2) NOT NULL", "'0000-00-00'", "'2024-02-29 12:34:56.78'", "'1970-01-01'"),
    "n3": ("TIMESTAMP(3) NOT NULL DEFAULT '2001-02-03'", "'0000-00-00'", "'2024-02-29 12:34:56'", "'2038-01-19'"),
}
"""Name → definition and three values."""


def test_both_paths_give_equal_bytes(server: SqlServer, database: str) -> None:
    fields = ", ".join(f"{name} {one[0]}" for name, one in COLUMNS.items())
    server.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; CREATE TABLE t (id INT PRIMARY KEY, {fields})", database)
    rows = ", ".join(f"({n}, {', '.join(one[n] for one in COLUMNS.values())})" for n in (1, 2, 3))
    options = TranscodeOptions(custom_converters=CONVERTERS, connector=server.name)
    sql = f"SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'; INSERT INTO t VALUES {rows}"
    found = captured(server, tables_from_server(server, database, "t"), sql, options)["t"]
    transcoder = found.transcoder
    converted = {one.column.name for one in transcoder.plan.columns if one.mapping.convert is not None}
    assert converted >= {"t1", "b4", "r1", "f2", "s4", "z3", "n3"}
    read = snapshot(server, transcoder)
    assert differences(transcoder, found.inserted, read) == []
    assert [transcoder.value("c", None, row, SOURCE, 1) for row in found.inserted] == [
        transcoder.value("c", None, row, SOURCE, 1) for row in read
    ]
    by_name = {one.column.name: index for index, one in enumerate(transcoder.plan.columns)}
    column = {name: [row[index] for row in found.inserted] for name, index in by_name.items()}
    assert (column["t1"], column["t2"]) == ([False, False, True], [True, None, True])
    assert (column["b1"], column["b2"], column["b3"]) == ([0, 0, 1], [0, 0, 1], [0, 0, 1])
    assert (column["b4"], column["b5"], column["r1"]) == ([0, None, 1], [0, 1, 1], [0.0, 2.0**63, 2.0**64])
    assert (column["s2"], column["s3"]) == (["x", "y", None], ["x,y", "", "y"])
    assert (column["s4"], column["s5"]) == (["1E-20", "-1.50000000000000000000", "0E-20"], ["4294967295", "0", "1"])
    assert (column["s8"], column["s9"]) == (["3.14", "-1.0E38", "1.6777216E7"], ["0.1", "1.0E-5", "1.0E300"])
    assert (column["z1"], column["n1"]) == ([-719162, -719162, -710703], [None, 19782, -354285])
    assert column["z3"] == ["1970-01-01T00:00:00Z", "2024-02-29T12:34:56.1Z", None]
    assert column["n3"] == [None, "2024-02-29T12:34:56Z", "2038-01-19T00:00:00Z"]
