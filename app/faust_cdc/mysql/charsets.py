"""Text in MySQL's charsets: columns of row images, labels of ENUM and SET, statements of query events.

MySQL's names mean what its own tables say: latin1 is cp1252 with the five unused bytes as C1 controls; utf16, ucs2
and utf32 are big-endian (MySQL manual, "Supported Character Sets").

Row images carry text in the column's own charset; snapshot cells arrive in utf8mb4, converted by the server. Both must
give the same text, so a charset counts as exact only where Python's decoder agrees with the server's on every character
(tests compare them on real servers). Compared and not exact: armscii8, big5, cp866, dec8, euckr, eucjpms, gb18030,
geostd8, greek, hebrew, keybcs2, koi8u, sjis, swe7, tis620, ujis.
"""

from __future__ import annotations

from collections.abc import Callable

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.collations import charset_of

Decode = Callable[[bytes], str]
"""Bytes in a MySQL charset into text. Raises UnicodeDecodeError (a ValueError)."""

_EXACT = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "ascii": "ascii",
    "utf16": "utf-16-be",
    "utf16le": "utf-16-le",
    "ucs2": "utf-16-be",
    "utf32": "utf-32-be",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "koi8r": "koi8_r",
    "macroman": "mac_roman",
    "macce": "mac_latin2",
    "hp8": "hp_roman8",
    **{name: name for name in ("gbk", "gb2312", "cp932")},
    **{name: name for name in ("cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852")},
}
"""MySQL charset -> Python codec, where the two agree on every character (compared on MySQL 9.7.4)."""

_NEARLY = {
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "ujis": "euc_jp",
    "eucjpms": "euc_jp",
    "euckr": "euc_kr",
    "sjis": "shift_jis",
    "koi8u": "koi8_u",
    "tis620": "tis_620",
    **{name: name for name in ("big5", "gb18030", "cp866")},
}
"""Charsets in which some characters differ: good enough to show a statement, not for values."""


# MySQL's latin1 is cp1252 with its five holes filled by the C1 control characters of the same number.
_HOLES = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_LATIN1 = {code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in _HOLES}


def _decode_latin1(data: bytes) -> str:
    text = data.decode("latin-1")
    return text if data.isascii() else text.translate(_LATIN1)


def decoder(charset: str) -> Decode | None:
    """Return the exact decoder of MySQL charset `charset`, or None when there is none."""
    if charset == "latin1":
        return _decode_latin1
    codec = _EXACT.get(charset)
    if codec is None:
        return None

    def decode(data: bytes) -> str:
        return data.decode(codec)

    return decode


def decode_text(data: bytes, charset: str) -> str:
    """Return text in a MySQL charset, exactly.

    Raises UnsupportedColumn when no codec agrees with the server's charset (ASCII passes) or the bytes are not of it.
    """
    if charset == "latin1":
        return _decode_latin1(data)
    if charset == "swe7":  # it writes letters where ASCII has brackets
        raise UnsupportedColumn(f"{data!r} cannot be read: there is no decoder for the charset swe7.")
    codec = _EXACT.get(charset, "ascii")
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise UnsupportedColumn(f"{data!r} cannot be read as {charset}: {error}.") from error


def decode_statement(data: bytes, collation_id: int | None) -> str:
    """Return a statement's text; bytes that are not of its charset become U+FFFD.

    A statement may hold any bytes inside its string literals, so broken ones must not stop the stream; names,
    which we act on, are always well-formed.
    """
    codec = "utf-8"
    if collation_id is not None:
        try:
            charset = charset_of(collation_id)[0]
        except UnsupportedColumn:
            charset = "utf8mb4"
        codec = "cp1252" if charset == "latin1" else _EXACT.get(charset) or _NEARLY.get(charset, "utf-8")
        codec = "utf-8" if codec == "ascii" else codec
    return data.decode(codec, "replace")
