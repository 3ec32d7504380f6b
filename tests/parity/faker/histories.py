"""Random histories: rows that are there before anyone looks, then transactions over several tables.

`Scenario.given` remembers what SQL gave every cell, so that a differing value can be shown as the SQL that made it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

from tests.parity.faker.schemas import FakeColumn, FakeTable, altered, lost_in_show_create, make_tables

SESSION = "SET SESSION sql_mode='STRICT_ALL_TABLES,ALLOW_INVALID_DATES', time_zone='+00:00'"
HIDDEN_KEY = "SET SESSION sql_generate_invisible_primary_key="
ROWS_PER_STATEMENT = 20
LATE = 9
"""Each ninth table is created while both connectors stream, but for those with an invisible key of the server (Debezium
3.6.1 takes that column to be the last, and its task fails at the first row) or with labels as below."""
_SESSION_OPTIONS = ("binlog_transaction_compression", "binlog_rows_query_log_events")
_NULL_SHARE, _DEFAULT_SHARE, _BOUNDARY_SHARE, _ALTER_SHARE = 0.1, 0.05, 0.35, 0.15
_SWITCH_SHARE, _XA_SHARE = 0.1, 0.05

Given = dict[tuple[str, int], dict[str, list[str]]]
"""(table, rid) → column → SQL expressions in the order in which they were given."""


@dataclass
class Scenario:
    """What to run: `setup` before the connectors start, `history` while they stream."""

    tables: list[FakeTable]
    setup: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    given: Given = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    rows: int = 0
    """Rows that are there before the connectors start."""
    row_versions: int = 0
    """Rows inserted, updated or deleted all in all."""

    def table(self, name: str) -> FakeTable | None:
        """Return the table of that name."""
        return next((one for one in self.tables if one.name == name), None)

    def add(self, other: Scenario) -> None:
        """Append another scenario, whose tables have other names."""
        self.tables += other.tables
        self.setup += other.setup
        self.history += other.history
        self.given.update(other.given)
        self.rows += other.rows
        self.row_versions += other.row_versions


def create(table: FakeTable) -> list[str]:
    """Return the statements that create a table."""
    if table.key != "hidden":
        return [table.create]
    return [f"{HIDDEN_KEY}ON", table.create, f"{HIDDEN_KEY}OFF"]


def make_scenario(seed: int, table_count: int, rows: int, prefix: str = "t", *, ddl: bool = True) -> Scenario:
    """Return `table_count` tables, each with `rows` rows inserted: half of them before, half of them streamed.

    Without `ddl` all tables are there before the connectors start, and stay as they are.
    """
    rnd = random.Random(f"parity {seed}")
    scenario = Scenario(make_tables(rnd, table_count, prefix))
    late = {table.name for table in scenario.tables[LATE - 1 :: LATE] if ddl and _may_be_late(table)}
    for table in scenario.tables:
        if table.name not in late:
            scenario.setup += create(table)
    _Writer(rnd, scenario, late, _ALTER_SHARE if ddl else 0.0).write(rows)
    return scenario


def _may_be_late(table: FakeTable) -> bool:
    return table.key != "hidden" and not any(lost_in_show_create(one.type_ddl) for one in table.columns)


class _Writer:
    """Writes SQL and keeps which rows are there."""

    def __init__(self, rnd: random.Random, scenario: Scenario, late: set[str], alter_share: float) -> None:
        self._alter_share = alter_share
        self._rnd, self._scenario, self._late = rnd, scenario, late
        self._live: dict[str, list[int]] = {table.name: [] for table in scenario.tables}
        self._next_rid = dict.fromkeys(self._live, 1)
        self._next_key = dict.fromkeys(self._live, 1)
        self._out = scenario.setup
        self._alters = 0

    def write(self, rows: int) -> None:
        """Fill the tables, then change them."""
        before = max(1, rows // 2)
        there = [table for table in self._scenario.tables if table.name not in self._late]
        for table in there:
            for start in range(0, before, ROWS_PER_STATEMENT):
                self._insert(table, min(ROWS_PER_STATEMENT, before - start))
        self._scenario.rows = before * len(there)
        self._out = self._scenario.history
        left = {table.name: rows - before for table in self._scenario.tables}
        for table in self._scenario.tables:
            if table.name in self._late:
                self._out += create(table)
                left[table.name] = rows
        while left:
            self._alter()
            self._switch()
            self._transaction([one for one in self._scenario.tables if one.name in left], left)

    def _switch(self) -> None:
        """Sometimes another form of the binlog: transactions compressed or not, with their statements or not."""
        if self._rnd.random() < _SWITCH_SHARE:
            option, state = self._rnd.choice(_SESSION_OPTIONS), self._rnd.choice(["ON", "OFF"])
            self._out.append(f"SET SESSION {option}={state}")

    def _alter(self) -> None:
        """Sometimes another structure for a table, between transactions."""
        if self._rnd.random() < self._alter_share:
            place = self._rnd.randrange(len(self._scenario.tables))
            if self._rnd.random() < 0.1:
                name = self._scenario.tables[place].name
                self._out.append(f"TRUNCATE TABLE `{name}`")
                self._live[name].clear()
                return
            if self._scenario.tables[place].key == "hidden":
                return  # as for LATE: behind DDL that it streams Debezium takes the invisible key to be the last column
            self._alters += 1
            statement, table = altered(self._rnd, self._scenario.tables[place], self._alters)
            self._out.append(statement)
            self._scenario.tables[place] = table

    def _transaction(self, tables: list[FakeTable], left: dict[str, int]) -> None:
        chosen = self._rnd.sample(tables, min(len(tables), self._rnd.choice([1, 1, 2, 3])))
        alone = len(chosen) == 1 and self._rnd.random() < 0.3
        xa = f"'xa{len(self._out)}'" if self._rnd.random() < _XA_SHARE else ""
        if not alone:
            self._out.append(f"XA START {xa}" if xa else "START TRANSACTION")
        for table in chosen:
            count = min(left[table.name], self._rnd.choice([1, 3, 7, ROWS_PER_STATEMENT]))
            self._insert(table, count)
            left[table.name] -= count
            if not left[table.name]:
                del left[table.name]
            if not alone:
                self._changes(table)
        if not alone and xa:
            self._out += [f"XA {step} {xa}" for step in ("END", "PREPARE", "COMMIT")]
        elif not alone:
            self._end(chosen[0])

    def _end(self, table: FakeTable) -> None:
        if self._rnd.random() < 0.2:
            self._undone(table, "SAVEPOINT s", "ROLLBACK TO SAVEPOINT s")
        self._out.append("COMMIT")
        if self._rnd.random() < 0.1:
            self._undone(table, "START TRANSACTION", "ROLLBACK")

    def _undone(self, table: FakeTable, begin: str, end: str) -> None:
        """Changes that leave no trace: what they give is forgotten, the rows stay as they were."""
        live, given, versions = list(self._live[table.name]), self._scenario.given, self._scenario.row_versions
        self._scenario.given = defaultdict(lambda: defaultdict(list))
        self._out.append(begin)
        self._insert(table, 2)
        self._delete(table)
        self._out.append(end)
        self._live[table.name] = live
        self._scenario.given, self._scenario.row_versions = given, versions

    def _changes(self, table: FakeTable) -> None:
        shares = ((self._update, 0.8), (self._rekey, 0.3), (self._delete, 0.4), (self._touch, 0.15))
        rarer = ((self._update_many, 0.3), (self._replace, 0.3), (self._upsert, 0.3))
        for change, share in (*shares, *rarer):
            if self._rnd.random() < share and self._live[table.name]:
                change(table)

    def _insert(self, table: FakeTable, count: int) -> None:
        columns = table.written
        rows = []
        for _ in range(count):
            rid = self._next_rid[table.name]
            self._next_rid[table.name] += 1
            self._live[table.name].append(rid)
            cells = [str(rid)] + [self._note(table, rid, one) for one in columns[1:]]
            rows.append(f"({', '.join(cells)})")
        names = ", ".join(f"`{one.name}`" for one in columns)
        self._out.append(f"INSERT INTO `{table.name}` ({names}) VALUES\n  " + ",\n  ".join(rows))
        self._scenario.row_versions += count

    def _note(self, table: FakeTable, rid: int, column: FakeColumn) -> str:
        if column.keyed is not None:
            literal = column.keyed(self._next_key[table.name])
            self._next_key[table.name] += 1
        else:
            literal = self._literal(column)
        self._scenario.given[table.name, rid][column.name].append(literal)
        return literal

    def _literal(self, column: FakeColumn) -> str:
        draw, variant = self._rnd.random(), column.type
        assert variant is not None, column
        if column.nullable and draw < _NULL_SHARE:
            return "NULL"
        if column.default is not None and draw < _NULL_SHARE + _DEFAULT_SHARE:
            return "DEFAULT"
        if draw > 1 - _BOUNDARY_SHARE:
            return self._rnd.choice(variant.boundary)
        return variant.random(self._rnd)

    def _pick(self, table: FakeTable) -> int:
        return self._rnd.choice(self._live[table.name])

    def _update(self, table: FakeTable) -> None:
        """New values for some columns of one row, sometimes of all."""
        free = [one for one in table.written[1:] if one.keyed is None]
        chosen = free if self._rnd.random() < 0.2 else self._rnd.sample(free, self._rnd.randint(1, len(free)))
        self._set(table, self._pick(table), chosen)

    def _rekey(self, table: FakeTable) -> None:
        """A new value of the key, where the key has a column of its own."""
        keyed = [one for one in table.written if one.keyed is not None]
        if keyed:
            self._set(table, self._pick(table), self._rnd.sample(keyed, self._rnd.randint(1, len(keyed))))

    def _set(self, table: FakeTable, rid: int, columns: list[FakeColumn]) -> None:
        cells = ", ".join(f"`{one.name}` = {self._note(table, rid, one)}" for one in columns)
        self._out.append(f"UPDATE `{table.name}` SET {cells} WHERE `rid` = {rid}")
        self._scenario.row_versions += 1

    def _touch(self, table: FakeTable) -> None:
        """An update that changes nothing."""
        self._out.append(f"UPDATE `{table.name}` SET `rid` = `rid` WHERE `rid` = {self._pick(table)}")

    def _update_many(self, table: FakeTable) -> None:
        """One statement, one rows event, many rows."""
        live = self._live[table.name]
        rids = self._rnd.sample(live, min(len(live), self._rnd.randint(2, 12)))
        column = self._rnd.choice([one for one in table.written[1:] if one.keyed is None])
        literal = self._literal(column)
        for rid in rids:
            self._scenario.given[table.name, rid][column.name].append(literal)
        where = ", ".join(map(str, rids))
        self._out.append(f"UPDATE `{table.name}` SET `{column.name}` = {literal} WHERE `rid` IN ({where})")
        self._scenario.row_versions += len(rids)

    def _replace(self, table: FakeTable) -> None:
        """REPLACE of a row that is there: the server logs an update, or a delete and an insert."""
        if table.key == "rid":
            self._give_again(table, "REPLACE", "")

    def _upsert(self, table: FakeTable) -> None:
        """INSERT … ON DUPLICATE KEY UPDATE of a row that is there."""
        if table.key == "rid":
            sets = ", ".join(f"`{one.name}` = new.`{one.name}`" for one in table.written[1:])
            self._give_again(table, "INSERT", f" AS new ON DUPLICATE KEY UPDATE {sets}")

    def _give_again(self, table: FakeTable, verb: str, tail: str) -> None:
        rid, columns = self._pick(table), table.written
        cells = ", ".join([str(rid), *(self._note(table, rid, one) for one in columns[1:])])
        names = ", ".join(f"`{one.name}`" for one in columns)
        self._out.append(f"{verb} INTO `{table.name}` ({names}) VALUES ({cells}){tail}")
        self._scenario.row_versions += 1

    def _delete(self, table: FakeTable) -> None:
        if len(self._live[table.name]) > 1:
            rid = self._pick(table)
            self._live[table.name].remove(rid)
            self._out.append(f"DELETE FROM `{table.name}` WHERE `rid` = {rid}")
            self._scenario.row_versions += 1
