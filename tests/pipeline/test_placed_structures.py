"""The structures that an initial snapshot writes down are those of its place, without a lock."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pytest

from faust_cdc.errors import TransientError
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.placed_structures import TRIES, in_parts, placed
from faust_cdc.pipeline.structure_ledger import TOGETHER
from faust_cdc.relational.model import Column, Table, TableId


def table(name: str, *columns: str) -> Table:
    return Table(TableId("shop", name), tuple(Column(one, "int", place, True) for place, one in enumerate(columns)))


class Busy:
    """A server on which a table is altered behind each of the first `changes` looks, at the next place."""

    def __init__(self, changes: int) -> None:
        self._changes, self._pos, self._looks = changes, 4, 0
        self.stood: dict[int, dict[TableId, Table]] = {}
        self._note()

    def _note(self) -> None:
        columns = [f"c{number}" for number in range(min(self._looks, self._changes) + 1)]
        self._tables = {one.id: one for one in (table("orders", *columns), table("still", "a"))}
        self.stood[self._pos] = self._tables

    def read(self) -> dict[TableId, Table]:
        found = dict(self._tables)
        self._looks += 1
        if self._looks <= self._changes:
            self._pos += 100
            self._note()
        return found

    def take(self) -> SourceOffset:
        self.stood[self._pos] = self._tables
        return SourceOffset("binlog.000001", self._pos)


@pytest.mark.parametrize("changes", [0, 1, 2, TRIES - 1])
def test_the_tables_are_those_of_the_place_though_some_change_meanwhile(changes: int) -> None:
    server = Busy(changes)
    place, tables = placed(server.take, server.read)
    assert tables == server.stood[place.pos]
    assert len(tables[TableId("shop", "orders")].columns) == changes + 1


def test_tables_that_come_and_go_are_changes_too() -> None:
    looks = iter([[table("a", "x")], [table("b", "x")], [table("b", "x")]])
    places = iter(range(100, 200, 10))

    def read() -> dict[TableId, Table]:
        return {one.id: one for one in next(looks)}

    place, tables = placed(lambda: SourceOffset("binlog.000001", next(places)), read)
    assert (place.pos, list(tables)) == (110, [TableId("shop", "b")])


def test_tables_that_never_stand_still_are_named(caplog: pytest.LogCaptureFixture) -> None:
    server = Busy(10 * TRIES)
    with caplog.at_level(logging.WARNING):
        place, tables = placed(server.take, server.read)
    assert len(tables) == 2
    (warning,) = [one.getMessage() for one in caplog.records]
    assert "the last time shop.orders: rows of theirs" in warning
    assert f"binlog.000001:{place.pos}" in warning


@pytest.mark.parametrize("reads", [1, 2, 5])
def test_a_stop_is_heard_though_tables_never_stand_still(reads: int) -> None:
    """With many tables each look takes seconds."""
    server, looks = Busy(10 * TRIES), 0

    def read() -> dict[TableId, Table]:
        nonlocal looks
        looks += 1
        return server.read()

    with pytest.raises(TransientError, match="Stopped while"):
        placed(server.take, read, should_stop=lambda: looks >= reads)
    assert looks == reads


def test_a_stop_is_heard_between_parts_of_many_tables() -> None:
    wanted, asked = [TableId("shop", f"t{number}") for number in range(3 * TOGETHER)], list[int]()

    def read(ids: Iterable[TableId]) -> dict[TableId, Table]:
        asked.append(len(list(ids)))
        return {}

    assert in_parts(read, wanted, lambda: False) == {}
    assert asked == [TOGETHER] * 3
    with pytest.raises(TransientError):
        in_parts(read, wanted, lambda: len(asked) > 4)
    assert len(asked) == 5
