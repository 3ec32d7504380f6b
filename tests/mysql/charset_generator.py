"""Writes the packed tables of `faust_cdc.mysql.charset_tables` from a real MySQL.

Run it as `python -m tests.mysql.charset_generator`.

A table is what the server makes of every byte sequence: CONVERT(CONVERT(bytes USING charset) USING utf8mb4), where the
inner conversion refuses what is not well-formed and the outer one writes ? for what has no Unicode character.
"""

import json
import zipfile
from pathlib import Path

import faust_cdc.mysql
from faust_cdc.mysql.charset_tables import FILE_NAME, TABLES, UNDEFINED
from tests.lab import MySqlServer, SqlServer

THREE_BYTES = {"ujis": "8f", "eucjpms": "8f"}
"""Charset -> first byte, in hexadecimal, of its sequences of three bytes."""
ONE_BYTE_ONLY = frozenset(
    ("armscii8", "cp866", "dec8", "geostd8", "greek", "hebrew", "keybcs2", "koi8u", "swe7", "tis620")
)


NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 255)"


def characters_of(server: SqlServer, charset: str, prefix: str = "") -> str:
    """The characters of `prefix` (hexadecimal) and one more byte, by that byte; UNDEFINED where there is none."""
    rows = server.query(
        f"{NUMBERS} SELECT CONVERT(CONVERT(CONCAT(X'{prefix}', CHAR(i)) USING {charset}) USING utf8mb4) "
        "FROM n ORDER BY i"
    )
    return "".join(_character(text, prefix + f"{byte:02x}") for byte, (text,) in enumerate(rows))


def pairs_of(server: SqlServer, charset: str, prefix: str = "") -> dict[str, str]:
    """The characters of `prefix` and two more bytes: {lead bytes in hexadecimal: 256 characters}, no empty leads."""
    rows = server.query(
        f"{NUMBERS} SELECT a.i, b.i, CONVERT(CONVERT(CONCAT(X'{prefix}', CHAR(a.i), CHAR(b.i)) USING {charset}) "
        "USING utf8mb4) FROM n AS a, n AS b"
    )
    found = {(first, second): text for first, second, text in rows}
    made = {
        f"{prefix}{first:02x}": "".join(
            _character(found[first, second], f"{prefix}{first:02x}{second:02x}") for second in range(256)
        )
        for first in range(256)
    }
    return {lead: characters for lead, characters in made.items() if characters.strip(UNDEFINED)}


def _character(text: str | None, sequence: str) -> str:
    return text if text is not None and len(text) == 1 and (text != "?" or sequence == "3f") else UNDEFINED


def table_of(server: SqlServer, charset: str) -> dict[str, str]:
    """Every byte sequence of a charset: {lead bytes in hexadecimal: 256 characters}."""
    rows = {"": characters_of(server, charset)}
    if charset in ONE_BYTE_ONLY:
        return rows
    singles = {f"{byte:02x}" for byte, character in enumerate(rows[""]) if character != UNDEFINED}
    rows |= {lead: row for lead, row in pairs_of(server, charset).items() if lead not in singles}
    first = THREE_BYTES.get(charset)
    if first is not None:
        rows |= {first: UNDEFINED * 256, **pairs_of(server, charset, first)}
    return rows


def main() -> None:
    """Write the file anew, equal bytes for equal tables."""
    (folder,) = faust_cdc.mysql.__path__
    with MySqlServer() as server, zipfile.ZipFile(Path(folder) / FILE_NAME, "w") as archive:
        for charset in sorted(TABLES):
            text = json.dumps(table_of(server, charset), ensure_ascii=False, sort_keys=True)
            archive.writestr(zipfile.ZipInfo(f"{charset}.json"), text, zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main()
