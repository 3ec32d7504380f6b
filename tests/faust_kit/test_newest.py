"""Of a topic that only its newest records count of, a fetch hands on no other."""

from __future__ import annotations

from dataclasses import dataclass

from faust_cdc_schemas.faust_kit.read_committed import newest_of_each_key


@dataclass(frozen=True)
class Fetched:
    key: bytes
    offset: int


def test_the_newest_record_of_each_key_in_the_order_of_the_partition() -> None:
    keys = [b"a", b"b", b"a", b"c", b"b", b"a", b"d"]
    fetched = [Fetched(key, 10 + 2 * place) for place, key in enumerate(keys)]
    assert newest_of_each_key(fetched) == [fetched[place] for place in (3, 4, 5, 6)]
    assert newest_of_each_key([]) == []
