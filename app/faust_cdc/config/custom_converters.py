"""`converters` and `post.processors`: the CustomConverters and the PostProcessor that Debezium 3.6.1 ships, by name.

`converters=a,b` names instances; `a.type` is the class and `a.<option>` its options. A post processor's options stand
under `post.processors.<name>.` or, as before Debezium 3.2, under `<name>.`. Classes of users are Java and cannot run
here: they are refused by name. Source: Debezium's CustomConverterServiceProvider, PostProcessorRegistryServiceProvider
and the classes themselves.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, TypeAlias

from faust_cdc.config import catalogue
from faust_cdc.config.checks import regex_list, split_list, split_words

_BINLOG, _MYSQL = "io.debezium.connector.binlog.converters.", "io.debezium.connector.mysql.converters."
_TINY, _JDBC, _ZERO = "TinyIntOneToBooleanConverter", "JdbcSinkDataTypesConverter", "ZeroDateFallbackConverter"
CONVERTER_CLASSES: Final[dict[str, str]] = {
    _BINLOG + _TINY: _TINY,
    _BINLOG + _JDBC: _JDBC,
    _BINLOG + _ZERO: _ZERO,
    _MYSQL + _TINY: _TINY,
    _MYSQL + _JDBC: _JDBC,
}
"""Class names of converters, the deprecated ones included."""
RESELECT_CLASS: Final = "io.debezium.processors.reselect.ReselectColumnsPostProcessor"

ConnectorMap: TypeAlias = Mapping[str, str | None]
Problem: TypeAlias = tuple[str, str]
"""(option, what is wrong with it)."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which names a list of regular expressions matches, whole and whatever their case."""

    patterns: tuple[re.Pattern[str], ...] = ()
    without: bool = True
    """The answer when there are no patterns."""
    inverted: bool = False
    """An exclude list: what no pattern matches."""

    def matches(self, name: str) -> bool:
        """Say whether `name` is selected."""
        if not self.patterns:
            return self.without
        return any(pattern.fullmatch(name) for pattern in self.patterns) is not self.inverted


@dataclass(frozen=True, slots=True)
class TinyIntOneToBoolean:
    """TINYINT(1) columns become booleans. Selectors match `database.table.column`."""

    selector: Selector = Selector()
    length_checker: bool = True
    """Only where the length is 1; else all TINYINT columns."""


@dataclass(frozen=True, slots=True)
class JdbcSinkDataTypes:
    """Columns by selector, the first that matches: int16 0 or 1, a floating point number, a text with its charset."""

    boolean: Selector = Selector(without=False)
    real: Selector = Selector(without=False)
    string: Selector = Selector(without=False)
    real_as_double: bool = True


@dataclass(frozen=True, slots=True)
class ZeroDateFallback:
    """Zero dates become null, or a literal where one is given."""

    selector: Selector = Selector()
    target_types: frozenset[str] = frozenset({"date", "datetime", "timestamp"})
    """Base types in lower case."""
    fallbacks: tuple[tuple[str, str], ...] = ()
    """(base type, literal) where one is set."""
    columns: tuple[tuple[str, str], ...] = ()
    """(`database.table.column`, literal or NULL): wins over the type's."""

    def literal(self, type_name: str, column: str) -> str | None:
        """Return the literal for `column` (database.table.column), None for null."""
        found = dict(self.columns).get(column, dict(self.fallbacks).get(type_name))
        return None if found is None or is_null(found) else found


CustomConverter: TypeAlias = TinyIntOneToBoolean | JdbcSinkDataTypes | ZeroDateFallback


@dataclass(frozen=True, slots=True)
class Reselect:
    """One ReselectColumnsPostProcessor. The selector matches `database.table:field`."""

    selector: Selector = Selector()
    unavailable_values: bool = True
    null_values: bool = True
    use_event_key: bool = False
    fail: bool = False
    """`reselect.error.handling.mode=fail`."""


@dataclass(slots=True)
class _Options:
    """The options of one instance, read with what is wrong with them."""

    prefix: str
    values: dict[str, str]
    problems: list[Problem] = field(default_factory=list)

    def flag(self, name: str, default: bool) -> bool:
        text = self.values.get(name, "").strip().lower()
        if text not in ("", "true", "false"):
            self._wrong(name, f"Either 'true' or 'false' is expected, found '{self.values[name]}'")
        return text == "true" if text else default

    def selector(self, name: str, without: bool = True, inverted: bool = False) -> Selector:
        text = self.values.get(name, "")
        problem = regex_list(text)
        if problem is not None:
            self._wrong(name, problem)
            return Selector()
        patterns = tuple(re.compile(part, re.IGNORECASE) for part in split_list(text))
        return Selector(patterns, without, inverted)

    def literal(self, name: str, types: Iterable[str]) -> str | None:
        """Return the text of a fallback that is a literal of one of `types`, or NULL; None when it is not given."""
        text = self.values.get(name, "").strip()
        if text and not is_null(text) and not any(_is_literal(one, text) for one in types):
            forms = " or ".join(LITERAL_FORMS[one] for one in types)
            self._wrong(name, f"NULL or {forms} is expected, found '{text}'")
        return text or None

    def only(self, known: Iterable[str], class_name: str) -> None:
        """Name every option that the class does not have."""
        names = [*known, "type"]
        for name in self.values:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"Did you mean '{self.prefix}{near[0]}'? " if near else ""
                self._wrong(name, f"{class_name} has no such option. {hint}It has {', '.join(names[:-1])}")

    def _wrong(self, name: str, problem: str) -> None:
        self.problems.append((self.prefix + name, problem))


def is_null(literal: str) -> bool:
    """Say whether a fallback stands for null."""
    return literal.strip().upper() in ("", "NULL")


LITERAL_FORMS: Final = {
    "date": "a date (yyyy-MM-dd)",
    "datetime": "a date and time (yyyy-MM-dd HH:mm:ss)",
    "timestamp": "a date and time with its offset (1970-01-01T00:00:00Z)",
}
_OFFSET_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def fallback_date(text: str) -> date:
    """Return a DATE's fallback. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII):
        raise ValueError(f"{text!r} is not {LITERAL_FORMS['date']}")
    return date.fromisoformat(text.strip())


def fallback_datetime(text: str) -> datetime:
    """Return a DATETIME's fallback, taken as UTC. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text.strip(), re.ASCII):
        raise ValueError(f"{text!r} is not {LITERAL_FORMS['datetime']}")
    return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)


def fallback_timestamp(text: str) -> datetime:
    """Return a TIMESTAMP's fallback in UTC. Raises ValueError."""
    if not _OFFSET_TIME.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not {LITERAL_FORMS['timestamp']}")
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is no year from 1 to 9999 in UTC") from error


_PARSERS: Final[dict[str, Callable[[str], object]]] = {
    "date": fallback_date,
    "datetime": fallback_datetime,
    "timestamp": fallback_timestamp,
}


def _is_literal(type_name: str, text: str) -> bool:
    try:
        _PARSERS[type_name](text)
    except ValueError:
        return False
    return True


def _tiny_int(options: _Options) -> TinyIntOneToBoolean:
    options.only(("selector", "length.checker"), _TINY)
    return TinyIntOneToBoolean(options.selector("selector"), options.flag("length.checker", True))


def _jdbc_sink(options: _Options) -> JdbcSinkDataTypes:
    options.only(("selector.boolean", "selector.real", "selector.string", "treat.real.as.double"), _JDBC)
    return JdbcSinkDataTypes(
        boolean=options.selector("selector.boolean", without=False),
        real=options.selector("selector.real", without=False),
        string=options.selector("selector.string", without=False),
        real_as_double=options.flag("treat.real.as.double", True),
    )


def _zero_date(options: _Options) -> ZeroDateFallback:
    own = {name for name in options.values if name.startswith("column.") and name.endswith(".fallback")}
    fallbacks = {one: f"fallback.{one}" for one in LITERAL_FORMS}
    known = ("selector", "target.types", *fallbacks.values(), "column.<database>.<table>.<column>.fallback")
    options.only((*known, *sorted(own)), _ZERO)
    types = frozenset(word.lower() for word in split_words(options.values.get("target.types", "")))
    for word in sorted(types - LITERAL_FORMS.keys()):
        options.problems.append(
            (options.prefix + "target.types", f"Types are DATE, DATETIME, TIMESTAMP, found '{word}'")
        )
    given = ((one, options.literal(name, (one,))) for one, name in fallbacks.items())
    columns = ((name[7:-9], options.literal(name, LITERAL_FORMS) or "NULL") for name in sorted(own))
    return ZeroDateFallback(
        options.selector("selector"),
        types if "target.types" in options.values else ZeroDateFallback().target_types,
        tuple((one, text) for one, text in given if text is not None),
        tuple(columns),
    )


_CONVERTERS: Final[dict[str, Callable[[_Options], CustomConverter]]] = {
    _TINY: _tiny_int,
    _JDBC: _jdbc_sink,
    _ZERO: _zero_date,
}
_RESELECT_LISTS: Final = ("reselect.columns.include.list", "reselect.columns.exclude.list")
_RESELECT_FLAGS: Final = ("reselect.unavailable.values", "reselect.null.values", "reselect.use.event.key")
_RESELECT_MODE: Final = "reselect.error.handling.mode"
_LATER: Final = ("reselect.cache.enabled", "reselect.cache.type")
"""Options of Debezium 3.7: they spare queries and change no value, so they are read over as 3.6.1 does."""


def _reselect(options: _Options) -> Reselect:
    options.only((*_RESELECT_LISTS, *_RESELECT_FLAGS, _RESELECT_MODE, *_LATER), "ReselectColumnsPostProcessor")
    included, excluded = (options.selector(name, inverted=name.endswith("exclude.list")) for name in _RESELECT_LISTS)
    mode = options.values.get(_RESELECT_MODE, "").strip().lower() or "warn"
    if mode not in ("warn", "fail"):
        options.problems.append((options.prefix + _RESELECT_MODE, f"Value must be one of warn, fail, found '{mode}'"))
    return Reselect(
        excluded if excluded.patterns and not included.patterns else included,
        unavailable_values=options.flag("reselect.unavailable.values", True),
        null_values=options.flag("reselect.null.values", True),
        use_event_key=options.flag("reselect.use.event.key", False),
        fail=mode == "fail",
    )


_NO_JVM: Final = (
    "Java classes cannot run here. Use one of these, or leave it out and do its work in the database "
    "(a generated column) or in the consumer"
)


def custom_converters(config: ConnectorMap) -> tuple[tuple[CustomConverter, ...], list[Problem]]:
    """Return the converters in their order, and every problem; with problems the converters are not to be used."""
    made: list[CustomConverter] = []
    problems: list[Problem] = []
    for name in split_words(config.get("converters") or ""):
        options = _Options(f"{name}.", _under(config, f"{name}."))
        class_name = options.values.get("type", "").strip()
        build = _CONVERTERS.get(CONVERTER_CLASSES.get(class_name, ""))
        if build is None:
            problems.append((f"{name}.type", _class_problem(class_name, CONVERTER_CLASSES)))
        else:
            made.append(build(options))
            problems += options.problems
    return tuple(made), problems


def post_processors(config: ConnectorMap) -> tuple[tuple[Reselect, ...], list[Problem]]:
    """Return the post processors in their order, and every problem; with problems they are not to be used."""
    made: list[Reselect] = []
    problems: list[Problem] = []
    for name in split_words(config.get("post.processors") or ""):
        prefix = f"post.processors.{name}."
        own, older = _under(config, prefix), _under(config, f"{name}.")
        if own:
            beside = f"It has no effect beside '{prefix}*': write it as '{prefix}"
            problems += [(f"{name}.{key}", f"{beside}{key}'") for key in older]
        else:
            prefix, own = f"{name}.", older
        options = _Options(prefix, own)
        class_name = own.get("type", "").strip()
        if class_name == RESELECT_CLASS:
            made.append(_reselect(options))
            problems += options.problems
        else:
            problems.append((f"{prefix}type", _class_problem(class_name, (RESELECT_CLASS,))))
    return tuple(made), problems


def claimed_prefixes(config: ConnectorMap) -> tuple[str, ...]:
    """Return the prefixes whose keys are options of a converter or post processor, checked by the functions above."""
    processors = split_words(config.get("post.processors") or "")
    names = [*split_words(config.get("converters") or ""), *processors]
    return (*(f"{name}." for name in names), *(f"post.processors.{name}." for name in processors))


def notes(key: str) -> tuple[str, ...]:
    """Return why a claimed option has no effect; empty when it has one."""
    if not key.endswith(_LATER):
        return ()
    return (f"'{key}' is accepted and has no effect: it came with Debezium 3.7 and changes no value",)


def problems(config: ConnectorMap) -> Iterator[Problem]:
    """Yield what is wrong with converters and post processors: option and problem."""
    yield from custom_converters(config)[1]
    yield from post_processors(config)[1]


def _class_problem(found: str, known: Iterable[str]) -> str:
    listed = ", ".join(known)
    if not found:
        return f"A value is required: the class, one of {listed}"
    return f"The class {found} is not known; known are {listed}. {_NO_JVM}"


def _under(config: ConnectorMap, prefix: str) -> dict[str, str]:
    """Return the options under a prefix, those of the connector itself excepted (a converter may be called `topic`)."""
    own = catalogue.by_name("mysql")
    return {
        key[len(prefix) :]: value
        for key, value in config.items()
        if key.startswith(prefix) and value is not None and key not in own and catalogue.pattern_support(key) is None
    }
