"""Java's serialised `Object[]`, in which Debezium keeps the keys of an incremental snapshot under way in its offset.

Source: Java Object Serialization Specification 2, chapter 6 (grammar of the stream), and the serialised forms of the
classes below, as a JVM 17 writes them: tests hold both directions against its bytes. Only values that a key column of
MySQL can have are known; no class is ever looked up by a name in the stream.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, NamedTuple

MAGIC: Final = b"\xac\xed\x00\x05"
_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING, _ARRAY = 0x70, 0x71, 0x72, 0x73, 0x74, 0x75
_BLOCK, _END, _LONG_BLOCK, _LONG_STRING = 0x77, 0x78, 0x7A, 0x7C
_FIRST_HANDLE: Final = 0x7E0000
_WRITE_METHOD, _SERIALIZABLE, _EXTERNALIZABLE, _BLOCK_DATA = 1, 2, 4, 8
_DEPTH_MAX: Final = 32
_PRIMITIVES: Final = {"B": ">b", "C": ">H", "D": ">d", "F": ">f", "I": ">i", "J": ">q", "S": ">h", "Z": ">?"}
_BOXED: Final = {
    "java.lang.Byte": "B", "java.lang.Double": "D", "java.lang.Float": "F", "java.lang.Integer": "I",
    "java.lang.Long": "J", "java.lang.Short": "S", "java.lang.Boolean": "Z",
}  # fmt: skip


class JavaValue(NamedTuple):
    """A value with its Java class, which a number alone does not tell.

    Value by class: `Byte`, `Short`, `Integer`, `Long`, `BigInteger` int; `Float`, `Double` float; `Boolean` bool;
    `String` str; `byte[]` bytes; `BigDecimal` Decimal; `java.sql.Date`, `java.sql.Time` int, ms since the epoch;
    `java.sql.Timestamp` (ms since the epoch, nanoseconds within the second); `LocalDate` date; `LocalTime` and
    `LocalDateTime` (time or datetime without fraction, nanoseconds); `Duration`, `Instant` (seconds, nanoseconds).
    """

    type: str
    value: Any


Key = tuple[JavaValue | None, ...]
"""An `Object[]`; None is Java's null."""


class NotUnderstood(ValueError):
    """The bytes are no serialised `Object[]`, or one with a class that no key has."""


@dataclass(frozen=True, slots=True)
class _Described:
    """A class in the stream."""

    name: str
    version: int
    flags: int
    fields: tuple[tuple[str, str, str], ...]
    """(type code, name, class of an object field), in their order in the stream."""
    parent: _Described | None = None


@dataclass(slots=True)
class _Object:
    """An object in the stream: fields of all its classes, and what their own methods wrote."""

    described: _Described
    fields: dict[str, Any] = field(default_factory=dict)
    written: bytes = b""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self._handles: list[Any] = []
        self._depth = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def take(self, size: int) -> bytes:
        if size < 0 or self._at + size > len(self._data):
            raise NotUnderstood(f"it ends in the middle of a value at byte {self._at}")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, form: str = ">H") -> str:
        return from_modified_utf8(self.take(self.number(form)))

    def content(self) -> Any:
        """Read an object of any kind."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise NotUnderstood("its objects are nested too deeply")
        code = self.number(">B")
        if code == _NULL:
            value: Any = None
        elif code == _REFERENCE:
            value = self._referred()
        elif code in (_STRING, _LONG_STRING):
            value = self.text(">H" if code == _STRING else ">q")
            self._handles.append(value)
        elif code == _ARRAY:
            value = self._array()
        elif code == _OBJECT:
            value = self._object()
        else:
            raise NotUnderstood(f"the code 0x{code:02x} at byte {self._at - 1} begins no value of a key")
        self._depth -= 1
        return value

    def _referred(self) -> Any:
        handle = self.number(">i") - _FIRST_HANDLE
        if not 0 <= handle < len(self._handles):
            raise NotUnderstood(f"it refers to a value that is not there, at byte {self._at - 4}")
        return self._handles[handle]

    def _class(self) -> _Described | None:
        code = self.number(">B")
        if code == _NULL:
            return None
        if code == _REFERENCE:
            found = self._referred()
            if not isinstance(found, _Described):
                raise NotUnderstood(f"it refers to a value in place of a class, at byte {self._at - 4}")
            return found
        if code != _CLASS:
            raise NotUnderstood(f"a class is expected at byte {self._at - 1}, found 0x{code:02x}")
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise NotUnderstood("its classes are nested too deeply")
        name, version = self.text(), self.number(">q")
        place = len(self._handles)
        self._handles.append(None)
        flags = self.number(">B")
        fields = tuple(self._field() for _ in range(self.number(">H")))
        if self.number(">B") != _END:
            raise NotUnderstood(f"the class {name} has annotations")
        described = _Described(name, version, flags, fields, self._class())
        self._handles[place] = described
        self._depth -= 1
        return described

    def _field(self) -> tuple[str, str, str]:
        code, name = chr(self.number(">B")), self.text()
        if code in _PRIMITIVES:
            return code, name, ""
        described = self.content() if code in "[L" else None
        if not isinstance(described, str):
            raise NotUnderstood(f"the field {name!r} has no type")
        return code, name, described

    def _array(self) -> Any:
        described = self._class()
        place = len(self._handles)
        self._handles.append(None)
        count = self.number(">i")
        if described is None or count < 0:
            raise NotUnderstood("an array has no class or no size")
        if described.name == "[B":
            value: Any = self.take(count)
        elif described.name == "[Ljava.lang.Object;":
            value = [self.content() for _ in range(count)]
        else:
            raise NotUnderstood(f"an array of class {described.name} is in no key")
        self._handles[place] = value
        return value

    def _object(self) -> _Object:
        described = self._class()
        if described is None:
            raise NotUnderstood("an object has no class")
        made = _Object(described)
        self._handles.append(made)
        for one in _lineage(described):
            if one.flags & _SERIALIZABLE:
                for code, name, _ in one.fields:
                    made.fields[name] = self.number(_PRIMITIVES[code]) if code in _PRIMITIVES else self.content()
            if one.flags & (_WRITE_METHOD | _BLOCK_DATA):
                made.written += self._written()
            elif one.flags & _EXTERNALIZABLE:
                raise NotUnderstood(f"the class {one.name} writes itself in a form without an end")
        return made

    def _written(self) -> bytes:
        found = b""
        while (code := self.number(">B")) != _END:
            if code not in (_BLOCK, _LONG_BLOCK):
                raise NotUnderstood(f"bytes are expected at byte {self._at - 1}, found 0x{code:02x}")
            found += self.take(self.number(">B" if code == _BLOCK else ">i"))
        return found


def _lineage(described: _Described) -> list[_Described]:
    """Return a class and those above it, the highest first."""
    found = [described]
    while (parent := found[-1].parent) is not None:
        found.append(parent)
    return found[::-1]


def read_key(text: str) -> Key | None:
    """Return the `Object[]` of a hex text, None of Java's null. Raises NotUnderstood."""
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise NotUnderstood(f"it is no hexadecimal text ({error})") from None
    if data[:4] != MAGIC:
        raise NotUnderstood("it does not begin as Java's serialised objects do (aced0005)")
    reader = _Reader(data)
    reader.take(4)
    found = reader.content()
    if not reader.at_end:
        raise NotUnderstood("more follows behind its end")
    if found is None:
        return None
    if not isinstance(found, list):
        raise NotUnderstood("it is no Object[]")
    return tuple(None if one is None else _value(one) for one in found)


def _value(read: Any) -> JavaValue:
    if isinstance(read, str):
        return JavaValue("String", read)
    if isinstance(read, bytes):
        return JavaValue("byte[]", read)
    if not isinstance(read, _Object):
        raise NotUnderstood("an array in an array is in no key")
    name, fields = read.described.name, read.fields
    try:
        if name in _BOXED and read.described.fields == ((_BOXED[name], "value", ""),):
            return JavaValue(name.removeprefix("java.lang."), fields["value"])
        if name == "java.math.BigInteger":
            return JavaValue("BigInteger", _big_integer(read))
        if name == "java.math.BigDecimal":
            unscaled = _big_integer(fields["intVal"])
            digits = tuple(map(int, str(abs(unscaled))))
            return JavaValue("BigDecimal", Decimal((int(unscaled < 0), digits, -_int(fields["scale"]))))
        if name in ("java.sql.Date", "java.sql.Time"):
            return JavaValue(name, struct.unpack(">q", read.written)[0])
        if name == "java.sql.Timestamp":
            return JavaValue(name, (struct.unpack(">q", read.written)[0], _int(fields["nanos"])))
        if name == "java.time.Ser":
            return _java_time(read.written)
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, struct.error) as error:
        raise NotUnderstood(f"a {name} is not as Java writes it ({type(error).__name__}: {error})") from error
    raise NotUnderstood(f"the class {name} is in no key")


def _big_integer(read: _Object) -> int:
    sign, magnitude = _int(read.fields["signum"]), read.fields["magnitude"]
    if sign not in (-1, 0, 1) or not isinstance(magnitude, bytes):
        raise ValueError("its sign is -1, 0 or 1, and its magnitude bytes")
    return sign * int.from_bytes(magnitude, "big")


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a number is expected, found {type(value).__name__}")
    return value


_DATE: Final = struct.Struct(">ibb")


def _java_time(data: bytes) -> JavaValue:
    kind, rest = data[0], data[1:]
    if kind == 1 or kind == 2:
        return JavaValue("Duration" if kind == 1 else "Instant", struct.unpack(">qi", rest))
    if kind == 3:
        return JavaValue("LocalDate", date(*_DATE.unpack(rest)))
    if kind == 4:
        clock, nanos = _clock(rest)
        return JavaValue("LocalTime", (clock, nanos))
    if kind == 5:
        clock, nanos = _clock(rest[_DATE.size :])
        return JavaValue("LocalDateTime", (datetime.combine(date(*_DATE.unpack(rest[: _DATE.size])), clock), nanos))
    raise NotUnderstood(f"kind {kind} of java.time is in no key")


def _clock(data: bytes) -> tuple[time, int]:
    """Read a time of day, whose last part that is not 0 is stored as its complement and ends it."""
    parts, at = [], 0
    for _ in range(3):
        part = struct.unpack(">b", data[at : at + 1])[0]
        at += 1
        parts.append(~part if part < 0 else part)
        if part < 0:
            break
    nanos = struct.unpack(">i", data[at : at + 4])[0] if len(parts) == 3 and part >= 0 else 0
    at += 4 if len(parts) == 3 and part >= 0 else 0
    if at != len(data):
        raise ValueError("more follows behind a time")
    return time(*parts), nanos


def from_modified_utf8(data: bytes) -> str:
    """Return a text of Java's UTF-8: zero in two bytes, characters beyond the basic plane as two surrogates of three.

    Raises NotUnderstood.
    """
    try:
        text = data.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"a text is not Java's UTF-8: {error}") from None


def to_modified_utf8(text: str) -> bytes:
    """Return a text in Java's UTF-8."""
    units = text.encode("utf-16-be", "surrogatepass")
    parts = [chr(unit).encode("utf-8", "surrogatepass") for (unit,) in struct.iter_unpack(">H", units)]
    return b"".join(parts).replace(b"\0", b"\xc0\x80")
