"""What is no signal, on channels that have no id for it: log and notification name it, and the next one is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from faust_cdc.kafka.topics import TopicSpec, ensure_topics
from tests.harness.connectors import connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.topics import AvroDecoder, TopicReader, changes

pytestmark = pytest.mark.integration

BAD = {
    "{'type': 'log'": "a signal is a JSON object, found",
    '["log"]': "a signal is a JSON object with type and data, found",
    '{"id": "x"}': "a signal has a 'type' that is a text, found None",
    '{"type": "log", "data": 7}': "the 'data' of a signal is an object, found 7",
    '{"type": "log", "id": {}}': "the 'id' of a signal is a text, found {}",
    '{"type": "log", "data": "{"}': "is not taken: its data is not JSON",
    '{"type": "lock"}': "its type is not known, expected one of",
}
"""Text → what the log and the reason of a notification say of it, once for each channel."""


def test_what_is_no_signal_harms_nothing(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", mysql_database)
    name, file = f"s{uuid4().hex[:8]}", tmp_path / "signals.txt"
    ensure_topics({"bootstrap.servers": kafka.bootstrap}, [TopicSpec(f"{name}-signal", 1)])
    config: dict[str, Any] = connector_config(
        mysql,
        mysql_database,
        name,
        signal__enabled__channels="kafka,file",
        signal__poll__interval__ms="200",
        signal__file=str(file),
    )
    with (
        WorkerProcess(tmp_path / "worker", kafka.bootstrap, f"g{name}") as worker,
        TopicReader(kafka.bootstrap) as reader,
    ):
        worker.wait_ready()
        worker.rest("POST", "/connectors", {"name": name, "config": config})
        worker.wait_running(name)
        worker.until(lambda: worker.rest("GET", f"/connectors/{name}/offsets")["offsets"], 120, "it streams")
        hello = {way: json.dumps({"type": "log", "data": {"message": f"hello by {way}"}}) for way in ("file", "topic")}
        file.write_text("".join(f"{line}\n" for line in (*BAD, hello["file"])))
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        for line in (*BAD, hello["topic"]):
            producer.produce(f"{name}-signal", line, name)
        producer.produce(f"{name}-signal", b"\xff\xfe", name)
        producer.produce(f"{name}-signal", json.dumps({"type": "log", "data": {"message": "the last"}}), name)
        assert producer.flush(60) == 0
        words = ("hello by file", "hello by topic", "the last")
        worker.until(lambda: all(one in worker.log_file.read_text() for one in words), 120, "the good signals")
        mysql.execute("INSERT INTO t VALUES (2)", mysql_database)
        decoder, keys = AvroDecoder(worker.registry_url), list[Any]()

        def is_there() -> bool:
            keys.extend(key for _, key, _ in changes(reader.read_new([f"{name}.{mysql_database}.t"]), decoder))
            return {"id": 2} in keys

        worker.until(is_there, 120, "the stream")
        assert worker.task_state(name) == "RUNNING"
        told = worker.rest("GET", f"/connectors/{name}/notifications")["notifications"]
        said = worker.log_file.read_text()
    reasons = [one["additional_data"]["reason"] for one in told if one["type"] == "REFUSED"]
    assert len(reasons) == 2 * len(BAD) + 1
    bytes_ = f"record {len(BAD) + 1} of {name}-signal is no signal: a signal is a JSON object, found"
    assert sum(bytes_ in one for one in reasons) == 1
    named = {text.partition("is not taken: ")[2] or text for text in BAD.values()}
    assert all(sum(text in one for one in reasons if bytes_ not in one) == 2 for text in named)
    assert bytes_ in said
    said = said.replace(bytes_, "")
    assert {reason: said.count(reason) for reason in BAD.values()} == dict.fromkeys(BAD.values(), 2)
    assert f"a line of {file} is no signal" in said
