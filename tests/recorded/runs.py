"""The recorded runs of Debezium 3.6.1: their options, and the parts of their output."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
from faust_cdc.config.validation import validate
from tests.connect.memory import MYSQL_CONFIG

DATA = Path(__file__).parent / "data"

OPTIONS: Final[dict[str, dict[str, str]]] = {
    "r1": {
        "provide.transaction.metadata": "true",
        "include.query": "true",
        "include.schema.comments": "true",
        "column.propagate.source.type": r"gold\.ints\..*",
    },
    "r2": {
        "time.precision.mode": "connect",
        "decimal.handling.mode": "string",
        "bigint.unsigned.handling.mode": "precise",
        "binary.handling.mode": "base64",
        "schema.name.adjustment.mode": "avro",
        "field.name.adjustment.mode": "avro",
    },
    "r3": {
        "time.precision.mode": "isostring",
        "decimal.handling.mode": "double",
        "binary.handling.mode": "hex",
        "schema.name.adjustment.mode": "avro_unicode",
        "field.name.adjustment.mode": "avro_unicode",
        "tombstones.on.delete": "false",
        "enable.time.adjuster": "false",
    },
    "r4": {
        "time.precision.mode": "microseconds",
        "binary.handling.mode": "base64-url-safe",
        "column.mask.hash.SHA-256.with.salt.abc": "gold.strs.vc",
        "column.mask.hash.v2.SHA-256.with.salt.abc": "gold.strs.latin",
        "column.mask.with.5.chars": "gold.strs.tx,gold.ints.i",
        "column.truncate.to.3.chars": "gold.strs.tt,gold.strs.c",
        "column.propagate.source.type": "gold.nums.*",
        "message.key.columns": "gold.nopk:b;gold.pk2:c",
        "column.exclude.list": "gold.strs.(mt|lt|nc|nvc)",
    },
    "r5": {
        "time.precision.mode": "nanoseconds",
        "column.include.list": "gold.temps.*,gold.tempsnn.*",
        "datatype.propagate.source.type": "gold.DATETIME",
        "skip.messages.without.change": "true",
        "table.include.list": "gold.temps,gold.tempsnn",
    },
    "r7": {"snapshot.mode": "no_data", "table.include.list": "gold.pk2"},
    "r8": {"snapshot.mode": "no_data", "table.include.list": "gold.pk2", "provide.transaction.metadata": "true"},
}
"""What each run set that shapes records or selects them."""

CHANGES_VALUES: Final = re.compile(r"column\.(mask|truncate)\..*")
"""Options of a run that change the values of the columns they name."""


def configuration(run: str) -> dict[str, str | None]:
    """Return the run's whole configuration as a connector would be given it."""
    return {**MYSQL_CONFIG, "name": "gold-connector", "topic.prefix": "gp", **OPTIONS[run]}


def refused(run: str) -> list[str]:
    """Return the run's options that this version refuses."""
    return [info.name for info in validate(configuration(run)) if info.errors]


def parsed(run: str, **changes: str) -> MySqlConnectorConfig:
    """Return the run's configuration, refused options left out."""
    taken = {name: value for name, value in configuration(run).items() if name not in refused(run)}
    return parse_connector_config({**taken, **{name.replace("__", "."): value for name, value in changes.items()}})


def waiting_columns(run: str) -> dict[str, str]:
    """Return table.column → the refused option that changes the column's values in the recording."""
    return {
        name.removeprefix("gold."): option
        for option in refused(run)
        if CHANGES_VALUES.fullmatch(option)
        for name in OPTIONS[run][option].split(",")
    }


@cache
def lines(name: str) -> tuple[Any, ...]:
    """Return the lines of a data file, parsed."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as text:
        return tuple(json.loads(line) for line in text)


def key_of(run: str, row: int) -> int:
    """Return the key of the streamed row that is the twin of the snapshot's row `row`."""
    return row % 100 + (200 if run in ("r1", "r5") else 100)
