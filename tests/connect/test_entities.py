from __future__ import annotations

import pytest

from faust_cdc.connect.entities import ConnectError, CreateRequest, config_map, parse_json


def test_numbers_and_booleans_become_texts_as_written() -> None:
    value = parse_json(b'{"a":1.50,"b":2,"c":true,"d":null,"e":"x","f":1e400,"g":18446744073709551615}')
    expected = {"a": "1.50", "b": "2", "c": "true", "d": None, "e": "x", "f": "1e400", "g": "18446744073709551615"}
    assert config_map(value) == expected


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{not json", "line 1, column 2"),
        (b'{"a": 1,\n "b": }', "line 2, column 7"),
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b'{"a":NaN}', "NaN is not a JSON value"),
        (b"\xff{}", "not UTF-8: byte 0 is 0xff"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_invalid_json_says_where(body: bytes, text: str) -> None:
    with pytest.raises(ConnectError) as refused:
        parse_json(body)
    assert refused.value.status == 400
    assert text in refused.value.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "found a list"),
        ("x", "found a text"),
        ({"name": {}, "config": {}}, "'name' must be a text, found an object"),
        ({"name": None, "config": {}}, "'name' must be a text, found null"),
        ({"name": "a"}, "'config' is missing"),
        ({"name": "a", "config": None}, "must be a JSON object of texts, found null"),
        ({"name": "a", "config": []}, "must be a JSON object of texts, found a list"),
        ({"name": "a", "config": {"tables": ["a.b"]}}, "value of 'tables' must be a text, found a list: write a list"),
        ({"name": "a", "config": {"database": {"port": "1"}}}, "found an object: options are flat"),
        ({"name": "a", "config": {}, "unknown_field": "1"}, 'Unrecognized field "unknown_field": the known ones are'),
        ({"name": "a", "config": {}, "topic.prefix": "1"}, "go into 'config'"),
        ({"name": "a", "config": {}, "initial_state": "bogus"}, "one of RUNNING, PAUSED, STOPPED, found 'bogus'"),
        ({"name": "a", "config": {}, "initial_state": ["RUNNING"]}, "one of RUNNING, PAUSED, STOPPED"),
    ],
)
def test_wrong_types_are_named(value: object, text: str) -> None:
    with pytest.raises(ConnectError) as refused:
        CreateRequest.parse(value)
    assert refused.value.status == 400
    assert text in refused.value.message


def test_a_number_as_name_is_a_number() -> None:
    with pytest.raises(ConnectError, match="'name' must be a text, found a number"):
        CreateRequest.parse(parse_json(b'{"name":7,"config":{}}'))
