"""The list of differences from Debezium: well formed, known to the comparisons, and the README shows it."""

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


def test_every_entry_has_a_predicate_and_a_comparison_that_sees_it() -> None:
    ids = [one.id for one in listed()]
    assert sorted(ids) == sorted(PREDICATES)
    for one in listed():
        assert one.seen_in, one.id
        assert set(one.seen_in) <= COMPARISONS, one.id


def test_every_entry_says_how_to_get_debeziums_value_or_why_not() -> None:
    for one in listed():
        assert one.option == COMPATIBLE or one.option.startswith("none: "), one.id
        assert all((one.what, one.debezium, one.ours, one.why)), one.id
