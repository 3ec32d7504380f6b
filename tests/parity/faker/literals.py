"""Random values as SQL literals; each factory returns a function of a `random.Random`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

Literal = Callable[[random.Random], str]
"""A seeded source of randomness → one SQL expression that the column accepts in strict mode."""


def quoted(text: str) -> str:
    """Return `text` as an SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\0", "\\0")
    return f"'{escaped}'"


def whole(low: int, high: int) -> Literal:
    """Integers of any size between both ends: as many short ones as long ones."""

    def literal(rnd: random.Random) -> str:
        value = rnd.getrandbits(rnd.randint(1, max(abs(low), high).bit_length()))
        value = -value if low < 0 and rnd.random() < 0.5 else value
        return str(min(max(value, low), high))

    return literal


def decimal(precision: int, scale: int) -> Literal:
    """Exact numbers with any count of leading and trailing zeros."""

    def literal(rnd: random.Random) -> str:
        digits = "".join(rnd.choice("0123456789") for _ in range(rnd.randint(1, precision))).rjust(precision, "0")
        if rnd.random() < 0.3:
            digits = digits[: precision // 2].ljust(precision, "0")
        point = precision - scale
        fraction = f".{digits[point:]}" if scale else ""
        return rnd.choice(["", "-"]) + (digits[:point] or "0") + fraction

    return literal


def real(largest: float) -> Literal:
    """Floating point numbers across the exponents up to `largest`."""

    def literal(rnd: random.Random) -> str:
        value = rnd.uniform(-1, 1) * 10.0 ** rnd.randint(-30, 30)
        if rnd.random() < 0.4:
            value = float(rnd.randint(-(10**6), 10**6)) / rnd.choice([1, 2, 10, 100, 1000])
        return repr(value if abs(value) <= largest else value % largest)

    return literal


def fixed_real(digits: int, scale: int) -> Literal:
    """Numbers of FLOAT(M,D) and DOUBLE(M,D)."""
    return decimal(digits, scale)


def moment(first: str, last: str, form: str, digits: int) -> Literal:
    """Points in time between two ISO times, printed by `form` with `digits` of a fraction."""
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    seconds = (end - start).total_seconds()

    def literal(rnd: random.Random) -> str:
        value = start + timedelta(seconds=rnd.uniform(0, seconds))
        fraction = f".{value.microsecond:06}"[: digits + 1] if digits else ""
        # strftime does not pad years below 1000 on every platform.
        return f"'{value.strftime(form).replace('%Y', f'{value.year:04}')}{fraction}'"

    return literal


def clock(digits: int) -> Literal:
    """TIME values of both signs, beyond a day too."""

    def literal(rnd: random.Random) -> str:
        fraction = "." + "".join(rnd.choice("0123456789") for _ in range(digits)) if digits else ""
        hours = rnd.choice([rnd.randint(0, 23), rnd.randint(0, 837)])
        return f"'{rnd.choice(['', '', '-'])}{hours:02}:{rnd.randint(0, 59):02}:{rnd.randint(0, 59):02}{fraction}'"

    return literal


def text(alphabet: str, longest: int) -> Literal:
    """Strings over `alphabet`, empty ones and longest ones among them."""

    def literal(rnd: random.Random) -> str:
        length = min(longest, rnd.choice([0, 1, 2, longest, rnd.randint(0, longest)]))
        return quoted("".join(rnd.choice(alphabet) for _ in range(length)))

    return literal


def binary(longest: int, *, exact: bool = False) -> Literal:
    """Bytes of any length up to `longest`, or of just that length."""

    def literal(rnd: random.Random) -> str:
        length = longest if exact else rnd.choice([0, 1, longest, rnd.randint(0, longest)])
        return f"X'{rnd.randbytes(length).hex()}'"

    return literal


def bits(count: int) -> Literal:
    """The values of BIT(count) and, as numbers, of a SET with `count` labels."""
    return lambda rnd: str(rnd.choice([0, 1, 1 << (count - 1), (1 << count) - 1, rnd.getrandbits(count)]))


def one_of(values: Sequence[str]) -> Literal:
    """One of the given expressions."""
    return lambda rnd: rnd.choice(values)


def document(rnd: random.Random) -> str:
    """A random JSON document as a string literal."""
    return quoted(json.dumps(_node(rnd, 0), ensure_ascii=rnd.random() < 0.3))


_WORDS = ("", "a", "key", "größe", "漢字", "😀", 'q"uote', "back\\slash", "a/b", "line\nbreak", "\t", "null", "1.0")


def _node(rnd: random.Random, depth: int) -> object:
    kind = rnd.randint(0, 9 if depth < 4 else 6)
    if kind == 0:
        return rnd.choice([None, True, False])
    if kind in (1, 2):
        return rnd.choice([0, 1, -1, rnd.getrandbits(rnd.randint(1, 63)), -rnd.getrandbits(rnd.randint(1, 63))])
    if kind == 3:
        return rnd.randint(-(10**9), 10**9) / rnd.choice([2, 8, 10, 100, 1000])
    if kind <= 6:
        return rnd.choice(_WORDS) * rnd.choice([1, 1, 3])
    if kind == 7:
        return [_node(rnd, depth + 1) for _ in range(rnd.randint(0, 4))]
    return {f"{rnd.choice(_WORDS)}{n}": _node(rnd, depth + 1) for n in range(rnd.randint(0, 4))}


def temporal_document(rnd: random.Random) -> str:
    """A document with values of SQL types inside: MySQL keeps them as such in the binary form."""
    inside = rnd.choice(
        [
            "CAST('2026-01-02 03:04:05.12' AS DATETIME(6))",
            "CAST('2026-01-02' AS DATE)",
            "CAST('10:11:12.5' AS TIME(3))",
            "CAST(1.50 AS DECIMAL(10,2))",
            "CAST(X'00ff10' AS BINARY(3))",
            "CAST('-10:11:12.5' AS TIME(3))",
            "CAST('101:02:03' AS TIME)",
            "b'101'",
            "ST_GeomFromText('POINT(1.5 2)')",
            "CAST(-0.05 AS DECIMAL(5,2))",
            "CAST(1.5 AS DECIMAL(65,30))",
            "18446744073709551615",
            "1e20",
            "0.1e0",
        ]
    )
    return f"JSON_OBJECT('v', {inside}, 'n', {rnd.randint(0, 99)})"


def geometry(kind: str) -> Literal:
    """Well-known text of one geometry type, SRID 0."""

    def literal(rnd: random.Random) -> str:
        return f"ST_GeomFromText('{_wkt(rnd, kind)}')"

    return literal


def _pair(rnd: random.Random) -> str:
    return f"{rnd.randint(-1800, 1800) / 10} {rnd.uniform(-90, 90)!r}"


def _ring(rnd: random.Random) -> str:
    x, y, size = rnd.randint(-50, 50), rnd.randint(-50, 50), rnd.randint(1, 20)
    return f"({x} {y}, {x + size} {y}, {x + size} {y + size}, {x} {y})"


def _wkt(rnd: random.Random, kind: str) -> str:
    pairs = ", ".join(_pair(rnd) for _ in range(rnd.randint(2, 5)))
    match kind:
        case "point":
            return f"POINT({_pair(rnd)})"
        case "linestring":
            return f"LINESTRING({pairs})"
        case "polygon":
            return f"POLYGON({_ring(rnd)})"
        case "multipoint":
            return f"MULTIPOINT({pairs})"
        case "multilinestring":
            return f"MULTILINESTRING(({pairs}), (0 0, 1 1))"
        case "multipolygon":
            return f"MULTIPOLYGON(({_ring(rnd)}), ({_ring(rnd)}))"
        case "geometrycollection":
            return f"GEOMETRYCOLLECTION(POINT({_pair(rnd)}), LINESTRING({pairs}))"
    return _wkt(rnd, rnd.choice(["point", "linestring", "polygon", "multipoint", "geometrycollection"]))


def vector(size: int) -> Literal:
    """VECTOR values with up to `size` numbers."""

    def literal(rnd: random.Random) -> str:
        numbers = [rnd.uniform(-1000, 1000) for _ in range(rnd.randint(1, size))]
        return f"STRING_TO_VECTOR('{json.dumps(numbers)}')"

    return literal
