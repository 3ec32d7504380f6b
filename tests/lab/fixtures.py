"""Pytest fixtures of the real servers: each starts when a test first asks for it and lives for the session."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.lab.kafka_servers import Apicurio, ConnectWorker, KafkaBroker, Tansu
from tests.lab.sql_servers import MariaDbServer, MySqlServer, SqlServer


@pytest.fixture(scope="session")
def mysql() -> Iterator[MySqlServer]:
    """MySQL with GTIDs and full row metadata."""
    with MySqlServer() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    """MariaDB with full row metadata."""
    with MariaDbServer() as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaBroker]:
    """A real Kafka broker."""
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def tansu() -> Iterator[Tansu]:
    """A Kafka-compatible broker in memory, for tests that need no real one."""
    with Tansu() as broker:
        yield broker


@pytest.fixture(scope="session")
def apicurio() -> Iterator[Apicurio]:
    """A schema registry with the Confluent API."""
    with Apicurio() as registry:
        yield registry


@pytest.fixture(scope="session")
def connect_debezium(kafka: KafkaBroker, apicurio: Apicurio) -> Iterator[ConnectWorker]:
    """Kafka Connect with real Debezium on the session's Kafka and registry."""
    with ConnectWorker(kafka, apicurio) as worker:
        yield worker


@pytest.fixture
def mysql_database(mysql: MySqlServer) -> Iterator[str]:
    """Name of a database on `mysql` that is this test's own."""
    yield from _database(mysql)


@pytest.fixture
def mariadb_database(mariadb: MariaDbServer) -> Iterator[str]:
    """Name of a database on `mariadb` that is this test's own."""
    yield from _database(mariadb)


@pytest.fixture
def database(mysql_database: str) -> str:
    """The database on MySQL, when a test needs one only."""
    return mysql_database


def _database(server: SqlServer) -> Iterator[str]:
    name = f"t_{uuid4().hex[:12]}"
    server.create_database(name)
    yield name
    if server.running:
        server.drop_database(name)
