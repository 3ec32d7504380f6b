"""Rules for new topics: the default's and those of groups (KIP-158)."""

from __future__ import annotations

import pytest

from faust_cdc.config.topic_creation import problems, topic_creation_of

DEFAULT = {"topic.creation.default.partitions": "3", "topic.creation.default.replication.factor": "-1"}
GROUPS = {
    **DEFAULT,
    "topic.creation.default.cleanup.policy": "delete",
    "topic.creation.groups": "compacted, large",
    "topic.creation.compacted.include": r"shop\.state.*,shop\.x",
    "topic.creation.compacted.exclude": r"shop\.state\.not",
    "topic.creation.compacted.cleanup.policy": "compact",
    "topic.creation.large.include": "shop.*",
    "topic.creation.large.partitions": "12",
    "topic.creation.large.replication.factor": "2",
}


def test_the_first_group_that_has_a_topic_makes_it() -> None:
    assert list(problems(GROUPS)) == []
    rules = topic_creation_of(GROUPS)
    assert rules is not None
    made = {
        topic: (rule.partitions, rule.replication_factor, dict(rule.config))
        for topic in ("shop.state.a", "shop.x", "shop.state.not", "shop.orders", "other")
        for rule in (rules.rule_of(topic),)
    }
    compacted = (3, -1, {"cleanup.policy": "compact"})
    large: tuple[int, int, dict[str, str]] = (12, 2, {})
    assert made == {
        "shop.state.a": compacted,
        "shop.x": compacted,
        "shop.state.not": large,
        "shop.orders": large,
        "other": (3, -1, {"cleanup.policy": "delete"}),
    }


@pytest.mark.parametrize(
    ("config", "option", "problem"),
    [
        ({"topic.creation.groups": "a"}, "topic.creation.default.partitions", "no default value"),
        ({**DEFAULT, "topic.creation.groups": "a"}, "topic.creation.a.include", "no default value"),
        ({**GROUPS, "topic.creation.large.include": "("}, "topic.creation.large.include", "'(' is not one"),
        ({**GROUPS, "topic.creation.large.partitions": "0"}, "topic.creation.large.partitions", "a positive number"),
        ({**DEFAULT, "topic.creation.b.partitions": "1"}, "topic.creation.b.partitions", "no group of this name"),
    ],
)
def test_what_is_wrong_is_said_at_its_option(config: dict[str, str], option: str, problem: str) -> None:
    found = dict(problems(config))
    assert problem in found[option]
