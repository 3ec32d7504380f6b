"""Which tables a statement renames."""

from __future__ import annotations

import pytest

from faust_cdc.pipeline.renames import renamed_tables
from faust_cdc.relational.model import TableId


def table(text: str) -> TableId:
    return TableId(*text.split("."))


@pytest.mark.parametrize(
    ("statement", "pairs"),
    [
        ("RENAME TABLE a TO b", [("d.a", "d.b")]),
        ("rename tables `a b` to x.`c``d` , x.e TO `f`", [("d.a b", "x.c`d"), ("x.e", "d.f")]),
        ("RENAME TABLE a TO tmp, b TO a, tmp TO b", [("d.a", "d.tmp"), ("d.b", "d.a"), ("d.tmp", "d.b")]),
        ("RENAME /* gh-ost */ TABLE `shop`.`t` TO `shop`.`_t_del`", [("shop.t", "shop._t_del")]),
        ("ALTER TABLE a RENAME b", [("d.a", "d.b")]),
        ("ALTER TABLE x.a ADD COLUMN c INT, RENAME TO x.b", [("x.a", "x.b")]),
        ("ALTER ONLINE TABLE a RENAME AS b", [("d.a", "d.b")]),
        ("ALTER TABLE a RENAME COLUMN c TO d", []),
        ("ALTER TABLE a RENAME INDEX i TO j, RENAME KEY k TO l", []),
        ("ALTER TABLE a ADD COLUMN c INT", []),
        ("CREATE TABLE rename_table (a INT)", []),
        ("DROP TABLE a", []),
    ],
)
def test_old_and_new_names(statement: str, pairs: list[tuple[str, str]]) -> None:
    assert renamed_tables(statement, "d") == [(table(old), table(new)) for old, new in pairs]
