"""Decimals, bits and Java's way to print doubles.

DECIMAL on the wire: groups of nine digits in four big-endian bytes, the leading and trailing group shorter
(`DIGIT_BYTES`), the sign in the top bit, all bytes inverted for negatives (mysql-server, strings/decimal.cc
`decimal2bin`). In Avro: the unscaled value, big-endian two's complement in the fewest bytes (Java BigInteger).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext

DIGIT_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
"""Bytes that hold 0..9 decimal digits."""

DecimalReader = Callable[[bytes, int], int]
"""(row image, position) → unscaled value."""


def decimal_size(precision: int, scale: int) -> int:
    """Return the size in bytes of a DECIMAL(precision, scale) in a row image."""
    whole = precision - scale
    return whole // 9 * 4 + DIGIT_BYTES[whole % 9] + scale // 9 * 4 + DIGIT_BYTES[scale % 9]


def decimal_groups(precision: int, scale: int) -> tuple[tuple[int, int], ...]:
    """Return (byte size, digits) of each group of a DECIMAL(precision, scale), first group first."""
    whole = precision - scale
    digits = [whole % 9, *[9] * (whole // 9), *[9] * (scale // 9), scale % 9]
    return tuple((DIGIT_BYTES[count], count) for count in digits if count)


def decimal_reader(precision: int, scale: int) -> DecimalReader:
    """Return the function that reads the unscaled value of a DECIMAL(precision, scale).

    It raises ValueError on a group with more digits than it may have.
    """
    size = decimal_size(precision, scale)
    sign_bit = 1 << (8 * size - 1)
    all_ones = (1 << 8 * size) - 1
    shifts: list[tuple[int, int, int]] = []
    rest = 8 * size
    for group_size, count in decimal_groups(precision, scale):
        rest -= 8 * group_size
        shifts.append((rest, (1 << 8 * group_size) - 1, 10**count))

    def read(data: bytes, pos: int) -> int:
        raw = int.from_bytes(data[pos : pos + size], "big")
        negative = not raw & sign_bit
        raw ^= sign_bit
        if negative:
            raw ^= all_ones
        value = 0
        for shift, mask, limit in shifts:
            group = raw >> shift & mask
            if group >= limit:
                raise ValueError(f"digit group {group} of a DECIMAL({precision},{scale}) is not below {limit}")
            value = value * limit + group
        return -value if negative else value

    return read


def signed_bytes(value: int) -> bytes:
    """Return `value` as Java's BigInteger.toByteArray: big-endian two's complement in the fewest bytes."""
    return value.to_bytes((~value if value < 0 else value).bit_length() // 8 + 1, "big", signed=True)


def unscaled_from_text(text: str, scale: int) -> int:
    """Return the unscaled value of a decimal number printed with exactly `scale` fraction digits.

    Raises ValueError when it has another number of them.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) != scale:
        raise ValueError(f"{text!r} has {len(fraction)} fraction digits, expected {scale}")
    return int(whole + fraction)


def round_half_up(text: str, scale: int) -> int:
    """Return the unscaled value of `text` rounded half up to `scale` fraction digits. Raises ValueError."""
    with localcontext() as context:
        context.prec = 200
        try:
            number = Decimal(text)
            return int(number.scaleb(scale).to_integral_value(rounding=ROUND_HALF_UP))
        except ArithmeticError as error:
            raise ValueError(f"{text!r} is not a decimal number") from error


def bits_little_endian(value: int, length: int) -> bytes:
    """Return a BIT(length) value as Debezium's `Bits`: little-endian, ceil(length / 8) bytes. Raises ValueError."""
    if value >> length:
        raise ValueError(f"{value:#x} has more than the {length} bits of its column")
    return value.to_bytes((length + 7) // 8, "little")


def java_double(number: float) -> str:
    """Return a JSON number as Debezium's streaming prints a double: plain digits, never an exponent.

    In [1e-3, 1e7) the shortest text that reads back as the same double; outside it the exact binary value
    (`new BigDecimal(double).toPlainString()`): 1e20 is 100000000000000000000.
    """
    if number == 0.0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    return format(Decimal(number), "f")
