"""Values in Java's words: texts of headers, casts, masks (`org.apache.kafka.connect.data.Values`, Connect 4.3.1)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from faust_cdc.transcode.java_text import DATE_UNITS_MS as DATE_MS
from faust_cdc.transcode.java_text import double_text, float_text, narrowed
from faust_cdc.transforms.record import TransformError
from faust_cdc.transforms.schemas import type_name
from faust_cdc_schemas.connect_schema import ConnectSchema, decimal_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS: Final = 86_400_000


def decimal_value(schema: ConnectSchema, value: bytes) -> Decimal:
    """Return the number of a Decimal's bytes."""
    return decimal_of(value, schema.decimal_scale or 0)


def java_text(schema: ConnectSchema, value: Any) -> str:
    """Return `value.toString()` of a value that is no struct, array or map."""
    if schema.decimal_scale is not None:
        return str(decimal_value(schema, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if schema.type == "float":
        return float_text(value)
    if schema.type == "double":
        return double_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def date_text(name: str, value: int) -> str:
    """Return one of Connect's times as `Values.dateFormatFor` prints it: a date, a time within a day, or both."""
    milliseconds = value * DATE_MS[name]
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    if milliseconds < _DAY_MS:  # Java's comparison, which takes what is before 1970 for a time too
        return f"{moment:%H:%M:%S}.{milliseconds % 1000:03d}Z"
    if milliseconds % _DAY_MS == 0:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def header_text(schema: ConnectSchema | None, value: Any) -> bytes | None:
    """Return a header's bytes as SimpleHeaderConverter writes them; None for null."""
    if value is None:
        return None
    return _shown(schema, value, embedded=False).encode()


def _shown(schema: ConnectSchema | None, value: Any, *, embedded: bool) -> str:
    if value is None:
        return "null"
    if schema is not None and schema.name in DATE_MS:
        return date_text(schema.name, value)
    if schema is not None and schema.decimal_scale is not None:
        return str(decimal_value(schema, value))
    if isinstance(value, str | bytes):
        text = value if isinstance(value, str) else base64.b64encode(value).decode()
        if not embedded:
            return text
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, dict):
        inner = {one.name: one.schema for one in schema.fields} if schema is not None else {}
        of_map = schema.items if schema is not None else None
        shown = (f'"{k}":{_shown(inner.get(k, of_map), v, embedded=True)}' for k, v in value.items())
        return "{" + ",".join(shown) + "}"
    if isinstance(value, list):
        items = schema.items if schema is not None else None
        return "[" + ",".join(_shown(items, one, embedded=True) for one in value) + "]"
    if isinstance(value, float) and schema is None:
        return double_text(value)
    return java_text(schema or ConnectSchema("int64"), value)


_WIDTHS: Final = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_FLOATS: Final = ("float", "double")
_FLOAT_TEXT: Final = re.compile(
    r"[\0- ]*(?:([+-]?(?:NaN|Infinity))|([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?)[\0- ]*"
)
CAST_TARGETS: Final = {
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FLOAT32": "float",
    "FLOAT64": "double",
    "BOOLEAN": "boolean",
    "STRING": "string",
}
"""Connect's names of the types that can be cast to → ours."""
_CAST_SOURCES: Final = frozenset({*CAST_TARGETS.values(), "bytes"})


def cast(schema: ConnectSchema, value: Any, target: str) -> Any:
    """Return a value that is not null as another type (`Cast.castValueToType`). Raises TransformError."""
    if schema.type not in _CAST_SOURCES:
        raise TransformError(f"Cast transformation does not support casting from {type_name(schema)}")
    if target == "string":
        if schema.name in DATE_MS:
            return date_text(schema.name or "", value)
        return java_text(schema, value)
    number: Any = decimal_value(schema, value) if schema.decimal_scale is not None else value
    if isinstance(number, bytes):
        raise TransformError("Unexpected type in Cast transformation: class java.nio.HeapByteBuffer")
    try:
        if target == "boolean":
            return _boolean(number)
        if target in _FLOATS:
            made = _parsed_float(number) if isinstance(number, str) else float(number)
            return narrowed(made) if target == "float" else made
        return _integer(number, _WIDTHS[target])
    except (ValueError, OverflowError) as error:
        raise TransformError(f"A value of type {type_name(schema)} was out of range for requested data type") from error


def _parsed_float(text: str) -> float:
    """Return what `Double.parseDouble` makes of a text; hexadecimal numbers are refused. Raises ValueError."""
    match = _FLOAT_TEXT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1] or match[2])


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() == "true"
    return bool(_integer(value, 64)) if not isinstance(value, bool) else value


def _integer(value: Any, bits: int) -> int:
    if isinstance(value, str):
        number = int(value)
        if "_" in value or value != value.strip() or not -(1 << bits - 1) <= number < 1 << bits - 1:
            raise ValueError(value)
        return number
    if isinstance(value, float):
        return _narrowed(_saturated(value, 32 if bits < 64 else 64), bits)
    return _narrowed(int(value), bits)


def _saturated(value: float, bits: int) -> int:
    """Return a float as Java makes an integer of it: no number is zero, too large ones are the largest."""
    if value != value:
        return 0
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return high if value >= high else low if value <= low else int(value)


def _narrowed(value: int, bits: int) -> int:
    rest = value & ((1 << bits) - 1)
    return rest - (1 << bits) if rest >> bits - 1 else rest


_EMPTY: Final[dict[str, Callable[[], Any]]] = {
    "boolean": lambda: False,
    **dict.fromkeys(("int8", "int16", "int32", "int64"), lambda: 0),
    **dict.fromkeys(_FLOATS, lambda: 0.0),
    "string": lambda: "",
    "array": list,
    "map": dict,
}


def masked_null(schema: ConnectSchema) -> Any:
    """Return the empty value of a type, as MaskField writes it. Raises TransformError for types without one."""
    if schema.decimal_scale is not None:
        if schema.decimal_scale != 0:
            raise TransformError("Cannot mask a Decimal with a scale: its zero has none, and no converter takes it")
        return b"\0"
    if schema.type not in _EMPTY:
        raise TransformError(f"Cannot mask value of type: {type_name(schema)}")
    return _EMPTY[schema.type]()


def mask_replacement(schema: ConnectSchema, text: str) -> Any:
    """Return MaskField's replacement as a value of a type. Raises TransformError."""
    try:
        if schema.decimal_scale is not None:
            return _unscaled(Decimal(text), schema.decimal_scale)
        if schema.name in DATE_MS or schema.type not in ("string", *_WIDTHS, *_FLOATS):
            raise TransformError(f"Cannot mask value of type {type_name(schema)} with custom replacement.")
        if schema.type == "string":
            return text
        return float(text) if schema.type in _FLOATS else _integer(text, _WIDTHS[schema.type])
    except (ValueError, InvalidOperation) as error:
        raise TransformError(f"Unable to convert {text} (class java.lang.String) to number") from error


def _unscaled(number: Decimal, scale: int) -> bytes:
    sign, digits, exponent = number.as_tuple()
    if -int(exponent) != scale:
        raise TransformError(f"Decimal value has mismatching scale: {-int(exponent)}, the schema's is {scale}")
    value = int("".join(map(str, digits))) * (-1 if sign else 1)
    return value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)
