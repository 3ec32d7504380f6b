"""Collation ids and text in MySQL's charsets."""

import pytest

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.charset_tables import TABLES, read_table
from faust_cdc.mysql.charsets import decode_statement, decode_text
from faust_cdc.mysql.collations import charset_of, max_bytes_per_character
from tests.lab.sql_servers import MariaDbServer, MySqlServer
from tests.mysql.charset_generator import table_of


@pytest.mark.parametrize(
    ("number", "charset", "collation"),
    [
        (8, "latin1", "latin1_swedish_ci"),
        (33, "utf8mb3", "utf8mb3_general_ci"),
        (45, "utf8mb4", "utf8mb4_general_ci"),
        (63, "binary", "binary"),
        (255, "utf8mb4", "utf8mb4_0900_ai_ci"),
        (2048, "utf8mb3", "utf8mb3_uca1400_ai_ci"),
        (2304, "utf8mb4", "utf8mb4_uca1400_ai_ci"),
        (3271, "utf32", "utf32_uca1400_croatian_nopad_as_cs"),
    ],
)
def test_known_ids(number: int, charset: str, collation: str) -> None:
    assert charset_of(number) == (charset, collation)


@pytest.mark.parametrize("number", [0, 7777, 2048 + 21 * 8])
def test_unknown_ids(number: int) -> None:
    with pytest.raises(UnsupportedColumn, match=f"collation id {number}"):
        charset_of(number)


@pytest.mark.integration
def test_the_table_is_that_of_mysql(mysql: MySqlServer) -> None:
    rows = mysql.query("SELECT id, character_set_name, collation_name FROM information_schema.collations")
    assert len(rows) > 280
    assert [(number, *charset_of(number)) for number, _, _ in rows] == rows
    _check_lengths(mysql.query("SELECT character_set_name, maxlen FROM information_schema.character_sets"))


@pytest.mark.integration
def test_the_table_is_that_of_mariadb(mariadb: MariaDbServer) -> None:
    rows = mariadb.query(
        "SELECT id, character_set_name, full_collation_name "
        "FROM information_schema.collation_character_set_applicability"
    )
    assert len(rows) > 1200
    for number, charset, collation in rows:
        assert charset_of(number) == (charset, collation.replace("_mysql561", ""))
    _check_lengths(mariadb.query("SELECT character_set_name, maxlen FROM information_schema.character_sets"))


def _check_lengths(rows: list[tuple[str, int]]) -> None:
    assert [(name, max_bytes_per_character(name)) for name, _ in rows] == rows


_SINGLE_BYTE = (
    *("latin1", "latin2", "latin5", "latin7", "koi8r", "macroman", "macce", "hp8", "cp1250", "cp1251", "cp1256"),
    *("cp1257", "cp850", "cp852", "ascii", "greek", "hebrew", "koi8u", "cp866", "tis620", "dec8", "keybcs2", "swe7"),
)


@pytest.mark.integration
@pytest.mark.parametrize("charset", sorted(TABLES))
def test_packed_tables_are_those_of_both_servers(mysql: MySqlServer, mariadb: MariaDbServer, charset: str) -> None:
    """Each byte sequence there is, decoded by the servers themselves."""
    packed = read_table(charset)
    assert packed == table_of(mysql, charset)
    assert packed == table_of(mariadb, charset)


@pytest.mark.integration
@pytest.mark.parametrize("lead", [*range(0x81, 0x85), 0x90, 0xE3])
def test_gb18030_is_that_of_mysql(mysql: MySqlServer, lead: int) -> None:
    """The sequences of two bytes, and of four bytes where the first one leads to characters, sampled in planes 1 to 16.

    The planes are numbered through, so their first and last block say where every character is.
    """
    digits = "UNION ALL SELECT ".join(f"X'{n:02x}' " for n in range(0x30, 0x3A))
    highs = "UNION ALL SELECT ".join(f"X'{n:02x}' " for n in range(0x81, 0xFF))
    rows = mysql.query(
        f"WITH d(b) AS (SELECT {digits}), h(b) AS (SELECT {highs}), s(b) AS "
        f"(SELECT CONCAT(X'{lead:02x}', d.b, h.b, e.b) FROM d, h, d AS e UNION ALL "
        f"SELECT CONCAT(h.b, X'{lead:02x}') FROM h) "
        "SELECT b, HEX(CONVERT(CONVERT(b USING gb18030) USING utf32)) FROM s"
    )
    assert len(rows) == 12_600 + 126
    for data, converted in rows:
        theirs = None if converted in (None, "0000003F") else bytes.fromhex(converted).decode("utf-32-be")
        try:
            ours = decode_text(data, "gb18030")
        except UnsupportedColumn:
            assert theirs is None, data
            continue
        assert ours == theirs, data


@pytest.mark.integration
@pytest.mark.parametrize("charset", _SINGLE_BYTE)
def test_single_byte_charsets_are_those_of_the_server(mysql: MySqlServer, charset: str) -> None:
    """Each byte, decoded by the server itself: ours is the same text or a refusal, never another text."""
    cells = ", ".join(f"HEX(CONVERT(_{charset} X'{byte:02x}' USING utf32))" for byte in range(256))
    refused = 0
    for byte, cell in enumerate(mysql.query(f"SELECT {cells}")[0]):
        theirs = bytes.fromhex(cell).decode("utf-32-be")
        try:
            ours = decode_text(bytes([byte]), charset)
        except UnsupportedColumn:
            refused += 1
            continue
        if theirs != "?" or byte == ord("?"):  # "?": the server has no character for this byte
            assert ours == theirs, byte
    assert refused < 256 or charset == "swe7"


def test_text_that_is_not_of_its_charset_is_refused() -> None:
    assert decode_text(b"\x00A\x00\xe4", "utf16") == "Aä"
    assert decode_text(b"\x81\x80", "latin1") == "\x81€"
    assert decode_text(b"plain", "hebrew") == "plain"
    assert decode_text(b"\xd7\xf7", "dec8") == "Œœ"
    assert decode_text(b"[Bj|rn]", "swe7") == "ÄBjörnÅ"
    assert decode_text(b"\x81\x5f\x5c", "sjis") == "\\\\"
    broken = (
        *((b"\xff", "utf8mb4"), (b"\xe4", "ascii"), (b"a\xff", "dec8"), (b"\xe4", "swe7"), (b"\xa1\xff", "big5")),
        *((b"\xa4\xa2\xa4", "ujis"), (b"\x8f\xa2", "ujis"), (b"x", "klingon")),
    )
    for data, charset in broken:
        with pytest.raises(UnsupportedColumn, match=charset):
            decode_text(data, charset)


def test_statements_never_stop_the_stream() -> None:
    assert decode_statement("ä".encode(), 255) == "ä"
    assert decode_statement(b"\xe4", 8) == "ä"
    assert decode_statement(b"\xe4", 255) == "\ufffd"
    assert decode_statement(b"x", 7777) == "x"
    assert decode_statement(b"x", None) == "x"
    assert decode_statement(b"\x81", 8) == "\x81"
    assert decode_statement(b"\xd7\xff", 3) == "Œ\ufffd"
    assert decode_statement(b"\x81\x30\x81\x30", 248) == "\x80"
