"""The state machine, fed with records as Confluent's registry writes them."""

import json

import pytest

from faust_cdc.registry.compatibility import CompatibilityLevel
from faust_cdc.registry.records import LogRecord, config_record, delete_subject_record, schema_record, schema_value
from faust_cdc.registry.store import SchemaStore


def fed(*records: LogRecord) -> SchemaStore:
    store = SchemaStore()
    for record in records:
        store.apply(record)
    return store


def put(subject: str, version: int, schema_id: int, schema: str = '"int"') -> LogRecord:
    return schema_record(subject, version, schema_value(subject, version, schema_id, schema))


def test_our_records_are_confluents_byte_for_byte() -> None:
    assert put("s", 1, 3) == (
        b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}',
        b'{"subject":"s","version":1,"id":3,"schema":"\\"int\\"","deleted":false}',
    )
    assert config_record(None, "FULL") == (
        b'{"keytype":"CONFIG","subject":null,"magic":0}',
        b'{"compatibilityLevel":"FULL"}',
    )
    assert delete_subject_record("s", 4) == (
        b'{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}',
        b'{"subject":"s","version":4}',
    )


def test_confluents_own_records_are_read_whatever_their_order_and_extras() -> None:
    store = fed(
        LogRecord(b'{"magic":0,"subject":null,"keytype":"CONFIG"}', b'{"compatibilityLevel":"FORWARD"}'),
        LogRecord(b'{"keytype":"NOOP","magic":0}', None),
        LogRecord(
            b'{"magic":1,"version":1,"subject":"p","keytype":"SCHEMA"}',
            b'{"deleted":false,"schema":"syntax","schemaType":"PROTOBUF","references":[{"name":"n","subject":"s",'
            b'"version":1}],"id":9,"version":1,"subject":"p","guid":"g","ts":1}',
        ),
        LogRecord(b'{"keytype":"MODE","subject":"p","magic":0}', b'{"mode":"READONLY"}'),
        LogRecord(b'{"keytype":"CONTEXT","tenant":"t","context":"c","magic":0}', b"{}"),
    )
    assert store.skipped_count == 0
    assert store.effective_level("p") is CompatibilityLevel.FORWARD
    assert store.effective_mode("p") == "READONLY"
    (version,) = store.versions("p")
    assert (version.schema_type, version.schema_id, len(version.references)) == ("PROTOBUF", 9, 1)
    assert store.next_id == 10


def test_an_id_belongs_to_one_schema() -> None:
    store = fed(put("a", 1, 1), put("b", 1, 1, '"long"'), put("c", 1, 1))
    assert store.subjects() == ["a", "c"]
    assert store.skipped_count == 1
    assert store.id_of('"int"') == 1
    assert store.id_of('"long"') is None


def test_soft_delete_keeps_the_id_and_a_tombstone_takes_it() -> None:
    store = fed(put("s", 1, 1), put("s", 2, 2, '"long"'), delete_subject_record("s", 1))
    assert [v.version for v in store.versions("s")] == [2]
    assert [v.version for v in store.versions("s", deleted=True)] == [1, 2]
    assert store.by_id(1)[0].deleted
    store.apply(schema_record("s", 1, None))
    assert store.by_id(1) == []
    assert store.id_of('"int"') is None
    assert store.next_id == 3
    store.apply(schema_record("s", 1, None))
    assert store.skipped_count == 0


def test_a_record_replaces_its_version() -> None:
    store = fed(put("s", 1, 1), put("s", 1, 2, '"long"'))
    assert [(v.version, v.schema_id) for v in store.versions("s")] == [(1, 2)]
    assert store.by_id(1) == []
    deleted = json.loads(put("s", 1, 2, '"long"').value or b"") | {"deleted": True}
    store.apply(schema_record("s", 1, deleted))
    assert store.subjects() == []
    assert store.subjects(deleted=True) == ["s"]


def test_levels_come_and_go() -> None:
    store = fed(config_record("s", "FULL"), config_record(None, "none"))
    assert store.effective_level("s") is CompatibilityLevel.FULL
    assert store.effective_level("t") is CompatibilityLevel.NONE
    store.apply(config_record("s", None))
    store.apply(config_record(None, None))
    assert store.effective_level("s") is CompatibilityLevel.BACKWARD


@pytest.mark.parametrize(
    "record",
    [
        LogRecord(b"", b"{}"),
        LogRecord(b"\xff", b"{}"),
        LogRecord(b"[]", b"{}"),
        LogRecord(b'{"keytype":7}', b"{}"),
        LogRecord(b'{"keytype":"SCHEMA","subject":"s","magic":1}', b"{}"),
        LogRecord(b'{"keytype":"SCHEMA","version":1,"magic":1}', b"{}"),
        LogRecord(b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}', b"{}"),
        LogRecord(b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}', b"nonsense"),
        LogRecord(b'{"keytype":"CONFIG","subject":null,"magic":0}', b'{"compatibilityLevel":"SIDEWAYS"}'),
        LogRecord(b'{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}', b"{}"),
        LogRecord(b'{"keytype":"MODE","subject":null,"magic":0}', b"{}"),
        put(":.ctx:s", 1, 1),
    ],
)
def test_what_is_not_understood_is_counted_and_changes_nothing(record: LogRecord) -> None:
    store = fed(put("s", 1, 1), record)
    assert store.skipped_count == 1
    assert store.subjects() == ["s"]
    assert store.id_max == 1
