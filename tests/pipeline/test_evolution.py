"""Policies on the embedded registry over HTTP: what is asked, what is registered, where records go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faust_cdc.config.schema_evolution import EvolutionPolicy
from faust_cdc.errors import IncompatibleSchemaChange, RegistryUnavailable
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.evolution import Met, PlanFor, SchemaEvolution
from faust_cdc.pipeline.table_schemas import TableSchemas
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.embedded import EmbeddedRegistry, MemorySchemaLog
from faust_cdc.registry.schema_ids import SchemaIds
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.routing.topics import versioned_topic
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import build_plan
from tests.registry.support import embedded_client, fast_client, served

T, TOPIC = TableId("db", "t"), "p.db.t"
MET = Met("statement", BinlogPosition("binlog.000007", 1234), "ALTER TABLE")


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    with embedded_client() as made:
        yield made


def plan_for(*columns: Column) -> PlanFor:
    key = Column("id", "int", 0, False)
    table = Table(T, (key, *columns), ("id",))
    return lambda topic: build_plan(table, topic, TranscodeOptions())


NULLABLE = Column("a", "int", 1, True, has_default=True)
REQUIRED = Column("must", "int", 1, False)
WIDER = Column("a", "bigint", 1, True, has_default=True)
FIRST, BROKEN, WIDE = plan_for(NULLABLE), plan_for(REQUIRED), plan_for(WIDER)


def evolution(client: RegistryClient, policy: EvolutionPolicy, stored: TableSchemas | None = None) -> SchemaEvolution:
    converters = avro_converters(SchemaIds(client, forces=policy is EvolutionPolicy.FORCE))
    return SchemaEvolution(converters, lambda topic: None, policy, stored or TableSchemas(SourcePartition("c", "p")))


def test_fail_names_subject_level_versions_and_difference_and_registers_nothing(client: RegistryClient) -> None:
    ours = evolution(client, EvolutionPolicy.FAIL)
    ours.settle(T, TOPIC, FIRST, Met())
    for ask in (lambda: ours.foresee({T: (TOPIC, BROKEN)}, MET), lambda: ours.settle(T, TOPIC, BROKEN, MET)):
        with pytest.raises(IncompatibleSchemaChange) as caught:
            ask()
        said = str(caught.value)
        assert "db.t, table version 2 behind version 1 (ALTER TABLE at binlog.000007:1234)" in said
        assert "subject 'p.db.t-value' is not compatible under BACKWARD (the global rule of the registry)" in said
        assert "Against version 1 (schema id 2): field Value.a removed" in said
        assert "field Value.must added (int, no default)" in said
    assert client.versions("p.db.t-value") == [1]
    assert [one.version for one in (ours.schemas.latest(T),) if one] == [1]


def test_what_is_foreseen_is_noted_without_ids_and_registered_by_the_first_row(client: RegistryClient) -> None:
    ours = evolution(client, EvolutionPolicy.FAIL)
    ours.settle(T, TOPIC, FIRST, Met())
    ours.foresee({T: (TOPIC, WIDE)}, MET)
    seen = ours.schemas.latest(T)
    assert seen is not None
    assert (seen.version, seen.value_schema_id, seen.pos) == (2, None, 1234)
    assert client.versions("p.db.t-value") == [1]
    ours.settle(T, TOPIC, WIDE, Met("table map", BinlogPosition("binlog.000007", 1500)))
    noted = ours.schemas.latest(T)
    assert noted is not None
    assert (noted.version, noted.value_schema_id, noted.pos) == (2, 3, 1234)


def test_one_refused_table_of_a_statement_leaves_no_other_noted(client: RegistryClient) -> None:
    ours, other = evolution(client, EvolutionPolicy.FAIL), TableId("db", "u")
    ours.settle(T, TOPIC, FIRST, Met())
    ours.settle(other, "p.db.u", FIRST, Met())
    before = ours.schemas.latest(other)
    with pytest.raises(IncompatibleSchemaChange):
        ours.foresee({other: ("p.db.u", WIDE), T: (TOPIC, BROKEN)}, MET)
    assert ours.schemas.latest(other) == before


def test_nothing_is_asked_of_tables_without_records_and_of_changes_that_no_schema_shows() -> None:
    nobody = fast_client("http://127.0.0.1:9", retries=0)
    ours = evolution(nobody, EvolutionPolicy.FAIL, noted())
    ours.foresee({TableId("db", "new"): ("p.db.new", FIRST), T: (TOPIC, FIRST)}, MET)
    assert [one.version for one in (ours.schemas.latest(T),) if one] == [1]
    nobody.close()


def test_a_transitive_level_names_the_version_that_it_fails_on(client: RegistryClient) -> None:
    ours = evolution(client, EvolutionPolicy.FAIL)
    ours.settle(T, TOPIC, FIRST, Met())
    ours.settle(T, TOPIC, plan_for(), Met())
    client.set_config("BACKWARD_TRANSITIVE", "p.db.t-value")
    text = Column("a", "varchar", 1, True, length=9, charset="utf8mb4", has_default=True)
    with pytest.raises(IncompatibleSchemaChange) as caught:
        ours.foresee({T: (TOPIC, plan_for(text))}, MET)
    assert "BACKWARD_TRANSITIVE (the rule of the subject). Against version 1 (schema id 2)" in str(caught.value)


def test_new_subject_goes_on_from_what_was_committed(client: RegistryClient) -> None:
    ours = evolution(client, EvolutionPolicy.NEW_SUBJECT)
    ours.settle(T, TOPIC, FIRST, Met())
    ours.foresee({T: (TOPIC, BROKEN)}, MET)
    plan, _ = ours.settle(T, TOPIC, BROKEN, MET)
    assert plan.topic == f"{TOPIC}.v2"
    again = evolution(
        client, EvolutionPolicy.NEW_SUBJECT, TableSchemas(SourcePartition("c", "p"), dict(ours.schemas.take()))
    )
    assert again.settle(T, TOPIC, BROKEN, Met())[0].topic == f"{TOPIC}.v2"
    assert (
        again.settle(T, TOPIC, plan_for(REQUIRED, Column("b", "int", 2, True, has_default=True)), MET)[0].topic
        == f"{TOPIC}.v2"
    )
    lost = evolution(client, EvolutionPolicy.NEW_SUBJECT)  # a crash before the commit, or the topic is lost
    assert lost.settle(T, TOPIC, BROKEN, Met())[0].topic == f"{TOPIC}.v2"
    assert client.versions(f"{TOPIC}.v2-value") == [1, 2]
    then_fail = evolution(client, EvolutionPolicy.FAIL, again.schemas)
    with pytest.raises(IncompatibleSchemaChange, match=r"p\.db\.t\.v2-value"):
        then_fail.foresee({T: (TOPIC, plan_for(Column("other", "int", 1, False)))}, MET)


@pytest.mark.parametrize("is_foreseen", [True, False], ids=["at the statement", "with the snapshot's rows"])
def test_what_a_snapshot_meets_ahead_of_the_stream_is_noted_when_the_stream_is_there(
    client: RegistryClient, is_foreseen: bool
) -> None:
    ours = evolution(client, EvolutionPolicy.NEW_SUBJECT)
    ours.settle(T, TOPIC, FIRST, Met())
    assert ours.settle(T, TOPIC, BROKEN, Met("snapshot"))[0].topic == f"{TOPIC}.v2"
    assert ours.settle(T, TOPIC, FIRST, MET)[0].topic == TOPIC, "a row of the stream, which is not there yet"
    assert ours.schemas.take_news() == []
    if is_foreseen:
        ours.foresee({T: (TOPIC, BROKEN)}, MET)
    ours.arrived(T)
    ours.arrived(T)
    ((table, noted),) = ours.schemas.take_news()
    assert (table, noted.version, noted.topic, noted.decision) == (T, 2, f"{TOPIC}.v2", "new-subject")
    assert ours.settle(T, TOPIC, BROKEN, MET)[0].topic == f"{TOPIC}.v2"
    assert ours.schemas.take_news() == []


def test_force_leaves_the_level_as_it_was(client: RegistryClient) -> None:
    ours = evolution(client, EvolutionPolicy.FORCE)
    ours.settle(T, TOPIC, FIRST, Met())
    ours.foresee({T: (TOPIC, BROKEN)}, MET)
    ours.settle(T, TOPIC, BROKEN, MET)
    assert client.own_level("p.db.t-value") is None
    client.set_config("FULL", "p.db.t-value")
    ours.settle(T, TOPIC, plan_for(Column("other", "int", 1, False)), MET)
    assert client.own_level("p.db.t-value") == "FULL"
    assert client.versions("p.db.t-value") == [1, 2, 3]
    latest = ours.schemas.latest(T)
    assert latest is not None
    assert (latest.version, latest.decision) == (3, "forced")


def noted() -> TableSchemas:
    """A table with a first version, as a restart knows it."""
    registry = EmbeddedRegistry(MemorySchemaLog())
    with served(registry) as url:
        client = fast_client(url)
        ours = evolution(client, EvolutionPolicy.FAIL)
        ours.settle(T, TOPIC, FIRST, Met())
        client.close()
    registry.close()
    return ours.schemas


@pytest.mark.parametrize("policy", EvolutionPolicy)
def test_a_registry_that_is_away_is_a_passing_error(policy: EvolutionPolicy) -> None:
    away = fast_client("http://127.0.0.1:9", retries=0)
    ours = evolution(away, policy, noted())
    with pytest.raises(RegistryUnavailable):
        ours.foresee({T: (TOPIC, BROKEN)}, MET)
    with pytest.raises(RegistryUnavailable):
        ours.settle(T, TOPIC, FIRST, MET)
    away.close()


def test_versioned_topics_are_names_that_kafka_takes() -> None:
    assert [versioned_topic("t", number) for number in (1, 2, 11)] == ["t", "t.v2", "t.v11"]
    assert versioned_topic("t" * 249, 2) == "t" * 246 + ".v2"
