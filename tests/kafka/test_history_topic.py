"""The schema history's producer holds no more than it may, and says so when nobody takes it."""

from __future__ import annotations

import pytest

from faust_cdc.errors import BrokerUnavailable
from faust_cdc.kafka import history_topic
from faust_cdc.kafka.history_topic import HistoryTopic
from faust_cdc.kafka.queue_bounds import RECORD_BYTES_MAX

NOBODY = {"bootstrap.servers": "127.0.0.1:9", "log_level": "0"}
LINE = "x" * 100_000


def fill(store: HistoryTopic, most: int) -> int:
    """Append until there is no room; return how many lines there was room for."""
    count = 0

    def append() -> None:
        nonlocal count
        while count < most:
            store.append(LINE)
            count += 1

    with pytest.raises(BrokerUnavailable) as full:
        append()
    assert f"waits for room in its queue: {count} lines were not acknowledged by h" in full.value.message
    return count


@pytest.mark.parametrize(
    ("producer", "bound"), [({}, history_topic.QUEUE_BYTES), ({"queue.buffering.max.kbytes": "2000"}, 2_048_000)]
)
def test_lines_that_nobody_takes_are_bounded(
    monkeypatch: pytest.MonkeyPatch, producer: dict[str, str], bound: int
) -> None:
    monkeypatch.setattr(history_topic, "FLUSH_S", 0.3)
    store = HistoryTopic(NOBODY, "h", "p", producer=producer)
    held = fill(store, 1000) * len(LINE)
    assert bound - RECORD_BYTES_MAX < held < bound + RECORD_BYTES_MAX
    store.close()
