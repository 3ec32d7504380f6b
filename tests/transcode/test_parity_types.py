"""Rare types and real Debezium on the same server: where it streams another value, and that it still does."""

import json
from typing import Any

import fastavro
import pytest

from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodeOptions
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer
from tests.transcode.both_paths import captured, tables_from_server
from tests.transcode.test_both_paths import MULTI_BYTE, SINGLE_BYTE
from tests.transcode.test_parity_debezium import decoded, registered

pytestmark = [pytest.mark.integration, pytest.mark.parity]

DATABASE = "raretypes"
CHARSETS = [*SINGLE_BYTE, *MULTI_BYTE, "gb18030"]
LABELS = "enum('漢字😀','plain')"

WRONG_IN_DEBEZIUM = {
    "armscii8": "\x80",
    "dec8": "\x80",
    "geostd8": "ა",
    "hp8": "\x80",
    "keybcs2": "¡",
    "koi8u": "Є",
    "swe7": "Ä",
    "latin1": "\x81",
    "tis620": "\x80",
    "cp866": "²",
    "greek": "ʼ",
    "hebrew": "‾",
    "gbk": "⊕",
    "big5": "\ufffd",
    "sjis": "\\",
    "ujis": "―",
    "eucjpms": "―",
    "euckr": "뮁",
}
"""Character set → a character that Debezium 3.6.1 streams as another one or as U+FFFD.

It decodes with the Java charset that Connector/J names: cp1252 for armscii8, dec8, geostd8, hp8 and swe7, cp852 for
keybcs2, KOI8-R for koi8u; or with Java's own idea of the same charset. Its snapshot, which the server converts, is
right, so its two paths disagree.
"""
DEPENDS_ON_JAVA = {"gb18030"}
"""36 characters are wrong with Java 17; later ones follow another edition of the standard."""


def lost(ours: str, theirs: str) -> set[str]:
    """Our characters that theirs has not, at the same place where the places can be told."""
    if len(ours) == len(theirs):
        return {left for left, right in zip(ours, theirs, strict=True) if left != right}
    return set(ours) - set(theirs)


def table_of_charsets() -> str:
    columns = ", ".join(f"c_{name} longtext CHARACTER SET {name}" for name in CHARSETS)
    return f"CREATE TABLE texts (id int PRIMARY KEY, {columns}, e {LABELS}, j json)"


def insert_of_all_characters() -> str:
    """Rows whose columns hold every character of the BMP that their character set has, and ? for the others."""
    points = [code for code in range(1, 0xFFFE) if not 0xD800 <= code < 0xE000]
    rows = []
    for key, start in enumerate(range(0, len(points), 8000)):
        block = "".join(map(chr, points[start : start + 8000])).encode().hex()
        cells = ", ".join(f"CONVERT(_utf8mb4 X'{block}' USING {name})" for name in CHARSETS)
        rows.append(f"INSERT INTO texts VALUES ({key}, {cells}, 1, JSON_OBJECT('text', REPEAT('x', 99), 'n', 1))")
    return ";".join(rows)


def test_characters_labels_and_partial_updates(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, connect_debezium: ConnectWorker
) -> None:
    mysql.execute(f"DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    mysql.execute(f"SET sql_mode=''; {table_of_charsets()}; INSERT INTO texts (id) VALUES (-1)", DATABASE)
    config = connect_debezium.debezium_config(mysql, DATABASE, database__include__list=DATABASE)
    connect_debezium.create("rare-types", config)
    try:
        (table,) = tables_from_server(mysql, DATABASE, "texts")
        topic = topic_for(DATABASE, table.id)
        kafka.wait_records(topic, 1)
        sql = (
            f"SET sql_mode=''; {insert_of_all_characters()};"
            "SET binlog_row_value_options='PARTIAL_JSON'; UPDATE texts SET j = JSON_SET(j, '$.n', 2) WHERE id = 0;"
            "SET binlog_row_value_options=''; INSERT INTO texts (id) VALUES (1000)"
        )
        found = captured(mysql, [table], sql, TranscodeOptions(), prefix=DATABASE)["texts"]
        records = kafka.wait_records(topic, 1 + len(found.inserted))
    finally:
        connect_debezium.delete("rare-types")
    events: list[Any] = []
    for record in records:
        assert record.value is not None
        events.append(decoded(record.value, fastavro.parse_schema(json.loads(registered(apicurio, record.value)))))
    assert [event["op"] for event in events] == ["r"] + ["c"] * len(found.inserted)
    assert [after[-1] for _, after in found.updated] == [f'{{"n":2,"text":"{"x" * 99}"}}'], "lost by Debezium"
    names = [one.field_name for one in found.transcoder.plan.columns]
    ours = [dict(zip(names, row, strict=True)) for row in found.inserted[:-1]]
    theirs = [event["after"] for event in events[1:-1]]
    assert [row["id"] for row in ours] == [row["id"] for row in theirs]
    assert [(row["e"], other["e"]) for row, other in zip(ours, theirs, strict=True)] == [("漢字😀", "漢字?")] * len(
        ours
    )
    wrong = {}
    for charset in CHARSETS:
        column = f"c_{charset}"
        found_wrong = {one for row, other in zip(ours, theirs, strict=True) for one in lost(row[column], other[column])}
        if found_wrong:
            wrong[charset] = found_wrong
        elif charset not in DEPENDS_ON_JAVA:
            assert [row[column] for row in ours] == [row[column] for row in theirs], charset
    assert wrong.keys() - DEPENDS_ON_JAVA == WRONG_IN_DEBEZIUM.keys()
    assert {name: one for name, one in WRONG_IN_DEBEZIUM.items() if one not in wrong[name]} == {}
