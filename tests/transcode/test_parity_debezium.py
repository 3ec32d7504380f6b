"""Real Debezium on the same server: schemas as text, and every streamed value of random rows.

Both compatibility modes are compared; what differs is on the list, and each entry that names these comparisons is seen.
"""

import io
import json
import random
import struct
from typing import Any

import fastavro
import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.connect.memory import MYSQL_CONFIG
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer
from tests.lab.kafka_servers import http_json
from tests.oracle.topics import RawRecord
from tests.parity.differences import Cell, Tally
from tests.recorded.avro_fields import row_fields, with_default
from tests.transcode.both_paths import Changes, captured, snapshot, tables_from_server
from tests.transcode.images import SOURCE
from tests.transcode.test_both_paths import COLUMNS, JSON_VALUES, create_table, insert

pytestmark = [pytest.mark.integration, pytest.mark.parity]

CHARACTERS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "set")
MASKABLE = "|".join(f"c{place}" for place, (ddl, _) in enumerate(COLUMNS) if ddl.startswith(CHARACTERS))
"""Names of the columns of `wide` that a mask may be set on, ENUM aside: one digit of a hash may agree by chance."""

MODES: dict[str, dict[str, str]] = {
    "defaults": {},
    "connect": {
        "time.precision.mode": "connect",
        "decimal.handling.mode": "string",
        "bigint.unsigned.handling.mode": "precise",
        "binary.handling.mode": "base64",
        "column.mask.hash.v2.SHA3-256.with.salt.s": rf".*\.wide\.({MASKABLE})",
    },
    "isostring": {
        "time.precision.mode": "isostring",
        "decimal.handling.mode": "double",
        "binary.handling.mode": "hex",
        "schema.name.adjustment.mode": "avro_unicode",
        "field.name.adjustment.mode": "avro_unicode",
        "enable.time.adjuster": "false",
        "column.mask.hash.SHA-512.with.salt.pép.per": rf".*\.wide\.({MASKABLE})",
    },
    "nanoseconds": {
        "time.precision.mode": "nanoseconds",
        "binary.handling.mode": "base64-url-safe",
        "enable.time.adjuster": "false",
        "column.truncate.to.7.chars": r".*\.(wide|defaults)\..*",
    },
    "microseconds": {
        "time.precision.mode": "microseconds",
        "column.propagate.source.type": ".*",
        "include.schema.comments": "true",
    },
}
"""Options of one comparison each, by its name, which is the topic prefix and the database too."""
COMPATIBILITY = ("right", "debezium")
MARKER = -1
"""Key of the row that is there before Debezium starts, so that its snapshot writes something to wait for."""

DEFAULTS = [
    "timestamp(1) NULL DEFAULT '2020-01-02 03:04:05.1'",
    "timestamp(6) NOT NULL DEFAULT '2020-01-02 03:04:05'",
    "timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)",
    "timestamp(6) NULL DEFAULT CURRENT_TIMESTAMP(6)",
    "timestamp NOT NULL DEFAULT '0000-00-00 00:00:00'",
    "timestamp NULL DEFAULT '0000-00-00 00:00:00'",
    "datetime(2) DEFAULT '2020-01-02 03:04:05.12'",
    "datetime(6) DEFAULT '0024-01-02 03:04:05.12'",
    "datetime NOT NULL DEFAULT '0000-00-00 00:00:00'",
    "datetime DEFAULT '2024-00-01'",
    "date NOT NULL DEFAULT '0000-00-00'",
    "date NOT NULL DEFAULT '2020-01-02'",
    "date DEFAULT '0000-00-00'",
    "time DEFAULT '-10:11:12'",
    "time(6) DEFAULT '838:59:58.999999'",
    "bit(12) DEFAULT b'100000000001'",
    "bit(1) DEFAULT b'0'",
    "bit(3) DEFAULT 5",
    "float DEFAULT 0.1",
    "float(5,2) DEFAULT 4.44",
    "double DEFAULT 1e-10",
    "double NOT NULL DEFAULT 123456789",
    "decimal(5,2) DEFAULT 3.455",
    "decimal(65,30) DEFAULT -1",
    "bigint unsigned DEFAULT 9223372036854775808",
    "tinyint(1) NOT NULL DEFAULT 0",
    "year DEFAULT 0",
    "bigint unsigned NOT NULL DEFAULT 18446744073709551615",
    "year NOT NULL DEFAULT 2155",
    "varchar(20) DEFAULT ''",
    "varchar(20) DEFAULT 'it''s \"q\" é'",
    "varchar(20) DEFAULT 'a\\nb'",
    "varchar(20) DEFAULT 'CURRENT_TIMESTAMP'",
    "binary(3) DEFAULT 'ab'",
    "varbinary(5) DEFAULT X'0102'",
    "varbinary(5) DEFAULT X'ff27'",
    "enum('a','b,c','d''e') DEFAULT 'b,c'",
    "enum('a\\\\b') DEFAULT 'a\\\\b'",
    "set('x','y') DEFAULT ''",
    "set('x','y') NOT NULL DEFAULT 'x,y'",
    "int DEFAULT (1 + 1)",
    "json DEFAULT (json_array())",
    "datetime DEFAULT now()",
    "int DEFAULT NULL",
    "time(6) NOT NULL DEFAULT '23:59:58.999999'",
]


def our_options(modes: dict[str, str]) -> TranscodeOptions:
    config = {**MYSQL_CONFIG, "name": "parity", **modes}
    return transcode_options(parse_connector_config(config))


@pytest.fixture(scope="module", params=list(MODES))
def changes(
    request: pytest.FixtureRequest, mysql: MySqlServer, kafka: KafkaBroker, connect_debezium: ConnectWorker
) -> dict[str, tuple[Changes, list[RawRecord]]]:
    """What we and Debezium say of the same changes, by table."""
    database = str(request.param)
    modes = MODES[database]
    mysql.execute(f"DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database} CHARACTER SET utf8mb4")
    relaxed = "SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'"
    ddl = {
        "defaults": create_table(DEFAULTS),
        "wide": create_table([definition for definition, _ in COLUMNS]),
        "documents": create_table(["json"]),
    }
    for name, statement in ddl.items():
        renamed = statement.replace("TABLE t ", f"TABLE {name} ")
        mysql.execute(f"{relaxed}; {renamed}; INSERT INTO {name} (id) VALUES ({MARKER})", database)
    config = connect_debezium.debezium_config(mysql, database, database__include__list=database) | modes
    connector = f"transcode-parity-{database}"
    connect_debezium.create(connector, config)
    tables = tables_from_server(mysql, database, *ddl)
    for table in tables:
        kafka.wait_records(topic_for(database, table.id), 1)
    statements = [
        relaxed,
        insert(COLUMNS, 60, random.Random(1)).replace("INTO t ", "INTO wide "),
        *[f"INSERT INTO documents VALUES ({key}, {value})" for key, value in enumerate(JSON_VALUES)],
        "INSERT INTO defaults (id) VALUES (1)",
        "INSERT INTO defaults (id, c1, c2, c4, c8, c11) VALUES "
        "(2, '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00')",
    ]
    found = captured(mysql, tables, ";".join(statements), our_options(modes), prefix=database, null_outside=True)
    try:
        return {
            table.id.table: (
                found[table.id.table],
                kafka.wait_records(topic_for(database, table.id), 1 + len(found[table.id.table].inserted)),
            )
            for table in tables
        }
    finally:
        connect_debezium.delete(connector)


def registered(apicurio: Apicurio, message: bytes) -> Any:
    """The schema that a record in wire format names."""
    schema_id = struct.unpack(">i", message[1:5])[0]
    return http_json("GET", f"{apicurio.ccompat_url}/schemas/ids/{schema_id}")["schema"]


def transcoder_of(found: Changes, mode: str) -> ReferenceTranscoder:
    """The transcoder of the right mode, or one of the same table that gives Debezium's values."""
    plan = found.transcoder.plan
    if mode == "right":
        return found.transcoder
    options = our_options(MODES[plan.table.id.database] | {"compatibility.mode": mode})
    return ReferenceTranscoder(build_plan(plan.table, plan.topic, options), 1, 2)


def unseen_by(changes: dict[str, tuple[Changes, list[RawRecord]]]) -> list[str]:
    """The entries that the database's options leave nothing of."""
    modes = MODES[changes["wide"][0].transcoder.plan.table.id.database]
    hidden = {"enable.time.adjuster": "rewritten-year", "bigint.unsigned.handling.mode": "unsigned-default"}
    return [entry for option, entry in hidden.items() if option in modes]


@pytest.mark.parametrize("mode", COMPATIBILITY)
def test_schemas_are_equal_as_text(
    apicurio: Apicurio, changes: dict[str, tuple[Changes, list[RawRecord]]], mode: str
) -> None:
    tally = Tally("live-defaults", compatible=mode == "debezium")
    for name, (found, records) in changes.items():
        plan = transcoder_of(found, mode).plan
        assert records[-1].key is not None
        assert records[-1].value is not None
        assert registered(apicurio, records[-1].key) == plan.key_schema_json
        theirs = json.loads(registered(apicurio, records[-1].value))
        ours = json.loads(plan.value_schema_json)
        for index, (left, right) in enumerate(zip(row_fields(theirs), row_fields(ours), strict=True)):
            column = "id" if index == 0 or name != "defaults" else DEFAULTS[index - 1]
            tally.compare(Cell(f"{name}.{column}", left.get("default"), right.get("default")))
            if left.get("default") != right.get("default"):
                row_fields(theirs)[index] = with_default(left, right["default"])
        assert json.dumps(theirs) == json.dumps(ours), name
    tally.check(waiting=unseen_by(changes))


def decoded(message: bytes, schema: Any) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(message[5:]), schema)


@pytest.mark.parametrize("mode", COMPATIBILITY)
def test_streamed_values_are_equal(
    mysql: MySqlServer, apicurio: Apicurio, changes: dict[str, tuple[Changes, list[RawRecord]]], mode: str
) -> None:
    tally = Tally("live-rows", compatible=mode == "debezium")
    for found, records in changes.values():
        transcoder = transcoder_of(found, mode)
        schema = fastavro.parse_schema(json.loads(transcoder.plan.value_schema_json))
        read = found.inserted if mode == "right" else snapshot(mysql, transcoder)
        rows = {row[0]: row for row in read if row[0] != MARKER}
        for record in records:
            assert record.value is not None
            theirs = decoded(record.value, fastavro.parse_schema(json.loads(registered(apicurio, record.value))))
            if theirs["op"] != "c":
                continue
            row = rows.pop(theirs["after"]["id"])
            ours = decoded(transcoder.value("c", None, row, SOURCE, 1), schema)
            assert record.key is not None
            key = transcoder.key(row)
            assert key is not None
            assert key[5:] == record.key[5:]
            for one in transcoder.plan.columns:
                pair = theirs["after"][one.field_name], ours["after"][one.field_name]
                tally.compare(Cell(one.column.type_expression, *pair))
        assert rows == {}, "streamed by us, not by Debezium"
    tally.check(waiting=unseen_by(changes))
    assert tally.equal + tally.explained.total() > 4000
