"""What the ledger writes of statements that nobody can read, and of a stream that begins without structures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faust_cdc.config.history_settings import HistorySettings, OnLoss
from faust_cdc.errors import FatalError
from faust_cdc.history.file_store import HistoryFile
from faust_cdc.history.recovered import REBUILDING
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.structure_text import DatabaseText
from faust_cdc.notifications.notification import Notification
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.ddl_reading import NotTold, Outcome, Reading, StatementReader, resolved
from faust_cdc.pipeline.parsed import Parsed
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.schema_change_topic import UNPARSED, SchemaChangeTopic
from faust_cdc.pipeline.statement_changes import ReadAgain, StatementContext
from faust_cdc.pipeline.statements import readable
from faust_cdc.pipeline.structure_ledger import LedgerRules, StructureLedger
from faust_cdc.relational.ddl import DdlContext, parse
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Column, Key, Table, TableId
from faust_cdc.transcode.source_block import SourceInfo
from tests.pipeline.said import MYSQL, query, said

UNREAD = NotTold("at character 7 something else is expected", is_unread=True)


def table(name: str, *columns: str, database: str = "shop") -> Table:
    ints = tuple(Column(one, "int", place, True, type_expression="int") for place, one in enumerate(columns))
    return Table(TableId(database, name), ints, charset="utf8mb4", collation="utf8mb4_0900_ai_ci")


class Server:
    """A source with some tables."""

    def __init__(self, *tables: Table) -> None:
        self.tables = {one.id: one for one in tables}
        self.end = BinlogPosition("binlog.000001", 4)

    def all_tables(self) -> list[TableId]:
        return list(self.tables)

    def read_tables(self, ids: Iterable[TableId]) -> dict[TableId, Table]:
        return {one: self.tables[one] for one in ids if one in self.tables}

    def create_statements(self, ids: Iterable[TableId]) -> Iterable[tuple[TableId, str]]:
        return [(one, f"CREATE TABLE {one}") for one in ids]

    def databases(self, names: Iterable[str]) -> list[DatabaseText]:
        return [DatabaseText(name, "utf8mb4", "utf8mb4_0900_ai_ci") for name in names]

    def server_defaults(self) -> tuple[str, str]:
        return "utf8mb4", "utf8mb4_0900_ai_ci"

    def ends_at(self, position: BinlogPosition) -> bool:
        return position == self.end


class Kept:
    """A ledger of that server, with what it writes."""

    def __init__(
        self,
        path: Path,
        server: Server,
        *,
        begins: bool = False,
        is_part: bool = False,
        on_loss: OnLoss = OnLoss.FAIL,
        again: bool = False,
    ) -> None:
        """`again`: behind a restart, which writes nothing."""
        self.records: list[ChangeRecord] = []
        self.told: list[Notification] = []
        self._path, self._lines = path, 0
        self._block = SourceInfo.for_server(connector="mysql", name="p")
        self.store = HistoryFile(str(path))
        topic = SchemaChangeTopic("p", avro_converters(lambda _s, _d: 1), lambda _: None, [("h", b"1")], comments=False)
        settings = HistorySettings(on_loss=on_loss, only_captured_tables=is_part)
        rules = LedgerRules(settings, "p", is_mariadb=False, comments=False)
        self.ledger = StructureLedger(
            rules, server, TableFilter(), [ReadAgain(server.read_tables)], self.store, topic, self.records.append,
            self._block,
        )  # fmt: skip
        self.ledger.notify = self.told.append
        if again:
            return
        if begins:
            self.ledger.begin(SourceOffset("binlog.000001", 4))
            return
        self.ledger.snapshot(SourceOffset("binlog.000001", 4))
        self.records.clear()
        self.new_lines()

    def take(self, sql: str, reading: Reading = UNREAD) -> None:
        """Take a statement of which so much was found."""
        event, reading = query(sql), replace(reading, parsed=said(sql))
        self.ledger.statement(event, sql, reading, SourceOffset("binlog.000001", 200).to_map(), self._block)

    def read(self, sql: str, context: DdlContext = MYSQL) -> Reading:
        """Have a statement read, and take it."""
        event = query(sql, context.sql_mode)
        reading = StatementReader(lambda: context, self.ledger.charset)(event, self.ledger.known)
        place = SourceOffset("binlog.000001", 200).to_map()
        self.ledger.statement(event, readable(sql), reading, place, self._block)
        return reading

    def new_lines(self) -> list[str]:
        self.ledger.before_commit()
        lines = self._path.read_text().splitlines()
        new, self._lines = lines[self._lines :], len(lines)
        return new


@pytest.fixture
def server() -> Server:
    return Server(table("a", "id"), table("b", "id"), table("a", "id", database="other"))


@pytest.fixture
def kept(tmp_path: Path, server: Server) -> Iterator[Kept]:
    made = Kept(tmp_path / "history.dat", server)
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("ALTER TABLE a SOMETHING NEW", ["shop.a"]),
        ("ALTER TABLE `other`.`a` SOMETHING NEW", ["other.a"]),
        ("CREATE NOVELTY n ON A FROM B", ["shop.a", "shop.b"]),
        ("CREATE NOVELTY n ON other.b", ["shop.b"]),
        ("CREATE NOVELTY n COMMENT 'on a' /* b */", []),
    ],
)
def test_the_tables_that_it_names_are_read_again(kept: Kept, server: Server, sql: str, tables: list[str]) -> None:
    server.tables = {
        one.id: table(one.id.table, "id", "new", database=one.id.database) for one in server.tables.values()
    }
    kept.take(sql)
    assert [one.headers for one in kept.records] == [[("h", b"1"), UNPARSED]] * len(tables)
    changed = [one for one in server.tables if len((kept.ledger.table(one) or table("none")).columns) == 2]
    assert sorted(map(str, changed)) == tables
    assert len(kept.new_lines()) == len(tables)
    (notice,) = kept.told
    assert (notice.aggregate_type, notice.type) == ("Schema Evolution", "STATEMENT_UNPARSED")
    assert notice.additional_data["data_collections"] == ",".join(tables)
    assert notice.additional_data["position"] == "binlog.000001:100"
    assert "on a" not in notice.additional_data["statement"]


@pytest.mark.parametrize("reading", [UNREAD, NotTold("why", (TableId("shop", "a"),)), Outcome()])
def test_a_password_in_a_statement_is_written_as_debezium_does_and_shown_nowhere(
    kept: Kept, reading: Reading, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    kept.take(f"ALTER TABLE a /* {'x' * 400_000} */ COMMENT ''", reading)  # too long for a record, which is logged
    kept.take("ALTER TABLE a CONNECTION='mysql://u:secret@h/d/t'", reading)
    assert b"mysql://u:secret@h/d/t" in (kept.records[-1].value or b"")
    assert "mysql://u:secret@h/d/t" in kept.new_lines()[-1]
    assert "secret" not in caplog.text
    assert "secret" not in "".join(map(str, kept.told))
    assert "written down without its end: ALTER TABLE a /*" in caplog.text


def test_keys_that_a_server_which_is_further_on_has_no_more_are_still_told(kept: Kept, server: Server) -> None:
    """Else nobody knows the key that `DROP KEY k` names, and the table is read as later statements have left it."""
    a = TableId("shop", "a")
    with_key = replace(table("a", "id"), keys=(Key("k", ("id",)),))
    kept.take("ALTER TABLE a ADD KEY k (id)", Outcome({a: with_key}))
    assert server.tables[a].keys == (), "dropped again, and the stream has not come to it"
    assert kept.ledger.tables([a]) == {a: with_key}
    assert kept.ledger.table(a) == with_key
    found = resolved(parse("ALTER TABLE a DROP KEY k, ADD v INT", flavor="mysql"), kept.ledger.known, MYSQL)
    assert isinstance(found, Outcome)
    assert [[column.name for column in one.columns] for one in found.tables.values()] == [["id", "v"]]


def test_behind_a_restart_a_table_is_not_told_in_full(tmp_path: Path, server: Server) -> None:
    """A history tells of no key whether it is the primary one: the key's columns may be nullable by a statement."""
    id_column = Column("id", "bigint", 0, False, type_expression="bigint")
    keyed = replace(
        table("a", "id"), columns=(id_column,), primary_key=("id",), keys=(Key("id", ("id",), unique=True),)
    )
    server.tables[keyed.id] = keyed
    Kept(tmp_path / "kept.dat", server).store.close()
    again = Kept(tmp_path / "kept.dat", server, again=True)
    again.ledger.recover(SourceOffset("binlog.000001", 4))
    again.read("ALTER TABLE shop.a CHANGE id former DOUBLE, ADD later SERIAL")
    server.tables[keyed.id] = table("a", "later")  # as it is by now
    found = again.ledger.tables([keyed.id])[keyed.id]
    assert [(column.name, column.nullable) for column in found.columns] == [("former", False), ("later", False)]
    assert (found.primary_key, found.is_told_in_full) == (("former",), False)
    assert [key.columns for key in found.keys] == [("former",), ("later",)]
    again.store.close()


def test_a_table_that_is_gone_is_forgotten(kept: Kept, server: Server) -> None:
    del server.tables[TableId("shop", "a")]
    kept.take("DROP NOVELTY a")
    assert kept.ledger.table(TableId("shop", "a")) is None
    assert len(kept.records) == 1


def test_a_table_that_nobody_can_read_is_gone_with_its_database(kept: Kept, server: Server) -> None:
    """Else the check of each later route would ask the server."""
    del server.tables[TableId("shop", "a")]
    kept.take("DROP NOVELTY a")
    assert not kept.ledger.is_whole, "it may be there"
    kept.read("DROP DATABASE shop")
    assert kept.ledger.is_whole


NEW = TableId("shop", "new")
MAYBE = Outcome({NEW: table("new", "id", "former")}, unsure=frozenset([NEW]))
IF_NOT_EXISTS = "CREATE TABLE IF NOT EXISTS new (id INT, former INT)"


@pytest.mark.parametrize("kind", [{"begins": True}, {"is_part": True}], ids=["no table is told", "some tables are"])
def test_a_table_that_may_have_been_there_is_not_what_an_old_text_says(
    tmp_path: Path, server: Server, kind: dict[str, Any]
) -> None:
    kept = Kept(tmp_path / "history.dat", server, **kind)
    kept.new_lines()
    server.tables[NEW] = table("new", "id", "latter")
    kept.take(IF_NOT_EXISTS, MAYBE)
    assert kept.ledger.tables([NEW]) == {NEW: server.tables[NEW]}
    (line,) = kept.new_lines()
    assert '"name":"latter"' in line
    assert '"name":"former"' not in line
    kept.store.close()


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_table_that_a_whole_history_does_not_tell_of_is_made_by_the_text(
    kept: Kept, server: Server, is_restarted: bool
) -> None:
    """The server may be further on: between the two the rows have the text's names."""
    if is_restarted:
        kept.ledger.recover(SourceOffset("binlog.000001", 4))
    server.tables[NEW] = table("new", "id", "latter")
    kept.take(IF_NOT_EXISTS, MAYBE)
    assert kept.ledger.table(NEW) == MAYBE.tables[NEW]
    (line,) = kept.new_lines()
    assert '"name":"former"' in line


def test_a_table_that_the_history_tells_of_is_none_that_is_made(kept: Kept) -> None:
    """A reading may not believe what the history tells, where rows look otherwise."""
    before, a = kept.ledger.table(TableId("shop", "a")), TableId("shop", "a")
    kept.take("CREATE TABLE IF NOT EXISTS a (x INT)", Outcome({a: table("a", "x")}, unsure=frozenset([a])))
    assert before is not None
    assert kept.ledger.table(a) == before


def test_a_line_that_tells_of_no_table_made_leaves_what_was_there(kept: Kept) -> None:
    """Applications say CREATE TABLE IF NOT EXISTS at each of their starts."""
    a = TableId("shop", "a")
    before = kept.ledger.table(a)
    kept.read("CREATE TABLE IF NOT EXISTS a (x INT)")
    kept.read("DROP TEMPORARY TABLE IF EXISTS a")
    kept.ledger.before_commit()
    kept.ledger.recover(SourceOffset("binlog.000001", 300))
    assert before is not None
    assert kept.ledger.table(a) == before


@pytest.mark.parametrize(
    "sql",
    [
        "GRANT ALL ON `user`.* TO user IDENTIFIED BY 'secret",
        "ALTER USER host IDENTIFIED BY 'secret",
        "SET PASSWORD FOR user@host = 'secret",
        "CREATE SERVER s OPTIONS (HOST 'h', USER 'u', PASSWORD 'secret)",
    ],
)
def test_a_statement_about_accounts_that_nobody_can_read_goes_nowhere(
    kept: Kept, server: Server, sql: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for name in ("user", "host"):
        server.tables[TableId("shop", name)] = table(name, "id")
    kept.take(sql)
    assert (kept.records, kept.new_lines()) == ([], [])
    (notice,) = kept.told
    assert notice.additional_data["data_collections"] == ""
    assert "secret" not in str(notice) + caplog.text


def test_what_is_read_has_no_flag(kept: Kept) -> None:
    kept.take("ALTER TABLE a ADD x INT", Outcome({TableId("shop", "a"): table("a", "id", "x")}))
    kept.take("CREATE TABLE b2 SELECT * FROM b", NotTold("its columns come from a query", (TableId("shop", "b2"),)))
    assert [one.headers for one in kept.records] == [[("h", b"1")]] * 2
    assert kept.told == []


def test_a_bug_in_finding_what_a_statement_names_stops_nothing(
    kept: Kept, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(parsed: Parsed, context: StatementContext) -> None:
        raise AssertionError

    kept.ledger._resolvers = [broken]
    kept.take("ALTER TABLE a COMMENT 'secret'")
    assert len(kept.records) == 1
    assert "Looking for what the statement at binlog.000001:100: ALTER TABLE a COMMENT … names failed" in caplog.text
    assert "secret" not in caplog.text


def test_a_stream_without_structures_begins_a_history(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "history.dat"
    begun = Kept(path, server, begins=True)
    (line,) = begun.new_lines()
    assert '"ddl":"SET character_set_server=utf8mb4, collation_server=utf8mb4_0900_ai_ci"' in line
    assert begun.records == [], "nothing of it is published"
    begun.ledger.recover(SourceOffset("binlog.000001", 4))  # and it is not taken for one that is lost
    assert begun.new_lines() == []
    begun.store.close()


@pytest.mark.parametrize("is_current", [True, False])
def test_a_table_of_a_line_that_cannot_be_read_is_not_what_an_older_line_says(
    tmp_path: Path, server: Server, is_current: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """With rows that have no names the older one would be believed: the types are the same."""
    a, b, path = TableId("shop", "a"), TableId("shop", "b"), tmp_path / "history.dat"
    before, place = Kept(path, server), SourceOffset("binlog.000001", 200)
    before.read("ALTER TABLE a RENAME COLUMN id TO now")
    before.new_lines()
    before.store.close()
    path.write_text(path.read_text()[:-20] + "\n")
    kept = Kept(path, server, on_loss=OnLoss.REBUILD, again=True)
    server.tables[a], server.tables[b] = table("a", "now"), table("b", "later")
    server.end = BinlogPosition(place.file, place.pos if is_current else 900)
    kept.ledger.recover(place)
    known = kept.ledger.tables([a, b])
    assert [[column.name for column in known[one].columns] for one in (a, b)] == [["now"], ["id"]]
    assert ("a line that cannot be read may have changed them: shop.a. They" in caplog.text) is not is_current
    server.tables[a] = table("a", "later")
    assert [one.name for one in kept.ledger.tables([a])[a].columns] == ["now"], "what was written down holds"
    caplog.clear()
    kept.ledger.recover(place)
    assert "may have changed" not in caplog.text, "it is told of again"
    kept.store.close()


@pytest.mark.parametrize("on_loss", OnLoss)
def test_a_line_that_proves_bad_when_its_table_is_asked_for(
    tmp_path: Path, server: Server, on_loss: OnLoss, caplog: pytest.LogCaptureFixture
) -> None:
    """The usual line is not read to its end when the history is: that takes a long start's time."""
    a, b, path = TableId("shop", "a"), TableId("shop", "b"), tmp_path / "history.dat"
    before = Kept(path, server)
    before.read("ALTER TABLE a RENAME COLUMN id TO now")
    before.new_lines()
    before.store.close()
    kept = Kept(path, server, on_loss=on_loss, again=True)
    *others, last = path.read_text().splitlines()
    path.write_text("\n".join([*others, last.replace('"columns"', '"colons"'), ""]))
    server.tables[a] = table("a", "now")
    kept.ledger.recover(SourceOffset("binlog.000001", 200))
    assert set(kept.ledger.tables([b])) == {b}
    if on_loss is OnLoss.FAIL:
        for _ in range(2):
            with pytest.raises(
                FatalError, match=r"tells of shop\.a cannot be read: shop.a: 'table' has no list 'columns'"
            ):
                kept.ledger.tables([a])
    else:
        assert [one.name for one in kept.ledger.tables([a])[a].columns] == ["now"]
        assert "tells of shop.a cannot be read" in caplog.text
    kept.store.close()


PLACE = SourceOffset("binlog.000001", 200)


def restarted(path: Path, server: Server, on_loss: OnLoss = OnLoss.REBUILD) -> Kept:
    """Return a ledger that has read the history up to `PLACE`."""
    kept = Kept(path, server, on_loss=on_loss, again=True)
    try:
        kept.ledger.recover(PLACE)
    finally:
        kept.store.close()
    return kept


@pytest.fixture
def damaged(tmp_path: Path, server: Server) -> Path:
    """A history of three tables whose last line is cut off."""
    path = tmp_path / "history.dat"
    before = Kept(path, server)
    before.read("ALTER TABLE a RENAME COLUMN id TO now")
    before.new_lines()
    before.store.close()
    path.write_text(path.read_text()[:-20] + "\n")
    server.tables[TableId("shop", "a")] = table("a", "now")
    return path


def test_a_damaged_history_is_rebuilt_once(damaged: Path, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """The line that cannot be read stays where it is, and each start and each new attempt meets it."""
    lengths = [len(damaged.read_text().splitlines())]
    for _ in range(4):
        known = restarted(damaged, server).ledger.tables(server.tables)
        names = {str(one): [column.name for column in found.columns] for one, found in known.items()}
        assert names == {"shop.a": ["now"], "shop.b": ["id"], "other.a": ["id"]}
        lengths.append(len(damaged.read_text().splitlines()))
    assert lengths[1:] == [lengths[0] + 5] * 4, "three tables, between two lines"
    assert caplog.text.count("It is rebuilt") == 1
    last = restarted(damaged, server, OnLoss.FAIL).ledger
    assert len(last.known) == 3
    assert not last.is_whole, "a table may have been dropped where the stream has not come yet"


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_rebuilding_that_broke_off_is_done_again(damaged: Path, server: Server, is_lost: bool) -> None:
    """A history of a part of the tables is none of all."""
    if is_lost:
        damaged.write_text("")
    before = damaged.read_text()
    restarted(damaged, server)
    damaged.write_text("\n".join([*damaged.read_text().splitlines()[:-2], ""]))
    with pytest.raises(FatalError, match="was being rebuilt" if is_lost else "cannot be read"):
        restarted(damaged, server, OnLoss.FAIL)
    restarted(damaged, server)
    whole = damaged.read_text()
    assert whole.startswith(before)
    restarted(damaged, server, OnLoss.FAIL)
    assert damaged.read_text() == whole


@pytest.mark.parametrize("breaks_off", [False, True])
def test_a_snapshot_heals_a_damaged_history(damaged: Path, server: Server, breaks_off: bool) -> None:
    """As the remedy of a loss that is to fail says; a history without damage gets nothing but a snapshot's lines."""
    if breaks_off:
        restarted(damaged, server)
        damaged.write_text("\n".join([*damaged.read_text().splitlines()[:-2], ""]))
    with pytest.raises(FatalError):
        restarted(damaged, server, OnLoss.FAIL)
    Kept(damaged, server).store.close()
    lengths = [len(damaged.read_text().splitlines())]
    assert restarted(damaged, server, OnLoss.FAIL).ledger.is_whole
    for _ in range(2):
        Kept(damaged, server).store.close()
        lengths.append(len(damaged.read_text().splitlines()))
    assert lengths[1] - lengths[0] == lengths[2] - lengths[1]
    assert REBUILDING not in "".join(damaged.read_text().splitlines()[lengths[0] :])


@pytest.mark.parametrize("at", [-3, -1])
def test_a_line_that_is_damaged_in_or_behind_a_rebuilding_is_not_healed_by_it(
    damaged: Path, server: Server, at: int
) -> None:
    restarted(damaged, server)
    lines = damaged.read_text().splitlines()
    lines.insert(at + len(lines) + 1, "{")
    damaged.write_text("\n".join([*lines, ""]))
    with pytest.raises(FatalError, match="cannot be read"):
        restarted(damaged, server, OnLoss.FAIL)


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("is_current", [False, True])
@pytest.mark.parametrize("is_lost", [False, True])
def test_a_rebuilt_history_does_not_tell_that_there_was_no_table(
    damaged: Path, server: Server, is_lost: bool, is_current: bool, is_restarted: bool
) -> None:
    """It was there, and was dropped where the stream has not come yet: the text of IF NOT EXISTS may be years old."""
    if is_lost:
        damaged.write_text("")
    server.end = BinlogPosition(PLACE.file, PLACE.pos if is_current else 900)
    kept = restarted(damaged, server)
    if is_restarted:
        kept = restarted(damaged, server, OnLoss.FAIL)
    assert kept.ledger.is_whole is is_current
    kept.take(IF_NOT_EXISTS, MAYBE)
    kept.store.close()
    assert (kept.ledger.table(NEW) == MAYBE.tables[NEW]) is is_current
