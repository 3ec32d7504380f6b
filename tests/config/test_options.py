"""The declarations against Debezium's and Connect's recorded ones, and what becomes of every known key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from faust_cdc.config import catalogue
from faust_cdc.config.options import MARIADB, MYSQL, SupportKind
from faust_cdc.config.validation import validate
from tests.connect.memory import MYSQL_CONFIG

DATA = Path(__file__).parent / "data"
RECORDED = json.loads((DATA / "validate_mysql_unreachable.json").read_text())["configs"]
NAMES = json.loads((DATA / "debezium_option_names.json").read_text())
OF_THE_WORKER = {"key.converter", "value.converter"}


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry["definition"]["name"])
def test_each_declaration_is_the_recorded_one(entry: dict[str, Any]) -> None:
    name = entry["definition"]["name"]
    info = next(info for info in validate({**MYSQL_CONFIG, "name": "n"}) if info.name == name).to_json()
    if name in OF_THE_WORKER:
        entry = {**entry, "definition": {**entry["definition"], "default_value": info["definition"]["default_value"]}}
    assert json.dumps(info["definition"]) == json.dumps(entry["definition"])


def test_the_order_is_the_recorded_one() -> None:
    assert [option.name for option in catalogue.listed(MYSQL)] == [entry["definition"]["name"] for entry in RECORDED]


@pytest.mark.parametrize("flavor", [MYSQL, MARIADB])
def test_every_declaration_says_what_becomes_of_it(flavor: str) -> None:
    for option in catalogue.by_name(flavor).values():
        assert option.support.kind is SupportKind.USED or option.support.reason, option.name
        assert option.doc, option.name
        if option.support.kind is SupportKind.LIMITED and option.default:
            only = option.support.only or (option.default.lower(),)
            assert option.default.lower() in only, f"{option.name}: the default itself is refused"
        if option.legal and option.default:
            assert option.default.lower() in option.legal, option.name


def effect(name: str, value: str) -> str:
    """What a configuration with one more option is told: an error, a note, or nothing."""
    infos = validate({**MYSQL_CONFIG, "name": "n", name: value})
    errors = [error for info in infos for error in info.errors]
    unset = {one.unset_note for one in catalogue.listed("mysql")}
    notes = [note for info in infos for note in info.notes if note not in unset]
    assert len(errors) + len(notes) <= 1, (name, errors, notes)
    return "refused" if errors else "noted" if notes else "silent"


@pytest.mark.parametrize("name", NAMES)
def test_every_debezium_option_is_supported_or_answered_with_a_reason(name: str) -> None:
    option = catalogue.by_name(MYSQL)[name]
    if option.default is not None and option.default not in ("Integer.MIN_VALUE (MySQL) / 1 (MariaDB)",):
        expected = "refused" if option.support.kind is SupportKind.REFUSED else "silent"
        assert effect(name, option.default) in (expected, "silent")
    if name in MYSQL_CONFIG:
        return
    other = next((word for word in option.legal if word != (option.default or "").lower()), None)
    if name == "max.queue.size":
        other = "9999"  # it must stay above max.batch.size
    if name == "skipped.operations":
        other = "c,u"
    if name == "custom.metric.tags":
        other = "team=shop"
    if name in ("converters", "post.processors", "snapshot.select.statement.overrides"):
        other = ","  # a list without a name: each name asks for a class, or a statement
    if name == "schema.history.internal":
        other = "io.debezium.storage.file.history.FileSchemaHistory"
    if name == "signal.data.collection":
        other = "shop.signals"
    if name in ("signal.enabled.channels", "notification.enabled.channels"):
        other = "jmx"
    if name == "message.key.columns":
        other = "shop.orders:id"
    value = other or {"BOOLEAN": "false" if option.default == "true" else "true"}.get(option.type.value, "77")
    if option.support.kind is SupportKind.USED:
        assert effect(name, value) == "silent"
    elif option.support.kind is SupportKind.NOTED:
        assert effect(name, value) == "noted"
    elif value.lower() not in option.support.only:
        assert effect(name, value) == "refused"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("column.mask.hash.SHA-256.with.salt.abc", "silent"),
        ("column.mask.hash.v2.SHA-256.with.salt.abc", "silent"),
        ("column.mask.hash.MD2.with.salt.abc", "refused"),
        ("column.mask.with.0.chars", "silent"),
        ("column.mask.with.five.chars", "refused"),
        ("column.truncate.to.20.chars", "silent"),
        ("column.truncate.to.99999999999.chars", "refused"),
        ("snapshot.select.statement.overrides.shop.orders", "noted"),
        ("transforms.unwrap.type", "noted"),
        ("topic.creation.big.partitions", "refused"),
        ("schema.history.internal.producer.security.protocol", "silent"),
        ("schema.history.internal.s3.bucket.name", "noted"),
        ("driver.allowPublicKeyRetrieval", "noted"),
        ("database.allowPublicKeyRetrieval", "noted"),
        ("database.connectionTimeZone", "noted"),
        ("consumer.override.fetch.min.bytes", "noted"),
        ("producer.override.linger.ms", "silent"),
        ("task.class", "noted"),
    ],
)
def test_families_of_keys(key: str, expected: str) -> None:
    assert effect(key, "1") == expected


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("database.hostnme", "Did you mean 'database.hostname'?"),
        ("Table.Include.List", "Did you mean 'table.include.list'?"),
        ("table.whitelist", "it is called 'table.include.list' since Debezium 2.0."),
        ("database.history.kafka.topic", "'schema.history.internal.kafka.topic' since Debezium 2.0."),
        ("qqq", "No known option has a similar name."),
    ],
)
def test_unknown_options_name_the_nearest(key: str, hint: str) -> None:
    assert hint in catalogue.unknown_option(key, MYSQL)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("io.debezium.connector.mysql.MySqlConnector", "io.debezium.connector.mysql.MySqlConnector"),
        ("MySqlConnector", "io.debezium.connector.mysql.MySqlConnector"),
        ("MySql", "io.debezium.connector.mysql.MySqlConnector"),
        ("MariaDb", "io.debezium.connector.mariadb.MariaDbConnector"),
        ("mysql", None),
        ("", None),
    ],
)
def test_class_names_and_aliases(name: str, full: str | None) -> None:
    assert catalogue.resolve_class(name) == full
