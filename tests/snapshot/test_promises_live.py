"""The promises I1, I3, I4, I5 and I7 over an initial and two incremental snapshots, from the topics alone.

The last snapshot reads what nobody changes any more: its rows are what the stream, and the snapshots before, have said
of the same keys, and are held against those bytes.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import ExecuteSnapshot
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.oracle.invariants import duplicates, encoding_faults, order_faults, torn_transactions
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.test_merged_live import fill, final, stale_rows, wait_for_the_end
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

Found = list[tuple[RawRecord, Any, Any]]
ROWS = 1_500
WIDE = 40
"""Rows of the wide table before the snapshot, and as many again with the stream."""
LAST = 1_000_000
"""Key of a row that is written behind everything."""
COLUMNS = (
    "id INT PRIMARY KEY, v INT, small TINYINT, huge BIGINT UNSIGNED, amount DECIMAL(12,3), ratio DOUBLE, share FLOAT, "
    "at DATETIME(6), since TIMESTAMP(3) NULL, day DATE, span TIME(6), y YEAR, e ENUM('x','é'), s SET('p','q'), "
    "bits BIT(12), doc JSON, bytes VARBINARY(20), words VARCHAR(30) CHARACTER SET utf8mb4, old VARCHAR(9) CHARACTER "
    "SET latin1, long_text TEXT"
)


def wide_row(number: int) -> str:
    if number % 10 == 9:
        return f"({number}, {-number}" + ", NULL" * 18 + ")"
    return (
        f"({number}, {-number}, {number - 60}, {2**64 - 1 - number}, {-number}.125, {number}e-3, {number}.5, "
        f"'2024-02-29 23:59:59.{number:06}', '2024-01-01 00:00:00.{number:03}', '1999-12-31', '-12:34:56.{number:06}', "
        f"{1970 + number}, 'é', 'p,q', b'{number:012b}', '{{\"k\": [{number}, null, \"é\"]}}', X'00ff{number:02x}', "
        f"'wörd {number}', 'é{number}', REPEAT('t', {number}))"
    )


def insert_wide(bench: Bench, numbers: range) -> None:
    bench.source.execute(f"INSERT INTO wide VALUES {', '.join(map(wide_row, numbers))}", bench.database)


def snapshot(bench: Bench, task: ConnectorTask, identity: str) -> None:
    """Have all tables read once more; return when that is told to be complete."""
    assert task.submit(ExecuteSnapshot(identity, (rf"{bench.database}\..*",)))
    deadline = time.monotonic() + 90
    while (identity, "COMPLETED") not in {(one.id, one.type) for one in list(bench.told)}:
        assert task.state.error is None, task.state.trace
        assert time.monotonic() < deadline, task.progress
        time.sleep(0.05)


def read_all(bench: Bench, task: ConnectorTask) -> tuple[Found, list[dict[str, Any]]]:
    """Return all records, and what is told of transactions, once those of the last row are there."""
    topics = [f"{bench.prefix}.{bench.database}.{table}" for table in ("a", "wide")]
    found, told, deadline = Found(), list[dict[str, Any]](), time.monotonic() + 90
    with TopicReader(bench.kafka.bootstrap) as reader:
        while not told or told[-1]["status"] != "END" or {"id": LAST} not in [key for _, key, _ in found]:
            found += changes(reader.read_new(topics), bench.decoder)
            told += [value for _, _, value in changes(reader.read_new([f"{bench.prefix}.transaction"]), bench.decoder)]
            assert task.state.error is None, task.state.trace
            assert time.monotonic() < deadline, (len(found), told[-1:])
    return found, told


def promises(bench: Bench) -> None:
    source, database = bench.source, bench.database
    fill(source, database, ("a",), ROWS)
    source.execute(f"CREATE TABLE wide ({COLUMNS})", database)
    insert_wide(bench, range(WIDE))
    with bench.running() as task:
        with RandomWriter(source, database, ["a"], ROWS * 2, 5) as writer:
            wait_for_the_end(task)
            insert_wide(bench, range(WIDE, 2 * WIDE))
            snapshot(bench, task, "under-a-writer")
        snapshot(bench, task, "alone")
        source.execute(f"INSERT INTO a (id, v) VALUES ({LAST}, 0)", database)
        found, told = read_all(bench, task)
    streamed = [one for one in found if one[2] is not None and one[2]["op"] != "r"]
    for table in ("a", "wide"):
        topic = f"{bench.prefix}.{database}.{table}"
        assert final(found, topic) == dict(source.query(f"SELECT id, v FROM {table}", database)), table
    assert not stale_rows(found)
    assert not duplicates(streamed)
    assert not order_faults(found)
    assert not torn_transactions(streamed, told)
    assert not [value for _, _, value in found if value and value["op"] == "r" and value["transaction"]]
    faults, both = encoding_faults(found, bench.decoder.schema)
    assert not faults
    assert both >= WIDE + ROWS // 20, "rows that snapshot and stream have said alike"
    print(f"{writer.operations} changes, {len(found)} records, {len(told) // 2} transactions, {both} rows said twice")


OPTIONS = {
    "snapshot__locking__mode": "watermark",
    "snapshot__chunk__size": "100",
    "snapshot__max__threads": "2",
    "provide__transaction__metadata": "true",
    "include__schema__changes": "false",
}


def test_mysql(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str) -> None:
    promises(Bench(mysql, kafka, apicurio, mysql_database, **OPTIONS))


def test_mariadb(mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str) -> None:
    promises(Bench(mariadb, kafka, apicurio, mariadb_database, **OPTIONS))
