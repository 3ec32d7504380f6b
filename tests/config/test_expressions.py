"""Conditions on rows: what they say, and what is refused with the place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.config.expressions import NUMBER, TEXT, TRUTH, parse_expression

ROW: dict[str, Any] = {
    "n": 5,
    "d": Decimal("10.50"),
    "t": "it's",
    "f": 0.5,
    "none": None,
    "yes": True,
    "a b": 1,
    "g": 19.99,
}
KINDS = {"n": NUMBER, "d": NUMBER, "t": TEXT, "f": NUMBER, "none": NUMBER, "yes": TRUTH, "a b": NUMBER, "g": NUMBER}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("n = 5", True),
        ("n <> 5 OR d >= 10.5", True),
        ("n > 4 and not (t = 'x' or f < 0)", True),
        ("t = 'it''s'", True),
        ('t != "it\'s"', False),
        ("t LIKE 'i_''%' AND t NOT LIKE 'x%'", True),
        (r"t LIKE 'it\%'", False),
        ("n IN (1, 2, 5) AND n NOT IN (7)", True),
        ("n BETWEEN 5 AND 6 AND n NOT BETWEEN -3 AND 4.99", True),
        ("none = 1", False),
        ("none <> 1", False),
        ("NOT (none = 1)", False),
        ("none IS NULL AND n IS NOT NULL", True),
        ("none = 1 OR n = 5", True),
        ("none NOT IN (1)", False),
        ("yes AND `a b` == 1", True),
        ("yes = FALSE", False),
        ("TRUE", True),
        ("d = 10.5 AND f = 0.5 AND n < d", True),
        ("g = 19.99 AND g >= 19.99 AND g BETWEEN 19.99 AND 20 AND g IN (1.1, 19.99)", True),
        ("g <> 19.99 OR g > 19.99 OR g < 19.99", False),
        ("19.99 = g AND f < d", True),
    ],
)
def test_says_what_sql_says(text: str, holds: bool) -> None:
    expression = parse_expression(text)
    expression.check(KINDS)
    assert expression.holds(ROW.__getitem__) is holds


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "character 1: a column, a number or a text is expected, found its end"),
        ("n =", "character 4: a column, a number or a text is expected, found its end"),
        ("n = 5 6", "character 7: the end, AND or OR is expected, found '6'"),
        ("(n = 5", "character 7: '\\)' is expected"),
        ("n ! 5", "character 3: '!' begins nothing"),
        ("n = 'open", 'character 5: "\'" begins nothing'),
        ("n IN 5", "character 6: '\\(' is expected"),
        ("n NOT 5", "character 7: IN, LIKE or BETWEEN is expected"),
        ("t LIKE 5", "character 8: a text is expected"),
        ("n BETWEEN 1 OR 2", "character 13: AND is expected"),
        ("n IS 5", "character 6: NULL is expected"),
        ("n = and", "character 5: a column"),
        ("__import__('os')", "character 11: the end, AND or OR is expected"),
        ("(" * 60 + "n", "no more than 50"),
        ("not " * 60 + "yes", "no more than 50"),
        ("n = 1 or " * 2000 + "n = 1", "10000 characters at most"),
    ],
)
def test_a_syntax_error_names_its_place(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        parse_expression(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("n = 'x'", "character 5: a text is compared with a number|a number is compared with a text"),
        ("m = 1", "character 1: there is no column 'm'"),
        ("n", "character 1: a number stands where a condition is expected"),
        ("n AND yes", "character 1: a number stands"),
        ("NOT t", "character 5: a text stands"),
        ("t IN (1)", "character 7"),
        ("n LIKE 'x'", "character 8"),
    ],
)
def test_kinds_that_do_not_go_together_are_refused(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        parse_expression(text).check(KINDS)


def test_a_long_condition_is_not_shown_whole() -> None:
    with pytest.raises(ValueError, match="character 7") as refused:
        parse_expression("a = b " + "= 1 " * 2000)
    assert len(str(refused.value)) < 400


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    said = ""
    try:
        assert parse_expression(text).text == text
    except ValueError as error:
        said = str(error)
    assert not said or "character" in said
