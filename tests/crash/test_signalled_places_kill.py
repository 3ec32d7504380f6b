"""kill -9 at the named places of snapshots of each kind; what that costs is counted by the server.

A life that ends may have read a chunk for each reader that is not committed: so many rows, and no more, are read again.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.crash.test_signal_kill import Signals, begin, reads, snapshot_of
from tests.crash.test_snapshot_kill import END, PLACES, SEED, Lives
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, changes
from tests.snapshot.test_merged_live import fill, final, stale_rows
from tests.snapshot.writers import RandomWriter

pytestmark = [pytest.mark.integration, pytest.mark.crash]

CHUNK = 100
READERS = 2
RATE = "rows=100"
"""A minute and a half of the table for each turn: a life reads a few chunks."""
END_S = 240
KILLS = int(os.environ.get("FAUST_CDC_KILLS", "9"))
"""With twenty and more each kind ends at every place, and as often at more of its turns."""
TURNS = max(1, KILLS // 10)
ROWS = 9_000 * TURNS


class Updater(RandomWriter):
    """Changes rows, and never how many there are."""

    def _statement(self) -> str:
        return f"UPDATE a SET v = {self.operations} WHERE id = {2 * self._random.randrange(ROWS)}"


def runs(worker: WorkerProcess) -> bool:
    """Whether a snapshot is under way, and a chunk of it is done."""
    found = snapshot_of(worker)
    return found.get("state") == "running" and found["rows"] >= CHUNK


def rows_sent(mysql: MySqlServer, database: str, table: str = "a") -> int:
    """How many rows of a table the server has sent to readers of chunks."""
    ((count,),) = mysql.query(
        "SELECT CAST(COALESCE(SUM(sum_rows_sent), 0) AS SIGNED) "
        "FROM performance_schema.events_statements_summary_by_digest "
        f"WHERE digest_text LIKE 'EXECUTE SELECT%FROM `{database}` . `{table}`%'"
    )
    return int(count)


SHORT = {"INCREMENTAL": PLACES, "BLOCKING": PLACES[::2], "INITIAL": PLACES[1::2]}
"""Kind → places of the short form."""


@pytest.mark.parametrize("kind", SHORT)
def test_it_goes_on_and_reads_no_more_than_a_chunk_again(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    mysql_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    rnd = random.Random(SEED)
    prefix = f"plc{rnd.randrange(10**6)}{int(time.time())}"
    fill(mysql, mysql_database, ("a",), ROWS)
    signals, worker = Signals(mysql, kafka, mysql_database, prefix), WorkerProcess(tmp_path, kafka.bootstrap, prefix)
    lives, topic = Lives(worker, kafka, f"{prefix}-offsets", monkeypatch), f"{prefix}.{mysql_database}.a"
    config = signals.config(kafka) | {
        "snapshot.rate.limit": RATE,
        "snapshot.chunk.size": str(CHUNK),
        "incremental.snapshot.chunk.size": str(CHUNK),
        "snapshot.max.threads": str(READERS),
    }
    if kind == "INITIAL":
        config |= {"snapshot.mode": "initial", "table.include.list": f"{mysql_database}.a"}
    found = list[tuple[RawRecord, Any, Any]]()
    with Updater(mysql, mysql_database, ["a"], ROWS, SEED, 0.02) as writer:
        try:
            begin(worker, config)
            if kind != "INITIAL":
                signals.table("s-1", "execute-snapshot", type=kind, **{"data-collections": [signals.name("a")]})
            worker.until(lambda: runs(worker), 120, "it runs")
            worker.kill()
            for place in TURNS * (SHORT[kind] if TURNS == 1 else PLACES):
                lives.end_at(place, rnd.randrange(1, 3))
            fast = {name: value for name, value in config.items() if name != "snapshot.rate.limit"}
            lives.end_at(END, after=("c", fast))
            kills = 1 + sum(lives.kills.values())
            worker.start()
            worker.until(lambda: snapshot_of(worker).get("state") == "completed", END_S, "it is complete")
            sent = rows_sent(mysql, mysql_database)
            writer.stop()
            mysql.execute("INSERT INTO a (id, v) VALUES (-1, 0)", mysql_database)
            decoder = AvroDecoder(worker.registry_url)
            with TopicReader(kafka.bootstrap) as reader:

                def at_end() -> bool:
                    found.extend(changes(reader.read_new([topic]), decoder))
                    return {"id": -1} in [key for _, key, _ in found]

                worker.until(at_end, 120, "the last row")
        finally:
            worker.stop()
    print(f"\n{kind}: {lives.kills}, {kills} kills, {writer.operations} changes; {sent} rows sent of {ROWS}")
    assert not stale_rows(found)
    assert not duplicates(found)
    assert not order_faults(found)
    assert final(found, topic) == dict(mysql.query("SELECT id, v FROM a", mysql_database))
    assert max(reads(found, "a").values()) == 1
    assert ROWS <= sent <= ROWS + kills * READERS * CHUNK
