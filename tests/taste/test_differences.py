"""The list of differences from Debezium: well formed, known to the comparisons, and the README shows it."""

import ast

from faust_cdc.config.differences import COMPATIBLE, listed
from tests.parity.differences import PREDICATES
from tests.taste.differences import README, with_table

COMPARISONS = {
    "live",
    "live-options",
    "live-converters",
    "live-random",
    "live-rows",
    "live-defaults",
    "recorded-snapshot-compatible",
} | {f"recorded-{part}" for part in ("values", "snapshot", "schemas", "offsets", "history")}


def test_the_readme_shows_the_list() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run ./dev differences"


def test_every_entry_has_a_comparison_with_a_predicate_or_a_test_that_sees_it() -> None:
    ids = [one.id for one in listed()]
    assert len(set(ids)) == len(ids)
    compared = []
    for one in listed():
        assert one.seen_in, one.id
        tests = {where for where in one.seen_in if "::" in where}
        for where in tests:
            assert is_a_test(where), f"{one.id}: there is no test {where}"
        assert set(one.seen_in) - tests <= COMPARISONS, one.id
        compared += [one.id] if set(one.seen_in) - tests else []
    assert sorted(compared) == sorted(PREDICATES)


def is_a_test(where: str) -> bool:
    """Whether `tests/path.py::test_name` is a test function of a test file."""
    path, _, name = where.partition("::")
    file = README.parent / path
    if not path.startswith("tests/") or not name.startswith("test_") or not file.is_file():
        return False
    return any(isinstance(one, ast.FunctionDef) and one.name == name for one in ast.parse(file.read_text()).body)


def test_a_test_that_is_not_there_is_found() -> None:
    here = "tests/taste/test_differences.py"
    assert is_a_test(f"{here}::test_the_readme_shows_the_list")
    assert not is_a_test(f"{here}::test_the_readme_shows")
    assert not is_a_test(f"{here}::is_a_test")
    assert not is_a_test("tests/taste/test_nothing.py::test_nothing")


def test_every_entry_says_how_to_get_debeziums_value_or_why_not() -> None:
    for one in listed():
        asked = one.option == COMPATIBLE or one.option.startswith((f"{COMPATIBLE}, or ", "none: "))
        assert asked, one.id
        assert all((one.what, one.debezium, one.ours, one.why)), one.id
