"""Hashes of values as PartitionRouting computes them: Java's `hashCode` and Debezium's `MurmurHash3` (3.6.1)."""

from __future__ import annotations

import struct
from typing import Any, Final

from faust_cdc.transforms import schemas
from faust_cdc.transforms.record import TransformError
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema

_INT: Final = 1 << 32


def _as_int(value: int) -> int:
    value %= _INT
    return value - _INT if value >= _INT // 2 else value


def java_hash(schema: ConnectSchema, value: Any) -> int:
    """Return `Object.hashCode` of a value as Java has it, as a signed number of 32 bits. Raises TransformError."""
    if isinstance(value, bool):
        return 1231 if value else 1237
    if schema.decimal_scale is not None:
        unscaled = int.from_bytes(value, "big", signed=True)
        return _as_int(31 * _big_integer_hash(unscaled) + schema.decimal_scale)
    if schema.name in (names.CONNECT_DATE, names.CONNECT_TIME, names.CONNECT_TIMESTAMP):
        milliseconds = value * (86_400_000 if schema.name == names.CONNECT_DATE else 1)
        return _long_hash(milliseconds)
    if isinstance(value, str):
        return _string_hash(value)
    if isinstance(value, bytes):
        return _buffer_hash(value)
    if schema.type in ("int8", "int16", "int32"):
        return int(value)
    if schema.type == "int64":
        return _long_hash(value)
    if schema.type in ("float", "double"):
        return _float_hash(schema.type, value)
    raise TransformError(f"PartitionRouting cannot compute the hash of a field of type {schemas.type_name(schema)}")


def _string_hash(text: str) -> int:
    result = 0
    data = text.encode("utf-16-be", "surrogatepass")
    for place in range(0, len(data), 2):
        result = (31 * result + int.from_bytes(data[place : place + 2], "big")) % _INT
    return _as_int(result)


def _buffer_hash(data: bytes) -> int:
    """Return the hash code of a `ByteBuffer`."""
    result = 1
    for byte in reversed(data):
        result = (31 * result + (byte - 256 if byte > 127 else byte)) % _INT
    return _as_int(result)


def _long_hash(value: int) -> int:
    bits = value % (1 << 64)
    return _as_int(bits ^ (bits >> 32))


def _big_integer_hash(value: int) -> int:
    result, magnitude = 0, abs(value)
    words = []
    while magnitude:
        words.append(magnitude % _INT)
        magnitude //= _INT
    for word in reversed(words):
        result = (31 * result + word) % _INT
    return _as_int(result * (-1 if value < 0 else 1))


def _float_hash(kind: str, value: float) -> int:
    if kind == "float":
        return int(struct.unpack(">i", struct.pack(">f", value))[0])
    return _long_hash(struct.unpack(">q", struct.pack(">d", value))[0])


INT_MAX: Final = _INT // 2 - 1
_LONG: Final = (1 << 64) - 1
_SEED: Final = 9001


class _Murmur:
    """The state of Debezium's MurmurHash3 for x64, whose rounds are those of its first revision."""

    def __init__(self) -> None:
        self.h1, self.h2 = 0x9368E53C2F6AF274 ^ _SEED, 0x586DCD208F7CD3FD ^ _SEED
        self._c1, self._c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F

    def mix(self, k1: int, k2: int) -> None:
        k1 = _rotated(k1 * self._c1 & _LONG, 23) * self._c2 & _LONG
        self.h1 = ((self.h1 ^ k1) + self.h2) & _LONG
        self.h2 = _rotated(self.h2, 41)
        k2 = _rotated(k2 * self._c2 & _LONG, 23) * self._c1 & _LONG
        self.h2 = ((self.h2 ^ k2) + self.h1) & _LONG
        self.h1 = (self.h1 * 3 + 0x52DCE729) & _LONG
        self.h2 = (self.h2 * 3 + 0x38495AB5) & _LONG
        self._c1 = (self._c1 * 5 + 0x7B7D159C) & _LONG
        self._c2 = (self._c2 * 5 + 0x6BCE6396) & _LONG

    def end(self, length: int) -> int:
        h1, h2 = self.h1, self.h2 ^ length
        h1 = (h1 + h2) & _LONG
        h2 = (h2 + h1) & _LONG
        h1, h2 = _final(h1), _final(h2)
        h1 = (h1 + h2) & _LONG
        return _as_int(h1 >> 32)


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _LONG


def _final(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _LONG
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _LONG
    return value ^ value >> 33


def _tail(data: bytes) -> int:
    """Return up to eight bytes as a number, each with its sign, as Java's casts leave it."""
    value = 0
    for place, byte in enumerate(data):
        value ^= (byte - 256 if byte > 127 else byte) << 8 * place
    return value & _LONG


def murmur_hash(data: bytes) -> int:
    """Return Debezium's MurmurHash3 of some bytes, as a signed number of 32 bits."""
    state, whole = _Murmur(), len(data) - len(data) % 16
    for place in range(0, whole, 16):
        state.mix(*struct.unpack_from("<QQ", data, place))
    rest = data[whole:]
    if rest:
        state.mix(_tail(rest[:8]), _tail(rest[8:]))
    return state.end(len(data))


def debezium_hash(schema: ConnectSchema, value: Any) -> int:
    """Return MurmurHash3 of a value: of a text's UTF-8, of the hash code of anything else."""
    if isinstance(value, str):
        return murmur_hash(value.encode("utf-8", "replace"))
    return murmur_hash(struct.pack("<i", java_hash(schema, value)))
