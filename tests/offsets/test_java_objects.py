"""Java's serialised keys against the bytes of a JVM (17; `data/MakeKeys.java` made `data/java_keys.txt`)."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.errors import FatalError
from faust_cdc.offsets.incremental import CollectionMember, IncrementalMembers, without_incremental
from faust_cdc.offsets.java_objects import JavaValue, Key, NotUnderstood, read_key
from faust_cdc.offsets.java_writer import write_key
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import (
    KeyRange,
    SnapshotKind,
    SnapshotProgress,
    SnapshotState,
    TableProgress,
    TableState,
)
from faust_cdc.snapshot.taken_over import bound_of, java_key_of, members_of, progress_of

DATA = Path(__file__).parent / "data"
VECTORS = dict(line.split(" ") for line in (DATA / "java_keys.txt").read_text().splitlines())


def values(type_: str, *each: object) -> Key:
    return tuple(JavaValue(type_, one) for one in each)


EXPECTED: dict[str, Key | None] = {
    "null": None,
    "empty": (),
    "nulls": (None, None),
    "bytes": values("Byte", -128, 127),
    "shorts": values("Short", -32768, 32767),
    "integers": values("Integer", 101, -1, -(2**31), 2**31 - 1),
    "longs": values("Long", 0, -(2**63), 2**63 - 1),
    "mixed": (JavaValue("Integer", 1), JavaValue("Long", 2), JavaValue("String", "x"), JavaValue("Integer", 3)),
    "floats": values("Float", 1.5, -0.0),
    "doubles": values("Double", 0.1, -1e300),
    "booleans": values("Boolean", True, False),
    "strings": values("String", "", "héllo €", "\0x", "😀", "a'b\\c"),
    "repeated": values("String", "twice", "twice"),
    "long-string": values("String", "z" * 70_000),
    "binary": values("byte[]", b"", b"\x00\xff\x01", bytes(300)),
    "big-integers": values("BigInteger", 0, 1, -1, 2**64 - 1, -(2**127)),
    "big-decimals": values(
        "BigDecimal",
        *map(
            Decimal,
            ("0", "0.00", "-123.450", "18446744073709551615", "9" * 35 + "." + "9" * 30),
        ),
    ),
    "sql-dates": values("java.sql.Date", 0, 1709164800000, -86400000),
    "sql-times": values("java.sql.Time", 0, 45296000),
    "sql-timestamps": values("java.sql.Timestamp", (0, 0), (1709210096000, 123456000), (-1000, 0)),
    "local-dates": values("LocalDate", date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)),
    "local-times": values(
        "LocalTime",
        (time(0), 0),
        (time(23), 0),
        (time(12, 34), 0),
        (time(12, 34, 56), 0),
        (time(12, 34, 56), 123456000),
        (time(0), 1000),
    ),
    "local-date-times": values(
        "LocalDateTime", (datetime(2024, 2, 29), 0), (datetime(2024, 2, 29, 12, 34, 56), 123456000)
    ),
    "durations": values("Duration", (0, 0), (-3020399, 1000), (45296, 0)),
    "instants": values("Instant", (0, 0), (1709210096, 123456000), (-1, 0)),
    "pair": (JavaValue("String", "x"), JavaValue("Integer", 101)),
    "everything": (
        JavaValue("Integer", 1),
        JavaValue("Long", 2),
        JavaValue("BigDecimal", Decimal("3.0")),
        JavaValue("BigInteger", 4),
        JavaValue("byte[]", b"\x05"),
        JavaValue("LocalDate", date(2024, 1, 1)),
        JavaValue("java.sql.Date", 0),
        JavaValue("Instant", (0, 0)),
        JavaValue("BigDecimal", Decimal(6)),
    ),
}
WRITTEN_ELSEWISE = {"repeated"}
"""One String object twice is written once by Java; two that are equal twice, which nobody can tell from the value."""


def test_every_vector_has_its_value() -> None:
    assert EXPECTED.keys() == VECTORS.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_jvms_bytes_are_read_and_written(name: str) -> None:
    key = read_key(VECTORS[name])
    assert key == EXPECTED[name]
    assert repr(key) == repr(EXPECTED[name])  # digits of decimals, signs of zeros
    if name in WRITTEN_ELSEWISE:
        assert read_key(write_key(key)) == key
    else:
        assert write_key(key) == VECTORS[name]


@given(st.data())
def test_broken_bytes_are_refused_and_nothing_else(data: st.DataObject) -> None:
    good = bytearray.fromhex(VECTORS[data.draw(st.sampled_from(sorted(VECTORS.keys() - {"long-string"})))])
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    for broken in (good, good[:cut]):
        with suppress(NotUnderstood):
            read_key(broken.hex())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("xyz", "it is no hexadecimal text"),
        ("00", "it does not begin as Java's"),
        ("aced0005", "it ends in the middle"),
        ("aced00057070", "more follows"),
        ("aced0005740001" + b"x".hex(), "it is no Object[]"),
        ("aced000571007e0000", "it refers to a value that is not there"),
        ("aced0005737200116a6176612e7574696c2e48617368536574ba44859596b8b7340300007870770c000000103f40000000000000"
         "78", "it is no Object[]"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(text: str, said: str) -> None:
    with pytest.raises(NotUnderstood, match=re.escape(said)):
        read_key(text)


HEAD = "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000002740001787372"
INTEGER = (
    "00116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c7565787200106a6176612e6c616e672e4e756d"
)
RECORDED = {
    "ts_sec": 1795230374,
    "incremental_snapshot_correlation_id": "sig-1",
    "incremental_snapshot_maximum_key": f"{HEAD}{INTEGER}62657286ac951d0b94e08b020000787000000065",
    "incremental_snapshot_primary_key": "aced000570",
    "incremental_snapshot_collections": '[{"incremental_snapshot_collections_id":"gold.pk2",'
    '"incremental_snapshot_collections_additional_condition":null,"incremental_snapshot_collections_surrogate_key":null}'
    ',{"incremental_snapshot_collections_id":"gold.defs","incremental_snapshot_collections_additional_condition":null,'
    '"incremental_snapshot_collections_surrogate_key":null}]',
}
"""Members of an offset that Debezium 3.6.1 wrote."""


def test_a_recorded_offset() -> None:
    members = IncrementalMembers.parse(RECORDED, "c")
    assert members == IncrementalMembers(
        (CollectionMember("gold.pk2"), CollectionMember("gold.defs")),
        None,
        (JavaValue("String", "x"), JavaValue("Integer", 101)),
        "sig-1",
    )
    assert members is not None
    assert members.members() == {name: text for name, text in RECORDED.items() if name != "ts_sec"}
    assert without_incremental(RECORDED) == {"ts_sec": 1795230374}
    assert IncrementalMembers.parse({"ts_sec": 1}, "c") is None
    snapshot, tables = progress_of(members, "c", 5)
    assert (snapshot.id, snapshot.tables) == ("sig-1", (TableId("gold", "pk2"), TableId("gold", "defs")))
    assert [table.state for table in tables] == [TableState.PENDING] * 2


def test_a_table_that_has_begun_goes_on_behind_its_last_key() -> None:
    condition = json.dumps(
        [
            {
                "incremental_snapshot_collections_id": "gold.pk2",
                "incremental_snapshot_collections_additional_condition": "a > 1",
                "incremental_snapshot_collections_surrogate_key": "",
            }
        ]
    )
    done = {"incremental_snapshot_primary_key": RECORDED["incremental_snapshot_maximum_key"]}
    members = IncrementalMembers.parse({**RECORDED, **done, "incremental_snapshot_collections": condition}, "c")
    assert members is not None
    _, (table,) = progress_of(members, "c", 5)
    assert (table.state, table.planned_to, table.condition) == (TableState.RUNNING, ("_utf8mb4 x'78'", "101"), "a > 1")
    assert table.surrogate_key is None
    unclear = IncrementalMembers((CollectionMember("a.b"),), values("java.sql.Timestamp", (0, 0)))
    assert progress_of(unclear, "c", 5)[1][0].planned_to is None


def test_keys_as_literals() -> None:
    key = (
        JavaValue("BigDecimal", Decimal("-1.50")),
        JavaValue("String", ""),
        JavaValue("byte[]", b"\x00\xff"),
        JavaValue("LocalDate", date(2024, 2, 29)),
        JavaValue("BigInteger", 2**64 - 1),
    )
    assert bound_of(key) == ("-1.50", "_utf8mb4 x''", "_binary x'00FF'", "'2024-02-29'", "18446744073709551615")
    assert bound_of((None,)) is None
    assert bound_of(()) is None
    assert bound_of(values("String", "\ud800")) is None


@pytest.mark.parametrize(
    ("bound", "key"),
    [
        (("-1.50", "_utf8mb4 x''", "_binary x'00FF'", "'2024-02-29'"),
         (JavaValue("BigDecimal", Decimal("-1.50")), JavaValue("String", ""), JavaValue("byte[]", b"\x00\xff"),
          JavaValue("LocalDate", date(2024, 2, 29)))),
        (("_latin1 x'E9'", "-2147483648", "2147483648"),
         (JavaValue("String", "é"), JavaValue("Integer", -(2**31)), JavaValue("Long", 2**31))),
        (("9223372036854775808",), values("BigInteger", 2**63)),
        (("'2024-02-29 12:00:00'",), None),
        (("'0000-00-00'",), None),
        (("_utf8mb4 x'FF'",), None),
    ],
)  # fmt: skip
def test_literals_as_keys(bound: tuple[str, ...], key: Key | None) -> None:
    assert java_key_of(bound) == key


def test_what_an_offset_tells_of_a_snapshot_of_ours() -> None:
    a, b, c = (TableId("d", name) for name in "abc")
    snapshot = SnapshotProgress("s", SnapshotKind.INCREMENTAL, tables=(a, b, c))
    reading = TableProgress(
        b,
        TableState.RUNNING,
        planned_to=("30",),
        open_ranges=(KeyRange(("10",), ("20",)), KeyRange(("20",), ("30",))),
        condition="v > 1",
        key="`id` integer",
        last_key=("99",),
    )
    tables = {a: TableProgress(a, TableState.COMPLETED), b: reading}
    members = IncrementalMembers.parse(members_of(snapshot, tables), "c")
    assert members == IncrementalMembers(
        (CollectionMember("d.b", "v > 1"), CollectionMember("d.c")), values("Integer", 10), values("Integer", 99), "s"
    )
    behind = replace(reading, open_ranges=())
    members = IncrementalMembers.parse(members_of(snapshot, {**tables, b: behind}), "c")
    assert members is not None
    assert members.primary_key == values("Integer", 30)
    backwards = replace(reading, key="`id` integer DESC")
    members = IncrementalMembers.parse(members_of(snapshot, {**tables, b: backwards}), "c")
    assert members is not None
    assert (members.primary_key, members.maximum_key) == (None, None)
    assert members_of(replace(snapshot, state=SnapshotState.COMPLETED), tables) == {}
    done = {one: TableProgress(one, TableState.SKIPPED) for one in (a, b, c)}
    assert members_of(snapshot, done) == {}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("incremental_snapshot_collections", "["),
        ("incremental_snapshot_collections", 5),
        ("incremental_snapshot_collections", '[{"id":"a.b"}]'),
        ("incremental_snapshot_collections", '[{"incremental_snapshot_collections_id":5}]'),
        ("incremental_snapshot_primary_key", "aced0005"),
        ("incremental_snapshot_maximum_key", 5),
        ("incremental_snapshot_correlation_id", 5),
    ],
)
def test_members_that_are_not_understood_are_refused_with_the_remedy(member: str, value: object) -> None:
    with pytest.raises(FatalError, match=member) as refused:
        IncrementalMembers.parse({**RECORDED, member: value}, "Connector c")
    assert "Connector c: the offset tells of an incremental snapshot" in str(refused.value)
    assert "signal the snapshot again" in str(refused.value)
