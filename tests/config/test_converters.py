from __future__ import annotations

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.converter_settings import AvroOptions, ConverterSettings, Format, IdFrom, JsonOptions
from faust_cdc.config.converters import (
    APICURIO,
    CONFLUENT,
    JSON,
    STRING,
    Converters,
    RegistrySettings,
    ccompat_url,
    converters_of,
)
from faust_cdc.config.secret import Secret
from tests.connect.memory import MYSQL_CONFIG


def both(class_name: str, **keys: str) -> dict[str, str | None]:
    config: dict[str, str | None] = {}
    for side in ("key.converter", "value.converter"):
        config[side] = class_name
        config |= {f"{side}.{key.replace('__', '.').replace('_', '-')}": value for key, value in keys.items()}
    return config


def named(config: dict[str, str | None]) -> Converters:
    found, findings = converters_of(config)
    assert findings == []
    return found


def settings(config: dict[str, str | None]) -> RegistrySettings | None:
    return named(config).registry


def avro(config: dict[str, str | None]) -> tuple[AvroOptions, AvroOptions]:
    found = named(config)
    assert found.key is not None
    assert found.value is not None
    return found.key.avro, found.value.avro


def test_none_named() -> None:
    assert named({}) == Converters()


def test_confluent() -> None:
    config = both(CONFLUENT, schema__registry__url="http://a:8081/, http://b:8081")
    assert settings(config) == RegistrySettings(("http://a:8081", "http://b:8081"))
    value_only = {key: value for key, value in config.items() if key.startswith("value")}
    assert settings(value_only) == settings(config)


def test_confluent_credentials() -> None:
    user_info = both(
        CONFLUENT,
        schema__registry__url="https://a",
        basic__auth__credentials__source="USER_INFO",
        basic__auth__user__info="me:s3:cret",
    )
    assert settings(user_info) == RegistrySettings(("https://a",), "me", Secret("s3:cret"))
    in_url = both(CONFLUENT, schema__registry__url="https://me:s3%3Acret@a/x")
    assert settings(in_url) == RegistrySettings(("https://a/x",), "me", Secret("s3:cret"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:8080/apis/registry/v2", "http://h:8080/apis/ccompat/v7"),
        ("http://h:8080/apis/registry/v3/", "http://h:8080/apis/ccompat/v7"),
        ("http://h:8080", "http://h:8080/apis/ccompat/v7"),
        ("https://h/proxy/apis/registry/v2", "https://h/proxy/apis/ccompat/v7"),
        ("https://h/proxy/", "https://h/proxy/apis/ccompat/v7"),
        ("http://h/apis/ccompat/v7/", "http://h/apis/ccompat/v7"),
    ],
)
def test_apicurio_urls(url: str, expected: str) -> None:
    assert ccompat_url(url) == expected
    config = {"value.converter": APICURIO, "value.converter.apicurio.registry.url": url}
    assert settings({**config}) == RegistrySettings((expected,))


def test_apicurio_as_debezium_documents_it() -> None:
    config = both(
        APICURIO,
        apicurio__registry__url="http://h:8080/apis/registry/v2",
        apicurio__registry__auto_register="true",
        apicurio__registry__find_latest="true",
        apicurio__registry__auth__username="u",
        apicurio__registry__auth__password="p",
    )
    assert settings(config) == RegistrySettings(("http://h:8080/apis/ccompat/v7",), "u", Secret("p"))


@pytest.mark.parametrize(
    ("config", "key", "text"),
    [
        ({"value.converter": "x.Json"}, "value.converter", "not in this version. Use"),
        ({"value.converter": STRING}, "value.converter", "StringConverter is for keys"),
        ({"key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter"}, "key.converter", "Use"),
        (
            {"key.converter": JSON, "key.converter.decimal.format": "TEXT"},
            "key.converter.decimal.format",
            "base64, ",
        ),
        ({"key.converter": JSON, "key.converter.schemas.enable": "yes"}, "key.converter.schemas.enable", "false, "),
        (
            {"key.converter": STRING, "key.converter.converter.encoding": "latin1"},
            "key.converter.converter.enc",
            "UTF-8",
        ),
        ({"value.converter": CONFLUENT}, "value.converter.schema.registry.url", "Missing required configuration"),
        (
            {"value.converter": CONFLUENT, "value.converter.schema.registry.url": "u:p@registry:8081"},
            "value.converter.schema.registry.url",
            "is not a registry URL: give http",
        ),
        (
            {
                "key.converter": CONFLUENT,
                "key.converter.schema.registry.url": "http://a",
                "key.converter.use.lates.version": "1",
            },
            "key.converter.use.lates.version",
            "did you mean 'key.converter.use.latest.version'?",
        ),
        (
            {"key.converter.schema.registry.url": "http://a"},
            "key.converter.schema.registry.url",
            "without 'key.converter'",
        ),
        (
            both(CONFLUENT, schema__registry__url="http://a", key__subject__name__strategy="x.MyStrategy"),
            "key.converter.key.subject.name.strategy",
            "TopicRecordNameStrategy",
        ),
        (
            both(CONFLUENT, schema__registry__url="http://a", use__schema__id="7"),
            "key.converter.use.schema.id",
            "one id for the records of all tables",
        ),
        (
            both(APICURIO, apicurio__registry__url="http://a", apicurio__registry__headers__enabled="true"),
            "key.converter.apicurio.registry.headers.enabled",
            "not in a header",
        ),
        (
            both(APICURIO, apicurio__registry__url="http://a", apicurio__registry__use_id="globalId"),
            "key.converter.apicurio.registry.use-id",
            "content id",
        ),
        (
            both(
                APICURIO,
                apicurio__registry__url="http://a",
                apicurio__registry__artifact_resolver_strategy="io.apicurio.registry.serde.avro.RecordIdStrategy",
            ),
            "key.converter.apicurio.registry.artifact-resolver-strategy",
            "default group",
        ),
        (
            both(CONFLUENT, schema__registry__url="http://a", basic__auth__credentials__source="SASL_INHERIT"),
            "key.converter.basic.auth.credentials.source",
            "only URL or USER_INFO",
        ),
    ],
)
def test_problems_name_the_option(config: dict[str, str | None], key: str, text: str) -> None:
    findings = converters_of(config)[1]
    assert findings[0].key.startswith(key)
    assert text in findings[0].problem
    assert all("u:p@" not in f"{finding}" for finding in findings)


def test_each_side_may_have_its_own_registry() -> None:
    config = both(CONFLUENT, schema__registry__url="http://a")
    config["key.converter.schema.registry.url"] = "http://b"
    found = named(config)
    assert [side and side.registry for side in (found.key, found.value)] == [
        RegistrySettings(("http://b",)),
        RegistrySettings(("http://a",)),
    ]


@pytest.mark.parametrize(
    ("strategy", "word"),
    [("TopicNameStrategy", "topic"), ("RecordNameStrategy", "record"), ("TopicRecordNameStrategy", "topic-record")],
)
def test_subject_strategies_of_one_side(strategy: str, word: str) -> None:
    config = both(CONFLUENT, schema__registry__url="http://a")
    config["value.converter.value.subject.name.strategy"] = f"io.confluent.kafka.serializers.subject.{strategy}"
    key, value = avro(config)
    assert (key.subject_strategy, value.subject_strategy) == ("topic", word)


@pytest.mark.parametrize(
    ("strategy", "word"),
    [
        ("strategy.TopicIdStrategy", "topic"),
        ("strategy.SimpleTopicIdStrategy", "topic-alone"),
        ("avro.strategy.QualifiedRecordIdStrategy", "record"),
    ],
)
def test_artifact_strategies(strategy: str, word: str) -> None:
    name = f"io.apicurio.registry.serde.{strategy}"
    keys = {"apicurio__registry__url": "http://a", "apicurio__registry__artifact_resolver_strategy": name}
    assert avro(both(APICURIO, **keys))[0].subject_strategy == word


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, IdFrom.REGISTER),
        ({"use__latest__version": "true"}, IdFrom.REGISTER),
        ({"auto__register__schemas": "false"}, IdFrom.LOOKUP),
        ({"auto__register__schemas": "FALSE", "use__latest__version": "true"}, IdFrom.LATEST),
    ],
)
def test_where_an_id_comes_from(keys: dict[str, str], expected: IdFrom) -> None:
    assert avro(both(CONFLUENT, schema__registry__url="http://a", **keys))[1].id_from is expected
    theirs = {
        "auto__register__schemas": "apicurio__registry__auto_register",
        "use__latest__version": "apicurio__registry__find_latest",
    }
    renamed = {theirs[key]: value for key, value in keys.items()}
    assert avro(both(APICURIO, apicurio__registry__url="http://a", **renamed))[1].id_from is expected


def test_what_changes_avro_schemas_and_values() -> None:
    config = both(
        CONFLUENT,
        schema__registry__url="http://a",
        connect__meta__data="false",
        scrub__invalid__names="true",
        normalize__schemas="true",
        ignore__default__for__nullables="false",
    )
    changed = AvroOptions(normalize=True, connect_meta_data=False, scrub_invalid_names=True, null_is_default=True)
    assert avro(config) == (changed, changed)
    plain = avro(both(CONFLUENT, schema__registry__url="http://a"))[0]
    assert plain == AvroOptions()
    assert not ConverterSettings(avro=changed).needs_avro_names


def test_json_and_text() -> None:
    config: dict[str, str | None] = {
        "key.converter": STRING,
        "value.converter": JSON,
        "value.converter.schemas.enable": "false",
        "value.converter.decimal.format": "numeric",
        "value.converter.replace.null.with.default": "true",
    }
    assert named(config) == Converters(
        ConverterSettings(Format.STRING), ConverterSettings(Format.JSON, json=JsonOptions(False, True, True))
    )
    assert named({"value.converter": JSON}).value == ConverterSettings(Format.JSON)
    assert JsonOptions() == JsonOptions(schemas=True, numeric_decimals=False, null_is_default=False)


@pytest.mark.parametrize(
    ("config", "mode"),
    [
        ({}, "none"),
        ({"value.converter": JSON}, "none"),
        ({"key.converter": CONFLUENT, "key.converter.schema.registry.url": "http://a"}, "avro"),
        ({"value.converter": APICURIO, "value.converter.apicurio.registry.url": "http://a"}, "avro"),
        (
            {
                "key.converter": CONFLUENT,
                "key.converter.schema.registry.url": "http://a",
                "field.name.adjustment.mode": "avro_unicode",
            },
            "avro_unicode",
        ),
    ],
)
def test_an_avro_converter_of_the_connectors_own_adjusts_field_names(config: dict[str, str], mode: str) -> None:
    parsed = parse_connector_config({**MYSQL_CONFIG, "name": "n", **config})
    assert parsed.field_name_adjustment_mode == mode
