"""The demo's eyes: reads the topics and prints each change, and a summary line per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.oracle.invariants import readable, row_fields, show
from tests.oracle.topics import AvroDecoder, LiveReader, RawRecord, changes

OPS = {"c": "create", "u": "update", "d": "delete", "r": "read"}
POLL_S = 0.02


class Watcher:
    """Reads new records and shows them."""

    def __init__(self, bootstrap: str, registry_url: str, prefix: str, quiet: bool) -> None:
        self._quiet = quiet
        self._reader = LiveReader(bootstrap, prefix)
        self._decoder = AvroDecoder(registry_url)
        self._latencies_ms: list[float] = []
        self._second: list[float] = []
        self._second_records = 0
        self._last_line = time.monotonic()
        self.snapshot_records = 0
        self.streamed = 0

    def close(self) -> None:
        self._reader.close()

    def watch(self, limit: int | None, timeout_s: float | None, check: Callable[[], None]) -> None:
        """Show changes until `limit` streamed ones (for ever without); `check` may raise."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while limit is None or self.streamed < limit:
            check()
            if deadline is not None and time.monotonic() > deadline:
                print(f"  gave up after {timeout_s:.0f} s with {self.streamed} of {limit} changes")
                return
            for record, key, value in changes(self._reader.poll(POLL_S), self._decoder):
                self._show(record, key, value)
            if time.monotonic() - self._last_line >= 1:
                self._line()

    def summary(self) -> str:
        """Return what was seen in all."""
        return (
            f"{self.snapshot_records} snapshot rows, {self.streamed} streamed changes, "
            f"latency commit → reader P50 {_percentile(self._latencies_ms, 50):.0f} ms, "
            f"P99 {_percentile(self._latencies_ms, 99):.0f} ms"
        )

    def _show(self, record: RawRecord, key: Any, value: Any) -> None:
        self._second_records += 1
        if value is None:
            return
        source = value["source"]
        if value["op"] == "r":
            self.snapshot_records += 1
            latency = ""
        else:
            self.streamed += 1
            ms = _latency_ms(value)
            latency = ""
            if ms is not None:
                self._latencies_ms.append(ms)
                self._second.append(ms)
                latency = f"{ms:5.0f} ms"
        if self._quiet:
            return
        where = source["gtid"] or f"{source['file']}:{source['pos']}"
        name = record.topic.rsplit(".", 1)[1]
        keys = ",".join(str(show(part)) for part in (key or {}).values())
        print(
            f"{OPS.get(value['op'], value['op']):6} {name}[{keys}] {self._difference(record, value)}  {where} {latency}"
        )

    def _difference(self, record: RawRecord, value: Mapping[str, Any]) -> str:
        assert record.value is not None
        fields = row_fields(self._decoder.schema(record.value))
        before, after = value["before"], value["after"]

        def text(row: Mapping[str, Any], field: Mapping[str, Any]) -> str:
            return str(show(readable(row[field["name"]], field["type"])))

        if before is not None and after is not None:
            return ", ".join(
                f"{f['name']}: {text(before, f)} → {text(after, f)}"
                for f in fields
                if before[f["name"]] != after[f["name"]]
            )
        row = after if after is not None else before
        assert row is not None
        return ("" if after is not None else "gone: ") + ", ".join(f"{f['name']}={text(row, f)}" for f in fields[1:5])

    def _line(self) -> None:
        elapsed = time.monotonic() - self._last_line
        lag = self._second[-1] if self._second else 0
        print(
            f"── {self._second_records / elapsed:6.0f} records/s   lag {lag:.0f} ms   "
            f"P99 {_percentile(self._second, 99):.0f} ms   {self.streamed} changes so far"
        )
        self._second, self._second_records, self._last_line = [], 0, time.monotonic()


def _latency_ms(value: Mapping[str, Any]) -> float | None:
    """Milliseconds from the change to now; None where the source gives whole seconds only (MariaDB).

    New orders carry the microsecond they were written in, which is as good as a commit time here.
    """
    now_us = time.time() * 1_000_000
    after = value["after"]
    if value["op"] == "c" and after is not None and "ordered_at" in after:
        return max(0.0, float(now_us - after["ordered_at"]) / 1000)
    ts_us: int = value["source"]["ts_us"]
    return None if ts_us % 1_000_000 == 0 else max(0.0, float(now_us - ts_us) / 1000)


def _percentile(values: list[float], percent: float) -> float:
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
