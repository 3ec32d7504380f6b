"""Both sides, ready for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer
from tests.parity.beside import Beside


@pytest.fixture
def beside(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    connect_debezium: ConnectWorker,
    mysql_database: str,
    tmp_path: Path,
) -> Iterator[Beside]:
    """Both sides on a database of the test's own."""
    both = Beside(mysql, kafka, apicurio, connect_debezium, mysql_database, tmp_path)
    try:
        yield both
    finally:
        both.delete_theirs()
