"""The parts of the bench by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench import catchup, growth, latency, memory, snapshot, starting, tables
from tests.bench.plan import Plan
from tests.bench.run import Run
from tests.bench.tables import Table


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it does, and the tables of `bench` that must be there before connectors are."""

    name: str
    what: str
    run: Callable[[Run], object]
    tables: Callable[[Plan], Sequence[Table]] = lambda plan: ()
    quick: bool = True
    """Whether a quick run has it."""


PARTS = {
    part.name: part
    for part in (
        Part(
            "catchup-orders",
            "12 columns, 100 rows per transaction",
            lambda run: catchup.measure(run, "catchup-orders", tables.orders(), run.plan.orders, 100),
            lambda plan: [tables.orders()],
        ),
        Part(
            "catchup-sbtest",
            "4 columns, 100 rows per transaction",
            lambda run: catchup.measure(run, "catchup-sbtest", tables.sbtest(), run.plan.sbtest, 100),
            lambda plan: [tables.sbtest()],
        ),
        Part(
            "catchup-single",
            "12 columns, one row per transaction",
            lambda run: catchup.measure(
                run, "catchup-single", tables.orders("orders_single"), run.plan.orders_single, 1
            ),
            lambda plan: [tables.orders("orders_single")],
        ),
        Part(
            "snapshot-orders",
            "12 columns",
            lambda run: snapshot.measure(run, "snapshot-orders", tables.orders("snap_orders"), run.plan.snapshot),
            lambda plan: [tables.orders("snap_orders")],
        ),
        Part(
            "snapshot-sbtest",
            "4 columns",
            lambda run: snapshot.measure(run, "snapshot-sbtest", tables.sbtest("snap_sbtest"), run.plan.snapshot),
            lambda plan: [tables.sbtest("snap_sbtest")],
        ),
        Part(
            "snapshot-large",
            "4 columns, 5,000,000 rows, one round",
            lambda run: snapshot.measure(
                run, "snapshot-large", tables.sbtest("snap_large"), run.plan.snapshot_large, once=True
            ),
            lambda plan: [tables.sbtest("snap_large")],
            quick=False,
        ),
        Part("latency", "commit to reader, 800 transactions/s", latency.measure, lambda plan: [latency.LATENCY]),
        Part("load", "CPU at 8,000 events/s", latency.measure_load, lambda plan: [latency.LOAD]),
        Part(
            "memory",
            "further connectors, a huge transaction, a huge row",
            memory.measure,
            lambda plan: [memory.HUGE],
        ),
        Part("growth-columns", "4 to 200 columns", growth.columns, growth.column_tables, quick=False),
        Part("growth-bytes", "100 bytes to 64 KB a row", growth.row_bytes, growth.byte_tables, quick=False),
        Part("growth-tables", "10 to 10,000 tables", growth.tables, quick=False),
        Part("start", "process start to REST and to the first event", starting.measure),
    )
}


def chosen(plan: Plan, only: str | None) -> list[Part]:
    """The named parts, or all that the plan has. Raises KeyError for a name that is none."""
    if only is None:
        return [part for part in PARTS.values() if part.quick or plan.name != "quick"]
    names = set(only.split(","))
    for name in names:
        PARTS[name]
    return [part for part in PARTS.values() if part.name in names]
