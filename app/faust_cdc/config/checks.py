"""Checks of option values: each takes a value's text and gives the problem in words, or None.

The wording of Debezium's checks is Debezium's (`io.debezium.config.Field`), so that people find it again.
"""

from __future__ import annotations

import re

from faust_cdc.config.options import Check
from faust_cdc.metrics.labels import tag_collision

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1


def as_int(text: str) -> int | None:
    """The number a value's text means, Java's way (no underscores, blanks around allowed), or None."""
    stripped = text.strip()
    return int(stripped) if re.fullmatch(r"[+-]?[0-9]+", stripped, re.ASCII) else None


def positive(text: str) -> str | None:
    """A number above zero."""
    number = as_int(text)
    return None if number is None or number > 0 else "A positive, non-zero value is expected"


def non_negative(text: str) -> str | None:
    """A number that is not below zero."""
    number = as_int(text)
    return None if number is None or number >= 0 else "A non-negative value is expected"


def between(low: int, high: int) -> Check:
    """A number within both bounds, which are legal themselves."""

    def check(text: str) -> str | None:
        number = as_int(text)
        return None if number is None or low <= number <= high else f"A value from {low} to {high} is expected"

    return check


def split_list(text: str) -> list[str]:
    """The elements of a comma-separated list of regular expressions; a comma escaped by a backslash stays.

    Debezium's `Strings.listOf` with its regex splitter: blanks around an element are not part of it.
    """
    return [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", text) if part.strip()]


def split_words(text: str) -> list[str]:
    """The words of a comma-separated list."""
    return [word.strip() for word in text.split(",") if word.strip()]


def skipped_operations(text: str) -> str | None:
    """A list of c, u, d, t, or 'none' alone, in lower case as for Debezium."""
    words = split_words(text)
    if "none" in words and len(words) > 1:
        return f"'none' cannot be specified with other skipped operations, found '{text}'"
    wrong = [word for word in words if word not in ("c", "u", "d", "t", "none")]
    return f"Operations are c, u, d, t or none, found '{wrong[0]}'" if wrong else None


def metric_tags_of(text: str) -> dict[str, str]:
    """The pairs of a `k1=v1,k2=v2` list that `metric_tags` has passed."""
    pairs = (word.split("=", 1) for word in split_words(text))
    return {key.strip(): value.strip() for key, value in pairs}


def metric_tags(text: str) -> str | None:
    """A list of key=value pairs: names that a metric's label may have and none of ours has, each once, with values."""
    seen: set[str] = set()
    for word in split_words(text):
        key, separator, value = (part.strip() for part in word.partition("="))
        if not separator or not value:
            return f"Pairs are expected as k1=v1,k2=v2, found '{word}'"
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", key):
            return f"A tag's name is letters, digits, _, . and -, no digit first, found '{key}'"
        if key in seen:
            return f"Each tag may stand once, found '{key}' twice"
        seen.add(key)
    return tag_collision(metric_tags_of(text))


def regex(text: str) -> str | None:
    """One valid regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        return f"A valid regular expression is expected, but '{text}' is not one: {error}"
    return None


def regex_list(text: str) -> str | None:
    """A comma-separated list of valid regular expressions."""
    for element in split_list(text):
        try:
            re.compile(element)
        except re.error as error:
            return (
                f"A comma-separated list of valid regular expressions is expected, but '{element}' is not one: "
                f"{error}. A comma inside a pattern is written '\\,'"
            )
    return None


def topic_name(text: str) -> str | None:
    """What Debezium allows in `topic.prefix`: a topic name can hold nothing else."""
    if re.fullmatch(r"[a-zA-Z0-9_.-]+", text):
        return None
    return f"{text} has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)"


def hostname(text: str) -> str | None:
    """A host name or an IPv4 or IPv6 address; not a URL, not host:port."""
    if re.search(r"[/\s@,]", text):
        return f"{text} has invalid format (a host name or an IP address is expected, without scheme, port or path)"
    if text.count(":") == 1:
        host, port = text.split(":")
        return f"{text} has invalid format (give the host as '{host}' and the port as database.port={port})"
    return None


def connector_name(text: str) -> str | None:
    """Any text without control characters: `/`, `%`, blanks and all alphabets are fine."""
    if not text:
        return "String may not be empty"
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        return "String may not contain control characters"
    return None


def pem_file(text: str) -> str | None:
    """A PEM file name; Java's own key store formats cannot be read here."""
    if re.search(r"\.(jks|p12|pfx|pkcs12|keystore|truststore)$", text, re.IGNORECASE):
        return (
            f"Java key stores are not supported: found '{text}'. Export the certificates as PEM "
            "(keytool -exportcert -rfc, or openssl pkcs12 -nokeys) and name that file"
        )
    return None


def single_task(text: str) -> str | None:
    """A binlog is one ordered stream: one task reads it, as in Debezium."""
    number = as_int(text)
    return None if number is None or number <= 1 else "Only a single connector task may be started; use tasks.max=1"
