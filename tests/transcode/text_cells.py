"""A snapshot's text answer for each kind of type."""

TEXT_CELLS = (
    ("int", b"-2147483648"),
    ("bigint unsigned", b"18446744073709551615"),
    ("decimal(65,30)", b"-12345678901234567890.123456789012345678901234567890"),
    ("float", b"1.5e-30"),
    ("double", b"-1.7976931348623157e308"),
    ("bit(1)", b"\x01"),
    ("bit(12)", b"\x0a\x5a"),
    ("year", b"2155"),
    ("date", b"2024-02-29"),
    ("time(6)", b"-838:59:58.999999"),
    ("datetime(6)", b"2024-02-29 12:34:56.789012"),
    ("timestamp(3) NULL", b"2024-02-29 12:34:56.789"),
    ("varchar(20)", "漢字 é".encode()),
    ("binary(4)", b"\x00\xff\x00\x00"),
    ("enum('a','b')", b"2"),
    ("set('a','b')", b"3"),
    ("json", b'{"a": [1, 2.50, 1e20, "x\\u0001y"], "b": null}'),
    ("point", b"\0\0\0\0\1\1\0\0\0" + bytes(16)),
    ("geometry", b"\0\0\0\0\1\1\0\0\0" + bytes(16)),
    ("vector(3)", bytes(12)),
)
"""(type, cell)."""
