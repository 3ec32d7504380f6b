"""The SELECT of a table's snapshot, of ours and around one of the user's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pymysql.constants import FIELD_TYPE, FLAG

from faust_cdc.config.snapshot_settings import OverriddenTable, SnapshotSettings
from faust_cdc.errors import ConfigError
from faust_cdc.mysql.snapshot_session import QueryColumn
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.snapshot.selects import select_of
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import TranscodePlan, build_plan


def column(name: str, type_name: str, position: int, *, nullable: bool = True, charset: str | None = None) -> Column:
    labels = ("a", "b") if type_name in ("enum", "set") else ()
    return Column(name, type_name, position, nullable, length=3, charset=charset, enum_values=labels)


PLAN: TranscodePlan = build_plan(
    Table(
        TableId("d", "t`"),
        (
            column("id", "int", 0, nullable=False),
            column("e", "enum", 1, charset="utf8mb4"),
            column("k", "varchar", 2, charset="koi8r"),
            column("v", "varchar", 3, charset="utf8mb4"),
            column("b", "bit", 4),
        ),
        ("id",),
        "utf8mb4",
        "",
    ),
    "p.d.t",
    TranscodeOptions(connector="mysql"),
)
ALL = (
    QueryColumn("ID", FIELD_TYPE.LONG, FLAG.NOT_NULL),
    QueryColumn("e", FIELD_TYPE.STRING, FLAG.ENUM),
    QueryColumn("k", FIELD_TYPE.VAR_STRING, 0),
    QueryColumn("v", FIELD_TYPE.VAR_STRING, 0),
    QueryColumn("b", FIELD_TYPE.BIT, FLAG.UNSIGNED),
    QueryColumn("more", FIELD_TYPE.LONG, 0),
)


def chosen(columns: Sequence[QueryColumn], *, as_text: bool = True, name: str | None = "t`") -> str:
    overrides = {} if name is None else {OverriddenTable("d", name): "SELECT * FROM x -- all"}
    return select_of(
        PLAN, SnapshotSettings(overrides=overrides).override_of(*PLAN.table.id), lambda sql: columns, as_text=as_text
    )


def replaced(old: int, new: QueryColumn | None) -> list[QueryColumn]:
    return [one if place != old else new for place, one in enumerate(ALL) if place != old or new is not None]  # type: ignore[misc]


def test_a_table_without_a_statement_is_read_whole() -> None:
    expressions = ", ".join(PLAN.select_list(as_text=True))
    assert chosen((), name=None) == f"SELECT {expressions} FROM `d`.`t```"
    assert chosen((), name="other") == f"SELECT {expressions} FROM `d`.`t```"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_statement_stands_as_a_derived_table(as_text: bool) -> None:
    expressions = PLAN.select_list(as_text=as_text)
    assert expressions[2] == "CAST(`k` AS BINARY)"
    expressions[2] = "CAST(CONVERT(`k` USING koi8r) AS BINARY)"
    assert chosen(ALL, as_text=as_text) == f"SELECT {', '.join(expressions)} FROM (SELECT * FROM x -- all\n) AS t"


def test_what_it_leaves_out_is_null() -> None:
    for columns in (replaced(3, None), replaced(3, QueryColumn("v", FIELD_TYPE.NULL, 0))):
        assert "CAST(NULL AS CHAR), `b` FROM" in chosen(columns)


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (replaced(0, None), "column 'id' may not be null, and the statement leaves it out"),
        (
            replaced(0, QueryColumn("id", FIELD_TYPE.NULL, 0)),
            "column 'id' may not be null, and the statement gives NULL",
        ),
        (replaced(1, QueryColumn("e", FIELD_TYPE.VAR_STRING, 0)), "column 'e' is of type ENUM in the table"),
        (replaced(4, QueryColumn("b", FIELD_TYPE.LONGLONG, 0)), "column 'b' is of type BIT in the table"),
    ],
)
def test_what_would_mean_something_else_is_refused(columns: list[QueryColumn], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as raised:
        chosen(columns)
    assert raised.value.message.startswith("snapshot.select.statement.overrides.d.t`: ")
