"""What a history tells of tables at a place of the binlog: lines in, the last state of each table out.

Memory is bounded by the tables, not by the lines: of each table the text of its last line is kept, and made a `Table`
when somebody asks for it. So 100,000 lines of 10,000 tables cost what is parsed once, and some kilobytes a table.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from faust_cdc.history.damage import Names, concerned_by, folded, named_by, place_of
from faust_cdc.history.table_reading import table_id_of, table_of
from faust_cdc.relational.ddl import heading
from faust_cdc.relational.ddl.statements import AlterTable, CreateDatabase, CreateTable, DropDatabase, DropTable
from faust_cdc.relational.ddl.tokens import ANSI_QUOTES
from faust_cdc.relational.model import Table, TableId

log = logging.getLogger(__name__)

REBUILDING: Final = " /* faust-cdc: the lines from here on rebuild the history */"
REBUILT: Final = " /* faust-cdc: the history is rebuilt */"
REBUILT_LATER: Final = " /* faust-cdc: the history is rebuilt, by a server that was further on */"
"""How statements of ours end between which all tables are written anew. Debezium reads over comments."""
SHOWN_MAX: Final = 120
"""Characters of a bad line that a message shows."""

_TEXT: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""A string of JSON. What is plain is taken in runs: a byte at a time costs eight times as much of a CREATE TABLE."""
_ONE_TABLE: Final = re.compile(
    rb'\{"source":(\{[^{}]*\}),"position":(\{[^{}]*\}),"ts_ms":\d+,"databaseName":' + _TEXT + rb","
    rb'(?:"schemaName":' + _TEXT + rb',)?(?:"ddl":' + _TEXT + rb",)?"
    rb'"tableChanges":\[\{"type":"(?:CREATE|ALTER)","id":(' + _TEXT + rb'),"table":\{'
)
"""How the usual line begins, Debezium's or ours: the one that has a single table. The rest of it is parsed when the
table is asked for, which saves most of the time that a long history takes."""
_USUAL_ID: Final = re.compile(rb'"\\"([^"\\]+)\\"\.\\"([^"\\]+)\\""')
_position_of: Final = json.JSONDecoder().decode
_ANOTHER: Final = b',{"type":"'
_ENDS: Final = (b"}]}", b"}]}\n")

_Kept = tuple[bytes, int]
"""A line, and which of its changes is meant."""
_UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
"""What reading a line raises that is none."""


class RecoveredHistory:
    """Tables as the lines of a history leave them."""

    def __init__(self, server: str, counts: Callable[[Mapping[str, Any]], bool]) -> None:
        """`server` is the `topic.prefix`, `counts` says whether a line's position is not after where we begin."""
        self._server = server
        self._counts = counts
        self._tables: dict[TableId, _Kept] = {}
        self._source: tuple[bytes, Any] = b"", {}
        """The `source` of the usual line before, as text and read: it is the same in all lines of a server."""
        self.lines = 0
        """Lines of our server."""
        self.ahead = 0
        """Of these, lines that are after the place."""
        self.foreign = 0
        """Lines of other servers."""
        self.damaged = 0
        self.first_damage = ""
        """What is wrong with the first line that could not be read."""
        self.is_begun = False
        """There is a line that a snapshot of structures wrote."""
        self.is_of_snapshot = False
        """There is such a line with a table: what was not there then, and is told of nowhere, is not there."""
        self.is_rebuilding = False
        """It was begun to be written anew, and not all of that is there."""
        self.may_lack_dropped = False
        """It was written anew by a server that was further on: tables that were dropped since are told of nowhere."""
        self._damaged_before = 0
        """Lines before the rebuilding that cannot be read."""
        self.unread: set[TableId] = set()
        """Tables that the last line naming them has no `tableChanges` for: what was known of them holds no more."""
        self.doubted: set[TableId] = set()
        """Those of `unread` that a line which cannot be read may have changed."""

    def add(self, line: bytes) -> None:
        """Take the next line. Never raises: one that cannot be read is counted."""
        try:
            self._add(line)
        except _UNREADABLE as error:
            self._note_damage(f"{error or type(error).__name__}, found {line[:SHOWN_MAX]!r}")
            self._doubt(line)

    def _note_damage(self, problem: str) -> None:
        self.damaged += 1
        self.first_damage = self.first_damage or problem

    def _doubt(self, line: bytes) -> None:
        """Forget what older lines tell of the tables that a line which cannot be read may have changed."""
        place = place_of(line)
        if place is not None and not self._may_count(*place):
            return
        names = concerned_by(line)
        concerned = {one for one in self._tables if names is None or folded(one) in names}
        for table_id in concerned:
            del self._tables[table_id]
        self.unread |= concerned
        self.doubted |= concerned

    def _may_count(self, source: object, position: object) -> bool:
        """Return whether a line of this place could be one of ours that counts."""
        if isinstance(source, Mapping) and source.get("server", self._server) != self._server:
            return False
        try:
            return not isinstance(position, Mapping) or self._counts(position)
        except _UNREADABLE:
            return True

    def _add(self, line: bytes) -> None:
        usual = _ONE_TABLE.match(line)
        if usual is not None and line.endswith(_ENDS) and line.find(_ANOTHER, usual.end()) < 0:
            source, place, name = usual.groups()
            if source != self._source[0]:
                self._source = source, json.loads(source)
            position = _position_of(place.decode("utf-8"))
            if self._holds(self._source[1], position):
                self.is_of_snapshot |= "snapshot" in position
                plain = _USUAL_ID.fullmatch(name)
                if plain is None:
                    table_id = table_id_of(json.loads(name))
                else:
                    table_id = TableId(plain[1].decode("utf-8"), plain[2].decode("utf-8"))
                self._tell(table_id, line, 0)
            return
        record = json.loads(line)
        if not self._holds(record["source"], record["position"]):
            return
        changes = record.get("tableChanges")
        if changes:
            self.is_of_snapshot |= "snapshot" in record["position"]
            self._take(line, changes)
        elif statement := record.get("ddl"):
            if "snapshot" in record["position"]:
                self._note_rebuilding(statement)
            self._without_changes(statement, record.get("databaseName"))

    def _note_rebuilding(self, statement: str) -> None:
        """Take the statement that a rebuilding begins or ends with; whole, it heals what was damaged before it.

        Lines that cannot be read stay where they are. Without this each start would rebuild for them again.
        """
        if statement.endswith(REBUILDING):
            self.is_rebuilding, self._damaged_before = True, self.damaged
        elif self.is_rebuilding and statement.endswith((REBUILT, REBUILT_LATER)):
            self.is_rebuilding = False
            if self.damaged == self._damaged_before:
                self.damaged, self.first_damage = 0, ""
                self.may_lack_dropped = statement.endswith(REBUILT_LATER)
                self.unread -= self.doubted
                self.doubted.clear()

    def _holds(self, source: Mapping[str, Any], position: Mapping[str, Any]) -> bool:
        """Count a line; return whether it is one of ours that counts."""
        if source["server"] != self._server:
            self.foreign += 1
            return False
        self.lines += 1
        if "snapshot" in position:
            self.is_begun = True
        if not self._counts(position):
            self.ahead += 1
            return False
        return True

    def _take(self, line: bytes, changes: list[dict[str, Any]]) -> None:
        for index, change in enumerate(changes):
            table_id = table_id_of(change["id"])
            previous = change.get("previousId")
            if previous is not None:
                self._tell_gone(table_id_of(previous))
            if change["type"] == "DROP":
                self._tell_gone(table_id)
            elif isinstance(change.get("table"), dict):
                self._tell(table_id, line, index)
            else:
                raise ValueError(f"a change of {table_id} without its table")

    def _tell(self, table_id: TableId, line: bytes, index: int) -> None:
        self._tables[table_id] = line, index
        self.unread.discard(table_id)
        self.doubted.discard(table_id)

    def _tell_gone(self, table_id: TableId) -> None:
        self._tables.pop(table_id, None)
        self.unread.discard(table_id)
        self.doubted.discard(table_id)

    def _without_changes(self, statement: str, database: str | None) -> None:
        """Take what a statement alone tells. No line says in which sql_mode: in double quotes a heading has names."""
        match found := heading(statement, flavor="mariadb", sql_mode=ANSI_QUOTES):
            case DropDatabase(name) | CreateDatabase(name, or_replace=True):
                self._drop_database(name, database)
            case CreateTable(if_not_exists=True) | CreateTable(temporary=True) | DropTable(temporary=True):
                return  # what IF NOT EXISTS made has its table; else what was there stays
            case AlterTable(is_about_index=True):
                return
            case _:
                self._distrust(named_by(found, database))

    def _distrust(self, names: Names) -> None:
        """Forget the tables that a statement names, in either case: what they are behind it nobody knows."""
        found = {one for one in self._tables if folded(one) in names} if names else set()
        for table_id in found:
            del self._tables[table_id]
        self.unread |= found

    def _drop_database(self, written: str, told: str | None) -> None:
        """Forget a database: `written` by the statement, and `told` as our lines tell it, by the name that it has.

        Where no table is in either, names of another case are meant: a server that has all names in lower case lets
        statements write them as they like.
        """
        names, named = {written, told or written}, {*self._tables, *self.unread}
        if all(one.database not in names for one in named):
            names = {one.database for one in named if one.database.lower() == written.lower()}
        self.forget(lambda one: one.database in names)

    def line_at(self, table_id: TableId, position: bytes) -> bytes | None:
        """Return the line that tells of a table, as one of another position (JSON).

        None where it tells of more, or where nothing is told of the table.
        """
        kept = self._tables.get(table_id)
        usual = None if kept is None or kept[1] > 0 else _ONE_TABLE.match(kept[0])
        if kept is None or usual is None or kept[0].find(_ANOTHER, usual.end()) >= 0:
            return None
        return kept[0][: usual.start(2)] + position + kept[0][usual.end(2) :]

    def forget(self, tables: Callable[[TableId], bool]) -> None:
        """Forget tables that `tables` chooses: they are gone, also those of which nobody knew what they were."""
        self._tables = {one: kept for one, kept in self._tables.items() if not tables(one)}
        self.unread = {one for one in self.unread if not tables(one)}
        self.doubted = {one for one in self.doubted if not tables(one)}

    def discard(self, table_id: TableId) -> None:
        """Forget what is told of a table, if anything is."""
        self._tables.pop(table_id, None)

    def __len__(self) -> int:
        """How many tables there are."""
        return len(self._tables)

    def __contains__(self, table_id: object) -> bool:
        return table_id in self._tables

    def __iter__(self) -> Iterator[TableId]:
        return iter(self._tables)

    def table(self, table_id: TableId) -> Table | None:
        """Return a table, None for one that is not known.

        One that is described badly is counted, and not known from there on; the log says so.
        """
        kept = self._tables.get(table_id)
        if kept is None:
            return None
        line, index = kept
        try:
            return table_of(json.loads(line)["tableChanges"][index])
        except _UNREADABLE as error:
            problem = str(error) or type(error).__name__
            self._note_damage(problem)
            del self._tables[table_id]
            self.unread.add(table_id)
            self.doubted.add(table_id)
            log.warning(
                "The last line of the schema history that tells of %s cannot be read: %s. Its structure is that of the "
                "server as of now.", table_id, problem,
            )  # fmt: skip
            return None
