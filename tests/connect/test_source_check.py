"""`validate` against real servers: what a person is told who got an address, an account or a pattern wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from faust_cdc.connect.source_check import check_source_server
from tests.connect.memory import Cluster
from tests.lab.ports import free_port
from tests.lab.sql_servers import MariaDbServer, SqlServer

pytestmark = pytest.mark.integration

CLASSES = {"mysql": "MySqlConnector", "mariadb": "MariaDbConnector"}
Told = Callable[..., dict[str, list[str]]]


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    found: SqlServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def shop(server: SqlServer, request: pytest.FixtureRequest) -> str:
    """A database with two tables."""
    name: str = request.getfixturevalue(f"{server.name}_database")
    server.execute("CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE customers (id INT PRIMARY KEY)", name)
    return name


@pytest.fixture
def told(server: SqlServer) -> Told:
    """Options and what `validate` says of them, for the good configuration with some changes."""

    def validate(**changes: object) -> dict[str, list[str]]:
        config = {
            "name": "shop",
            "connector.class": CLASSES[server.name],
            "topic.prefix": "shop",
            "database.server.id": "5401",
            **server.address(),
            **{key.replace("__", "."): value for key, value in changes.items()},
        }
        texts = {key: str(value) for key, value in config.items()}
        infos = asyncio.run(Cluster(check_source_server).herder.validate(texts["connector.class"], texts))
        return {
            (entry["value"]["name"]): entry["value"]["errors"]
            for entry in infos["configs"]
            if entry["value"] and entry["value"]["errors"]
        }

    return validate


def test_tables_with_versions_are_refused(mariadb: MariaDbServer, mariadb_database: str) -> None:
    mariadb.execute(
        "CREATE TABLE a (id INT PRIMARY KEY) WITH SYSTEM VERSIONING; CREATE TABLE b (id INT)", mariadb_database
    )
    config = {
        "name": "shop",
        "connector.class": "MariaDbConnector",
        "topic.prefix": "shop",
        "database.server.id": "5401",
        "database.include.list": mariadb_database,
        **mariadb.address(),
    }
    texts = {key: str(value) for key, value in config.items()}
    for more, expected in (({}, 1), ({"table.exclude.list": f"{mariadb_database}.a"}, 0)):
        infos = asyncio.run(Cluster(check_source_server).herder.validate("MariaDbConnector", texts | more))
        errors = [error for one in infos["configs"] if one["value"] for error in one["value"]["errors"]]
        assert len(errors) == expected, errors
        assert all(f"{mariadb_database}.a is WITH SYSTEM VERSIONING" in error for error in errors)


def test_a_good_configuration_has_no_errors(told: Told, shop: str) -> None:
    assert told(table__include__list=rf"{shop}\.orders") == {}
    assert told(database__include__list=shop.upper()) == {}
    assert told() == {}


def test_wrong_password(told: Told) -> None:
    [text] = told(database__password="wrong")["database.hostname"]
    assert text.startswith("Error during connection validation: ")
    assert "check database.user and database.password" in text
    assert "wrong" not in text


def test_missing_privileges(told: Told, server: SqlServer) -> None:
    server.execute("CREATE USER 'reader'@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON *.* TO 'reader'@'%'")
    try:
        [text] = told(database__user="reader", database__password="pw")["database.hostname"]
    finally:
        server.execute("DROP USER 'reader'@'%'")
    assert "REPLICATION SLAVE" in text
    assert "GRANT" in text


def test_nothing_listens_there(told: Told) -> None:
    [text] = told(database__port=free_port())["database.hostname"]
    assert "not reachable" in text


def test_unknown_host(told: Told) -> None:
    [text] = told(database__hostname="no-such-host.invalid")["database.hostname"]
    assert "no-such-host.invalid" in text


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_says_nothing(told: Told, silent_port: int) -> None:
    changes = {"database__port": silent_port, "connection__validation__timeout__ms": 300}
    [text] = told(**changes)["database.hostname"]
    assert "did not answer within 300 ms" in text


def test_server_id_of_the_server_itself(told: Told, server: SqlServer) -> None:
    [text] = told(database__server__id=server.server_id)["database.hostname"]
    assert "database.server.id" in text


def test_the_other_kind_of_server(told: Told, server: SqlServer) -> None:
    other = "MariaDbConnector" if server.name == "mysql" else "MySqlConnector"
    [text] = told(connector__class=other)["connector.class"]
    assert f"use connector.class=io.debezium.connector.{server.name}." in text


def test_a_table_pattern_that_matches_nothing_names_the_nearest(told: Told, shop: str) -> None:
    [text] = told(table__include__list=rf"{shop}\.ordres")["table.include.list"]
    assert rf"No table matches '{shop}\.ordres'" in text
    assert f"Nearest tables: {shop}.orders" in text


def test_column_lists_that_match_nothing_are_named(told: Told, shop: str) -> None:
    changes = {
        "table__include__list": rf"{shop}\.orders",
        "column__exclude__list": rf"{shop}\.customers\.id",
        "message__key__columns": rf"{shop}\.orders:number",
        "column__mask__with__2__chars": r".*\.name",
        "column__propagate__source__type": r".*\.id",
    }
    errors = told(**changes)
    assert set(errors) == {"column.exclude.list", "message.key.columns", "column.mask.with.2.chars"}
    assert rf"matches '{shop}\.customers\.id' (patterns of <database>" in errors["column.exclude.list"][0]


def test_a_mask_that_would_leave_a_column_in_clear(told: Told, server: SqlServer, shop: str) -> None:
    server.execute("ALTER TABLE orders ADD COLUMN total INT, ADD COLUMN note TEXT", shop)
    changes = {"table__include__list": f"{shop}.orders", "column__mask__with__2__chars": r".*\.orders\..*"}
    key, total = told(**changes)["column.mask.with.2.chars"]
    assert "column 'id' (int" in key
    assert "part of the record key" in key
    assert "column 'total' (int" in total
    hidden = {"column__mask__with__2__chars": ".*(total|note)", "column__exclude__list": ".*total"}
    assert told(**changes | hidden) == {}


def test_a_database_pattern_that_matches_nothing(told: Told, shop: str) -> None:
    [text] = told(database__include__list=shop + "x")["database.include.list"]
    assert f"No database matches '{shop}x'" in text
    assert f"Nearest databases: {shop}" in text


def test_a_database_without_tables_may_be_captured(told: Told, server: SqlServer, shop: str) -> None:
    server.execute("DROP TABLE orders; DROP TABLE customers", shop)
    assert told(database__include__list=shop) == {}


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--skip-log-bin", "log_bin"),
        ("--binlog-row-image=MINIMAL", "binlog_row_image"),
        ("--binlog-format=STATEMENT", "binlog_format"),
    ],
)
def test_a_server_that_is_not_set_up(option: str, text: str) -> None:
    with MariaDbServer(extra_args=[option]) as server:
        config = {"name": "n", "connector.class": "MariaDb", "topic.prefix": "p", "database.server.id": "9"}
        sent = config | {key: str(value) for key, value in server.address().items()}
        infos = asyncio.run(Cluster(check_source_server).herder.validate("MariaDb", sent))
    [error] = [error for entry in infos["configs"] if entry["value"] for error in entry["value"]["errors"]]
    assert text in error
    assert "Remedy:" in error
