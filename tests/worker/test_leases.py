"""Slots: the same in every process and version, and spread over the workers."""

from collections import Counter

from faust_cdc.worker.leases import slot_of


def test_slots_never_change() -> None:
    """Workers of two versions must agree, so these numbers are a contract (CRC-32 as gzip computes it, modulo 64)."""
    assert [slot_of(name, 64) for name in ("shop", "inventory", "ünï", "a/b%")] == [34, 54, 42, 5]


def test_connectors_spread_over_slots() -> None:
    slots = Counter(slot_of(f"connector-{number}", 64) for number in range(6400))
    assert len(slots) == 64
    assert max(slots.values()) < 200
