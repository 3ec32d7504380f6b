"""How much is done of each work: for a full run, a quick one, and the smallest that proves the bench itself works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of everything. Rows are per side: each reads the end of the same binlog for some seconds."""

    name: str
    warm: int
    """Rounds that do not count."""
    warm_each: bool
    """Whether each work that is new to a JVM has them, or only the first."""
    rounds: int
    peer_rounds: int
    """Rounds of the naive stack and the limits."""
    orders: Mapping[str, int]
    sbtest: Mapping[str, int]
    orders_single: Mapping[str, int]
    snapshot: int
    snapshot_large: int
    """Rows of the large table, of which each side takes one snapshot."""
    latency_s: float
    """Seconds of writing, after two that do not count."""
    load_s: float
    start_rounds: int
    further: int
    """Connectors added to one that runs."""
    huge_rows: int
    """Rows of the one big transaction."""
    row_mb: int
    """Size of the one big row."""
    growth_bytes: Mapping[str, int]
    """Bytes of rows at each point of a growth curve."""
    growth_rounds: int
    columns: tuple[int, ...]
    row_bytes: tuple[int, ...]
    tables: tuple[int, ...]
    table_rows: int
    """Rows written over all tables."""
    tables_debezium_max: int
    """Debezium is measured up to so many tables."""


OURS, DEBEZIUM, NAIVE = "faust-cdc", "debezium", "naive"

FULL = Plan(
    name="full",
    warm=1,
    warm_each=True,
    rounds=3,
    peer_rounds=2,
    orders={OURS: 800_000, DEBEZIUM: 120_000, NAIVE: 20_000},
    sbtest={OURS: 800_000, DEBEZIUM: 160_000, NAIVE: 40_000},
    orders_single={OURS: 200_000, DEBEZIUM: 60_000, NAIVE: 10_000},
    snapshot=150_000,
    snapshot_large=5_000_000,
    latency_s=8,
    load_s=8,
    start_rounds=3,
    further=4,
    huge_rows=1_000_000,
    row_mb=64,
    growth_bytes={OURS: 60 << 20, DEBEZIUM: 6 << 20},
    growth_rounds=2,
    columns=(4, 12, 50, 100, 200),
    row_bytes=(100, 1_000, 8_000, 64_000),
    tables=(10, 100, 1_000, 10_000),
    table_rows=20_000,
    tables_debezium_max=100,
)
QUICK = Plan(
    name="quick",
    warm=1,
    warm_each=False,
    rounds=1,
    peer_rounds=1,
    orders={OURS: 200_000, DEBEZIUM: 40_000, NAIVE: 5_000},
    sbtest={OURS: 200_000, DEBEZIUM: 50_000, NAIVE: 10_000},
    orders_single={OURS: 50_000, DEBEZIUM: 25_000, NAIVE: 3_000},
    snapshot=40_000,
    snapshot_large=100_000,
    latency_s=4,
    load_s=5,
    start_rounds=1,
    further=2,
    huge_rows=100_000,
    row_mb=64,
    growth_bytes={OURS: 10 << 20, DEBEZIUM: 2 << 20},
    growth_rounds=1,
    columns=(4, 50, 200),
    row_bytes=(100, 8_000, 64_000),
    tables=(10, 100),
    table_rows=5_000,
    tables_debezium_max=10,
)
SMOKE = Plan(
    name="smoke",
    warm=0,
    warm_each=False,
    rounds=1,
    peer_rounds=1,
    orders={OURS: 4_000, DEBEZIUM: 2_000, NAIVE: 1_000},
    sbtest={OURS: 4_000, DEBEZIUM: 2_000, NAIVE: 1_000},
    orders_single={OURS: 1_000, DEBEZIUM: 500, NAIVE: 300},
    snapshot=3_000,
    snapshot_large=5_000,
    latency_s=1,
    load_s=1,
    start_rounds=1,
    further=1,
    huge_rows=5_000,
    row_mb=2,
    growth_bytes={OURS: 400_000, DEBEZIUM: 200_000},
    growth_rounds=1,
    columns=(4, 20),
    row_bytes=(100, 8_000),
    tables=(3, 6),
    table_rows=500,
    tables_debezium_max=6,
)
PLANS = {plan.name: plan for plan in (FULL, QUICK, SMOKE)}
