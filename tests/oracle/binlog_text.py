"""The servers' own binlog readers as oracle: what `mysqlbinlog -vv` and `mariadb-binlog -vv` print of row images.

Both print strings as bytes in the column's character set, escaped so that a value is one line. Our value is rendered in
their form where that form cannot be read back without doubt (MariaDB escapes neither quotes nor backslashes).
Known faults of the printers, left out of the comparison: FLOAT has six digits, YEAR 0000 is 1900, a JSON string stands
without its quotes, and MySQL's stops at GEOMETRY.
"""

import json
import re
import struct
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from faust_cdc.relational.model import Column
from tests.lab import MySqlServer, SqlServer
from tests.lab.install import install_mariadb_binlog

_CODECS = {"utf8mb4": "utf-8", "utf8mb3": "utf-8", "latin1": "cp1252", "utf16": "utf-16-be"}
_NAMED = {0x5C: b"\\\\", 0x27: b"\\'", 0x0A: b"\\n", 0x09: b"\\t", 0x0D: b"\\r", 0x08: b"\\b", 0x0C: b"\\f"}
_VALUE = re.compile(rb"^###   @(\d+)=(.*) /\* [A-Z].* \*/$")
_DAY_ZERO = date(1970, 1, 1).toordinal()


def printed_rows(server: SqlServer, file: Path, table: str) -> list[dict[int, bytes]]:
    """The inserted rows of `table` in a binlog file: column number (from 1) → the value as printed."""
    command = [*_reader(server), "--no-defaults", "-vv", "--base64-output=DECODE-ROWS", str(file)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    rows: list[dict[int, bytes]] = []
    wanted = False
    for line in done.stdout.split(b"\n"):
        if line.startswith(b"### INSERT INTO "):
            wanted = line.endswith(f".`{table}`".encode())
            if wanted:
                rows.append({})
        elif wanted and line.startswith(b"###   @"):
            found = _VALUE.match(line)
            assert found is not None, line
            rows[-1][int(found[1])] = found[2].rstrip(b" ") if found[2][:1] != b"'" else found[2]
    return rows


def _reader(server: SqlServer) -> list[str]:
    if isinstance(server, MySqlServer):
        return server.client("mysqlbinlog")
    return [str(install_mariadb_binlog())]


def same(column: Column, value: Any, printed: bytes, *, mysql: bool) -> bool:
    """Say whether the printed value is the decoded Avro `value` (times in microseconds)."""
    kind = column.type_name
    if printed == b"NULL" or (kind in ("date", "datetime", "timestamp") and _no_moment(printed)):
        return value is None
    if value is None:
        return False
    if kind in _PLAIN:
        return _PLAIN[kind](column, value, printed.decode("ascii"))
    if kind == "json" and mysql:
        return _same_json(value, printed)
    return printed in _rendered(column, value, mysql)


def _no_moment(printed: bytes) -> bool:
    """A zero or partial date."""
    fields = re.match(rb"'(\d+)[:-](\d+)[:-](\d+)", printed)
    return 0 in map(int, fields.groups()) if fields else float(printed) == 0


def _rendered(column: Column, value: Any, mysql: bool) -> set[bytes]:
    """The ways in which a string, byte string or geometry may be printed."""
    if isinstance(value, dict):
        data = struct.pack("<i", value["srid"] or 0) + value["wkb"]
    elif isinstance(value, bytes):
        data = value
    else:
        charset = column.charset or "utf8mb4"
        data = b"".join(_encoded(one, _CODECS.get(charset, charset)) for one in value)
    shorter = {data.rstrip(b"\0")} if column.type_name == "binary" else set()
    return {b"'" + _escaped(one, mysql) + b"'" for one in {data} | shorter}


def _encoded(character: str, codec: str) -> bytes:
    """One character; latin1's five holes are C1 controls."""
    return bytes([ord(character)]) if codec == "cp1252" and 0x80 <= ord(character) < 0xA0 else character.encode(codec)


def _escaped(data: bytes, mysql: bool) -> bytes:
    parts = []
    for byte in data:
        if mysql and byte in _NAMED:
            parts.append(_NAMED[byte])
        elif byte < 0x20:
            parts.append(b"\\x%02x" % byte)
        else:
            parts.append(bytes([byte]))
    return b"".join(parts)


def _same_json(value: str, printed: bytes) -> bool:
    names = {sign: bytes([byte]) for byte, sign in _NAMED.items()}
    text = re.sub(rb"\\(?:x[0-9a-f]{2}|.)", lambda m: names.get(m[0]) or bytes([int(m[0][2:], 16)]), printed[1:-1])
    ours = json.loads(value)
    try:
        theirs = json.loads(text)
    except ValueError:
        theirs = None  # a string, which stands without its quotes
    return text.decode() == ours if isinstance(ours, str) else bool(theirs == ours)


def _same_integer(column: Column, value: Any, printed: str) -> bool:
    signed, _, unsigned = printed.partition(" (")
    number = int(unsigned[:-1]) if column.unsigned and unsigned else int(signed)
    return bool(number == (value % (1 << 64) if column.unsigned else value))


def _same_float(_column: Column, value: Any, printed: str) -> bool:
    return bool(abs(float(printed) - value) <= 1e-5 * abs(value))


def _same_bits(_column: Column, value: Any, printed: str) -> bool:
    return int(printed[2:-1], 2) == (int(value) if isinstance(value, bool) else int.from_bytes(value, "little"))


def _same_date(_column: Column, value: Any, printed: str) -> bool:
    return bool(date(*map(int, printed[1:-1].split(":"))).toordinal() - _DAY_ZERO == value)


def _same_time(_column: Column, value: Any, printed: str) -> bool:
    text = printed.strip("'")
    hours, minutes, seconds = text.lstrip("-").split(":")
    micros = (int(hours) * 3600 + int(minutes) * 60) * 1_000_000 + int(Decimal(seconds) * 1_000_000)
    return bool(value == (-micros if text.startswith("-") else micros))


def _same_datetime(_column: Column, value: Any, printed: str) -> bool:
    moment = datetime.fromisoformat(printed[1:-1]).replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return bool(value == (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _same_timestamp(_column: Column, value: Any, printed: str) -> bool:
    seconds, _, fraction = printed.partition(".")
    text = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return bool(value == text + (f".{fraction}" if fraction else "") + "Z")


def _same_enum(column: Column, value: Any, printed: str) -> bool:
    return bool(value == ("", *column.enum_values)[int(printed)])


def _same_set(column: Column, value: Any, printed: str) -> bool:
    """The printer shows the bytes as they lie in the row, each from its highest bit."""
    digits = printed[2:-1]
    members = int.from_bytes(int(digits, 2).to_bytes(len(digits) // 8, "big"), "little")
    return bool(value == ",".join(label for bit, label in enumerate(column.enum_values) if members >> bit & 1))


_Same = Callable[[Column, Any, str], bool]
_PLAIN: dict[str, _Same] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), _same_integer),
    "decimal": lambda _, value, printed: Decimal(value) == Decimal(printed),
    "float": _same_float,
    "double": lambda _, value, printed: bool(float(printed) == value),
    "bit": _same_bits,
    "year": lambda _, value, printed: int(printed) == (value or 1900),
    "date": _same_date,
    "time": _same_time,
    "datetime": _same_datetime,
    "timestamp": _same_timestamp,
    "enum": _same_enum,
    "set": _same_set,
}
