"""Routes at work on one table: the topics of its records with the options that shape them, and when two are at odds.

Options are spent here, when a table version is planned: what remains for each row is in `row_shape`, and nothing
remains of a route that only names a topic, a key, columns or masks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from faust_cdc.config.routes import OPTION, Route
from faust_cdc.errors import TableError
from faust_cdc.relational.columns import Action, ColumnSelection, Shaping
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import RouteMap
from faust_cdc.transcode.plan import KeyConstant, TranscodeOptions, TranscodePlan


@dataclass(frozen=True, slots=True)
class Way:
    """One topic of a table's records, and what they are shaped by."""

    topic: str
    options: TranscodeOptions
    key_constant: KeyConstant | None
    route: Route | None


def ways_of(routes: RouteMap, table: Table, options: TranscodeOptions) -> tuple[Way, ...]:
    """Return the ways of a table's records, one for each topic.

    Raises TableError for a column that the table does not have, ConfigError for a topic that cannot be.
    """
    route, key_field = routes.of(table.id), routes.key_field(table.id)
    constant = None if key_field is None else KeyConstant(*key_field)
    shaped = options if route is None else replace(options, columns=_columns(options.columns, route, table))
    return tuple(Way(topic, shaped, constant, route) for topic in routes.topics(table.id))


def _columns(columns: ColumnSelection, route: Route, table: Table) -> ColumnSelection:
    """Return the connector's selection with the route's laid over it."""
    known = {column.name for column in table.columns}
    masked = dict(route.mask_columns)
    for member, names in (
        ("key_columns", route.key_columns),
        ("partitioner", route.partitioner.columns),
        ("include_columns", route.include_columns),
        ("exclude_columns", route.exclude_columns),
        ("mask_columns", tuple(masked)),
    ):
        for name in names:
            if name not in known:
                raise TableError(
                    f"{table.id}: route {route.tables!r} has {member} {name!r}, which is no column of the table.",
                    remedy=f"name one of {', '.join(sorted(known))}",
                )
    if route.include_columns or route.exclude_columns:
        left_out = [
            column.name
            for column in table.columns
            if not columns.includes(table.id, column)
            or column.name in route.exclude_columns
            or (route.include_columns and column.name not in route.include_columns)
        ]
        columns = replace(columns, include=(), exclude=tuple(_exactly(table.id, name) for name in left_out))
    if route.key_columns:
        columns = replace(columns, keys=tuple((_exactly(table.id, name),) for name in route.key_columns))
    masks = tuple(
        Shaping(Action.MASK, OPTION, (_exactly(table.id, name),), length=length) for name, length in masked.items()
    )
    return replace(columns, shapings=(*masks, *columns.shapings)) if masks else columns


def _exactly(table: TableId, column: str) -> re.Pattern[str]:
    return re.compile(re.escape(f"{table}.{column}"), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Use:
    """One table's use of a topic, as far as it must agree with another's."""

    plan: TranscodePlan
    route: Route | None

    @property
    def table(self) -> TableId:
        """Whose records they are."""
        return self.plan.table.id


def clash(one: Use, other: Use) -> str | None:
    """Say in words why two tables cannot share a topic, None when they can.

    Two tables that no route serves are the naming strategy's business, which may have them share a topic as they are.
    """
    if (one.route is None and other.route is None) or one.table == other.table:
        return None
    both = f"{one.table} and {other.table} would share topic {one.plan.topic!r}, and"
    ours, theirs = one.plan.key_constant, other.plan.key_constant
    if ours is None or theirs is None or ours.value == theirs.value:
        return (
            f"{both} rows of the two with equal keys would be taken for one row; tell them apart by "
            'key_source (as "${database}.${table}") in the routes of both'
        )
    if one.plan.key_schema_json != other.plan.key_schema_json:
        return f"{both} their keys are not alike: {_keys(one.plan)} and {_keys(other.plan)}"
    how, how_else = partitioning(one.route), partitioning(other.route)
    if how != how_else:
        return f"{both} their records would be spread differently over its partitions: {how} and {how_else}"
    return None


def order_problem(before: Use, after: Use) -> str | None:
    """Say why a table's records must not go on in their topic under another route, None when they may.

    Behind the change a row's records would go to another partition than before it, or under another key, and a reader
    of several partitions sees them in any order.
    """
    if before.plan.topic != after.plan.topic:
        return None
    where = f"{after.table} would go on in topic {after.plan.topic!r} with"
    if _has_other_key(before.plan, after.plan):
        return f"{where} another key ({_keys(after.plan)}, before {_keys(before.plan)})"
    how, how_before = partitioning(after.route), partitioning(before.route)
    return f"{where} another partitioner ({how}, before {how_before})" if how != how_before else None


def _has_other_key(before: TranscodePlan, after: TranscodePlan) -> bool:
    if before.has_key != after.has_key or before.key_constant != after.key_constant:
        return True
    return before.has_key and before.key_schema_json != after.key_schema_json


def partitioning(route: Route | None) -> str:
    """Return in words how records are spread over partitions."""
    return "key" if route is None else str(route.partitioner)


def _keys(plan: TranscodePlan) -> str:
    names: Iterable[str] = (f"{one.field_name} {one.mapping.avro}" for one in plan.key_columns)
    return ", ".join(names) or "none"


def partition_problem(plan: TranscodePlan, route: Route) -> str | None:
    """Say why a partitioner by columns would break the order of a key's records, None when it would not."""
    key = [one.column.name for one in plan.key_columns]
    outside = [name for name in route.partitioner.columns if name not in key]
    if not outside:
        return None
    return (
        f"route {route.tables!r} partitions {plan.table.id} by {outside[0]!r}, which is not in its key "
        f"({', '.join(key) or 'none'}): a change of it would send a row's records to two partitions, in any order; "
        f"add it to key_columns"
    )
