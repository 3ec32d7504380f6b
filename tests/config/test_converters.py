from __future__ import annotations

import pytest

from faust_cdc.config.converters import APICURIO, CONFLUENT, RegistrySettings, ccompat_url, registry_of
from faust_cdc.config.secret import Secret


def both(class_name: str, **keys: str) -> dict[str, str | None]:
    config: dict[str, str | None] = {}
    for side in ("key.converter", "value.converter"):
        config[side] = class_name
        config |= {f"{side}.{key.replace('__', '.').replace('_', '-')}": value for key, value in keys.items()}
    return config


def settings(config: dict[str, str | None]) -> RegistrySettings | None:
    found, findings = registry_of(config)
    assert findings == []
    return found


def test_none_named() -> None:
    assert settings({}) is None


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
        ({"value.converter": "x.Json"}, "value.converter", "records are Avro. Use"),
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
            both(CONFLUENT, schema__registry__url="http://a", auto__register__schemas="false"),
            "key.converter.auto.register.schemas",
            "always registered",
        ),
        (
            both(CONFLUENT, schema__registry__url="http://a", value__subject__name__strategy="x.RecordNameStrategy"),
            "key.converter.value.subject.name.strategy",
            "<topic>-key and <topic>-value",
        ),
        (
            both(CONFLUENT, schema__registry__url="http://a", basic__auth__credentials__source="SASL_INHERIT"),
            "key.converter.basic.auth.credentials.source",
            "only URL or USER_INFO",
        ),
    ],
)
def test_problems_name_the_option(config: dict[str, str | None], key: str, text: str) -> None:
    findings = registry_of(config)[1]
    assert findings[0].key == key
    assert text in findings[0].problem
    assert all("u:p@" not in f"{finding}" for finding in findings)


def test_one_registry_for_both_sides() -> None:
    config = both(CONFLUENT, schema__registry__url="http://a")
    config["key.converter.schema.registry.url"] = "http://b"
    assert "must use the same registry" in registry_of(config)[1][0].problem


def test_topic_name_strategies_are_fine() -> None:
    strategy = "io.confluent.kafka.serializers.subject.TopicNameStrategy"
    assert settings(both(CONFLUENT, schema__registry__url="http://a", value__subject__name__strategy=strategy))
