"""Secrets that do not show themselves, and which options are secrets.

A secret leaves the process only on its way to the server it belongs to: never in a log line, a `repr`, an
error message or a REST answer. REST shows `MASK` in place of the value; a client that reads a configuration
and writes it back sends `MASK`, which means "keep the stored value" (see `faust_cdc.connect.herder`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MASK: Final = "********"
"""Shown in REST answers instead of a secret; sent back, it means: keep the stored value."""

HIDDEN: Final = "[hidden]"
"""Kafka's own mark for a PASSWORD value echoed by `config/validate`."""

SECRET_KEY: Final = re.compile(
    r".*secret$|.*password$|.*sasl\.jaas\.config$|.*basic\.auth\.user\.info|.*registry\.auth\.client-secret"
    r"|.*credentials\.json$|.*connectionstring$|.*connection\.string$|.*bearer\.auth\.token$|.*ssl\.keystore\.key$",
    re.IGNORECASE,
)
"""Keys whose value is a secret: Debezium's `custom.sanitize.pattern` default, bearer tokens and PEM keys."""


class Secret:
    """A text that hides itself in `str`, `repr` and formatting; `reveal()` gives it to the one who needs it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the connection it belongs to and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)


_URL_WITH_PASSWORD: Final = re.compile(r"(?:^|[\s,])[a-z][a-z0-9+.-]*://[^/\s:@,]*:[^/\s@,]+@", re.IGNORECASE)


def is_secret_key(key: str, custom: re.Pattern[str] | None = None) -> bool:
    """Whether the option `key` holds a secret: by name, or by the connector's `custom.sanitize.pattern`."""
    return bool(SECRET_KEY.fullmatch(key)) or (custom is not None and bool(custom.fullmatch(key)))


def is_secret(key: str, value: str | None, custom: re.Pattern[str] | None = None) -> bool:
    """Whether an option holds a secret: by its name, or because its value is a URL with a password in it."""
    return bool(value) and (is_secret_key(key, custom) or bool(_URL_WITH_PASSWORD.search(value or "")))


def shown(key: str, value: str | None) -> str | None:
    """The value as `validate` and error messages may show it: `[hidden]` in place of a secret."""
    return HIDDEN if is_secret(key, value) else value


def custom_pattern(config: Mapping[str, str | None]) -> re.Pattern[str] | None:
    """The connector's own `custom.sanitize.pattern`, compiled; None when absent or not a regular expression.

    A broken pattern is refused when the configuration is validated; here, where an answer is masked, it
    must not get in the way of the built-in pattern.
    """
    text = config.get("custom.sanitize.pattern")
    if not text:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error:
        return None


def mask_secrets(config: Mapping[str, str | None]) -> dict[str, str | None]:
    """A copy of a connector configuration with every non-empty secret replaced by `MASK`; order is kept.

    A reference to a config provider (`${file:…}`) is not a secret and stays readable, as in Connect.
    """
    custom = custom_pattern(config)
    return {
        key: MASK if value and is_secret(key, value, custom) and not is_reference(value) else value
        for key, value in config.items()
    }


def is_reference(value: str) -> bool:
    """Whether the whole value is a config provider reference such as `${file:/run/secrets/db:password}`."""
    return bool(re.fullmatch(r"\$\{[^}]*:[^}]*\}", value))


def keep_masked(sent: Mapping[str, str | None], stored: Mapping[str, str | None]) -> dict[str, str | None]:
    """A copy of `sent` in which every value that still is `MASK` is the stored one again.

    Where nothing is stored under the key, the mask itself stays, and validation says so.
    """
    return {key: (stored.get(key) or value) if value == MASK else value for key, value in sent.items()}
