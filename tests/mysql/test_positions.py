"""Positions and GTID sets as values."""

import random

import pytest

from faust_cdc.errors import ConfigError
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet

A = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
B = "00000000-71ca-11e1-9e33-c80aa9429562"


def test_positions_are_ordered_by_number() -> None:
    ordered = [
        BinlogPosition("binlog.000009", 900),
        BinlogPosition("binlog.000010", 4),
        BinlogPosition("binlog.000010", 5),
        BinlogPosition("binlog.999999", 5),
        BinlogPosition("binlog.1000000", 4),
    ]
    shuffled = ordered.copy()
    random.Random(1).shuffle(shuffled)
    assert sorted(shuffled) == ordered
    assert max(shuffled) is ordered[-1]
    assert ordered[0] < ordered[1] <= ordered[1]
    assert ordered[2] > ordered[1] >= ordered[1]
    assert BinlogPosition("a", 1) == BinlogPosition("a", 1)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        (f"{A}:1", f"{A}:1"),
        (f"{A.upper()}:1-3:5", f"{A}:1-3:5"),
        (f"{A}:5:1-3:4", f"{A}:1-5"),
        (f"{A}:1-5:3-9:20", f"{A}:1-9:20"),
        (f"{A}:1,\n{B}:7-8", f"{B}:7-8,{A}:1"),
        (f"{A}:1,{A}:2", f"{A}:1-2"),
        (f"{A}:tag:1-9", f"{A}:tag:1-9"),
        (f"{A}:Zeta:4:1:alpha:2, {A}:7", f"{A}:7:alpha:2:zeta:1:4"),
        (f"{A}:1-9223372036854775806", f"{A}:1-9223372036854775806"),
    ],
)
def test_text_is_canonical(text: str, canonical: str) -> None:
    parsed = GtidSet.parse(text)
    assert str(parsed) == canonical
    assert GtidSet.parse(canonical) == parsed
    assert hash(GtidSet.parse(canonical)) == hash(parsed)
    assert GtidSet.decode(parsed.encode()) == parsed
    assert bool(parsed) == bool(canonical)


@pytest.mark.parametrize(
    "text", ["x", "x:1", f"{A}:0", f"{A}:5-3", f"{A}:1-", f"{A}:9223372036854775807", f"{A}:1-2-3"]
)
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a MySQL GTID set"):
        GtidSet.parse(text)


def test_owned_ones_as_a_server_shows_them() -> None:
    """MySQL 9.7: `SET gtid_next` and BEGIN in six sessions, then SELECT @@global.gtid_owned."""
    text = (
        "218ee6a3-3745-4ca3-b31a-7b89b78d1761:9#12:7#11218ee6a3-3745-4ca3-b31a-7b89b78d1761:blue:4#14:3#13"
        "218ee6a3-3745-4ca3-b31a-7b89b78d1761:red:1#15d9e3d727-7745-495d-8a93-ed5462345edc:1#16"
    )
    one, other = "218ee6a3-3745-4ca3-b31a-7b89b78d1761", "d9e3d727-7745-495d-8a93-ed5462345edc"
    assert GtidSet.parse_owned(text) == GtidSet.parse(f"{one}:7:9:blue:3-4:red:1,{other}:1")
    assert not GtidSet.parse_owned("")


def test_adding_leaves_the_old_set_alone() -> None:
    old = GtidSet.parse(f"{A}:1-3")
    new = old.add(f"{A}:4").add(f"{A}:6").add(f"{A}:5").add(f"{A.upper()}:Blue:1").add(f"{B}:1")
    assert str(old) == f"{A}:1-3"
    assert str(new) == f"{B}:1,{A}:1-6:blue:1"
    assert new.add(f"{A}:3") == new
    for bad in (A, f"{A}:", f"{A}:x", f"{A}:1-2", ":1"):
        with pytest.raises(ConfigError):
            old.add(bad)


def test_membership() -> None:
    some = GtidSet.parse(f"{A}:1-3:7:t:1")
    assert f"{A}:2" in some
    assert f"{A}:4" not in some
    assert f"{A}:t:1" in some
    assert f"{B}:1" not in some
    assert 5 not in some


def _random_set(dice: random.Random) -> tuple[GtidSet, set[tuple[str, int]]]:
    built = GtidSet()
    members: set[tuple[str, int]] = set()
    for _ in range(dice.randrange(30)):
        source = dice.choice((A, B, f"{A}:red"))
        number = dice.randrange(1, 25)
        built, members = built.add(f"{source}:{number}"), members | {(source, number)}
    return built, members


@pytest.mark.parametrize("seed", range(60))
def test_set_operations_are_those_of_sets(seed: int) -> None:
    dice = random.Random(seed)
    (left, left_members), (right, right_members) = _random_set(dice), _random_set(dice)
    union, rest = GtidSet(), GtidSet()
    for source, number in left_members | right_members:
        union = union.add(f"{source}:{number}")
    for source, number in left_members - right_members:
        rest = rest.add(f"{source}:{number}")
    assert left.union(right) == union
    assert left.subtract(right) == rest
    assert left.contains(right) == (left_members >= right_members)
    assert left.union(right).contains(left)
    assert GtidSet.decode(union.encode()) == union


def test_broken_bytes_are_value_errors() -> None:
    data = GtidSet.parse(f"{A}:1-3:7:t:1").encode()
    for cut in range(1, len(data)):
        with pytest.raises(ValueError):
            GtidSet.decode(data[:cut])
    with pytest.raises(ValueError, match="takes"):
        GtidSet.decode(data + b"\0")


def test_adding_many_transactions_is_cheap() -> None:
    executed = GtidSet.parse(f"{B}:1-5:9,{A}:1")
    for number in range(2, 50_000):
        executed = executed.add(f"{A}:{number}")
    assert str(executed) == f"{B}:1-5:9,{A}:1-49999"


def test_mariadb_keeps_the_last_transaction_of_each_domain() -> None:
    some = MariaDbGtidSet.parse("1-2-3, 0-1-10")
    assert str(some) == "0-1-10,1-2-3"
    assert str(some.add("0-7-11").add("5-1-1")) == "0-7-11,1-2-3,5-1-1"
    assert str(some) == "0-1-10,1-2-3"
    assert str(MariaDbGtidSet.parse("0-1-10,0-2-12,0-1-11")) == "0-2-12"
    assert some.contains(MariaDbGtidSet.parse("0-9-10"))
    assert not some.contains(MariaDbGtidSet.parse("0-1-11"))
    assert not some.contains(MariaDbGtidSet.parse("7-1-1"))
    assert "1-2-2" in some
    assert "1-2-4" not in some
    assert str(some.union(MariaDbGtidSet.parse("0-2-20,9-9-9"))) == "0-2-20,1-2-3,9-9-9"
    assert not MariaDbGtidSet.parse("")
    assert str(MariaDbGtidSet.parse("0-1-18446744073709551615")) == "0-1-18446744073709551615"
    assert hash(some) == hash(MariaDbGtidSet.parse("0-1-10,1-2-3"))
    for bad in ("0-1", "0-1-x", A):
        with pytest.raises(ConfigError, match="not a MariaDB GTID"):
            MariaDbGtidSet.parse(bad)
