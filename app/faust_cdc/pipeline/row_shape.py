"""What remains of a route for each row: whether it goes on, into which partition, and to which other topics.

Tables with such a route take the way row by row, past the compiled lane; routes that only name a topic, a key, columns
or masks are spent in the plan and cost a row nothing.

A filter sees a row's columns. As in PostgreSQL's publications an update is what its readers must take it for: of a row
that the filter holds for before and after it is an update, of one that it holds for only then a create, only before a
delete, else nothing. So a topic holds the rows that meet its filter, and no row that has ceased to.

All partitioners take columns of the record key alone (`routed.partition_problem`), so records of one key are in one
partition, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from faust_cdc.config.expressions import NUMBER, TEXT, TRUTH, parse_expression
from faust_cdc.config.routes import Route
from faust_cdc.errors import TableError
from faust_cdc.offsets import murmur2_partition
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.forms import Form
from faust_cdc.transcode.mapping import Kind
from faust_cdc.transcode.plan import ColumnPlan, TranscodePlan
from faust_cdc.transcode.row import UNAVAILABLE, Row

Passes = Callable[[Row], bool]
Partition = Callable[[Row], int]

_NUMBERS: Final = frozenset(
    {Kind.INTEGER, Kind.UNSIGNED_LONG, Kind.UNSIGNED_DECIMAL, Kind.FLOAT, Kind.DOUBLE, Kind.DECIMAL, Kind.YEAR}
)
_TEXTS: Final = frozenset({Kind.STRING, Kind.ENUM, Kind.SET, Kind.UUID})
_TWO_64: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class RowShape:
    """One way's share: the first topic of a table has the filter, each topic its own partitions."""

    skipped: frozenset[str] = frozenset()
    """Operations that do not go on."""
    passes: Passes | None = None
    partition: Partition | None = None

    def seen(self, kind: str, first: Row, second: Row | None) -> tuple[str, Row, Row | None] | None:
        """Return what a change of a row is behind the filter, None when it is nothing; rows as the dispatcher has."""
        passes = self.passes
        if passes is None:
            return kind, first, second
        before = passes(first)
        if second is None:
            return (kind, first, None) if before else None
        after = passes(second)
        if before and after:
            return kind, first, second
        if after:
            return "write", second, None
        return ("delete", first, None) if before else None


class Places(Protocol):
    """`OpenTransaction.next`."""

    def next(self, table: TableId) -> dict[str, Any]:
        """Return the `transaction` block of the next record."""


class SharedPlaces:
    """Places of a row's records that its copies in other topics have too: a change is counted once."""

    def __init__(self, transaction: Places) -> None:
        self._transaction = transaction
        self._given: list[dict[str, Any]] = []
        self._at = 0

    def again(self) -> SharedPlaces:
        """Begin the next copy."""
        self._at = 0
        return self

    def next(self, table: TableId) -> dict[str, Any]:
        """Return the place that the other copies of the record have, else the next one."""
        if self._at == len(self._given):
            self._given.append(self._transaction.next(table))
        self._at += 1
        return self._given[self._at - 1]


def shape_of(plan: TranscodePlan, route: Route, partition_count: int) -> RowShape | None:
    """Return what is left to be done for each row, None when nothing is.

    Raises TableError for a filter that does not suit the table.
    """
    operations = route.operations
    skipped = frozenset() if operations is None else frozenset("cudrt") - operations
    passes = None if route.filter is None else _passes(plan, route, route.filter)
    partition = _partition(plan, route, partition_count)
    if not skipped and passes is None and partition is None:
        return None
    return RowShape(skipped, passes, partition)


def _passes(plan: TranscodePlan, route: Route, text: str) -> Passes:
    reads = {one.column.name: read for one in plan.columns if (read := _reader(one)) is not None}
    try:
        expression = parse_expression(text)
        by_lower = {name.lower(): name for name in reads}
        named = {name: by_lower.get(name.lower(), name) for name in expression.names}
        expression.check({name: reads[column][0] for name, column in named.items() if column in reads})
    except ValueError as error:
        raise TableError(
            f"{plan.table.id}: the filter of route {route.tables!r} cannot be asked: {error}.",
            remedy="a filter sees columns of numbers and texts that are neither left out, masked nor truncated",
        ) from error
    asked = {name: reads[column][1] for name, column in named.items()}

    def passes(row: Row) -> bool:
        return expression.holds(lambda name: asked[name](row))

    return passes


def _reader(one: ColumnPlan) -> tuple[str, Callable[[Row], Any]] | None:
    """Return the kind of a column's values and how to have one of a row, None when a filter cannot see it."""
    if one.change is not None:
        return None
    index, mapping = one.index, one.mapping
    take: Callable[[Any], Any] = _as_it_is
    if mapping.avro == "boolean":
        kind = TRUTH
    elif mapping.kind in _TEXTS and mapping.avro == "string":
        kind = TEXT
    elif mapping.kind in _NUMBERS:
        kind = NUMBER
        if mapping.form is Form.UNSCALED:
            take = _unscaled(mapping.scale)
        elif mapping.avro == "string":
            take = Decimal
        elif mapping.kind is Kind.UNSIGNED_LONG and mapping.avro == "long":
            take = _unsigned
        elif mapping.avro not in ("int", "long", "float", "double"):
            return None
    else:
        return None

    def read(row: Row) -> Any:
        value = row[index]
        return None if value is None or value is UNAVAILABLE else take(value)

    return kind, read


def _as_it_is(value: Any) -> Any:
    return value


def _unsigned(value: int) -> int:
    return value + _TWO_64 if value < 0 else value


def _unscaled(scale: int) -> Callable[[bytes], Decimal]:
    return lambda data: Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-scale)


def _partition(plan: TranscodePlan, route: Route, count: int) -> Partition | None:
    if route.partitioner.kind == "table":
        number = murmur2_partition(str(plan.table.id).encode(), count)
        return lambda _: number
    if route.partitioner.kind != "columns":
        return None
    by_name = {one.column.name: one.index for one in plan.key_columns}
    places = tuple(by_name[name] for name in route.partitioner.columns)

    def partition(row: Row) -> int:
        return murmur2_partition(b"\0".join(_octets(row[place]) for place in places), count)

    return partition


def _octets(value: Any) -> bytes:
    """Return a value as it is hashed: text in UTF-8, numbers in digits, bytes as they are, NULL as nothing."""
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode()
