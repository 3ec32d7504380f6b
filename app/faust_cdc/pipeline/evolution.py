"""Schema evolution: from a table version to its schemas in the registry, and what is done when they are refused.

    DDL met ─▶ resolve ─▶ Table ─▶ foresee: would its subjects take it?     first row ─▶ settle: register, encode
                                     │ no                                                 │ refused
                                     ▼                                                    ▼
                     fail: stop here, before the DDL's offset              fail · new-subject · force

`foresee` is at the DDL statement, where the new structure is known for certain: resolved from the statement and the
structure before it, or asked of the server, if nothing was written there since. Where it is not (the structure before
is not known, and the server is further on), nothing is guessed: the first row's table map tells, and `settle` holds the
same rule before that row is written. Both may ask a registry that is away: RegistryUnavailable, which is retried from
the last committed offset.

`new-subject`, why it is stable: the generation of a table's topic only rises, and is written in the Kafka transaction
of the first offset that covers it (`table_schemas`). A restart goes on from it. A crash before that commit meets the
change again at the same generation, and finds its schema registered there already. Why the order per key holds: a
table's DDL waits for all transactions that wrote to it, so the binlog has no row of the old structure behind it. One
producer writes all rows before it to the old topic and all after it to the new one; who reads the old one to its end
and then the new one has each key in order.

A snapshot reads what a table is *now*, and the stream may be far behind that, with rows of the structure before. What
it meets is therefore not the table's newest version yet, unless it is the first one: it is noted when the stream has
come there, at the statement, or with the first rows of the snapshot, which are written behind it (`arrived`). Until
then the stream's rows are of the version before, in its topic.

Defaults are Debezium's schemas, which make the common changes safe already: a nullable column is a union with null and
default null, a NOT NULL column with a DEFAULT has it as the Avro default, INT widened to BIGINT is promoted, and a
nullable column that goes had a default for older readers. Nothing is added to that: another schema would be another
text, and another id, than the one Debezium registered for the same table. Aliases of renamed columns are therefore
asked for (`schema.evolution.aliases`). Only a statement tells of a rename, whether or not the structure behind it is
known by then; so they are kept from the statement on (`table_schemas`), in the Kafka transaction of the offset behind
it, and each plan of the table has those that hold when it is made. The same ones after a restart, then.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from faust_cdc.config.schema_evolution import EvolutionPolicy
from faust_cdc.errors import IncompatibleSchemaChange, TableError
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.converters import Converters, Registered
from faust_cdc.pipeline.renamed_columns import RenamedColumns, aliases_behind, of_columns, usable
from faust_cdc.pipeline.table_schemas import Aliases, TableSchema, TableSchemas
from faust_cdc.registry.schema_ids import Foreseen
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing.topics import versioned_topic
from faust_cdc.transcode.encoding import Encoding
from faust_cdc.transcode.plan import TranscodePlan

log = logging.getLogger(__name__)

GENERATIONS_MAX: Final = 1000
"""Versioned topics of one table that are tried in a row; a registry that refuses them all refuses something else."""

PlanFor = Callable[[str], TranscodePlan]
"""Topic → the plan of one table version for it."""

EnsureTopic = Callable[[str], None]

ReadCurrent = Callable[[Iterable[TableId], BinlogPosition], Mapping[TableId, Table]]
"""(tables, position) → structures as of now, if nothing was written to the binlog behind the position; else none."""


@dataclass(frozen=True, slots=True)
class Met:
    """Where a table version was met."""

    origin: str = "server"
    place: BinlogPosition | None = None
    """None: by a snapshot."""
    words: str = ""
    """The kind of statement that made it, "" where rows showed it."""

    def __str__(self) -> str:
        at = "the snapshot" if self.place is None else str(self.place)
        return f"{self.words} at {at}" if self.words else f"met at {at}"


class SchemaEvolution:
    """Settles table versions with the registry by one policy, and notes them. For the task's thread only."""

    def __init__(
        self,
        converters: Converters,
        ensure_topic: EnsureTopic,
        policy: EvolutionPolicy = EvolutionPolicy.FAIL,
        schemas: TableSchemas | None = None,
        *,
        has_aliases: bool = False,
    ) -> None:
        """Without `schemas` nothing is known of earlier versions; `has_aliases`: renamed columns' fields do."""
        self._has_aliases = has_aliases
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._policy = policy
        self.schemas = TableSchemas(SourcePartition("", "")) if schemas is None else schemas
        """The versions of all tables."""
        self._early: dict[TableId, Callable[[], None]] = {}
        """What a snapshot met ahead of the stream: what notes it."""

    def aliases(self, table: Table) -> Aliases:
        """Return the earlier names that a structure's columns have as aliases, by the columns."""
        return of_columns(self.schemas.aliases(table.id), table) if self._has_aliases else {}

    def rename(self, renamed: Sequence[RenamedColumns], field_of: Callable[[str], str]) -> Callable[[], None]:
        """Let the aliases hold that a statement's renamed columns have; return what takes that back.

        `field_of` tells how a column's name stands in a schema. Raises what asking a registry raises.
        """
        before: dict[TableId, Aliases | None] = {}
        for table in {one.table: None for one in renamed} if self._has_aliases else ():
            last = self.schemas.latest(table)
            if last is None:  # no record has any name
                continue
            wanted = aliases_behind(self.schemas.aliases(table), renamed, table)
            if wanted:
                written = self._converters.field_names(last.key_subject, last.value_subject)
                wanted = usable(wanted, written, field_of)
            before[table] = self.schemas.set_aliases(table, wanted)

        def take_back() -> None:
            for table, aliases in before.items():
                self.schemas.set_aliases(table, aliases)

        return take_back

    def settle(self, table: TableId, topic: str, plan_for: PlanFor, met: Met) -> tuple[TranscodePlan, Encoding]:
        """Register a version's schemas and make sure of its topic; `topic` is the table's own.

        Raises IncompatibleSchemaChange naming table, subject, level, versions and difference; what `plan_for` raises.
        """
        last = self.schemas.latest(table)
        generation = 1 if last is None else last.generation
        plan = plan_for(versioned_topic(topic, generation))
        if self._policy is EvolutionPolicy.NEW_SUBJECT:
            plan, generation = self._accepted(table, topic, plan_for, plan, generation)
        self._ensure_topic(plan.target)
        forced = self._converters.forced_count
        try:
            encoding = self._converters.encoding(plan)
        except IncompatibleSchemaChange as refused:
            raise IncompatibleSchemaChange(
                f"{_what(table, last, met)} {refused.message}", remedy=refused.remedy
            ) from refused
        is_forced = self._converters.forced_count > forced
        registered = self._converters.registered(plan, encoding)
        note = partial(self._note, table, plan, generation, met, registered, forced=is_forced)
        if met.place is not None:
            note()
            return plan, encoding
        self._early[table] = note  # without effect where that version was noted by then
        if last is None or (last.schema, last.topic) == (_digest(plan), plan.target):
            self.arrived(table)
        return plan, encoding

    def arrived(self, table: TableId) -> None:
        """Note what a snapshot met of a table, of which it writes rows now: the stream has come there."""
        note = self._early.pop(table, None)
        if note is not None:
            note()

    def is_latest(self, table: TableId, topic: str, plan_for: PlanFor) -> bool:
        """Return whether a structure has the schemas of the table's newest version; `topic` is the table's own."""
        last = self.schemas.latest(table)
        return last is not None and _digest(plan_for(versioned_topic(topic, last.generation))) == last.schema

    def foresee(self, versions: Mapping[TableId, tuple[str, PlanFor]], met: Met) -> None:
        """Ask at a DDL statement whether the versions behind it would be taken; note those that are.

        `versions` has each table's own topic. A table that never had a record is nobody's concern yet: ten thousand
        CREATE TABLE in a row must not ask a registry each. Raises IncompatibleSchemaChange with policy `fail`.
        """
        passed: list[tuple[TableId, TranscodePlan, int, bool]] = []
        for table, (topic, plan_for) in versions.items():
            last = self.schemas.latest(table)
            if last is None:
                continue
            generation = last.generation
            try:
                plan = plan_for(versioned_topic(topic, generation))
            except TableError as error:  # no concern of anybody before there are rows
                log.debug("Not foreseen: %s", error)
                continue
            if (last.schema, last.topic) == (_digest(plan), plan.target):  # an index, a longer VARCHAR
                continue
            if refused := [one for one in self._converters.foresee(plan) if one.refusal is not None]:
                if self._policy is EvolutionPolicy.FAIL:
                    raise self._refused(table, refused[0], last, met)
                log.warning("%s schema.evolution.policy=%s: %s", _what(table, last, met), self._policy, _words(refused))
                if self._policy is EvolutionPolicy.NEW_SUBJECT:
                    plan, generation = self._accepted(table, topic, plan_for, plan, generation)
            passed.append((table, plan, generation, bool(refused)))
        for table, plan, generation, forced in passed:
            self._note(table, plan, generation, met, self._converters.registered(plan, None), forced=forced)

    def _accepted(
        self, table: TableId, topic: str, plan_for: PlanFor, plan: TranscodePlan, generation: int
    ) -> tuple[TranscodePlan, int]:
        """Return the plan for the first topic, from this generation on, whose subjects take its schemas."""
        for number in range(generation, generation + GENERATIONS_MAX):
            plan = plan if number == generation else plan_for(versioned_topic(topic, number))
            refused = [one for one in self._converters.foresee(plan) if one.refusal is not None]
            if not refused:
                if number > generation:
                    log.warning("%s: records go on in topic %s", table, plan.target)
                return plan, number
        raise IncompatibleSchemaChange(
            f"{table}: {GENERATIONS_MAX} topics up to {plan.target} do not take its schema. {_words(refused)}",
            remedy="see what the registry has against it; schema.evolution.policy=force registers it all the same",
        )

    def _note(
        self,
        table: TableId,
        plan: TranscodePlan,
        generation: int,
        met: Met,
        registered: Registered,
        *,
        forced: bool,
    ) -> None:
        last, place = self.schemas.latest(table), met.place
        changed_topic = generation > (1 if last is None else last.generation)
        decision = "new-subject" if changed_topic else "forced" if forced else "compatible"
        self.schemas.note(
            table,
            TableSchema(
                0,
                plan.target,
                generation,
                _digest(plan),
                registered.key_subject,
                registered.key_id,
                registered.value_subject,
                registered.value_id,
                decision,
                met.origin,
                None if place is None else place.file,
                None if place is None else place.pos,
                time.time_ns() // 1_000_000,
                self.aliases(plan.table),
            ),
        )

    def _refused(
        self, table: TableId, foreseen: Foreseen, last: TableSchema | None, met: Met
    ) -> IncompatibleSchemaChange:
        return IncompatibleSchemaChange(
            f"{_what(table, last, met)} {_words([foreseen])}. No record of it is written.",
            remedy="undo the change of the table, set another compatibility level for the subject, or choose "
            "schema.evolution.policy=new-subject or force; then restart the task: it goes on at this statement",
        )


def _what(table: TableId, last: TableSchema | None, met: Met) -> str:
    number = 1 if last is None else last.version + 1
    before = "" if last is None else f" behind version {last.version}"
    return f"{table}, table version {number}{before} ({met}):"


def _words(refused: Iterable[Foreseen]) -> str:
    return "; ".join(
        f"its schema of subject {one.subject!r} is not compatible under {one.refusal.rule_words}. {one.refusal.words}"
        for one in refused
        if one.refusal is not None
    )


def _digest(plan: TranscodePlan) -> str:
    key = plan.key_schema_json if plan.has_key else ""
    return hashlib.sha256(f"{key}\n{plan.value_schema_json}".encode()).hexdigest()[:16]
