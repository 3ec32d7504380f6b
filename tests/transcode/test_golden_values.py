"""The recorded Debezium rows on a real MySQL, through both paths, which must give equal bytes.

Their values are held against the recording in tests/recorded.
"""

import base64
import io
import json
import struct
from typing import Any

import fastavro
import pytest

from faust_cdc.transcode.plan import TranscodeOptions
from faust_cdc.transcode.reference import Row
from faust_cdc_schemas.names import DECIMAL
from tests.lab import MySqlServer
from tests.transcode import golden
from tests.transcode.both_paths import Changes, captured, differences, snapshot, tables_from_server
from tests.transcode.images import SOURCE

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def changes(mysql: MySqlServer) -> dict[str, Changes]:
    mysql.execute("DROP DATABASE IF EXISTS gold; CREATE DATABASE gold CHARACTER SET utf8mb4")
    ddl, dml = ((golden.DATA / name).read_text(encoding="utf-8") for name in ("golden_tables.sql", "golden_rows.sql"))
    mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {ddl}", "gold")
    tables = tables_from_server(mysql, "gold", *golden.PRIMARY_KEYS)
    return captured(mysql, tables, dml, TranscodeOptions(field_name_adjustment="avro"))


def as_json_converter(value: Any, avro: str) -> Any:
    """A value as JsonConverter prints it: bytes in base64, four-byte floats by their shortest digits."""
    if isinstance(value, float) and avro == "float":
        packed = struct.pack("<f", value)
        texts = (f"{value:.{digits}g}" for digits in range(6, 10))
        return next(float(text) for text in texts if struct.pack("<f", float(text)) == packed)
    if isinstance(value, dict):
        return {name: as_json_converter(one, avro) for name, one in value.items()}
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def test_both_paths_give_equal_bytes(mysql: MySqlServer, changes: dict[str, Changes]) -> None:
    compared = 0
    for name, found in changes.items():
        transcoder = found.transcoder
        read = snapshot(mysql, transcoder)
        assert differences(transcoder, found.inserted, read) == [], name
        by_key = {row[0]: row for row in read}
        for row in found.inserted:
            twin = by_key[row[0]]
            assert transcoder.key(row) == transcoder.key(twin)
            assert transcoder.value("c", None, row, SOURCE, 1) == transcoder.value("c", None, twin, SOURCE, 1)
            compared += 1
    assert compared == 38


def test_what_we_write_is_read_back_with_the_registered_schema(changes: dict[str, Changes]) -> None:
    for found in changes.values():
        transcoder = found.transcoder
        text = transcoder.plan.value_schema_json.replace(
            "we-ird", "we_ird"
        )  # fastavro checks namespaces, Java does not
        schema = fastavro.parse_schema(json.loads(text))
        for row in found.inserted:
            payload = io.BytesIO(transcoder.value("c", None, row, SOURCE, 1)[5:])
            decoded = fastavro.schemaless_reader(payload, schema)
            assert isinstance(decoded, dict)
            assert payload.read() == b""
            assert [repr(value) for value in decoded["after"].values()] == _readable(found, row)
            assert decoded["source"] == SOURCE.as_record()


def _readable(found: Changes, row: Row) -> list[str]:
    """The row as fastavro reads it: floats in four bytes, decimals with their logical type."""
    return [
        repr(value if one.mapping.name != DECIMAL or value is None else golden.decimal_of(value, one))
        for value, one in zip(row, found.transcoder.plan.columns, strict=True)
    ]
