"""Structures are read together: each table once, the wanted one always, others only while there are some."""

from __future__ import annotations

from collections.abc import Iterable

from faust_cdc.pipeline.structures import TOGETHER, Structures
from faust_cdc.relational.model import Table, TableId

TABLES = [TableId("d", f"t{number}") for number in range(2 * TOGETHER + 50)]


class Server:
    """What a server answers, and how often it was asked."""

    def __init__(self, tables: list[TableId]) -> None:
        self.tables = tables
        self.lists = 0
        self.asked: list[list[TableId]] = []

    def list(self) -> list[TableId]:
        self.lists += 1
        return self.tables

    def read(self, ids: Iterable[TableId]) -> dict[TableId, Table]:
        self.asked.append(list(ids))
        return {table: Table(table, ()) for table in self.asked[-1] if table in self.tables}


def test_every_table_is_read_once_however_many_are_met() -> None:
    server = Server(TABLES)
    structures, known = Structures(server.list, server.read), dict[TableId, Table]()
    for table in TABLES:
        if table not in known:
            known |= structures([table])
    assert list(known) == TABLES
    assert server.lists == 1
    assert [len(ids) for ids in server.asked] == [TOGETHER, TOGETHER, 50]


def test_a_table_that_is_asked_for_again_is_read_again() -> None:
    server = Server(TABLES[:3])
    structures = Structures(server.list, server.read)
    assert set(structures([TABLES[1]])) == set(TABLES[:3])
    assert set(structures([TABLES[1]])) == {TABLES[1]}
    assert server.asked[1:] == [[TABLES[1]]]


def test_a_table_that_does_not_exist_is_absent() -> None:
    server = Server(TABLES[:1])
    assert set(Structures(server.list, server.read)([TableId("d", "gone")])) == {TABLES[0]}
