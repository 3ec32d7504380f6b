"""How cost grows: with columns, with the bytes of a row, with the number of tables. (With lag: `catchup.note_lag`.)

Each point is a catch-up over a table of its own; bytes are about the same at each point, so rows get fewer as they get
bigger. For the number of tables, a topic naming strategy that both sides know leads all tables into one topic, and
first a row of each table goes by, with its schema's registration, before the measurement begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench import catchup
from tests.bench.plan import DEBEZIUM, OURS, Plan
from tests.bench.run import Run, alternating
from tests.bench.sides import Connector, Position
from tests.bench.tables import Table
from tests.bench.verify import WrongOutput, read_written
from tests.bench.watch import EndOffsets, Watch, Window, window

PER_TRANSACTION = 100
ROWS_MAX = 300_000
CYCLE = (
    ("INT NOT NULL", "{id} * 31 % 1000003"),
    ("VARCHAR(40) NOT NULL", "CONCAT('text of row ', {id})"),
    ("BIGINT NOT NULL", "{id} * 1000000007"),
    ("DECIMAL(12,2) NOT NULL", "{id} % 99991 / 7"),
    ("DATETIME(3) NOT NULL", "'2026-01-02 03:04:05.678' + INTERVAL {id} SECOND"),
    ("DOUBLE NOT NULL", "{id} / 8"),
    ("VARCHAR(40) NULL", "IF({id} % 2, NULL, CONCAT('note ', {id}))"),
    ("DATE NOT NULL", "'2026-01-02' + INTERVAL {id} % 1000 DAY"),
)
"""Types of columns and their values, in turn."""
COLUMN_BYTES = 11
"""What a column of `CYCLE` takes in a row, about."""


def column_table(columns: int) -> Table:
    """A table of so many columns with the key."""
    kinds = [CYCLE[number % len(CYCLE)] for number in range(columns - 1)]
    ddl = ", ".join(f"c{number} {kind}" for number, (kind, _) in enumerate(kinds))
    row = ", ".join(value for _, value in kinds)
    name = f"columns_{columns}"
    return Table(name, f"CREATE TABLE {{table}} (id INT NOT NULL PRIMARY KEY, {ddl})", f"{{id}}, {row}", models=500)


def byte_table(size: int) -> Table:
    """A table of an id and a text of so many bytes."""
    body = f"LEFT(CONCAT({{id}}, REPEAT(SHA2({{id}}, 512), {size // 128 + 1})), {size})"
    ddl = "CREATE TABLE {table} (id INT NOT NULL PRIMARY KEY, body MEDIUMTEXT NOT NULL)"
    return Table(f"bytes_{size}", ddl, f"{{id}}, {body}", models=100)


def column_tables(plan: Plan) -> list[Table]:
    """All tables of the curve over columns."""
    return [column_table(columns) for columns in plan.columns]


def byte_tables(plan: Plan) -> list[Table]:
    """All tables of the curve over row sizes."""
    return [byte_table(size) for size in plan.row_bytes]


def columns(run: Run) -> None:
    """The curve over columns."""
    for number in run.plan.columns:
        point(run, "growth-columns", column_table(number), number, number * COLUMN_BYTES)


def row_bytes(run: Run) -> None:
    """The curve over bytes of a row."""
    for size in run.plan.row_bytes:
        point(run, "growth-bytes", byte_table(size), size, size)


def point(run: Run, work: str, table: Table, x: float, bytes_per_row: int) -> None:
    """Both sides at one place of a curve."""
    rows = {}
    for side, size in run.plan.growth_bytes.items():
        wanted = min(ROWS_MAX, size // bytes_per_row)
        rows[side] = max(1, wanted // PER_TRANSACTION) * PER_TRANSACTION
    stretch = catchup.write(run, work, table, rows, PER_TRANSACTION)
    for number in range(run.plan.growth_rounds):
        for side in alternating([OURS, DEBEZIUM], number):
            found = catchup.one_round(run, stretch, side)
            catchup.note(run, work, side, found, x)
            catchup.say_round(run, f"{work} {x:g}", side, number, found)


def tables(run: Run) -> None:
    """The curve over the number of tables."""
    for count in run.plan.tables:
        names = [OURS, DEBEZIUM] if count <= run.plan.tables_debezium_max else [OURS]
        many_tables(run, count, names)


def many_tables(run: Run, count: int, names: Sequence[str]) -> None:
    """One place of that curve: connectors of their own for a database of so many tables."""
    database = f"many_{count}"  # it stays: dropping it would cost as long as making it, and the server is thrown away
    run.mysql.execute(f"CREATE DATABASE {database}")
    run.mysql.execute(";".join(f"CREATE TABLE {database}.{table} (id INT NOT NULL PRIMARY KEY, "
                               "v VARCHAR(40) NOT NULL)" for table in _names(count)))  # fmt: skip
    connectors = [waiting(run, name, database) for name in names]
    run.mysql.execute("FLUSH BINARY LOGS")
    start = Position.now(run.mysql)
    rows = count + run.plan.table_rows
    _insert(run, database, count, rows)
    for connector in connectors:
        found = tables_round(run, connector, start, count, rows)
        catchup.note(run, "growth-tables", connector.side.name, found, count)
        catchup.say_round(run, f"growth-tables {count}", connector.side.name, 0, found)
        connector.delete()


def waiting(run: Run, name: str, database: str) -> Connector:
    """A stopped connector whose tables all go to the topic `<prefix>.all.tables`; it has seen the structures."""
    connector = run.side(name).connector(
        database,
        snapshot__mode="no_data",
        topic__naming__strategy="io.debezium.schema.DefaultRegexTopicNamingStrategy",
        topic__regex=r"([^.]+)\..+\..+",
        topic__replacement="$1.all.tables",
    )
    connector.create()
    connector.await_running()
    ends = EndOffsets(run.bootstrap, f"{connector.prefix}.all.tables")
    run.await_arrival(connector, ends, f"REPLACE INTO {database}.{_names(1)[0]} VALUES (0, UUID())")
    connector.stop()
    return connector


def tables_round(run: Run, connector: Connector, start: Position, count: int, rows: int) -> Window:
    """Catch up; the window begins when a row of each table has gone by."""
    connector.set_position(start)
    topic = f"{connector.prefix}.all.tables"
    ends = EndOffsets(run.bootstrap, topic)
    watch = Watch(ends, run.meters(connector.side)).start()
    try:
        connector.resume()
        watch.await_records(rows, catchup.ROUND_TIMEOUT_S, connector.check)
    finally:
        samples = watch.finish()
        ends.close()
    connector.stop()
    written = read_written(run.bootstrap, topic, watch.base)
    if written.records != rows:
        raise WrongOutput(f"{topic}: {rows} rows were written to {count} tables, the topic has {written.records}")
    return window(samples, watch.base + count, surplus=samples[-1].end - watch.base - rows)


def _names(count: int) -> list[str]:
    return [f"t{number}" for number in range(count)]


def _insert(run: Run, database: str, count: int, rows: int) -> None:
    """One row of each table in turn, ten to a transaction."""
    with run.mysql.admin(database) as connection, connection.cursor() as cursor:
        for first in range(0, rows, 500):
            text = [
                f"INSERT INTO t{number % count} VALUES ({number + 1}, 'row {number}')"
                for number in range(first, min(first + 500, rows))
            ]
            groups = [";".join(text[at : at + 10]) for at in range(0, len(text), 10)]
            cursor.execute(";".join(f"BEGIN; {group}; COMMIT" for group in groups))
            while cursor.nextset():
                pass
