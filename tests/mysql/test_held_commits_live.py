"""A task that starts while its server holds up a commit that the stream has already brought."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.pipeline.test_task import Bench

pytestmark = pytest.mark.integration


def test_a_restart_while_a_commit_that_was_streamed_is_held_up(kafka: KafkaBroker, apicurio: Apicurio) -> None:
    """Semi-sync AFTER_SYNC sends it first; `gtid_executed` has it only when a replica has said that it is there."""
    with MySqlServer() as server, ExitStack() as writers, ExitStack() as held:
        server.execute("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
        server.create_database("held")
        server.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", "held")
        bench = Bench(server, kafka, apicurio, "held")
        with bench.running() as task:
            bench.events("t", 1, task)

        def insert(number: int) -> None:
            writer = threading.Thread(target=server.execute, args=(f"INSERT INTO t VALUES ({number})", "held"))
            writer.start()
            writers.callback(writer.join, 60)

        held.callback(server.execute, "SET GLOBAL rpl_semi_sync_source_enabled = 0")
        server.execute("SET GLOBAL rpl_semi_sync_source_timeout = 600000; SET GLOBAL rpl_semi_sync_source_enabled = 1")
        insert(2)
        with bench.running() as task:
            bench.events("t", 2, task)
        ((executed,),) = server.query("SELECT @@global.gtid_executed")
        assert bench.stored_offset()["gtids"] != executed, "the offset has what is held up"
        with bench.running() as task:
            insert(3)
            assert [event["after"] for event in bench.events("t", 3, task)] == [{"id": 1}, {"id": 2}, {"id": 3}]
            assert task.state.retries == 0
        assert server.query("SELECT id FROM t", "held") == [(1,)]
