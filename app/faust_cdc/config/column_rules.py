"""The options of columns whose names are patterns, and `message.key.columns`: their texts taken apart and judged.

`column.mask.with.<n>.chars`, `column.truncate.to.<n>.chars`, `column.mask.hash.<algorithm>.with.salt.<salt>` and
`column.mask.hash.v2.<algorithm>.with.salt.<salt>`; the value is a list of patterns of `database.table.column`.
Source: Debezium 3.6.1 `ColumnMappers.create`, `Key.CustomKeyMapper`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from faust_cdc.config import checks

TRUNCATE: Final = "truncate"
MASK_CHARS: Final = "mask"
HASH: Final = "hash"
HASH_V2: Final = "hash v2"

PREFIXES: Final = ("column.mask.with.", "column.mask.hash.", "column.truncate.to.")

_LENGTHS: Final = {
    TRUNCATE: re.compile(r"column\.truncate\.to\.(\d+)\.chars", re.ASCII),
    MASK_CHARS: re.compile(r"column\.mask\.with\.(\d+)\.chars", re.ASCII),
}
_HASHES: Final = {
    HASH: re.compile(r"column\.mask\.hash\.([^.]+)\.with\.salt\.(.+)"),
    HASH_V2: re.compile(r"column\.mask\.hash\.v2\.([^.]+)\.with\.salt\.(.+)"),
}
_PLACEHOLDERS: Final = frozenset(
    {
        "column.mask.with.(d+).chars",
        "column.mask.hash.([^.]+).with.salt.(.+)",
        "column.truncate.to.(d+).chars",
    }
)
"""The names under which `validate` lists the families; no keys of theirs."""

ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA": "sha1",
    "SHA1": "sha1",
    "SHA-1": "sha1",
    "SHA-224": "sha224",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
    "SHA-512/224": "sha512_224",
    "SHA-512/256": "sha512_256",
    "SHA3-224": "sha3_224",
    "SHA3-256": "sha3_256",
    "SHA3-384": "sha3_384",
    "SHA3-512": "sha3_512",
}
"""Java's names of digests, in any case (`MessageDigest.getInstance`), and `hashlib`'s. Java has MD2 too."""

_KEY_ENTRY: Final = re.compile(r"\s*([^:]+):([^:,]+(,[^:,]+)*)\s*")
_KEY_ENTRY_JAVA: Final = r"^\s*([^:]+):([^:,]+(,[^:,]+)*)\s*$"


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One key of the families."""

    kind: str
    """`TRUNCATE`, `MASK_CHARS`, `HASH` or `HASH_V2`."""
    option: str
    patterns: str
    """The value: a list of regular expressions."""
    length: int = 0
    algorithm: str = ""
    """`hashlib`'s name."""
    salt: str = ""


def is_column_rule(key: str) -> bool:
    """Say whether a key belongs to one of the families, right or wrong in its details."""
    return key.startswith(PREFIXES) and key not in _PLACEHOLDERS


def rule_of(key: str, value: str) -> ColumnRule | str:
    """Return the rule that a key and its value make, or in words what is wrong with them."""
    problem = checks.regex_list(value)
    if problem is not None:
        return problem
    if not checks.split_list(value):
        return "A comma-separated list of regular expressions of <database>.<table>.<column> is expected"
    for kind, pattern in _LENGTHS.items():
        match = pattern.fullmatch(key)
        if match is not None:
            length = int(match[1])
            if length > checks.INT_MAX:
                return f"A number of characters up to {checks.INT_MAX} is expected in the option's name"
            return ColumnRule(kind, key, value, length)
    for kind, pattern in _HASHES.items():
        match = pattern.fullmatch(key)
        if match is not None:
            algorithm = ALGORITHMS.get(match[1].upper())
            if algorithm is None or algorithm not in hashlib.algorithms_available:
                return f"'{match[1]}' is no hash algorithm known here; expected one of {', '.join(ALGORITHMS)}"
            return ColumnRule(kind, key, value, algorithm=algorithm, salt=match[2])
    return (
        "The option's name is expected to be column.mask.with.<n>.chars, column.truncate.to.<n>.chars, "
        "column.mask.hash.<algorithm>.with.salt.<salt> or column.mask.hash.v2.<algorithm>.with.salt.<salt>"
    )


def column_rules(config: Mapping[str, str | None]) -> tuple[ColumnRule, ...]:
    """Return the rules of a configuration that was found valid."""
    found = [rule_of(key, value) for key, value in config.items() if value and is_column_rule(key)]
    return tuple(rule for rule in found if isinstance(rule, ColumnRule))


def key_columns(text: str) -> str | None:
    """Judge `message.key.columns`: entries `<table>:<column>,<column>…` split on semicolons."""
    entries = _entries(text)
    if not entries:
        return "Must not be empty"
    for entry in entries:
        if _KEY_ENTRY.fullmatch(entry) is None:
            return f"{entry} has an invalid format (expecting '{_KEY_ENTRY_JAVA}')"
    for pattern in key_entries(text):
        problem = checks.regex_list(pattern)
        if problem is not None:
            return problem
    return None


def key_entries(text: str | None) -> tuple[str, ...]:
    """Return the list of patterns of `database.table.column` of each key column, in the order given.

    `a.b:c,d;(.*).e:f` gives `a.b.c`, `a.b.d`, `(.*).e.f`. A comma before the colon splits patterns, as in Debezium.
    """
    found = []
    for entry in _entries(text or ""):
        table, _, columns = entry.partition(":")
        found += [f"{table}.{column.strip()}" for column in columns.split(",")]
    return tuple(found)


def _entries(text: str) -> list[str]:
    entries = text.split(";")
    while entries and not entries[-1]:  # Java's split leaves empty ends out
        entries.pop()
    return entries
