"""Topic and subject names."""

import pytest

from faust_cdc.relational.model import TableId
from faust_cdc.routing import sanitise_topic, subject_for_key, subject_for_value, topic_for, topics


@pytest.mark.parametrize(
    ("database", "table", "topic"),
    [
        ("gold", "ints", "gp.gold.ints"),
        ("gold", "we-ird$tab", "gp.gold.we-ird_tab"),
        ("d", "ñ é", "gp.d.___"),
        ("d", "😀", "gp.d.__"),
        ("d", "a.b", "gp.d.a.b"),
    ],
)
def test_topic_of_a_table(database: str, table: str, topic: str) -> None:
    assert topic_for("gp", TableId(database, table)) == topic


def test_topics_are_cut_at_kafkas_limit() -> None:
    assert len(topic_for("p" * 200, TableId("d" * 64, "t" * 64))) == 249


@pytest.mark.parametrize(("name", "topic"), [(".", "_"), ("..", "__"), ("...", "...")])
def test_names_that_kafka_reserves(name: str, topic: str) -> None:
    assert sanitise_topic(name) == topic


def test_subjects_follow_the_topic() -> None:
    assert (subject_for_key("a.b"), subject_for_value("a.b")) == ("a.b-key", "a.b-value")


def test_other_topics() -> None:
    assert topics.schema_change_topic("my prefix") == "my_prefix"
    assert topics.transaction_topic("p") == "p.transaction"
    assert topics.heartbeat_topic("p") == "__debezium-heartbeat.p"


def test_tables_that_share_a_topic_are_found() -> None:
    first, second, other = TableId("d", "a$b"), TableId("d", "a b"), TableId("d", "c")
    assert topics.collisions("p", [first, second, other]) == {"p.d.a_b": (first, second)}
