"""The recorded runs of Debezium 3.6.1: their options, and the parts of their output."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
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

MASK_OF_A_NUMBER: Final = ("r4", "column.mask.with.5.chars", "gold.ints.i")
"""Run, option and column of the one mask that we refuse: Debezium writes the number in clear (`integer-under-mask`)."""


def configuration(run: str) -> dict[str, str | None]:
    """Return the run's whole configuration as a connector would be given it."""
    return {**MYSQL_CONFIG, "name": "gold-connector", "topic.prefix": "gp", **OPTIONS[run]}


def parsed(run: str, mode: str, **changes: str) -> MySqlConnectorConfig:
    """Return the run's configuration with `compatibility.mode`, every option accepted.

    Without the mask of a number in `right` mode, which refuses it: `masked_number` says where.
    """
    given = configuration(run) | {"compatibility.mode": mode}
    masked_run, option, column = MASK_OF_A_NUMBER
    if mode == "right" and run == masked_run:
        given[option] = ",".join(one for one in OPTIONS[run][option].split(",") if one != column)
    return parse_connector_config({**given, **{name.replace("__", "."): value for name, value in changes.items()}})


def masked_number(run: str, mode: str, place: str) -> bool:
    """Whether table.column is the number whose mask we refuse."""
    return mode == "right" and (run, f"gold.{place}") == (MASK_OF_A_NUMBER[0], MASK_OF_A_NUMBER[2])


@cache
def lines(name: str) -> tuple[Any, ...]:
    """Return the lines of a data file, parsed."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as text:
        return tuple(json.loads(line) for line in text)


def key_of(run: str, row: int) -> int:
    """Return the key of the streamed row that is the twin of the snapshot's row `row`."""
    return row % 100 + (200 if run in ("r1", "r5") else 100)
