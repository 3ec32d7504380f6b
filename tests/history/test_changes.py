"""What a change is written down as."""

from __future__ import annotations

from dataclasses import replace

from faust_cdc.history.changes import DDL_BYTES_MAX, SchemaChange, is_shortened, shortened
from faust_cdc.relational.model import TableId


def test_a_statement_too_large_for_a_record_is_cut_and_says_so() -> None:
    change = SchemaChange("shop", "ALTER TABLE a COMMENT '" + "é" * DDL_BYTES_MAX + "'", tables=(TableId("shop", "a"),))
    found = shortened(change)
    assert found.ddl is not None
    assert len(found.ddl.encode()) < DDL_BYTES_MAX + 100
    assert f"the statement has {2 * DDL_BYTES_MAX + 24} bytes" in found.ddl
    assert replace(found, ddl=change.ddl) == change
    small = SchemaChange("shop", "ALTER TABLE a ADD v INT")
    assert shortened(small) is small
    assert is_shortened(found.ddl)
    assert not is_shortened(change.ddl or "")
    assert not is_shortened("ALTER TABLE a COMMENT ' /* cut here, the statement has 7 bytes */")
