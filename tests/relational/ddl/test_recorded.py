"""Every statement of the recorded binlogs and histories is read, and none of their tables is left to guess."""

from __future__ import annotations

import pytest

from faust_cdc.binlog.events import QueryEvent
from faust_cdc.relational.ddl import parse
from faust_cdc.relational.ddl.parse import Flavor
from faust_cdc.relational.ddl.statements import CreateTable
from tests.binlog import recordings
from tests.binlog.test_recordings import decode
from tests.recorded.runs import lines


@pytest.mark.parametrize("name", recordings.NAMES)
def test_query_events_of_recorded_binlogs_are_read(name: str) -> None:
    recording = recordings.load(name)
    flavor: Flavor = "mariadb" if recording.flavor == "mariadb" else "mysql"
    events = [event for event in decode(recording) if isinstance(event, QueryEvent)]
    read = [one for event in events for one in parse(event.query, flavor=flavor, sql_mode=event.sql_mode or 0)]
    assert len(read) == len(events) > 0
    assert any(isinstance(one, CreateTable) for one in read)


def test_statements_of_recorded_histories_are_read() -> None:
    statements = [line["ddl"] for line in lines("history") if line.get("ddl")]
    assert len(statements) > 40
    for statement in statements:
        assert parse(statement, flavor="mysql"), statement
