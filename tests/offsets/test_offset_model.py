"""Offsets are Connect's and Debezium's bytes."""

from __future__ import annotations

import pytest

from faust_cdc.errors import FatalError
from faust_cdc.offsets import SourceOffset, SourcePartition, murmur2_partition

# Utils.murmur2 of Kafka's own UtilsTest.testMurmur2.
JAVA_MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "java_hash"), JAVA_MURMUR2.items())
def test_murmur2_is_javas(key: bytes, java_hash: int) -> None:
    for count in (1, 3, 25, 50):
        assert murmur2_partition(key, count) == (java_hash & 0x7FFFFFFF) % count


def test_partition_key_has_no_blanks_and_keeps_non_ascii() -> None:
    assert SourcePartition("größe/1", "shop").key() == '["größe/1",{"server":"shop"}]'.encode()


def test_offset_round_trip() -> None:
    offset = SourceOffset("binlog.000003", 1234, "e133d182-e557-11f1-898f-02fc00000001:1-33", 1795230266, 1)
    assert SourceOffset.from_json(offset.to_json(), "c") == offset
    assert offset.to_json() == (
        b'{"ts_sec":1795230266,"file":"binlog.000003","pos":1234,'
        b'"gtids":"e133d182-e557-11f1-898f-02fc00000001:1-33","server_id":1}'
    )


def test_debezium_offset_inside_a_transaction_is_understood() -> None:
    raw = (
        b'{"transaction_id":"e1:50","ts_sec":1795230302,"file":"binlog.000001",'
        b'"transaction_data_collection_order_gold.pk2":1,"pos":32116,"gtids":"e1:1-49","row":1,"server_id":1,"event":3}'
    )
    offset = SourceOffset.from_json(raw, "c")
    assert (offset.file, offset.pos, offset.gtids, offset.event, offset.row) == (
        "binlog.000001",
        32116,
        "e1:1-49",
        3,
        1,
    )
    assert offset.extra["transaction_id"] == "e1:50"


@pytest.mark.parametrize(
    ("raw", "marker"),
    [
        (b'{"file":"f","pos":4,"snapshot":"INITIAL"}', "INITIAL"),
        (b'{"file":"f","pos":4,"snapshot":true}', "INITIAL"),
        (b'{"file":"f","pos":4}', None),
    ],
)
def test_snapshot_marker_of_all_debezium_generations(raw: bytes, marker: str | None) -> None:
    assert SourceOffset.from_json(raw, "c").snapshot == marker


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"not json", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"pos":4}', "'file'"),
        (b'{"file":"f","pos":"x"}', "'pos' is 'x'"),
        (b'{"file":"f","pos":-1}', "'pos' is -1"),
        (b'{"file":"f","pos":4,"gtids":7}', "gtids=7"),
    ],
)
def test_a_broken_offset_is_named_and_mendable(raw: bytes, told: str) -> None:
    with pytest.raises(FatalError) as caught:
        SourceOffset.from_json(raw, "Connector shop")
    assert "Connector shop" in str(caught.value)
    assert told in str(caught.value)
    assert caught.value.remedy is not None
