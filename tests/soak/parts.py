"""Which tests have a long form, and by which variables of the environment they take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Tests that take one long form."""

    what: str
    tests: tuple[str, ...]
    """Their pytest ids."""
    variable: str
    value: int


KILLS = "FAUST_CDC_KILLS"
SEED = "FAUST_CDC_SEED"
"""Where what is random begins; a fresh one for each soak."""

PARTS: dict[str, Part] = {
    "kills": Part(
        "kill -9 of a worker that streams",
        ("tests/crash/test_kill_nine.py::test_nothing_lost_nothing_twice_through_kills",),
        KILLS,
        50,
    ),
    "snapshot-kills": Part(
        "kill -9 of a worker that takes a snapshot",
        (
            "tests/crash/test_snapshot_kill.py::test_a_snapshot_goes_on_where_it_was",
            "tests/crash/test_signalled_places_kill.py::test_it_goes_on_and_reads_no_more_than_a_chunk_again",
        ),
        KILLS,
        50,
    ),
    "snapshot-matrix": Part(
        "combinations of snapshot, lock, readers and server, over keys of every kind",
        ("tests/snapshot/test_matrix_live.py::test_combination",),
        "FAUST_CDC_COMBINATIONS",
        219,
    ),
    "rows": Part(
        "rows of a snapshot's table",
        ("tests/snapshot/test_large_table.py::test_every_row_once_in_bounded_memory",),
        "FAUST_CDC_ROWS",
        5_000_000,
    ),
    "transactions": Part(
        "random transactions, on MySQL with and without GTIDs and on MariaDB",
        ("tests/pipeline/test_transactions.py::test_topics_equal_tables_after_a_history_of_transactions",),
        "FAUST_CDC_TRANSACTIONS",
        3_000,
    ),
    "ddl": Part(
        "random DDL statements, on MySQL and on MariaDB",
        ("tests/relational/ddl/test_agreement.py::test_resolved_tables_equal_those_of_the_server",),
        "FAUST_CDC_STATEMENTS",
        10_000,
    ),
    "ddl-beside": Part(
        "seeds of random DDL statements beside a real Debezium",
        ("tests/parity/test_ddl_parity.py::test_generated_statements_beside_debezium",),
        "FAUST_CDC_BESIDE",
        40,
    ),
    "ddl-stream": Part(
        "random DDL statements under live connectors that are stopped, killed and asked for snapshots",
        ("tests/ddl_stream/test_live.py::test_generated_ddl_under_live_connectors",),
        "FAUST_CDC_DDL",
        1_000,
    ),
    "history": Part(
        "records of a schema history, ten of each table, before a start",
        ("tests/worker/test_long_history.py::test_a_start_costs_the_tables_not_the_records",),
        "FAUST_CDC_LINES",
        100_000,
    ),
}


def environment(names: Iterable[str], given: Mapping[str, str], fresh_seed: int) -> dict[str, str]:
    """Return what these parts' tests are to find in the environment; what is `given` there already stands."""
    wanted = {PARTS[name].variable: str(PARTS[name].value) for name in names} | {SEED: str(fresh_seed)}
    return {name: given.get(name, value) for name, value in wanted.items()}
