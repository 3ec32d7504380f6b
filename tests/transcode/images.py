"""Row images and table maps written by hand, for tests without a server."""

from faust_cdc.binlog.events import EventHeader, TableMapColumn, TableMapEvent
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc.transcode.source_block import SourceInfo
from tests.transcode.ddl import column_from_ddl

TABLE = TableId("shop", "t")
TOPIC = "p.shop.t"
HEADER = EventHeader(0, 19, 1, 0, 0, "binlog.000001", 4, 100)

SOURCE = SourceInfo.for_server(connector="mysql", name="p").at(
    ts_us=1_795_230_302_246_980,
    server_id=1,
    gtid="e133d182-e557-11f1-898f-02fc00000001:34",
    file="binlog.000001",
    pos=19724,
    thread=15,
    row=2,
    db="shop",
    table="t",
)


def table_map(*columns: TableMapColumn) -> TableMapEvent:
    return TableMapEvent(HEADER, 7, TABLE.database, TABLE.table, columns, None, b"")


def table(*columns: Column, key: tuple[str, ...] = ()) -> Table:
    return Table(TABLE, columns, key)


def columns(*definitions: str) -> list[Column]:
    """Columns called c0, c1 … of SHOW CREATE TABLE's type texts."""
    return [column_from_ddl(f"c{position}", position, ddl) for position, ddl in enumerate(definitions)]


def transcoder(described: Table, *wire: TableMapColumn, options: TranscodeOptions | None = None) -> ReferenceTranscoder:
    """A transcoder with key schema id 1 and value schema id 2, bound to `wire`."""
    plan = build_plan(described, TOPIC, options or TranscodeOptions())
    made = ReferenceTranscoder(plan, 1 if plan.key_columns else None, 2)
    if wire:
        made.bind(table_map(*wire))
    return made


def one_cell(ddl: str, type_code: int, metadata: int, cell: bytes) -> object:
    """The value of a single-column row that holds `cell`."""
    column = column_from_ddl("c", 0, ddl)
    made = transcoder(table(column), TableMapColumn(type_code, metadata, column.nullable))
    row, end = made.read_row(memoryview(b"\x00" + cell), 0, b"\x01")
    assert end == 1 + len(cell), "bytes left over"
    return row[0]


def one_text(ddl: str, cell: bytes) -> object:
    """The value of a single-column snapshot row."""
    return transcoder(table(column_from_ddl("c", 0, ddl))).read_text_row([cell])[0]
