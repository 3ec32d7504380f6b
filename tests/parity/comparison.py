"""Running SQL for both connectors and comparing what they wrote, record by record.

Only times of processing, versions and the topic prefix may differ; everything else is on the list in differences.py.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, topics_with_prefix
from tests.parity.defaults import row_defaults
from tests.parity.differences import MISSING, Cell, Difference

HERE = Path(__file__).parent
LEVEL_TIMEOUT_S = 120.0
"""How long two sides that have both written their last row may differ in their numbers of records."""
CONTEXT_HEADERS = {"__debezium.context.runId"}
PROCESSING_FIELDS = ("ts_ms", "ts_us", "ts_ns")


def run_script(mysql: MySqlServer, database: str, file: str) -> None:
    with mysql.admin(database) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode='STRICT_TRANS_TABLES', time_zone='+00:00'")
        for statement in (HERE / file).read_text().splitlines():
            if statement.strip():
                cursor.execute(statement.rstrip(";"))


def await_records(kafka: KafkaBroker, topic: str, count: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    with TopicReader(kafka.bootstrap) as reader:
        seen = 0
        while (seen := seen + len(reader.read_new([topic]))) < count:
            assert time.monotonic() < deadline, f"{topic}: {seen} of {count} records after {timeout_s} s"
            time.sleep(0.3)


def await_as_many(read: Callable[[], tuple[Mapping[str, list[RawRecord]], Mapping[str, list[RawRecord]]]]) -> None:
    """Wait until both sides have as many records in each topic.

    The scenario's last row says of its own topic only that all is there: another's may be seen a moment later, as may
    the end of its transaction. What stays unequal is for the comparison to tell.
    """
    deadline = time.monotonic() + LEVEL_TIMEOUT_S
    while time.monotonic() < deadline:
        theirs, ours = ({topic: len(records) for topic, records in side.items()} for side in read())
        if theirs == ours:
            return
        time.sleep(0.5)


def read_all(kafka: KafkaBroker, prefix: str) -> dict[str, list[RawRecord]]:
    """Return table → records in order; topics have one partition here."""
    with TopicReader(kafka.bootstrap) as reader:
        records = reader.read_new([*topics_with_prefix(kafka.bootstrap, prefix), f"{prefix}.transaction"])
    tables: dict[str, list[RawRecord]] = {}
    for record in records:
        assert record.partition == 0
        tables.setdefault(record.topic.rsplit(".", 1)[1], []).append(record)
    return tables


def read_topic(kafka: KafkaBroker, topic: str) -> list[RawRecord]:
    """Return all records of one topic."""
    with TopicReader(kafka.bootstrap) as reader:
        return reader.read_new([topic])


def schema_text(decoder: AvroDecoder, raw: bytes | None, prefix: str) -> str | None:
    if raw is None:
        return None
    return json.dumps(decoder.schema(raw), ensure_ascii=False).replace(prefix, "PREFIX")


def comparable(value: Any, prefix: str) -> Any:
    """Take out what may differ: versions, times of processing, the prefix."""
    if not isinstance(value, dict) or "source" not in value:
        return value
    value = {name: part for name, part in value.items() if name not in PROCESSING_FIELDS}
    source = dict(value["source"])
    source["version"] = ""
    source["name"] = source["name"].replace(prefix, "PREFIX")
    if value["op"] == "r":  # snapshot rows carry the time of the copy
        source |= dict.fromkeys(PROCESSING_FIELDS)
    return value | {"source": source}


def headers_of(record: RawRecord, prefix: str) -> list[tuple[str, str]]:
    return [
        (name, "" if name in CONTEXT_HEADERS else (value or b"").decode().replace(prefix, "PREFIX"))
        for name, value in record.headers
    ]


class Comparison:
    """Compares one table's records pairwise and collects what nothing explains."""

    def __init__(self, decoder: AvroDecoder, theirs: str, ours: str, differences: Sequence[Difference]) -> None:
        self._theirs, self._ours = theirs, ours
        self._differences = differences
        self._decoder = decoder
        self.faults: list[str] = []
        self.explained: Counter[str] = Counter()
        self.records = 0

    def all(self, theirs: dict[str, list[RawRecord]], ours: dict[str, list[RawRecord]]) -> None:
        """Compare every table of both."""
        for table in sorted(theirs.keys() | ours.keys()):
            self.table(table, theirs.get(table, []), ours.get(table, []))

    def table(self, table: str, theirs: list[RawRecord], ours: list[RawRecord]) -> None:
        if len(theirs) != len(ours):
            self.faults.append(f"{table}: {len(theirs)} records of Debezium, {len(ours)} of ours")
        for index, (their, our) in enumerate(zip(theirs, ours, strict=False)):
            self.records += 1
            self._pair(f"{table}[{index}]", table, their, our)

    def _pair(self, where: str, table: str, their: RawRecord, our: RawRecord) -> None:
        for part in ("key", "value"):
            their_raw, our_raw = getattr(their, part), getattr(our, part)
            left, right = (
                schema_text(self._decoder, their_raw, self._theirs),
                schema_text(self._decoder, our_raw, self._ours),
            )
            if left != right:
                self.faults.append(f"{where} {part} schema\n  theirs {left}\n  ours   {right}")
            left_value = None if their_raw is None else self._decoder.decode(their_raw)
            right_value = None if our_raw is None else self._decoder.decode(our_raw)
            defaults = row_defaults(self._decoder.schema(their_raw)) if their_raw is not None else {}
            self._values(f"{where} {part}", table, left_value, right_value, defaults)
        if headers_of(their, self._theirs) != headers_of(our, self._ours):
            self.faults.append(
                f"{where} headers\n  theirs {headers_of(their, self._theirs)}\n  ours   {headers_of(our, self._ours)}"
            )

    def _values(self, where: str, table: str, theirs: Any, ours: Any, defaults: Mapping[str, Any]) -> None:
        theirs, ours = comparable(theirs, self._theirs), comparable(ours, self._ours)
        if not isinstance(theirs, dict) or not isinstance(ours, dict):
            if theirs != ours:
                self.faults.append(f"{where}: theirs {theirs!r}, ours {ours!r}")
            return
        op = str(theirs.get("op", ""))
        for name in theirs.keys() | ours.keys():
            left, right = theirs.get(name), ours.get(name)
            if left == right and repr(left) == repr(right):
                continue
            if name in ("before", "after", "source") and isinstance(left, dict) and isinstance(right, dict):
                known = {} if name == "source" else defaults
                self._row(f"{where}.{name}", table if name != "source" else "source", op, left, right, known)
            else:
                self._cell(f"{where}.{name}", Cell(f"{table}.{name}", left, right, op))

    def _row(
        self, where: str, table: str, op: str, theirs: dict[str, Any], ours: dict[str, Any], defaults: Mapping[str, Any]
    ) -> None:
        for column in theirs.keys() | ours.keys():
            left, right = theirs.get(column), ours.get(column)
            if left == right and repr(left) == repr(right):
                continue
            self._cell(f"{where}.{column}", Cell(f"{table}.{column}", left, right, op, defaults.get(column, MISSING)))

    def _cell(self, where: str, cell: Cell) -> None:
        for entry in self._differences:
            if entry.explains(cell):
                self.explained[entry.name] += 1
                break
        else:
            self.faults.append(f"{where} (op {cell.op}): theirs {cell.theirs!r}, ours {cell.ours!r}")


def snapshot_is_complete(worker: WorkerProcess, name: str = "parity") -> bool:
    assert worker.task_state(name) != "FAILED", worker.rest("GET", f"/connectors/{name}/status")
    offsets = worker.rest("GET", f"/connectors/{name}/offsets")["offsets"]
    return bool(offsets) and "snapshot" not in offsets[0]["offset"]
