"""Decoding character columns of row images: MySQL's character sets as Python decoders.

Row images carry text in the column's own character set; snapshot cells arrive in utf8mb4, converted by the server.
Both must give the same text, so a character set stands here only where Python's decoder agrees with the server's on
every character (tests compare them on real servers). Compared and left out, because some characters differ: armscii8,
big5, cp866, dec8, euckr, eucjpms, gb18030, geostd8, greek, hebrew, keybcs2, koi8u, sjis, swe7, tis620, ujis.
"""

from __future__ import annotations

from collections.abc import Callable

Decode = Callable[[bytes], str]
"""Bytes in the column's character set into text. Raises UnicodeDecodeError (a ValueError)."""

_CODECS = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "ascii": "ascii",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
    "utf16le": "utf-16-le",
    "utf32": "utf-32-be",
    "gbk": "gbk",
    "gb2312": "gb2312",
    "cp932": "cp932",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "cp850": "cp850",
    "cp852": "cp852",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1256": "cp1256",
    "cp1257": "cp1257",
    "hp8": "hp_roman8",
    "koi8r": "koi8-r",
    "macce": "mac_latin2",
    "macroman": "mac_roman",
}

# MySQL's latin1 is cp1252 with its five holes filled by the C1 control characters of the same number.
_HOLES = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_LATIN1 = {code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in _HOLES}


def _decode_latin1(data: bytes) -> str:
    text = data.decode("latin-1")
    return text if data.isascii() else text.translate(_LATIN1)


def decoder(charset: str) -> Decode | None:
    """Return the decoder of MySQL character set `charset`, or None when there is none."""
    if charset == "latin1":
        return _decode_latin1
    codec = _CODECS.get(charset)
    if codec is None:
        return None

    def decode(data: bytes) -> str:
        return data.decode(codec)

    return decode
