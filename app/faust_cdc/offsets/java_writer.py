"""Writes an `Object[]` as a JVM does: the reverse of `java_objects.read_key`, byte for byte."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

from faust_cdc.offsets.java_objects import (
    MAGIC,
    JavaValue,
    Key,
    NotUnderstood,
    to_modified_utf8,
)

_FIRST_HANDLE: Final = 0x7E0000
_NUMBER: Final = ("java.lang.Number", 0x86AC951D0B94E08B, 2, (), None)
_UTIL_DATE: Final = ("java.util.Date", 0x686A81014B597419, 3, (), None)
_Class = tuple[str, int, int, tuple[tuple[str, str, str], ...], Any]
"""(name, serialVersionUID, flags, fields as (type code, name, class), class above)."""
_CLASSES: Final[dict[str, _Class]] = {
    "Byte": ("java.lang.Byte", 0x9C4E6084EE50F51C, 2, (("B", "value", ""),), _NUMBER),
    "Short": ("java.lang.Short", 0x684D37133460DA52, 2, (("S", "value", ""),), _NUMBER),
    "Integer": ("java.lang.Integer", 0x12E2A0A4F7818738, 2, (("I", "value", ""),), _NUMBER),
    "Long": ("java.lang.Long", 0x3B8BE490CC8F23DF, 2, (("J", "value", ""),), _NUMBER),
    "Float": ("java.lang.Float", 0xDAEDC9A2DB3CF0EC, 2, (("F", "value", ""),), _NUMBER),
    "Double": ("java.lang.Double", 0x80B3C24A296BFB04, 2, (("D", "value", ""),), _NUMBER),
    "Boolean": ("java.lang.Boolean", 0xCD207280D59CFAEE, 2, (("Z", "value", ""),), None),
    "BigInteger": (
        "java.math.BigInteger",
        0x8CFC9F1FA93BFB1D,
        3,
        (
            ("I", "bitCount", ""),
            ("I", "bitLength", ""),
            ("I", "firstNonzeroByteNum", ""),
            ("I", "lowestSetBit", ""),
            ("I", "signum", ""),
            ("[", "magnitude", "[B"),
        ),
        _NUMBER,
    ),
    "BigDecimal": (
        "java.math.BigDecimal",
        0x54C71557F981284F,
        3,
        (("I", "scale", ""), ("L", "intVal", "Ljava/math/BigInteger;")),
        _NUMBER,
    ),
    "java.sql.Date": ("java.sql.Date", 0x14FA46683F356697, 2, (), _UTIL_DATE),
    "java.sql.Time": ("java.sql.Time", 0x74894A0DD932C471, 2, (), _UTIL_DATE),
    "java.sql.Timestamp": ("java.sql.Timestamp", 0x2618D5C80153BF65, 2, (("I", "nanos", ""),), _UTIL_DATE),
    "Ser": ("java.time.Ser", 0x955D84BA1B2248B2, 12, (), None),
    "byte[]": ("[B", 0xACF317F8060854E0, 2, (), None),
    "Object[]": ("[Ljava.lang.Object;", 0x90CE589F1073296C, 2, (), None),
}
_FORMS: Final = {"Byte": ">b", "Short": ">h", "Integer": ">i", "Long": ">q", "Float": ">f", "Double": ">d",
                 "Boolean": ">?"}  # fmt: skip
_SHARED: Final = frozenset({"Byte", "Short", "Integer", "Long"})
"""Classes of which Java keeps one object each for -128 to 127, which is written once and then referred to."""
_SHARED_BIG: Final = 16
"""The same of a BigDecimal's BigInteger, up to this size."""


def write_key(key: Key | None) -> str:
    """Return the hex text of an `Object[]`. Raises NotUnderstood for a class that no key has."""
    writer = _Writer()
    try:
        writer.key(key)
    except (struct.error, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{key!r} has a value that does not fit its class: {error}") from error
    return (MAGIC + bytes(writer.out)).hex()


class _Writer:
    def __init__(self) -> None:
        self.out = bytearray()
        self._handles: dict[object, int] = {}
        self._count = 0
        self._objects: dict[str, Callable[[Any], None]] = {
            "String": self._string,
            "byte[]": self._bytes,
            "BigInteger": self._big_integer,
            "BigDecimal": self._big_decimal,
            "java.sql.Date": self._sql("java.sql.Date"),
            "java.sql.Time": self._sql("java.sql.Time"),
            "java.sql.Timestamp": self._timestamp,
            "LocalDate": lambda value: self._time(b"\x03" + _date(value)),
            "LocalTime": lambda value: self._time(b"\x04" + _clock(*value)),
            "LocalDateTime": lambda value: self._time(b"\x05" + _date(value[0]) + _clock(value[0].time(), value[1])),
            "Duration": lambda value: self._time(b"\x01" + struct.pack(">qi", *value)),
            "Instant": lambda value: self._time(b"\x02" + struct.pack(">qi", *value)),
        }

    def key(self, key: Key | None) -> None:
        if key is None:
            self.out += b"\x70"
            return
        self.out += b"\x75"
        self._class("Object[]")
        self._new()
        self.out += struct.pack(">i", len(key))
        for one in key:
            self._value(one)

    def _value(self, one: JavaValue | None) -> None:
        if one is None:
            self.out += b"\x70"
        elif one.type in _FORMS:
            self._boxed(one)
        elif one.type in self._objects:
            self._objects[one.type](one.value)
        else:
            raise NotUnderstood(f"the class {one.type} is in no key")

    # ---- the stream

    def _new(self, known_as: object = None) -> None:
        if known_as is not None:
            self._handles[known_as] = self._count
        self._count += 1

    def _refer(self, known_as: object) -> bool:
        """Write a reference to what is in the stream already; False when it is not."""
        handle = self._handles.get(known_as)
        if handle is not None:
            self.out += b"\x71" + struct.pack(">i", _FIRST_HANDLE + handle)
        return handle is not None

    def _utf(self, text: str) -> None:
        data = to_modified_utf8(text)
        self.out += struct.pack(">H", len(data)) + data

    def _class(self, name: str) -> None:
        self._described(_CLASSES[name])

    def _described(self, described: _Class | None) -> None:
        if described is None:
            self.out += b"\x70"
            return
        name, version, flags, fields, parent = described
        if self._refer(("class", name)):
            return
        self.out += b"\x72"
        self._utf(name)
        self.out += struct.pack(">Q", version)
        self._new(("class", name))
        self.out += struct.pack(">BH", flags, len(fields))
        for code, field_name, class_name in fields:
            self.out += code.encode()
            self._utf(field_name)
            if class_name and not self._refer(("text", class_name)):
                self._new(("text", class_name))
                self.out += b"\x74"
                self._utf(class_name)
        self.out += b"\x78"
        self._described(parent)

    def _open(self, name: str, known_as: object = None) -> None:
        self.out += b"\x73"
        self._class(name)
        self._new(known_as)

    def _block(self, data: bytes) -> None:
        self.out += b"\x77" + struct.pack(">B", len(data)) + data + b"\x78"

    # ---- values

    def _boxed(self, one: JavaValue) -> None:
        is_shared = one.type == "Boolean" or (one.type in _SHARED and -128 <= one.value <= 127)
        known_as = (one.type, one.value) if is_shared else None
        if known_as is None or not self._refer(known_as):
            self._open(one.type, known_as)
            self.out += struct.pack(_FORMS[one.type], one.value)

    def _string(self, text: str) -> None:
        self._new()
        data = to_modified_utf8(text)
        short = len(data) <= 0xFFFF
        self.out += (b"\x74" + struct.pack(">H", len(data)) if short else b"\x7c" + struct.pack(">q", len(data))) + data

    def _bytes(self, data: bytes) -> None:
        self.out += b"\x75"
        self._class("byte[]")
        self._new()
        self.out += struct.pack(">i", len(data)) + data

    def _big_integer(self, number: int, known_as: object = None) -> None:
        self._open("BigInteger", known_as)
        sign = (number > 0) - (number < 0)
        self.out += struct.pack(">5i", -1, -1, -2, -2, sign)
        magnitude = abs(number)
        self._bytes(magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big"))
        self.out += b"\x78"

    def _big_decimal(self, number: Decimal) -> None:
        sign, digits, exponent = number.as_tuple()
        unscaled = int("".join(map(str, digits))) * (-1 if sign else 1)
        self._open("BigDecimal")
        self.out += struct.pack(">i", -int(exponent))
        known_as = ("BigDecimal", unscaled) if abs(unscaled) <= _SHARED_BIG else None
        if known_as is None or not self._refer(known_as):
            self._big_integer(unscaled, known_as)
        self.out += b"\x78"

    def _sql(self, name: str) -> Callable[[int], None]:
        def write(ms: int) -> None:
            self._open(name)
            self._block(struct.pack(">q", ms))

        return write

    def _timestamp(self, value: tuple[int, int]) -> None:
        self._open("java.sql.Timestamp")
        self._block(struct.pack(">q", value[0]))
        self.out += struct.pack(">i", value[1])

    def _time(self, data: bytes) -> None:
        self._open("Ser")
        self._block(data)


def _date(value: date) -> bytes:
    return struct.pack(">ibb", value.year, value.month, value.day)


def _clock(clock: time, nanos: int) -> bytes:
    """Write a time of day up to its last part that is not 0, which is stored as its complement."""
    if nanos:
        return struct.pack(">bbbi", clock.hour, clock.minute, clock.second, nanos)
    if clock.second:
        return struct.pack(">bbb", clock.hour, clock.minute, ~clock.second)
    if clock.minute:
        return struct.pack(">bb", clock.hour, ~clock.minute)
    return struct.pack(">b", ~clock.hour)
