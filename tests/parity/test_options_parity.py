"""Real Debezium 3.6.1 and we with the same options, several sets of them at once, on one server and one script.

Each set is a pair of connectors with prefixes of their own; all pairs read the same binlog.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping

import pytest

from tests.oracle.topics import AvroDecoder
from tests.parity.beside import Beside
from tests.parity.comparison import Comparison, await_as_many, await_records, read_all, read_topic
from tests.parity.differences import OPTION_DIFFERENCES

pytestmark = [pytest.mark.integration, pytest.mark.parity]

OPTION_SETS: dict[str, dict[str, str]] = {
    "none": {
        "skipped.operations": "none",
        "provide.transaction.metadata": "true",
        "include.query": "true",
        "column.exclude.list": r".*\.pairs\.a",
    },
    "cd": {"skipped.operations": "c, d", "provide.transaction.metadata": "true"},
    "u": {
        "skipped.operations": "u,t",
        "tombstones.on.delete": "false",
        "heartbeat.interval.ms": "300",
        "topic.heartbeat.prefix": "beat",
    },
    "changes": {"skip.messages.without.change": "true", "provide.transaction.metadata": "true"},
    "ct": {"skipped.operations": "c,t"},
    "columns": {
        "column.exclude.list": r".*\.people\.(extra|secret),.*\.six\.V",
        "column.mask.hash.SHA-256.with.salt.p.pper": r".*\.people\.(name|kind)",
        "column.mask.hash.v2.MD5.with.salt.größe": r".*\.people\.(mail|tags)",
        "column.mask.with.4.chars": r".*\.people\.nick",
        "column.truncate.to.12.chars": r".*\.people\.(note|born|id)",
        "column.propagate.source.type": r".*\.(pairs|people)\.(a|k|pay|n|at|v|born)",
        "datatype.propagate.source.type": r".*\.one\.(INT|varchar)",
        "include.schema.comments": "true",
        "skip.messages.without.change": "true",
    },
    "keys": {
        "message.key.columns": r" .*\.pairs:k, v ;.*\.nokey:b",
        "column.include.list": r".*\.(pairs|nokey|done)\..*,.*\.people\.(id|secret|name)",
        "column.truncate.to.2.chars": r".*\.(pairs\.k|people\.secret)",
    },
}
"""Name, which becomes a part of the prefix → options on both sides."""


def records_of_done(options: Mapping[str, str]) -> int:
    """How many records the last statements make: the snapshot's row, insert, update, delete with its tombstone."""
    made = {"c": 1, "u": 1, "d": 1 if options.get("tombstones.on.delete") == "false" else 2}
    return 1 + sum(n for op, n in made.items() if op not in options.get("skipped.operations", "t"))


def test_every_record_equals_debeziums_with_the_same_options(beside: Beside) -> None:
    beside.run_script("options_setup.sql")
    for name, options in OPTION_SETS.items():
        beside.start_theirs(f"theirs_{name}", options)
    kafka, database = beside.kafka, beside.database
    with beside.worker() as worker:
        worker.wait_ready()
        for name, options in OPTION_SETS.items():
            beside.start_ours(worker, f"ours__{name}", options)
        for name in OPTION_SETS:
            beside.await_our_snapshot(worker, f"ours__{name}")
            await_records(kafka, f"theirs_{name}.{database}.two", 2, 240)
        time.sleep(3)  # both have closed the snapshots and stream now; what they miss they read from the binlog
        beside.run_script("options_stream.sql")
        for name, options in OPTION_SETS.items():
            for prefix in ("theirs", "ours_"):
                await_records(kafka, f"{prefix}_{name}.{database}.done", records_of_done(options), 240)
        for side in ("theirs", "ours_"):
            await_records(kafka, f"beat.{side}_u", 1, 120)
        for name in OPTION_SETS:
            await_as_many(lambda name=name: (read_all(kafka, f"theirs_{name}"), read_all(kafka, f"ours__{name}")))  # type: ignore[misc]
        time.sleep(2)  # what would come too much
        beats = [read_topic(kafka, f"beat.{side}_u") for side in ("theirs", "ours_")]
        written = {prefix: read_all(kafka, prefix) for prefix in prefixes()}
    decoder, faults, explained, count = AvroDecoder(beside.apicurio.ccompat_url), [], Counter[str](), 0
    for name in OPTION_SETS:
        comparison = Comparison(decoder, f"theirs_{name}", f"ours__{name}", OPTION_DIFFERENCES)
        comparison.all(written[f"theirs_{name}"], written[f"ours__{name}"])
        print(f"\n{name}: {comparison.records} records compared, {len(comparison.faults)} unexplained differences")
        count += comparison.records
        faults += [f"{name}: {fault}" for fault in comparison.faults]
        explained += comparison.explained
    print(f"{count} records compared; explained: {dict(explained)}")
    for side, found in zip(("theirs_u", "ours__u"), beats, strict=True):
        assert {(one.partition, one.headers) for one in found} == {(0, ())}
        assert all(decoder.decode(one.key or b"") == {"serverName": side} for one in found)
        assert all(list(decoder.decode(one.value or b"")) == ["ts_ms"] for one in found)
    for part in ("key", "value"):
        left, right = (decoder.schema(getattr(found[0], part)) for found in beats)
        assert json.dumps(left) == json.dumps(right)
    queries = {decoder.decode(one.value)["source"]["query"] for one in written["theirs_none"]["one"] if one.value}
    assert {None, "INSERT INTO one VALUES (4, 'd', 4), (5, 'größe', 5)"} <= queries
    assert not faults, "\n".join(faults)
    unseen = [entry.name for entry in OPTION_DIFFERENCES if not explained[entry.name]]
    assert not unseen, f"differences listed but not seen: {unseen}"


def prefixes() -> list[str]:
    """All topic prefixes, theirs and ours."""
    return [f"{side}_{name}" for name in OPTION_SETS for side in ("theirs", "ours_")]
