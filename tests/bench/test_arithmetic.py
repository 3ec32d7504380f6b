"""What is computed from samples, rounds and bytes, and that wrong output is not measured."""

from __future__ import annotations

import os

import pytest

from tests.bench import report, stages
from tests.bench.latency import percentile
from tests.bench.meters import Meter
from tests.bench.results import Results
from tests.bench.run import alternating
from tests.bench.servers import ROOT
from tests.bench.tables import orders
from tests.bench.traffic import zigzag
from tests.bench.verify import Written, WrongOutput, require
from tests.bench.watch import Sample, window
from tests.lab import MySqlServer


def samples(*ends: tuple[float, int, float]) -> list[Sample]:
    """(seconds, end offset, CPU seconds) as samples."""
    return [Sample(at, end, end, {"us": cpu}, 50 + at) for at, end, cpu in ends]


def test_a_window_counts_what_came_after_the_first_visible_records() -> None:
    seen = window(samples((0, 10, 0.0), (1, 110, 0.5), (2, 610, 0.7), (3, 1110, 0.9), (4, 1110, 5.0)), 10)
    assert (seen.records, seen.seconds) == (1000, 2.0)
    assert seen.rate == 500
    assert seen.cpu_us("us") == pytest.approx(400)
    assert seen.rss_max_mb == 53
    assert not seen.whole
    assert seen.with_start == (1100, 3.0, 0.9)


def test_markers_are_taken_off_in_proportion() -> None:
    seen = window(samples((0, 0, 0.0), (1, 210, 0.5), (2, 1050, 0.7)), 0, surplus=50)
    assert seen.records == 800


def test_what_came_at_once_is_measured_from_the_start() -> None:
    seen = window(samples((0, 0, 0.0), (4, 1000, 0.5), (5, 1000, 0.6)), 0)
    assert (seen.records, seen.seconds, seen.whole) == (1000, 4.0, True)


def test_a_snapshot_begins_with_the_first_written_record() -> None:
    seen = [
        Sample(at, end, written, {"us": 0.0}, 50)
        for at, end, written in ((0, 0, 0), (1, 0, 200), (2, 0, 900), (3, 1000, 1000))
    ]
    assert (window(seen, 0).records, window(seen, 0).seconds) == (800, 2.0)


@pytest.mark.parametrize(("records", "keys"), [(9, 9), (11, 10), (10, 9)])
def test_missing_and_doubled_records_are_wrong_output(records: int, keys: int) -> None:
    require("t", Written(10, 10, 0, ()), 10)
    with pytest.raises(WrongOutput, match="10 rows were written"):
        require("t", Written(records, keys, 0, ()), 10)


def test_ratios_of_medians_and_rounds() -> None:
    results = Results({})
    for ours, theirs in ((400.0, 10.0), (420.0, 10.0), (380.0, 12.0)):
        results.add("catchup-orders", "faust-cdc", "rate", "rows/s", ours)
        results.add("catchup-orders", "debezium", "rate", "rows/s", theirs)
        results.add("catchup-orders", "faust-cdc", "cpu", "µs/row", 3.0)
        results.add("catchup-orders", "debezium", "cpu", "µs/row", 120.0)
    rate, cpu = report.LINES[:2]
    find = results.find
    more = report.ratio(rate, find(rate.work, "faust-cdc", "rate"), find(rate.work, "debezium", "rate"))
    less = report.ratio(cpu, find(cpu.work, "faust-cdc", "cpu"), find(cpu.work, "debezium", "cpu"))
    assert more == "40.0× (31.7..42.0)"
    assert less == "40.0× (40.0..40.0)"


def test_percentiles_and_avro_numbers() -> None:
    values = [float(number) for number in range(100)]
    assert [percentile(values, at) for at in (50, 99, 100)] == [50.0, 99.0, 99.0]
    assert [zigzag(bytes(raw)) for raw in ([0], [1], [2], [0x80, 0x01], [0xD0, 0x0F])] == [0, -1, 1, 64, 1000]


def test_sides_take_turns_at_being_first() -> None:
    assert [alternating("ab", number)[0] for number in (-1, 0, 1, 2)] == ["b", "a", "b", "a"]


def test_rows_must_fit_their_transactions() -> None:
    with pytest.raises(ValueError, match="do not fit 150 rows"):
        orders().fill(MySqlServer.__new__(MySqlServer), 0, 150, 100)


def test_a_meter_sees_this_process_work() -> None:
    meter = Meter(os.getpid())
    before, total = meter.cpu_s(), 0
    while meter.cpu_s() < before + 0.05:
        total += sum(range(10_000))
    assert total > 0
    assert 5 < meter.rss_mb() <= meter.peak_mb()


def test_the_readme_says_what_the_newest_stored_run_said() -> None:
    stored = report.newest_stored()
    body = report.NOTHING_YET if stored is None else "\n".join(report.readme_table(Results.read(stored)))
    assert f"{report.README_START}\n{body}\n{report.README_END}" in (ROOT / "README.md").read_text()


def test_pauses_are_read_from_the_workers_metrics() -> None:
    text = (
        "# TYPE faust_cdc_event_loop_pause_seconds_max gauge\nfaust_cdc_event_loop_pause_seconds_max 0.02\n"
        '# TYPE faust_cdc_task_pause_seconds_max gauge\nfaust_cdc_task_pause_seconds_max{server="c1",task="0"} 0.01\n'
        'faust_cdc_task_pause_seconds_max{server="c2",task="0"} 0.5\n'
    )
    assert stages.pauses(text, "c1") == {"worst pause": 0.01, "worst pause of the loop": 0.02}


def test_a_loop_that_was_late_before_the_round_is_not_late_in_it() -> None:
    def text(*counts: int) -> str:
        pairs = zip(("0.001", "0.005", "0.015", "0.05", "+Inf"), counts, strict=True)
        lines = "".join(f'faust_cdc_event_loop_late_seconds_bucket{{le="{le}"}} {count}\n' for le, count in pairs)
        return f"faust_cdc_event_loop_pause_seconds_max 0.04\n{lines}"

    before = text(5, 8, 8, 9, 9)
    assert stages.pauses(text(25, 30, 30, 31, 31), "c1", before)["worst pause of the loop"] == 0.005
    assert stages.pauses(text(25, 30, 31, 32, 32), "c1", before)["worst pause of the loop"] == 0.015
    assert stages.pauses(text(25, 30, 31, 34, 34), "c1", before)["worst pause of the loop"] == 0.04, (
        "the gauge is exact"
    )
    assert stages.pauses(text(25, 30, 30, 31, 32), "c1", before)["worst pause of the loop"] == 0.04
    assert stages.pauses(before, "c1", before)["worst pause of the loop"] == 0.04, "no look in it"
    assert stages.pauses(before, "c1")["worst pause of the loop"] == 0.04


def test_stages_are_read_from_the_workers_metrics() -> None:
    text = """# TYPE faust_cdc_stage_seconds histogram
faust_cdc_stage_seconds_bucket{connector="c1",task="0",stage="broker",le="0.001"} 90
faust_cdc_stage_seconds_bucket{connector="c1",task="0",stage="broker",le="0.01"} 98
faust_cdc_stage_seconds_bucket{connector="c1",task="0",stage="broker",le="+Inf"} 100
faust_cdc_stage_seconds_sum{connector="c1",task="0",stage="broker"} 0.5
faust_cdc_stage_seconds_count{connector="c1",task="0",stage="broker"} 100
faust_cdc_stage_seconds_count{connector="c2",task="0",stage="broker"} 7
faust_cdc_records_total{connector="c1"} 5
"""
    ((name, stage),) = stages.parse(text, "c1").items()
    assert name == ("stage", "broker")
    assert (stage.sum_s, stage.count) == (0.5, 100)
    assert [stage.percentile(at) for at in (50, 95, 99)] == [0.001, 0.01, 0.01]
