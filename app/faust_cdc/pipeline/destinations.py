"""Where the records of a table version end, and by which schemas, before there is one: behind routes and transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.routes import Route
from faust_cdc.errors import FatalError, TableError
from faust_cdc.pipeline.connector_options import dispatch_rules
from faust_cdc.pipeline.dispatcher import ContextHeaders
from faust_cdc.transcode.plan import TranscodePlan
from faust_cdc.transforms.chain import Chain, topic_route
from faust_cdc.transforms.foretold import foretell, sample_key, samples
from faust_cdc.transforms.record import Header, Record, TransformError
from faust_cdc.transforms.routers import TopicRoute
from faust_cdc.transforms.schemas import STRING
from faust_cdc_schemas.connect_avro import AvroType
from faust_cdc_schemas.connect_document import avro_document
from faust_cdc_schemas.connect_schema import ConnectSchema, connect_schema

_OPERATIONS: Final = frozenset("crudt")


@dataclass(frozen=True, slots=True)
class Destination:
    """A topic with the Avro documents of its keys and values, None where there are none."""

    topic: str
    key: AvroType | None
    value: AvroType | None


@dataclass(frozen=True, slots=True)
class Ends:
    """What is known of a table version's records on one way."""

    destinations: tuple[Destination, ...]
    undecided: tuple[str, ...] = ()
    """Transforms that decide by a record's values, each with what it decides."""
    failed: tuple[str, ...] = ()
    """Transforms that could not take a sample of the records, each with its words."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics, each once."""
        return tuple(dict.fromkeys(one.topic for one in self.destinations))

    @property
    def is_certain(self) -> bool:
        """Whether there are no topics but those."""
        return not self.undecided and not self.failed


class Destinations:
    """Tells them, for a connector with its transforms."""

    def __init__(self, config: MySqlConnectorConfig) -> None:
        """Raises FatalError for transforms that cannot be made of their options; `validate` has told of them."""
        self.route: TopicRoute | None = None
        """What topics become, where that is all that transforms do."""
        self.chain: Chain | None = None
        """The transforms, where they do more."""
        try:
            self.route = topic_route(config.transforms) if config.transforms else None
            self.chain = Chain(config.transforms) if config.transforms and self.route is None else None
        except (TransformError, ValueError) as error:
            remedy = "correct the options of the connector's transforms"
            raise FatalError(f"transforms: {error}", remedy=remedy) from error
        self._rules = dispatch_rules(config)
        headers = ContextHeaders(config.topic_prefix, 0, config.flavor, "").as_headers()
        self._headers = tuple(Header(name, STRING, (raw or b"").decode(), raw) for name, raw in headers)

    def of(self, plan: TranscodePlan, route: Route | None) -> Ends:
        """Return where the records of a plan end that a route, if any, brought to its topic."""
        key = plan.key_schema
        if self.chain is None:
            return Ends((Destination(plan.target, key, plan.value_schema),))
        operations = _OPERATIONS - self._rules.skipped
        if route is not None and route.operations is not None:
            operations &= route.operations
        if route is not None and route.filter is not None and "u" in operations:
            operations |= {"c", "d"}  # of updates that come into the filter, or leave it
        key_schema = None if key is None else connect_schema(key)
        source = {"db": plan.table.id.database, "table": plan.table.id.table}
        record = Record(
            plan.target, key_schema, sample_key(key_schema), connect_schema(plan.value_schema), source, self._headers
        )
        found = foretell(self.chain, samples(record, operations, tombstones=self._rules.tombstones_on_delete))
        return Ends(tuple(_destination(one) for one in found.records), found.undecided, found.failed)

    def one_topic(self, plan: TranscodePlan, route: Route) -> str | None:
        """Return the one topic that all records of a route's way end in, None where there is none that is known.

        Raises TableError then if the route counts partitions.
        """
        if self.chain is None:
            return plan.target
        ends = self.of(plan, route)
        if not ends.undecided and len(ends.topics) == 1:
            return ends.topics[0]
        if route.partitioner.kind != "key" and (ends.destinations or not ends.is_certain):
            why = "; ".join((*ends.undecided, *ends.failed)) or f"they end in {' and '.join(ends.topics)}"
            raise TableError(
                f"route {route.tables!r} partitions {plan.table.id} by {route.partitioner}, and behind the transforms "
                f"its records are not of one topic, whose partitions would be counted: {why}.",
                remedy='leave the partitioner at "key", or have the transforms name one topic',
            )
        return None


def _destination(record: Record) -> Destination:
    return Destination(
        record.topic, _document(record.key_schema, record.key), _document(record.value_schema, record.value)
    )


def _document(schema: ConnectSchema | None, value: Any) -> AvroType | None:
    """Return the document that a key or value is written with, None for a null, which is written with none."""
    return None if schema is None or value is None else avro_document(schema)
