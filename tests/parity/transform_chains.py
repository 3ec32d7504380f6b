"""Chains of transforms that both sides run on the same rows; `PREFIX` in an option is the side's topic prefix, `SOURCE`
the database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

K = "org.apache.kafka.connect.transforms."
D = "io.debezium.transforms."


@dataclass(frozen=True)
class ChainCase:
    """A chain, on some tables."""

    tables: str
    """Their names, one regular expression."""
    transforms: list[dict[str, str]]
    """One map per transform, keys without `transforms.<alias>.`."""
    predicates: dict[str, dict[str, str]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    """Other options of the connector."""
    timed: bool = False
    """The chain sets the records' timestamps."""

    def options(self, database: str, prefix: str) -> dict[str, str]:
        """Return the connector options of a side."""
        aliases = [f"t{number}" for number in range(len(self.transforms))]
        made = {
            "table.include.list": rf"{database}\.({self.tables})",
            "include.schema.changes": "false",
            "topic.creation.default.replication.factor": "1",
            "topic.creation.default.partitions": "1",
        }
        if aliases:
            made["transforms"] = ",".join(aliases)
        for alias, one in zip(aliases, self.transforms, strict=True):
            made |= {f"transforms.{alias}.{key}": value for key, value in one.items()}
        if self.predicates:
            made["predicates"] = ",".join(self.predicates)
        for alias, one in self.predicates.items():
            made |= {f"predicates.{alias}.{key}": value for key, value in one.items()}
        named = {key: value.replace("PREFIX", prefix) for key, value in (made | self.more).items()}
        return {key: value.replace("SOURCE", database) for key, value in named.items()}


UNWRAP = {"type": f"{D}ExtractNewRecordState"}
NO_TOMBSTONES = {"tombstones": {"type": f"{K}predicates.RecordIsTombstone"}}
JSON = {
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
}
PLAIN_JSON = JSON | {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
TEXT_KEYS = {"key.converter": "org.apache.kafka.connect.storage.StringConverter"}
TEXT_KEYS |= {name: value for name, value in PLAIN_JSON.items() if name.startswith("value.")}
SPARING = {"predicate": "tombstones", "negate": "true"}

NO_CHAIN = {
    "none": ChainCase("items|shard_.|keyless|outbox", []),
    "connect": ChainCase("items", [], more={"time.precision.mode": "connect"}),
}
"""What chains are given, as `tests/transforms/test_recorded.py` has it recorded."""
CHAINS: dict[str, ChainCase] = {
    "unwrap": ChainCase("items|keyless", [UNWRAP]),
    "unwrapjson": ChainCase("items", [UNWRAP], more=JSON),
    "unwrapplain": ChainCase("items", [UNWRAP], more=PLAIN_JSON),
    "rewrite": ChainCase(
        "items|keyless",
        [
            UNWRAP
            | {
                "delete.tombstone.handling.mode": "rewrite",
                "replace.null.with.default": "false",
                "add.fields": "op,table,source.db,name:ORIGIN,transaction.id,snapshot",
                "add.headers": "op,source.table,version:V",
                "add.headers.prefix": "h_",
            }
        ],
    ),
    "rewritetomb": ChainCase(
        "items",
        [
            UNWRAP
            | {
                "delete.tombstone.handling.mode": "rewrite-with-tombstone",
                "add.headers": "op",
                "route.by.field": "name",
            },
            {"type": f"{K}RegexRouter", "regex": "([a-z]+)", "replacement": "PREFIX.by.$1"},
        ],
    ),
    "todrop": ChainCase("items", [UNWRAP | {"delete.tombstone.handling.mode": "drop"}]),
    "totomb": ChainCase("items", [UNWRAP | {"delete.tombstone.handling.mode": "delete-to-tombstone"}]),
    "changed": ChainCase(
        "items",
        [
            {
                "type": f"{D}ExtractChangedRecordState",
                "header.changed.name": "Changed",
                "header.unchanged.name": "Unchanged",
            },
            UNWRAP | {"drop.fields.header.name": "Unchanged"},
        ],
    ),
    "regex": ChainCase(
        "items|shard_1", [{"type": f"{K}RegexRouter", "regex": r"(.*)\.(?<t>[^.]+)", "replacement": "$1.routed.${t}"}]
    ),
    "regexif": ChainCase(
        "shard_.",
        [
            {"type": f"{K}RegexRouter", "regex": "(.*)", "replacement": "$1.x", "predicate": "one"},
            {"type": f"{K}RegexRouter", "regex": "(.*)", "replacement": "$1.y", "predicate": "one", "negate": "true"},
        ],
        {"one": {"type": f"{K}predicates.TopicNameMatches", "pattern": ".*shard_1"}},
    ),
    "logical": ChainCase(
        "shard_.|keyless",
        [{"type": f"{D}ByLogicalTableRouter", "topic.regex": "(.*)shard_.*", "topic.replacement": "$1all"}],
    ),
    "logicalkey": ChainCase(
        "shard_.",
        [
            {
                "type": f"{D}ByLogicalTableRouter",
                "topic.regex": r"(.*)\.[^.]*\.shard_(\d)",
                "topic.replacement": "$1.all.shards",
                "key.field.name": "shard",
                "key.field.regex": r".*_(\d)",
                "key.field.replacement": "s$1",
            },
            UNWRAP,
        ],
    ),
    "filter": ChainCase(
        "items|shard_.",
        [
            {"type": f"{K}Filter", "predicate": "shards"},
            {"type": f"{K}Filter", "predicate": "moved"},
            {"type": f"{K}InsertHeader", "header": "seen", "value.literal": "12"},
        ],
        {
            "shards": {"type": f"{K}predicates.TopicNameMatches", "pattern": r".*\.shard_\d"},
            "moved": {"type": f"{K}predicates.HasHeaderKey", "name": "__debezium.newkey"},
        },
    ),
    "fields": ChainCase(
        "items",
        [
            UNWRAP | {"delete.tombstone.handling.mode": "rewrite-with-tombstone"},
            {
                "type": f"{K}InsertField$Value",
                "topic.field": "topic!",
                "partition.field": "part",
                "timestamp.field": "ts?",
                "static.field": "who",
                "static.value": "me",
            },
            {"type": f"{K}ReplaceField$Value", "exclude": "bits,doc", "renames": "note:remark,price:cost"},
            {"type": f"{K}MaskField$Value", "fields": "remark,cost,flag,ratio", **SPARING},
            {"type": f"{K}MaskField$Value", "fields": "name", "replacement": "XXX", **SPARING},
            {"type": f"{K}SetSchemaMetadata$Value", "schema.name": "my.Item", "schema.version": "7", **SPARING},
            {"type": f"{K}InsertField$Key", "static.field": "tenant", "static.value": "t"},
            {"type": f"{K}DropHeaders", "headers": "__debezium.oldkey,__debezium.context.taskId"},
        ],
        NO_TOMBSTONES,
    ),
    "casts": ChainCase(
        "items",
        [
            UNWRAP,
            {
                "type": f"{K}Cast$Value",
                "spec": "id:string,amount:string,price:int32,ratio:string,flag:boolean,big:float64,made:string,"
                "bits:string",
            },
            {"type": f"{K}Cast$Key", "spec": "id:int8"},
        ],
    ),
    "castdates": ChainCase(
        "items",
        [UNWRAP, {"type": f"{K}Cast$Value", "spec": "made:string,day:string,hour:string,stamp:string"}],
        more={"time.precision.mode": "connect"},
    ),
    "keys": ChainCase(
        "items",
        [
            UNWRAP | {"delete.tombstone.handling.mode": "drop"},
            {"type": f"{K}ValueToKey", "fields": "name,id"},
            {"type": f"{K}ExtractField$Key", "field": "name"},
            {"type": f"{K}HoistField$Value", "field": "row"},
        ],
    ),
    "keytext": ChainCase(
        "items",
        [
            UNWRAP | {"delete.tombstone.handling.mode": "drop"},
            {"type": f"{K}ExtractField$Key", "field": "id"},
            {"type": f"{K}ExtractField$Value", "field": "name"},
        ],
        more=TEXT_KEYS,
    ),
    "nested": ChainCase(
        "items",
        [
            {"type": f"{K}ExtractField$Value", "field": "source.table", "field.syntax.version": "V2", **SPARING},
        ],
        NO_TOMBSTONES,
    ),
    "flat": ChainCase("items", [{"type": f"{K}Flatten$Value", "delimiter": "_"}]),
    "moments": ChainCase(
        "items",
        [
            UNWRAP,
            {
                "type": f"{K}TimestampConverter$Value",
                "field": "made",
                "target.type": "string",
                "format": "yyyy-MM-dd'T'HH:mm:ss.SSS EEE MMM",
            },
            {
                "type": f"{K}TimestampConverter$Value",
                "field": "hour",
                "target.type": "unix",
                "unix.precision": "microseconds",
            },
            {"type": f"{K}TimestampConverter$Value", "field": "big", "target.type": "Timestamp"},
        ],
        more={"time.precision.mode": "connect"},
    ),
    "headers": ChainCase(
        "items",
        [
            UNWRAP | {"delete.tombstone.handling.mode": "drop"},
            {
                "type": f"{K}HeaderFrom$Value",
                "fields": "name,amount,bits,price,note",
                "headers": "n,a,b,p,o",
                "operation": "move",
            },
            {"type": f"{K}HeaderFrom$Key", "fields": "id", "headers": "key", "operation": "copy"},
            {"type": f"{D}HeaderToValue", "headers": "n,a", "fields": "name2,amount2", "operation": "move"},
        ],
    ),
    "changedvalue": ChainCase(
        "items",
        [
            {"type": f"{D}ExtractChangedRecordState", "header.changed.name": "Changed"},
            {"type": f"{D}HeaderToValue", "headers": "Changed", "fields": "changes", "operation": "move"},
            UNWRAP | {"add.fields": "op,changes"},
        ],
    ),
    "partition": ChainCase(
        "items",
        [
            {
                "type": f"{D}partitions.PartitionRouting",
                "partition.payload.fields": "change.name,change.big,source.table,change.price",
                "partition.topic.num": "4",
            },
            {"type": "io.debezium.connector.mysql.transforms.ReadToInsertEvent"},
        ],
        # A tombstone goes by its key, whose bytes hold the schema's id, which is another for each side.
        more={"topic.creation.default.partitions": "4", "tombstones.on.delete": "false"},
    ),
    "zones": ChainCase("items", [{"type": f"{D}TimezoneConverter", "converted.timezone": "America/New_York"}]),
    "zoneslisted": ChainCase(
        "items|outbox",
        [
            {
                "type": f"{D}TimezoneConverter",
                "converted.timezone": "+05:30",
                "include.list": "source:items:stamp,items:made",
            }
        ],
    ),
    "outbox": ChainCase(
        "outbox",
        [{"type": f"{D}outbox.EventRouter", "route.topic.replacement": "PREFIX.event.${routedByValue}"}],
    ),
    "outboxfull": ChainCase(
        "outbox",
        [
            {
                "type": f"{D}outbox.EventRouter",
                "route.topic.replacement": "PREFIX.event.${routedByValue}",
                "table.fields.additional.placement": "type:header:eventType,tenant:envelope,part:partition,"
                "at:envelope:when",
                "table.field.event.timestamp": "at",
                "route.tombstone.on.empty.payload": "true",
            }
        ],
        more={"include.schema.changes": "true"},
        timed=True,
    ),
    "outboxjson": ChainCase(
        "outbox",
        [
            {
                "type": f"{D}outbox.EventRouter",
                "route.topic.replacement": "PREFIX.event.${routedByValue}",
                "table.expand.json.payload": "true",
                "table.field.event.key": "type",
            }
        ],
        more=PLAIN_JSON,
    ),
    "transactions": ChainCase(
        "items",
        [
            {"type": f"{K}RegexRouter", "regex": "(.*)", "replacement": "$1.r"},
            UNWRAP | {"add.fields": "transaction.total_order"},
        ],
        more={"provide.transaction.metadata": "true"},
    ),
}


@dataclass(frozen=True)
class RoutedCase:
    """A chain of ours behind routes, and what Debezium has in their place."""

    ours: ChainCase
    theirs: ChainCase


_RENAMED = {"type": f"{K}ReplaceField$Value", "renames": "price:cost,note:remark"}
_GOODS = {"topic": "PREFIX.goods", "exclude_columns": ["doc", "bits"], "mask_columns": {"name": 5}}
_SHARDS = {"topic": "PREFIX.all.shards", "key_source": "s${1}", "key_source_field": "shard"}
ROUTED: dict[str, RoutedCase] = {
    "routed": RoutedCase(
        ChainCase("items", [UNWRAP, _RENAMED], more={"routes": json.dumps({"SOURCE.items": _GOODS})}),
        ChainCase(
            "items",
            [
                {
                    "type": f"{D}ByLogicalTableRouter",
                    "topic.regex": r"(.*)\.[^.]*\.items",
                    "topic.replacement": "$1.goods",
                    "key.enforce.uniqueness": "false",
                },
                UNWRAP,
                _RENAMED,
            ],
            more={
                "column.exclude.list": "SOURCE.items.doc,SOURCE.items.bits",
                "column.mask.with.5.chars": "SOURCE.items.name",
            },
        ),
    ),
    "merged": RoutedCase(
        ChainCase("shard_.", [UNWRAP], more={"routes": json.dumps({r"SOURCE\.shard_(\d)": _SHARDS})}),
        CHAINS["logicalkey"],
    ),
}
"""Routes with transforms behind them: Debezium's options of columns, and ByLogicalTableRouter, are the routes there."""
SCHEMA_CHANGES = ChainCase(
    "shard_1|ddl",
    [
        {"type": f"{D}SchemaChangeEventFilter", "schema.change.event.exclude.list": "ALTER,DATABASE"},
        {"type": f"{K}RegexRouter", "regex": "PREFIX", "replacement": "PREFIX.schema"},
    ],
    more={"include.schema.changes": "true"},
)
DDL = (
    "CREATE TABLE ddl (id INT PRIMARY KEY); ALTER TABLE ddl ADD a INT; INSERT INTO ddl VALUES (1, 1); "
    "ALTER TABLE ddl DROP a; TRUNCATE TABLE ddl; INSERT INTO ddl VALUES (2); DROP TABLE ddl"
)
"""What `SCHEMA_CHANGES` is given."""
