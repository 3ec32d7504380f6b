"""`schema.evolution.aliases` on the embedded registry over HTTP: what is noted at a statement, and what plans have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from faust_cdc.errors import IncompatibleSchemaChange
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.evolution import Met, PlanFor, SchemaEvolution
from faust_cdc.pipeline.renamed_columns import RenamedColumns
from faust_cdc.pipeline.table_schemas import TableSchemas
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.schema_ids import SchemaIds
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import TranscodePlan, build_plan
from tests.registry.support import embedded_client

T, TOPIC, SUBJECT = TableId("db", "t"), "p.db.t", "p.db.t-value"
PARTITION = SourcePartition("c", "p")
PLACE = BinlogPosition("binlog.000007", 1234)
BY_STATEMENT, BY_ROW = Met("statement", PLACE, "ALTER TABLE"), Met("table map", PLACE)


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    with embedded_client() as made:
        yield made


class Evolving:
    """One table's evolution, its versions kept as a topic would."""

    def __init__(self, client: RegistryClient, *, has_aliases: bool = True) -> None:
        self.client = client
        self.kept: dict[bytes, bytes] = {}
        self.start(has_aliases=has_aliases)

    def start(self, *, has_aliases: bool = True) -> None:
        self.ours = SchemaEvolution(
            avro_converters(SchemaIds(self.client)),
            lambda _topic: None,
            schemas=TableSchemas(PARTITION, self.kept),
            has_aliases=has_aliases,
        )

    def plan_for(self, *columns: str) -> PlanFor:
        fields = (Column(name, "int", at, False) for at, name in enumerate(columns, 1))
        table = Table(T, (Column("id", "int", 0, False), *fields), ("id",))

        def plan(topic: str) -> TranscodePlan:
            return replace(build_plan(table, topic, TranscodeOptions()), aliases=self.ours.aliases(table))

        return plan

    def rows(self, *columns: str) -> None:
        """Rows of a structure come, and are committed."""
        self.ours.settle(T, TOPIC, self.plan_for(*columns), BY_ROW)
        self.commit()

    def statement(self, renamed: dict[str, str], *columns: str) -> None:
        """A statement comes that renames columns; without `columns` what it leaves is not known."""
        take_back = self.ours.rename([RenamedColumns(T, renamed)] if renamed else [], str)
        try:
            self.ours.foresee({T: (TOPIC, self.plan_for(*columns))} if columns else {}, BY_STATEMENT)
        except IncompatibleSchemaChange:
            take_back()
            raise
        finally:
            self.commit()

    def commit(self) -> None:
        self.kept |= dict(self.ours.schemas.take())

    def registered(self) -> list[dict[str, list[str]]]:
        """The aliases in each version of the subject."""
        return [aliases_in(self.client.version(SUBJECT, one)[1]) for one in self.client.versions(SUBJECT)]


def aliases_in(document: dict[str, object]) -> dict[str, list[str]]:
    fields = document["fields"]
    assert isinstance(fields, list)
    row = next(one["type"] for one in fields if one["name"] == "before")[1]
    return {one["name"]: one["aliases"] for one in row["fields"] if "aliases" in one}


def test_a_rename_can_be_read_backward_and_its_alias_stays_behind_it(client: RegistryClient) -> None:
    t = Evolving(client)
    t.rows("a")
    t.statement({"b": "a"}, "b")
    t.rows("b")
    t.start()
    t.rows("b")
    t.statement({"c": "b"}, "c")
    t.rows("c")
    assert t.registered() == [{}, {"b": ["a"]}, {"c": ["b", "a"]}]


def test_without_the_option_it_is_a_column_that_goes_and_one_that_comes(client: RegistryClient) -> None:
    t = Evolving(client, has_aliases=False)
    t.rows("a")
    with pytest.raises(IncompatibleSchemaChange):
        t.statement({"b": "a"}, "b")


@pytest.mark.parametrize("restarts", [False, True])
def test_an_alias_is_kept_though_the_statement_does_not_tell_the_structure(
    client: RegistryClient, restarts: bool
) -> None:
    t = Evolving(client)
    t.rows("a")
    t.statement({"b": "a"})
    t.statement({"c": "b"})
    if restarts:
        t.start()
    t.rows("c")
    assert t.registered() == [{}, {"c": ["a"]}]


def test_a_refused_statement_is_met_again_with_the_aliases_before_it(client: RegistryClient) -> None:
    t = Evolving(client)
    t.rows("a")
    t.statement({"b": "a"}, "b")
    t.rows("b")
    client.set_config("FULL", SUBJECT)
    before = dict(t.kept)
    with pytest.raises(IncompatibleSchemaChange, match=r"field Value\.c added"):
        t.statement({"c": "b"}, "c")
    assert t.kept == before
    client.set_config("BACKWARD", SUBJECT)
    t.start()
    t.statement({"c": "b"}, "c")
    t.rows("c")
    assert t.registered() == [{}, {"b": ["a"]}, {"c": ["b", "a"]}]


def test_a_rename_that_is_taken_back_before_any_row_leaves_the_version_as_it_was(client: RegistryClient) -> None:
    t = Evolving(client)
    t.rows("a")
    t.statement({"b": "a"}, "b")
    t.statement({"a": "b"}, "a")
    t.rows("a")
    assert t.registered() == [{}]


def test_a_swap_by_three_statements_leaves_no_alias_that_an_older_record_has_twice(client: RegistryClient) -> None:
    t = Evolving(client)
    t.rows("a", "b")
    for renamed, columns in (({"tmp": "a"}, "tmp b"), ({"a": "b"}, "tmp a"), ({"b": "tmp"}, "b a")):
        client.set_config("NONE", SUBJECT)
        t.statement(renamed, *columns.split())
        t.rows(*columns.split())
    assert t.registered() == [{}, {"tmp": ["a"]}, {}, {}]


def test_the_field_of_a_dropped_table_that_is_made_again_has_no_alias(client: RegistryClient) -> None:
    t = Evolving(client)
    t.rows("a")
    t.statement({"b": "a"}, "b")
    t.rows("b")
    t.ours.rename([RenamedColumns(T, None)], str)
    t.ours.foresee({T: (TOPIC, t.plan_for("b"))}, BY_STATEMENT)
    t.rows("b")
    assert t.registered() == [{}, {"b": ["a"]}, {}]


def test_what_a_snapshot_met_ahead_of_the_stream_takes_no_alias_away(client: RegistryClient) -> None:
    t = Evolving(client)
    client.set_config("NONE")
    t.rows("a")
    t.ours.settle(T, TOPIC, t.plan_for("b"), Met())
    t.statement({"b": "a"}, "b")
    t.ours.arrived(T)
    t.rows("b")
    assert t.registered()[-1] == {"b": ["a"]}


def test_the_line_of_a_table_has_the_aliases_and_no_other_line_does(client: RegistryClient) -> None:
    t = Evolving(client)
    t.rows("a")
    (line,) = t.kept.values()
    assert "aliases" not in json.loads(line)["versions"][0]
    t.statement({"b": "a"}, "b")
    (line,) = t.kept.values()
    assert [one.get("aliases") for one in json.loads(line)["versions"]] == [None, {"b": ["a"]}]
    t.start()
    last = t.ours.schemas.latest(T)
    assert last is not None
    assert last.aliases == {"b": ("a",)}
