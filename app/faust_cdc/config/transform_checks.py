"""What Connect tests of a transform's options, in its words (`ConfigDef.parseType` and validators, 4.3.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from faust_cdc.config import checks
from faust_cdc.config.java_regex import java_pattern
from faust_cdc.config.transform_settings import split_list

_CASTS: Final = ("INT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT64", "BOOLEAN", "STRING")
_TYPES: Final = (*_CASTS, "BYTES", "ARRAY", "MAP", "STRUCT")
_RANGES: Final = {"INT": (checks.INT_MIN, checks.INT_MAX), "LONG": (checks.LONG_MIN, checks.LONG_MAX)}


def judge(one: Mapping[str, Any], name: str, value: str | None) -> tuple[str | None, list[str]]:
    """Return the value that Connect shows and what is wrong with `value`, None for one that is not there.

    `one` is the declaration, `name` the option's full name; messages of validators have the short one, as Connect's.
    """
    errors = []
    if value is None and one.get("required"):
        errors.append(f'Missing required configuration "{name}" which has no default value.')
    problem = None if value is None else _type_problem(one["type"], name, value)
    if problem is not None:
        return None, [problem]
    check = one.get("check")
    problem = None if check is None else _check(check, one["name"], value)
    if problem is not None:
        errors.append(problem)
    if not errors:
        errors += [
            f"Invalid value {value} for configuration {name}: {text}"
            for text in (_late(rule, value) for rule in one.get("at_start", ()))
            if text is not None
        ]
    return value, errors


def _type_problem(kind: str, name: str, value: str) -> str | None:
    if kind == "BOOLEAN" and value.lower() not in ("true", "false"):
        return f"Invalid value {value} for configuration {name}: Expected value to be either true or false"
    if kind in _RANGES:
        number, (low, high) = checks.as_int(value), _RANGES[kind]
        if number is None or not low <= number <= high:
            return f"Invalid value {value} for configuration {name}: Not a number of type {kind}"
    return None


def _late(rule: str, value: str | None) -> str | None:
    """Say what would fail when the task starts."""
    if rule == "required":
        return None if value else "A value is required"
    if value is None:
        return None
    if rule == "regex":
        return (
            None if (reason := _regex_problem(value)) is None else f"A valid regular expression is expected: {reason}"
        )
    if rule == "language":
        return (
            None
            if re.fullmatch(r"jsr223\.(groovy|graal\.js)", value)
            else ("only expressions as in jsr223.groovy or jsr223.graal.js can be evaluated")
        )
    if rule == "expression":
        return None  # tried when the transform is made
    return None if value.lower() in rule.split("|") else f"Value must be one of {', '.join(rule.split('|'))}"


def _check(check: str, name: str, value: str | None) -> str | None:
    """Return the message of Connect's validator `check`, None when there is nothing to say."""
    invalid = f"Invalid value {'null' if value is None else value} for configuration {name}: "
    found = _CHECKS.get(check)
    if found is not None:
        return found(name, invalid, value)
    if value is None:
        return None
    if check.startswith("debezium "):
        legal = check.removeprefix("debezium ").split("|")
        return None if value.lower() in legal else f"{invalid}Value must be one of {', '.join(legal)}"
    any_case = check.endswith(" any case")
    legal = check.removesuffix(" any case").split("|")
    if (value.upper() if any_case else value) in legal:
        return None
    return f"{invalid}String must be one of{' (case insensitive)' if any_case else ''}: {', '.join(legal)}"


def _regex_problem(pattern: str) -> str | None:
    try:
        java_pattern(pattern)
    except re.error as error:
        if error.msg.startswith("missing ), unterminated subpattern"):
            return f"Unclosed group near index {len(pattern)}\n{pattern}"  # Java's words for the commonest
        return str(error)
    return None


def _kafka_regex(_name: str, invalid: str, value: str | None) -> str | None:
    if value is None:
        return f'{invalid}Invalid regex: Cannot invoke "String.isEmpty()" because "this.pattern" is null'
    problem = _regex_problem(value)
    return None if problem is None else f"{invalid}Invalid regex: {problem}"


def _non_empty(_name: str, invalid: str, value: str | None) -> str | None:
    return f"{invalid}String must be non-empty" if value == "" else None


def _non_null(_name: str, invalid: str, value: str | None) -> str | None:
    return f"{invalid}entry must be non null" if value is None else None


def _non_empty_list(name: str, _invalid: str, value: str | None) -> str | None:
    if value is None:
        return f"Configuration '{name}' values must not be null."
    return None if split_list(value) else f"Configuration '{name}' must not be empty. {_ANY}"


_ANY: Final = "Valid values include: any non-empty value"


def _unique(name: str, invalid: str, value: str | None) -> str | None:
    return _non_empty_list(name, invalid, value) or _unique_or_none(name, invalid, value)


def _unique_or_none(name: str, _invalid: str, value: str | None) -> str | None:
    words = split_list(value or "")
    if len(set(words)) < len(words):
        return f"Configuration '{name}' values must not be duplicated."
    return f"Configuration '{name}' values must not be empty." if "" in words else None


def _renames(name: str, _invalid: str, value: str | None) -> str | None:
    words = split_list(value or "")
    wrong = next((one for one in words if len(_java_split(one)) != 2), None)
    if wrong is None:
        return None
    return f"Invalid value [{', '.join(words)}] for configuration {name}: Invalid rename mapping: {wrong}"


def _java_split(text: str) -> list[str]:
    """Return Java's `split(":")`, which leaves out empty parts at the end."""
    parts = text.split(":")
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _cast_spec(_name: str, _invalid: str, value: str | None) -> str | None:
    words = split_list(value or "")
    if not words:
        return "Must specify at least one field to cast."
    whole = False
    for one in words:
        parts = _java_split(one)
        if len(parts) > 2:
            return f"Invalid value [{', '.join(words)}] for configuration renames: Invalid rename mapping: {one}"
        target = parts[-1].strip()
        whole = whole or len(parts) == 1
        if target.upper() not in _TYPES:
            return (
                "Invalid value java.lang.IllegalArgumentException: No enum constant org.apache.kafka.connect.data."
                f"Schema.Type.{target.upper()} for configuration Invalid type found in casting spec: {target}"
            )
        if target.upper() not in _CASTS:
            supported = ", ".join(_CASTS)
            return (
                f"Cast transformation does not support casting to {target.upper()}; supported types are [{supported}]"
            )
    if whole and len(words) > 1:
        return (
            "Cast transformations that specify a type to cast the entire value to may only specify a single cast in "
            "their spec"
        )
    return None


_CHECKS: Final[dict[str, Callable[[str, str, str | None], str | None]]] = {
    "kafka_regex": _kafka_regex,
    "non_empty": _non_empty,
    "non_null": _non_null,
    "non_empty_list": _non_empty_list,
    "unique": _unique,
    "unique_or_none": _unique_or_none,
    "renames": _renames,
    "cast_spec": _cast_spec,
}
