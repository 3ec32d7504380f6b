"""The recorded Debezium runs with other modes than the defaults: options, schemas, streamed values."""

import json
from functools import cache
from typing import Any, NamedTuple

from faust_cdc.transcode.plan import TranscodeOptions
from tests.transcode import golden

RUNS: dict[str, TranscodeOptions] = {
    "r2": TranscodeOptions(
        time_precision_mode="connect",
        decimal_handling_mode="string",
        bigint_unsigned_handling_mode="precise",
        binary_handling_mode="base64",
        schema_name_adjustment="avro",
        field_name_adjustment="avro",
    ),
    "r3": TranscodeOptions(
        time_precision_mode="isostring",
        decimal_handling_mode="double",
        binary_handling_mode="hex",
        schema_name_adjustment="avro_unicode",
        field_name_adjustment="avro_unicode",
        enable_time_adjuster=False,
    ),
    "r4": TranscodeOptions(time_precision_mode="microseconds", binary_handling_mode="base64-url-safe"),
    "r5": TranscodeOptions(time_precision_mode="nanoseconds"),
}
"""The runs' options; what else r4 and r5 set (masks, column lists) is cut out of the recording."""


class Streamed(NamedTuple):
    """One streamed value as JsonConverter printed it."""

    table: str
    column: str
    row: int
    value: Any


@cache
def vectors(run: str) -> tuple[Streamed, ...]:
    """The recorded values of a run."""
    lines = [line for line in golden.lines("golden_modes.jsonl") if line["run"] == run]
    return tuple(
        Streamed(line["table"], line["column"], int(row), value)
        for line in lines
        for row, value in line["streaming"].items()
        if line["table"] in golden.PRIMARY_KEYS
    )


@cache
def schemas(run: str) -> dict[tuple[str, str], Any]:
    """Recorded Avro schemas of a run by (topic, "key" or "value"), `source` and `transaction` cut out."""
    lines = [line for line in golden.lines("golden_mode_schemas.jsonl") if line["run"] == run]
    return {(line["topic"], line["part"]): line["avro"] for line in lines}


def tables(run: str) -> list[str]:
    """The tables of a run."""
    return sorted({vector.table for vector in vectors(run)})


def rows_sql(run: str) -> str:
    """The SQL that makes the run's streamed rows, at the run's moment and with its keys."""
    sql = (golden.DATA / "golden_rows.sql").read_text(encoding="utf-8")
    if run == "r5":
        return sql
    for ours, theirs in (
        ("@b=200", "@b=100"),
        ("AUTO_INCREMENT=9", "AUTO_INCREMENT=5"),
        ("timestamp=1795230421.341699", "timestamp=1795230656.250867"),
        ("timestamp=1795230421.342164", "timestamp=1795230656.257722"),
    ):
        assert sql.count(ours) == 1, ours
        sql = sql.replace(ours, theirs)
    return sql


def key_offset(run: str) -> int:
    """What the streamed row n has more in its key than n."""
    return 200 if run == "r5" else 100


def as_text(schema: Any) -> str:
    """A schema as it is registered."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
