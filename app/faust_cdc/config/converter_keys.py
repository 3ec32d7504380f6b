"""The converters that can be named, and what this version does with each of their own keys.

Names are those of Confluent's (8.x), Apicurio's (2.6) and Connect's (4.3.1) converters.
"""

from __future__ import annotations

import re
from typing import Final

from faust_cdc.config.options import USED, Support, limited, noted, refused

CONFLUENT: Final = "io.confluent.connect.avro.AvroConverter"
APICURIO: Final = "io.apicurio.registry.utils.converter.AvroConverter"
JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
STRING: Final = "org.apache.kafka.connect.storage.StringConverter"
AVRO_CLASSES: Final = (CONFLUENT, APICURIO)
CONVERTER_CLASSES: Final = (CONFLUENT, APICURIO, JSON, STRING)

_BOOLEAN: Final = frozenset({"true", "false"})
_READING: Final = "it is about reading, and nothing is read here"
_CLIENT: Final = "the registry client has its own timeouts and retries"
_AVRO_DATA: Final[dict[str, Support]] = {
    "enhanced.avro.schema.support": noted("it changes schemas that were read from Avro, which Debezium's are not"),
    "connect.meta.data": USED,
    "schemas.cache.config": noted("schemas are kept per table version"),
}
_KEYS: Final[dict[str, dict[str, Support]]] = {
    CONFLUENT: _AVRO_DATA
    | {
        "schema.registry.url": USED,
        "basic.auth.credentials.source": USED,
        "basic.auth.user.info": USED,
        "schema.registry.basic.auth.user.info": USED,
        "auto.register.schemas": USED,
        "use.latest.version": USED,
        "latest.compatibility.strict": noted("a record always has the layout of the schema that it names"),
        "id.compatibility.strict": noted("it belongs to use.schema.id"),
        "use.schema.id": refused("one id for the records of all tables; use.latest.version names a schema per subject"),
        "normalize.schemas": USED,
        "key.subject.name.strategy": USED,
        "value.subject.name.strategy": USED,
        "scrub.invalid.names": USED,
        "ignore.default.for.nullables": USED,
        "discard.type.doc.default": limited("schemas carry Connect's names and defaults", "false"),
        "generalized.sum.type.support": noted("Debezium's schemas have no unions but those with null"),
        "flatten.singleton.unions": noted("Debezium's schemas have no unions but those with null"),
        "allow.optional.map.keys": noted("Debezium's change events have no maps"),
        "max.schemas.per.subject": noted("schemas are kept per table version"),
        "latest.cache.size": noted("schemas are kept per table version"),
        "latest.cache.ttl.sec": noted("schemas are kept per table version"),
        "http.connect.timeout.ms": noted(_CLIENT),
        "http.read.timeout.ms": noted(_CLIENT),
        "max.retries": noted(_CLIENT),
        "retries.wait.ms": noted(_CLIENT),
        "retries.max.wait.ms": noted(_CLIENT),
    },
    APICURIO: _AVRO_DATA
    | {
        "apicurio.registry.url": USED,
        "apicurio.registry.auth.username": USED,
        "apicurio.registry.auth.password": USED,
        "apicurio.registry.auto-register": USED,
        "apicurio.registry.auto-register.if-exists": limited(
            "a known schema gives its known id, a new one a new version", "return_or_update"
        ),
        "apicurio.registry.find-latest": USED,
        "apicurio.registry.artifact-resolver-strategy": USED,
        "apicurio.registry.as-confluent": limited("records carry the id in 4 bytes", "true"),
        "apicurio.registry.headers.enabled": limited("the schema id is in the record, not in a header", "false"),
        "apicurio.registry.use-id": limited("records carry the content id, as in the Confluent format", "contentid"),
        "apicurio.registry.id-handler": limited(
            "records carry the id in 4 bytes",
            "io.apicurio.registry.serde.default4byteidhandler",
            "io.apicurio.registry.serde.legacy4byteidhandler",
        ),
        "apicurio.registry.check-period-ms": noted("schemas are kept per table version"),
        "apicurio.registry.retry-count": noted(_CLIENT),
        "apicurio.registry.retry-backoff-ms": noted(_CLIENT),
    },
    JSON: {
        "schemas.enable": USED,
        "decimal.format": USED,
        "replace.null.with.default": USED,
        "schemas.cache.size": noted("schemas are kept per table version"),
        "schema.content": noted(_READING),
        "converter.type": noted("Connect sets it by the side"),
    },
    STRING: {
        "converter.encoding": limited("texts are UTF-8", "utf-8", "utf8"),
        "converter.type": noted("Connect sets it by the side"),
    },
}
LEGAL: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(
        (
            "auto.register.schemas",
            "use.latest.version",
            "normalize.schemas",
            "scrub.invalid.names",
            "ignore.default.for.nullables",
            "connect.meta.data",
            "apicurio.registry.auto-register",
            "apicurio.registry.find-latest",
            "schemas.enable",
            "replace.null.with.default",
        ),
        _BOOLEAN,
    ),
    "decimal.format": frozenset({"base64", "numeric"}),
}
"""Legal values, in lower case, of keys that have an effect."""

_STRATEGY: Final = re.compile(r"(?:.*\.)?(Topic|Associated|Record|TopicRecord)NameStrategy", re.IGNORECASE)
_STRATEGIES: Final = {"topic": "topic", "associated": "topic", "record": "record", "topicrecord": "topic-record"}
_RESOLVERS: Final = {"topicid": "topic", "simpletopicid": "topic-alone", "qualifiedrecordid": "record"}
_RESOLVER: Final = re.compile(r"(?:.*\.)?(\w+)Strategy", re.IGNORECASE)


def keys_of(class_name: str) -> dict[str, Support]:
    """Return a converter's known keys. Raises KeyError for a class that is none of `CONVERTER_CLASSES`."""
    return _KEYS[class_name]


def subject_strategy(class_name: str) -> str | None:
    """Return the word for Confluent's subject name strategy, None for a class that is not known."""
    match = _STRATEGY.fullmatch(class_name.strip())
    return None if match is None else _STRATEGIES[match[1].lower()]


def resolver_strategy(class_name: str) -> str | None:
    """Return the word for Apicurio's artifact resolver strategy, None for a class that cannot be used."""
    match = _RESOLVER.fullmatch(class_name.strip())
    return None if match is None else _RESOLVERS.get(match[1].lower())
