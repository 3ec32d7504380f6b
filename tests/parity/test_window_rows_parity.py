"""The rows that open and close windows in the signal table: ours are a real Debezium 3.6.1's, by both strategies."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.window_rows import WindowRows, WindowSession
from faust_cdc.relational.model import TableId
from tests.oracle.topics import AvroDecoder
from tests.parity.beside import Beside
from tests.parity.comparison import await_records, read_topic

pytestmark = [pytest.mark.integration, pytest.mark.parity]

SETUP = (
    "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1), (2), (3); "
    "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)"
)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}){1,3})?Z")
CHANGES = {"insert_insert": 2, "insert_delete": 3}
"""How many records a window makes in the topic of the signal table: a deletion has a tombstone."""


def shape(value: dict[str, Any] | None) -> Any:
    """Return a change of the signal table, its ids and times made one."""
    if value is None:
        return None
    images = json.dumps([value["op"], value["before"], value["after"]])
    return TIME.sub("TIME", UUID.sub("UUID", images))


def write_a_window(beside: Beside, *, deletes: bool) -> None:
    """Open and close a window as our snapshots do."""
    mysql = beside.mysql
    address = SourceAddress(mysql.host, mysql.port, mysql.user, mysql.password)
    with connect(address, purpose="a test") as connection:
        info = inspect_server(connection)
    with WindowSession(address, info, 20, WindowRows(TableId(beside.database, "sig"), deletes=deletes)) as session:
        session.begin(None, BinlogPosition("", 0), lambda: False)
        session.end()


@pytest.mark.parametrize("strategy", CHANGES)
def test_the_same_rows_are_written(beside: Beside, strategy: str) -> None:
    """Both are read in the topic that Debezium has of the table; its own come first."""
    mysql, kafka, database, side = beside.mysql, beside.kafka, beside.database, f"theirs_{strategy[7:]}"
    mysql.execute(f"{SETUP}; GRANT INSERT, DELETE ON {database}.* TO {mysql.user}", database)
    options = {
        "signal.data.collection": f"{database}.sig",
        "incremental.snapshot.watermarking.strategy": strategy,
    }
    beside.start_theirs(side, options)
    await_records(kafka, f"{side}.{database}.a", 3, 240)
    time.sleep(3)
    data = json.dumps({"data-collections": [f"{database}.a"]})
    mysql.execute(f"INSERT INTO sig VALUES ('s-1', 'execute-snapshot', '{data}')", database)
    await_records(kafka, f"{side}.{database}.a", 6, 90)
    time.sleep(5)  # it opens another window behind the last one
    topic, decoder = f"{side}.{database}.sig", AvroDecoder(beside.apicurio.ccompat_url)
    signals = 1
    theirs = len(read_topic(kafka, topic))
    write_a_window(beside, deletes=strategy == "insert_delete")
    await_records(kafka, topic, theirs + CHANGES[strategy], 90)
    shapes = [
        shape(None if record.value is None else decoder.decode(record.value)) for record in read_topic(kafka, topic)
    ]
    assert theirs >= signals + CHANGES[strategy]
    assert shapes[theirs:] == shapes[signals : signals + CHANGES[strategy]]
    assert set(shapes[signals:theirs]) == set(shapes[theirs:])
