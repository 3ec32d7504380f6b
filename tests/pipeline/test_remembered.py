"""What a snapshot read of a table now does not stand for rows that were written before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.relational.model import Table
from faust_cdc.routing import TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions
from tests.transcode.images import TABLE, columns, table, table_map

WIRE = (TableMapColumn(3, 0, False), TableMapColumn(3, 0, True))
NOW = table(*columns("int NOT NULL", "int"), key=("c0",))
BEFORE = replace(NOW, columns=(NOW.columns[0], replace(NOW.columns[1], name="former")))


@pytest.mark.parametrize(("told", "expected"), [(None, NOW), (NOW, NOW), (BEFORE, BEFORE)])
def test_names_of_rows_are_those_that_the_history_tells(told: Table | None, expected: Table) -> None:
    """Without names in the table map, equal types would pass under the names of now."""
    cache = TranscoderCache(
        TopicNaming("p"),
        TranscodeOptions(),
        lambda _: True,
        lambda _: {TABLE: told or NOW},
        avro_converters(lambda _subject, _schema: 1),
        lambda _: None,
        before={} if told is None else {TABLE: told},
    )
    cache.remember([NOW])
    found = cache.for_table_map(table_map(*WIRE))
    assert found is not None
    assert [column.name for column in found.transcoder.plan.table.columns] == [one.name for one in expected.columns]
