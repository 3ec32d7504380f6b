"""`faust_kit` refuses versions of Faust and aiokafka whose private parts it was not written for."""

import pytest

from faust_cdc_schemas.faust_kit.read_committed import _LiveSet, ensure_supported_versions


def test_the_pinned_versions_are_accepted() -> None:
    ensure_supported_versions("0.15.3", "0.14.2")


@pytest.mark.parametrize(("faust", "aiokafka"), [("0.15.4", "0.14.0"), ("0.15.3", "0.15.0"), ("0.15.3", "0.140")])
def test_other_versions_are_named(faust: str, aiokafka: str) -> None:
    with pytest.raises(ImportError, match=f"found faust-streaming {faust} and aiokafka {aiokafka}"):
        ensure_supported_versions(faust, aiokafka)


def test_an_empty_set_of_active_partitions_stays_a_filter() -> None:
    assert _LiveSet()
    assert len(_LiveSet()) == 0
