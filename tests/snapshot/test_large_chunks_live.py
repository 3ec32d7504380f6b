"""Tables whose rows are large: little is read in vain, in a sane number of chunks, and every row comes once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.chunk_reader import CHUNK_BYTES_MAX, READING_BYTES_MAX
from faust_cdc.snapshot.commands import ExecuteSnapshot
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.test_merged_live import wait_for_the_end
from tests.snapshot.test_refusals_live import await_told

pytestmark = pytest.mark.integration

SMALL, LARGE = 8_000, 5_000
LARGE_BYTES = 20_000


def fill(mysql: MySqlServer, database: str, small: int, large: int) -> None:
    """Fill `a` with small rows and large ones behind them, outside of the binlog; all have the same `w`."""
    mysql.execute(
        "SET SESSION sql_log_bin = 0; SET SESSION cte_max_recursion_depth = 1000000; "
        "CREATE TABLE a (id INT PRIMARY KEY, w INT NOT NULL, t MEDIUMTEXT, INDEX (w)); "
        "INSERT INTO a WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
        f"{small + large}) SELECT i, 7, REPEAT('x', IF(i <= {small}, 50, {LARGE_BYTES})) FROM n",
        database,
    )


def bytes_sent(mysql: MySqlServer) -> int:
    return int(mysql.query("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")[0][1])


@contextmanager
def idle_task(bench: Bench) -> Iterator[ConnectorTask]:
    with bench.running() as task:
        wait_for_the_end(task)
        yield task


def keys_of(bench: Bench) -> Counter[int]:
    with TopicReader(bench.kafka.bootstrap) as reader:
        found = changes(reader.read_new([f"{bench.prefix}.{bench.database}.a"]), bench.decoder)
    return Counter(key["id"] for _, key, _ in found)


def bench_of(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, threads: int) -> Bench:
    config = {"snapshot__locking__mode": "watermark", "snapshot__mode": "no_data"}
    return Bench(mysql, kafka, apicurio, database, snapshot__max__threads=str(threads), **config)


@pytest.mark.parametrize(("threads", "small"), [(4, 0), (1, SMALL), (4, SMALL)])
def test_little_is_read_in_vain(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, threads: int, small: int
) -> None:
    """With the default chunk of 20,000 rows, which would be 400 MB. Small rows before large ones mislead."""
    fill(mysql, mysql_database, small, LARGE)
    bench = bench_of(mysql, kafka, apicurio, mysql_database, threads)
    with idle_task(bench) as task:
        before = bytes_sent(mysql)
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.a",)))
        await_told(bench, "COMPLETED", task)
        sent = bytes_sent(mysql) - before
        chunks = [one.type for one in bench.told].count("IN_PROGRESS")
    assert keys_of(bench) == Counter(range(1, small + LARGE + 1))
    size = LARGE * LARGE_BYTES
    print(f"{threads} readers: {chunks} chunks, {sent / size:.2f} of the table was read")
    in_vain = threads if small else 1
    assert sent < 1.05 * size + in_vain * min(CHUNK_BYTES_MAX, READING_BYTES_MAX // (threads + 1))
    assert chunks < 40


def test_rows_of_one_key_are_read_at_once(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """30 MB of rows with the same surrogate key: more than a chunk may have, and nothing to cut them by."""
    fill(mysql, mysql_database, 0, 1500)
    bench = bench_of(mysql, kafka, apicurio, mysql_database, 2)
    with idle_task(bench) as task:
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.a",), surrogate_key="w"))
        (ended,) = await_told(bench, "TABLE_SCAN_COMPLETED", task)
        assert ended.additional_data["status"] == "SUCCEEDED"
    assert keys_of(bench) == Counter(range(1, 1501))
