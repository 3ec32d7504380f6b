"""Stages of single batches and commits; on a real run see `test_stages_live`."""

from __future__ import annotations

import time

import pytest

from faust_cdc.pipeline.stages import TOTAL, WAY, Stages


def batch(stages: Stages, ended: int, busy_s: float = 0.0, source_age_s: float = 0.5) -> None:
    stages.asked()
    stages.began()
    until = time.perf_counter() + busy_s
    while time.perf_counter() < until:
        pass
    stages.produced(0.0001, 0.0001)
    if ended:
        stages.ended(ended, time.time_ns() // 1000 - int(source_age_s * 1e6))
    stages.done()


def commit(stages: Stages) -> None:
    now = time.perf_counter()
    stages.committed(now, now + 0.002, now + 0.003, 0.001)


def sums(stages: Stages) -> dict[str, float]:
    return {stage: histogram.sum_s for stage, histogram in stages.latency.items()}


def test_every_source_transaction_is_counted_once_in_each_stage() -> None:
    stages = Stages()
    for ended in (3, 0, 1, 40):
        batch(stages, ended)
    assert {histogram.count for histogram in stages.latency.values()} == {0}, "before the commit"
    commit(stages)
    batch(stages, 2)
    commit(stages)
    commit(stages)
    assert {histogram.count for histogram in stages.latency.values()} == {46}
    assert stages.cpu["encode"].count == stages.cpu["read"].count == 5
    assert stages.cpu["commit"].count == 3


def test_the_stages_add_up_to_the_total() -> None:
    stages = Stages()
    for ended in (0, 0, 1):  # one large transaction in three batches
        batch(stages, ended, busy_s=0.02)
    commit(stages)
    found = sums(stages)
    assert sum(found[stage] for stage in WAY) == pytest.approx(found[TOTAL], abs=1e-6)
    assert found["decode"] + found["encode"] >= 0.059
    assert found["broker"] == pytest.approx(0.002)
    assert found["commit"] == pytest.approx(0.001)


def test_a_pause_is_waiting_and_a_commit_within_a_batch_is_not_transcoding() -> None:
    stages = Stages()
    started = time.perf_counter()
    stages.asked()
    stages.began()
    time.sleep(0.05)
    stages.paused(0.05)
    stages.ended(1, time.time_ns() // 1000 - 1_000_000)
    began = time.perf_counter()
    time.sleep(0.05)
    committed_s = time.perf_counter() - began
    stages.committed(began, began + 0.01, began + committed_s, 0.0)
    stages.ended(1, time.time_ns() // 1000 - 1_000_000)
    stages.done()
    all_s = time.perf_counter() - started
    commit(stages)
    found = sums(stages)
    assert found["wait"] >= 0.05
    assert found["decode"] + found["encode"] <= all_s - 0.05 - committed_s + 1e-6


def test_waiting_for_a_server_is_no_pause() -> None:
    stages = Stages()
    stages.asked()
    stages.began()
    time.sleep(0.4)  # the rest of the event comes
    stages.decoded(waited=True)
    stages.done()
    stages.asked()
    stages.began()
    stages.decoded()
    time.sleep(0.4)  # a registry answers
    stages.done()
    assert stages.pause_max.value() < 0.35
    assert stages.cpu["encode"].count == 2


@pytest.mark.parametrize("decoded", [False, True])
def test_what_keeps_the_thread_from_getting_on_is_a_pause(decoded: bool) -> None:
    stages = Stages()
    stages.asked()
    stages.began()
    time.sleep(0.05)
    if decoded:
        stages.decoded()
    stages.done()
    assert stages.pause_max.value() > 0.045


def test_the_oldest_transaction_that_waits_is_known() -> None:
    stages = Stages()
    assert stages.oldest_source_us == 0
    batch(stages, 1, source_age_s=500.0)
    batch(stages, 1, source_age_s=1.0)
    assert 499.0 < time.time() - stages.oldest_source_us / 1e6 < 600.0
    assert stages.behind_s < 0
    commit(stages)
    assert stages.oldest_source_us == 0
    assert 1.0 <= stages.behind_s < 60.0, "the last one's"
    assert time.time() - 60 < stages.last_at <= time.time()


def test_a_transaction_of_which_nothing_is_written_has_no_stages() -> None:
    stages = Stages()
    stages.asked()
    stages.began()
    stages.passed(time.time_ns() // 1000 - 5_000_000)
    stages.done()
    commit(stages)
    assert {histogram.count for histogram in stages.latency.values()} == {0}
    assert stages.oldest_source_us == 0
    assert 5.0 <= stages.behind_s < 60.0


def test_the_time_of_a_snapshot_is_no_source_transactions() -> None:
    stages = Stages()
    stages.produced(100.0, 10.0)
    stages.paused(100.0)
    stages.forget()
    commit(stages)
    batch(stages, 1)
    commit(stages)
    assert sums(stages)[TOTAL] < 60


def test_a_source_clock_that_is_ahead_makes_no_negative_time() -> None:
    stages = Stages()
    batch(stages, 1, source_age_s=-100.0)
    commit(stages)
    assert all(value >= 0 for value in sums(stages).values())


def test_the_encoders_share_is_what_it_was_seen_to_take() -> None:
    stages = Stages()
    first = 0.0, 0.0
    for number in range(20):
        stages.asked()
        stages.began()
        began = time.perf_counter()
        while time.perf_counter() - began < 0.01:
            pass
        stages.done(encode_s=(time.perf_counter() - began) / 4)
        if number == 0:  # of which the share was guessed
            first = stages.cpu["encode"].sum_s, stages.cpu["decode"].sum_s
    encode_s, decode_s = (
        stages.cpu[stage].sum_s - before for stage, before in zip(("encode", "decode"), first, strict=True)
    )
    assert 0 < encode_s < 0.6 * decode_s, "a quarter"
