"""From a signal to a command, or to the reason why there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.config.routes import parse_route
from faust_cdc.signals.routing import SetRoute
from faust_cdc.signals.signal import LogMessage, RefusedSignal, Signal, command_of
from faust_cdc.snapshot.commands import (
    AdditionalCondition,
    ExecuteSnapshot,
    PauseSnapshot,
    ResumeSnapshot,
    StopSnapshot,
)
from faust_cdc.snapshot.progress import SnapshotKind

INCREMENTAL, BLOCKING = SnapshotKind.INCREMENTAL, SnapshotKind.BLOCKING
CONDITION = {"data-collection": "shop.orders", "filter": "status = 'open'"}


@pytest.mark.parametrize(
    ("type_", "data", "expected"),
    [
        (
            "execute-snapshot",
            {"data-collections": [" shop.orders ", r"shop\.c.*"]},
            ExecuteSnapshot("s", ("shop.orders", r"shop\.c.*"), INCREMENTAL),
        ),
        (
            "execute-snapshot",
            {
                "data-collections": ["shop.orders"],
                "type": "blocking",
                "additional-conditions": [CONDITION],
                "surrogate-key": " at ",
            },
            ExecuteSnapshot(
                "s",
                ("shop.orders",),
                BLOCKING,
                (AdditionalCondition("shop.orders", "status = 'open'"),),
                "at",
            ),
        ),
        (
            "execute-snapshot",
            {"data-collections": ["a.b"], "additional-conditions": None, "surrogate-key": "", "more": 1},
            ExecuteSnapshot("s", ("a.b",), INCREMENTAL),
        ),
        ("stop-snapshot", None, StopSnapshot("s", (), INCREMENTAL)),
        ("stop-snapshot", {"data-collections": ["a.b"], "type": "INCREMENTAL"}, StopSnapshot("s", ("a.b",))),
        ("pause-snapshot", {"type": "INCREMENTAL"}, PauseSnapshot("s")),
        ("resume-snapshot", {}, ResumeSnapshot("s")),
        ("log", {"message": "at {}"}, LogMessage("s", "at {}")),
        (
            "set-route",
            {"tables": "a.b", "route": {"topic": "x"}},
            SetRoute("s", "a.b", parse_route("a.b", {"topic": "x"})),
        ),
        ("delete-route", {"tables": "a.b"}, SetRoute("s", "a.b", None)),
        ("snapshot-window-open", {"openWindowTimestamp": "x"}, None),
        ("snapshot-window-close", None, None),
    ],
)
def test_what_is_asked_for(type_: str, data: Any, expected: object) -> None:
    assert command_of(Signal("s", type_, None if data is None else json.dumps(data))) == expected


@pytest.mark.parametrize(
    ("type_", "data", "named"),
    [
        ("dance", "{}", "its type is not known, expected one of delete-route, execute-snapshot, log"),
        ("execute-snapshot", "{", "its data is not JSON"),
        ("execute-snapshot", "[1]", "its data is no JSON object"),
        ("execute-snapshot", "[" * 100_000, "its data is not JSON"),
        ("execute-snapshot", "{}", "'data-collections' is missing"),
        ("execute-snapshot", '{"data-collections":[]}', "'data-collections' is missing"),
        ("execute-snapshot", '{"data-collections":"a.b"}', "'data-collections' in its data is a list of texts"),
        ("execute-snapshot", '{"data-collections":["a.b", 5]}', "'data-collections' in its data is a list of texts"),
        ("execute-snapshot", '{"data-collections":["a.("]}', "which is no regular expression"),
        ("execute-snapshot", '{"data-collections":["a.b"],"type":"FULL"}', "is INCREMENTAL or BLOCKING, found 'FULL'"),
        ("execute-snapshot", '{"data-collections":["a.b"],"type":5}', "is INCREMENTAL or BLOCKING, found 5"),
        ("execute-snapshot", '{"data-collections":["a.b"],"additional-conditions":{}}', "is a list, found {}"),
        ("execute-snapshot", '{"data-collections":["a.b"],"additional-conditions":[{"filter":"x"}]}', "in each, found"),
        ("execute-snapshot", '{"data-collections":["a.b"],"additional-condition":"x=1"}', "'additional-conditions'"),
        ("execute-snapshot", '{"data-collections":["a.b"],"surrogate-key":["id"]}', "'surrogate-key' in its data is"),
        ("log", '{"message":""}', "'message' is missing"),
        ("log", '{"message":5}', "'message' in its data is a text"),
        ("set-route", '{"route":{"topic":"x"}}', "'tables' is missing"),
        ("set-route", '{"tables":"a.b"}', "'route' is missing"),
        ("set-route", '{"tables":"a.b","route":{"topic":"x y"}}', "character 2: Kafka takes no ' '"),
        ("set-route", '{"tables":"a.b","route":{"topic":"x","filter":"a = a = 1"}}', "character 7: the end, AND or OR"),
        ("delete-route", "{}", "'tables' is missing"),
        ("schema-changes", '{"database":"d","changes":[]}', "'changes' in its data is a list"),
        ("schema-changes", '{"changes":[{}]}', "'database' is missing"),
        ("schema-changes", '{"database":"d","changes":[5]}', "is an object with 'type' (CREATE, ALTER, DROP)"),
        ("schema-changes", '{"database":"d","changes":[{"type":"DROP","id":"d.t"}]}', "a table's id is"),
        ("schema-changes", '{"database":"d","changes":[{"type":"ALTER","id":"\\"d\\".\\"t\\""}]}', "no list 'columns'"),
        ("set-binlog-position", '{"gtid_set":"x:1"}', "stop the connector, set its offset"),
    ],
)
def test_what_is_refused_says_why(type_: str, data: str, named: str) -> None:
    command = command_of(Signal("s", type_, data))
    assert isinstance(command, RefusedSignal)
    assert (command.id, command.type) == ("s", type_)
    assert named in command.reason
    assert len(command.reason) < 600


@given(
    st.one_of(st.sampled_from(["execute-snapshot", "stop-snapshot", "pause-snapshot", "log"]), st.text()),
    st.one_of(
        st.none(),
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["type", "message"]), inner),
        ).map(json.dumps),
    ),
)
def test_nothing_that_a_signal_says_is_an_error(type_: str, data: str | None) -> None:
    command = command_of(Signal("s", type_, data))
    assert command is None or command.id == "s"


def test_a_signal_of_a_line_or_a_record() -> None:
    assert Signal.from_json('{"id": "a", "type": " log ", "data": {"message": "ü"}}') == Signal(
        "a", "log", '{"message": "ü"}'
    )
    assert Signal.from_json(b'{"id": 7, "type": "log", "data": "{}"}') == Signal("7", "log", "{}")
    made_up = Signal.from_json('{"type": "stop-snapshot"}')
    assert made_up.data is None
    assert len(made_up.id) == 36
    assert Signal.from_value(made_up.to_value()) == made_up


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"type":5}',
        '{"type":" "}',
        '{"type":"log","data":[]}',
        '{"type":"log","id":true}',
        b"\xff",
    ],
)
def test_what_is_no_signal(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        Signal.from_json(text)
