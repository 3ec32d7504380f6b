"""Every error number we can meet has a place in the error tree."""

import ssl

import pymysql
import pytest

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
from faust_cdc.mysql.connection import SSL_MODES, SourceAddress, connect, translate_mysql_error

WHERE = "connecting as cdc@db.example:3306"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        *((n, SourceRefused) for n in (1044, 1045, 1698, 1130, 1142, 1227, 1251, 1820, 3118, 2026, 2059, 3159)),
        *((n, SourceConnectionLost) for n in (1040, 1053, 1159, 1205, 1213, 1317, 1927, 2002, 2003, 2006, 2013, 4031)),
        *((n, BinlogNotAvailable) for n in (1373,)),
        *((n, ServerMisconfigured) for n in (1381, 1153)),
        *((n, SchemaOutOfSync) for n in (1146, 1054)),
        *((n, InternalError) for n in (1064, 9999)),
    ],
)
def test_numbers(number: int, expected: type[CdcError]) -> None:
    error = translate_mysql_error(pymysql.err.OperationalError(number, "said the server"), WHERE)
    assert type(error) is expected
    assert "db.example" in str(error)
    assert "said the server" in str(error)


def test_remedies_name_the_account_and_the_grants() -> None:
    denied = translate_mysql_error(pymysql.err.OperationalError(1227, "need REPLICATION SLAVE"), WHERE)
    assert denied.remedy is not None
    assert "REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'cdc'@'%'" in denied.remedy
    wrong = translate_mysql_error(pymysql.err.OperationalError(1045, "denied"), WHERE)
    assert wrong.remedy is not None
    assert "database.password" in wrong.remedy


def test_errors_without_number() -> None:
    assert isinstance(translate_mysql_error(ConnectionResetError("reset"), WHERE), SourceConnectionLost)
    assert isinstance(translate_mysql_error(TimeoutError("slow"), WHERE), SourceConnectionLost)
    assert isinstance(translate_mysql_error(pymysql.err.InterfaceError(0, ""), WHERE), SourceConnectionLost)
    assert isinstance(translate_mysql_error(pymysql.err.InternalError("sequence"), WHERE), SourceConnectionLost)
    assert isinstance(translate_mysql_error(ssl.SSLError("bad certificate"), WHERE), SourceRefused)
    assert isinstance(translate_mysql_error(RuntimeError("?"), WHERE), InternalError)
    ours = ConfigError("ours")
    assert translate_mysql_error(ours, WHERE) is ours


def test_the_password_is_never_shown() -> None:
    address = SourceAddress("h", 3306, "u", "hunter2")
    assert "hunter2" not in repr(address)
    assert "hunter2" not in str(address)


def test_tls_options_are_checked_before_connecting() -> None:
    with pytest.raises(ConfigError, match=r"database\.ssl\.mode is 'maybe'"):
        connect(SourceAddress("h", 3306, "u", "p", ssl_mode="maybe"), purpose="a test")
    with pytest.raises(ConfigError, match=r"database\.ssl\.ca"):
        connect(SourceAddress("h", 3306, "u", "p", ssl_mode="verify_ca", ssl_ca="/nowhere.pem"), purpose="a test")
    assert "verify_identity" in SSL_MODES
