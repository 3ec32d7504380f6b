"""Tables that are routed into one topic: changes of one leave the rows of the other alone, though keys are equal."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from faust_cdc.snapshot.commands import AdditionalCondition, ExecuteSnapshot
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.snapshot.test_commands_live import bench_of, read_until
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 200
ROUTED = {
    "topic__naming__strategy": "io.debezium.schema.DefaultRegexTopicNamingStrategy",
    "topic__regex": r"(.*)\.s\d",
    "topic__replacement": "$1.all",
    "topic__key__enforce__uniqueness": "false",
}


@pytest.mark.parametrize("hot_path", [True, False])
def test_equal_keys_of_two_tables(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, hot_path: bool
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **ROUTED)
    bench.spec = replace(bench.spec, hot_path=hot_path)
    fill(mysql, mysql_database, ("s1", "s2"), ROWS)
    slowly = AdditionalCondition(rf"{mysql_database}\.s1", "SLEEP(0.01) = 0")
    with bench.running() as task, RandomWriter(mysql, mysql_database, ["s2"], ROWS * 2, 5, 0.002) as writer:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (rf"{mysql_database}\.s1",), conditions=(slowly,)))
        await_told(bench, "STARTED", task)
        before = writer.operations
        await_told(bench, "COMPLETED", task)
        during = writer.operations - before
        found = read_until(
            bench,
            ("all",),
            lambda found: sum(bool(value and value["op"] == "r") for _, _, value in found) >= ROWS,
            "rows",
        )
    assert during > 10, "of the other table, while the rows were read"
    read = [(value["source"]["table"], key["id"]) for _, key, value in found if value and value["op"] == "r"]
    assert Counter(read) == {("s1", number * 2): 1 for number in range(ROWS)}
