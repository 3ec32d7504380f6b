"""Transforms beside other options."""

from __future__ import annotations

import pytest

from faust_cdc.config.validation import validate
from tests.connect.memory import MYSQL_CONFIG

K = "org.apache.kafka.connect.transforms."
UNWRAP = {"transforms": "u", "transforms.u.type": "io.debezium.transforms.ExtractNewRecordState"}
NAMED = {
    "transforms": "r",
    "transforms.r.type": f"{K}RegexRouter",
    "transforms.r.regex": "a",
    "transforms.r.replacement": "b",
}
TOMBSTONES = {
    "transforms.r.predicate": "p",
    "predicates": "p",
    "predicates.p.type": f"{K}predicates.RecordIsTombstone",
}


def problems(policy: str, **options: str) -> list[str]:
    config = MYSQL_CONFIG | {"name": "n", "schema.evolution.policy": policy} | options
    return [error for one in validate(config) if one.name == "schema.evolution.policy" for error in one.errors]


@pytest.mark.parametrize(
    ("chain", "named"),
    [
        (UNWRAP, "the transform 'u' (io.debezium.transforms.ExtractNewRecordState)"),
        (NAMED | TOMBSTONES, f"the transform 'r' ({K}RegexRouter)"),
        (NAMED | UNWRAP | {"transforms": "r,u"}, "the transform 'u' ("),
    ],
    ids=["makes records", "looks at records", "both kinds"],
)
def test_new_subject_is_refused_beside_transforms_that_make_other_records(chain: dict[str, str], named: str) -> None:
    (said,) = problems("New-Subject", **chain)
    assert said.startswith("The 'schema.evolution.policy' value is invalid: 'new-subject' cannot be used with ")
    assert named in said
    assert problems("fail", **chain) == problems("force", **chain) == []


def test_new_subject_is_taken_beside_transforms_that_only_name_topics() -> None:
    assert problems("new-subject") == problems("new-subject", **NAMED) == []


def test_of_a_chain_that_is_wrong_itself_no_more_is_said() -> None:
    assert problems("new-subject", **UNWRAP | {"transforms.u.type": "nothing"}) == []
