"""Schemas of records about the stream, against Debezium 3.6.1's recorded ones, property order included."""

from __future__ import annotations

import json

from faust_cdc_schemas.metadata import (
    heartbeat_key_schema,
    heartbeat_value_schema,
    transaction_key_schema,
    transaction_value_schema,
)

KEY = (
    '{"type":"record","name":"TransactionMetadataKey","namespace":"io.debezium.connector.common","fi'
    'elds":[{"name":"id","type":"string"}],"connect.version":1,"connect.name":"io.debezium.connector'
    '.common.TransactionMetadataKey"}'
)
VALUE = (
    '{"type":"record","name":"TransactionMetadataValue","namespace":"io.debezium.connector.common","'
    'fields":[{"name":"status","type":"string"},{"name":"id","type":"string"},{"name":"event_count",'
    '"type":["null","long"],"default":null},{"name":"data_collections","type":["null",{"type":"array'
    '","items":["null",{"type":"record","name":"collection","namespace":"event","fields":[{"name":"d'
    'ata_collection","type":"string"},{"name":"event_count","type":"long"}],"connect.version":1,"con'
    'nect.name":"event.collection"}]}],"default":null},{"name":"ts_ms","type":"long"}],"connect.vers'
    'ion":1,"connect.name":"io.debezium.connector.common.TransactionMetadataValue"}'
)


def test_transaction_schemas() -> None:
    assert json.dumps(transaction_key_schema(), separators=(",", ":")) == KEY
    assert json.dumps(transaction_value_schema(), separators=(",", ":")) == VALUE


HEARTBEAT_KEY = (
    '{"type":"record","name":"ServerNameKey","namespace":"io.debezium.connector.common","fields":[{"'
    'name":"serverName","type":"string"}],"connect.version":1,"connect.name":"io.debezium.connector.'
    'common.ServerNameKey"}'
)
HEARTBEAT_VALUE = (
    '{"type":"record","name":"Heartbeat","namespace":"io.debezium.connector.common","fields":[{"name'
    '":"ts_ms","type":"long"}],"connect.version":1,"connect.name":"io.debezium.connector.common.Hear'
    'tbeat"}'
)


def test_heartbeat_schemas() -> None:
    assert json.dumps(heartbeat_key_schema(), separators=(",", ":")) == HEARTBEAT_KEY
    assert json.dumps(heartbeat_value_schema(), separators=(",", ":")) == HEARTBEAT_VALUE
