"""Java's `.properties` files, the format of every Connect worker configuration (java.util.Properties)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from faust_cdc.errors import ConfigError

_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_properties(path: Path) -> dict[str, str]:
    """The keys and values of a properties file, the last of equal keys winning.

    Raises `ConfigError` when the file cannot be read or is not UTF-8, naming it.
    """
    try:
        return parse_properties(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = "Give the path of a worker properties file that this user may read."
        raise ConfigError(f"Cannot read the worker configuration {path}: {error.strerror}.", remedy=remedy) from error
    except UnicodeDecodeError as error:
        remedy = "Save the file as UTF-8."
        raise ConfigError(f"The worker configuration {path} is not UTF-8: {error}.", remedy=remedy) from error


def parse_properties(text: str) -> dict[str, str]:
    """The keys and values of a properties text: comments `#` and `!`, `=`, `:` or a blank between, `\\` escapes."""
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        separator = _first_separator(line)
        key, value = (line[: separator[0]], line[separator[1] :]) if separator else (line, "")
        found[_unescape(key)] = _unescape(value)
    return found


def _logical_lines(text: str) -> Iterator[str]:
    pending = ""
    for raw in text.splitlines():
        line = raw.lstrip()
        if not pending and (not line or line[0] in "#!"):
            continue
        if len(line) - len(line.rstrip("\\")) & 1:
            pending += line[:-1]
            continue
        yield pending + line
        pending = ""
    if pending:
        yield pending


def _first_separator(line: str) -> tuple[int, int] | None:
    """Where the separator between key and value begins and ends; escaped `=`, `:` and blanks do not count."""
    at = 0
    while at < len(line):
        if line[at] == "\\":
            at += 2
            continue
        if line[at] in "=: \t":
            match = re.compile(r"\s*[=:]?\s*").match(line, at)
            return at, match.end() if match else at + 1
        at += 1
    return None


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text)
