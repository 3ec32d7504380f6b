"""Statement text of query events, decoded by the client charset the event names."""

from __future__ import annotations

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.collations import charset_of

_CODECS = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "binary": "utf-8",
    "ascii": "utf-8",
    "latin1": "cp1252",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "ujis": "euc_jp",
    "eucjpms": "euc_jp",
    "euckr": "euc_kr",
    "sjis": "shift_jis",
    "cp932": "cp932",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "tis620": "tis_620",
    "macroman": "mac_roman",
    "macce": "mac_latin2",
    "big5": "big5",
    "gbk": "gbk",
    "gb2312": "gb2312",
    "gb18030": "gb18030",
    **{name: name for name in ("cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866")},
}
"""MySQL charset -> Python codec; those that clients may not use (ucs2, utf16, utf32) cannot occur."""


def decode_statement(data: bytes, collation_id: int | None) -> str:
    """Return a statement's text; bytes that are not of its charset become U+FFFD.

    A statement may hold any bytes inside its string literals, so broken ones must not stop the stream; names,
    which we act on, are always well-formed.
    """
    codec = "utf-8"
    if collation_id is not None:
        try:
            codec = _CODECS.get(charset_of(collation_id)[0], "utf-8")
        except UnsupportedColumn:
            codec = "utf-8"
    return data.decode(codec, "replace")
