"""`transforms` and `predicates`: what Connect and Debezium declare for each class, and what `validate` answers.

The declarations are those of Connect 4.3.1 and Debezium 3.6.1, one entry per key in `definitions/transforms.json`;
`check` is what Connect itself tests at validate, `at_start` what only fails there when the task starts, and is refused
at validate here. Answers are in Connect's words (`EnrichablePlugin.enrich`, `ConfigDef.embed`).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

from faust_cdc.config import transform_checks
from faust_cdc.config.options import USED, Importance, Option, Type, Width
from faust_cdc.config.schema_evolution import OPTION as POLICY
from faust_cdc.config.schema_evolution import EvolutionPolicy
from faust_cdc.config.transform_settings import PluginSettings, TransformSettings, split_list
from faust_cdc.config.versions import CONNECT_VERSION, DEBEZIUM_VERSION

ConnectorMap = Mapping[str, str | None]
Try = Callable[[PluginSettings], None]
"""Makes a transform or predicate of its settings. Raises for options that it cannot take."""

_COMMON: Final = (
    {
        "name": "negate",
        "type": "BOOLEAN",
        "default": "false",
        "importance": "MEDIUM",
        "doc": "Whether the configured predicate should be negated.",
    },
    {
        "name": "predicate",
        "type": "STRING",
        "importance": "MEDIUM",
        "doc": "The alias of a predicate used to determine whether to apply this transformation.",
    },
)
"""Of every transform."""
_IMPORTANCE: Final = tuple(one.name for one in Importance)


@dataclass(frozen=True)
class Finding:
    """A line of `validate`: an option as it is declared, its value, its errors and notes."""

    option: Option
    value: str | None
    recommended: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kind:
    """Transforms or predicates."""

    word: str
    """As in the names of options."""
    group: str
    plugin: str
    """As in texts, with a small letter."""
    interface: str
    common: tuple[Mapping[str, Any], ...] = ()


_TRANSFORMS: Final = _Kind("transforms", "Transforms", "transformation", "Transformation", _COMMON)
_PREDICATES: Final = _Kind("predicates", "Predicates", "predicate", "Predicate")
_KIND_NAMES: Final = {"transforms": "transformation", "predicates": "predicate"}


@cache
def _declared() -> dict[str, Any]:
    text = (files("faust_cdc.config.definitions") / "transforms.json").read_text(encoding="utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


@cache
def classes(kind: str) -> tuple[str, ...]:
    """Return the full class names of a kind, `transformation` or `predicate`, in order."""
    found = []
    for name, one in _declared().items():
        if one["kind"] == kind:
            found += [f"{name}$Key", f"{name}$Value"] if one.get("sides") else [name]
    return tuple(found)


def class_version(class_name: str) -> str:
    """Return the version of a class as `/connector-plugins` shows it."""
    return CONNECT_VERSION if class_name.startswith("org.apache.kafka.") else DEBEZIUM_VERSION


def class_keys(class_name: str) -> list[dict[str, Any]]:
    """Return what `GET /connector-plugins/{class}/config` answers. Raises KeyError for an unknown class."""
    keys = _declared()[class_name.partition("$")[0]]["keys"]
    shown = [
        _option(one["name"], one, one.get("group"), one.get("order", -1)) for one in keys if one.get("listed", True)
    ]
    return [one.definition() | {"default_value": one.default} for one in shown]


def resolve(name: str, kind: str) -> str | None:
    """Return the full class name for one, or for its last part where that is unique; None if there is none."""
    found = [one for one in classes(kind) if name in (one, one.rpartition(".")[2])]
    return found[0] if len(found) == 1 else None


def _option(name: str, one: Mapping[str, Any], group: str | None, order: int) -> Option:
    return Option(
        name,
        Type[one["type"]],
        one.get("default"),
        Importance[one["importance"]],
        group,
        order,
        Width[one.get("width", "NONE")],
        one.get("display", name),
        one["doc"],
        USED,
        required=one.get("required", False),
    )


def _sorted(keys: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return keys in the order of `ConfigDef.embed`: by group, place, lack of a default, importance, name."""
    groups = list(dict.fromkeys(one["group"] for one in keys if "group" in one))
    return sorted(
        keys,
        key=lambda one: (
            1 + groups.index(one["group"]) if "group" in one else 0,
            one.get("order", -1),
            0 if one.get("required") else 1,
            _IMPORTANCE.index(one["importance"]),
            one["name"],
        ),
    )


def findings(config: ConnectorMap, attempt: Try | None = None) -> tuple[list[Finding], list[str]]:
    """Return the lines of all transforms and predicates of a configuration, and the problem of each list if any.

    `attempt` makes a plugin as the task would.
    """
    lines: list[Finding] = []
    problems: list[str] = []
    for kind in (_TRANSFORMS, _PREDICATES):
        aliases = split_list(config.get(kind.word) or "")
        if len(set(aliases)) < len(aliases):
            shown = ", ".join(aliases)
            problems.append(f"Invalid value [{shown}] for configuration {kind.word}: Duplicate alias provided.")
        for alias in dict.fromkeys(aliases):
            lines += _Lines(kind, alias, config).all(attempt)
    return lines, problems


@dataclass
class _Lines:
    """The lines of one alias."""

    kind: _Kind
    alias: str
    config: ConnectorMap
    made: list[Finding] = field(default_factory=list)

    def all(self, attempt: Try | None) -> list[Finding]:
        kind, group = self.kind, f"{self.kind.group}: {self.alias}"
        prefix = f"{kind.word}.{self.alias}."
        sent = (self.config.get(f"{prefix}type") or "").strip()
        found = resolve(sent, _KIND_NAMES[kind.word]) if sent else None
        listed = classes(_KIND_NAMES[kind.word])
        type_errors = [] if found is not None else [_class_problem(kind, prefix, self.config)]
        self._add(
            _head(kind, prefix, self.alias, "type", None, 0), found or self._shown_type(sent), listed, type_errors
        )
        version = None if found is None else class_version(found)
        versions = () if version is None else (version,)
        self._add(_head(kind, prefix, self.alias, "plugin.version", version, 1), version, versions, [])
        if found is None:
            return self.made
        declared = _declared()[found.partition("$")[0]]["keys"]
        listed_keys = [one for one in declared if one.get("listed", True)]
        for order, one in enumerate(_sorted([*listed_keys, *kind.common]), 2):
            shown_group = f"{group}: {one['group']}" if "group" in one else group
            self._value(prefix, one, shown_group, order)
        for one in declared:
            if not one.get("listed", True) and f"{prefix}{one['name']}" in self.config:
                self._value(prefix, one, None, -1)
        self._unknown(prefix, [*declared, *kind.common])
        self._cross(prefix)
        if attempt is not None and not any(one.errors for one in self.made):
            self._try(prefix, found, attempt)
        return self.made

    def _shown_type(self, sent: str) -> str | None:
        """Return an unusable class as Connect shows it: one that exists, but is none of the kind."""
        others = {one.partition("$")[0] for kind in ("transformation", "predicate") for one in classes(kind)}
        return sent if sent in others else None

    def _add(
        self, option: Option, value: str | None, recommended: tuple[str, ...], errors: list[str], *notes: str
    ) -> None:
        self.made.append(Finding(option, value, recommended, tuple(errors), notes))

    def _value(self, prefix: str, one: Mapping[str, Any], group: str | None, order: int) -> None:
        name = f"{prefix}{one['name']}"
        option = _option(name, one, group, order)
        option = replace(option, display_name=one.get("display", one["name"]))
        sent = self.config.get(name)
        value = one.get("default") if name not in self.config else None if sent is None else sent.strip()
        shown, errors = transform_checks.judge(one, name, value)
        self._add(option, shown, (), errors)

    def _unknown(self, prefix: str, declared: list[Mapping[str, Any]]) -> None:
        known = [str(one["name"]) for one in declared]
        aliases = split_list(self.config.get(self.kind.word) or "")
        for key, value in self.config.items():
            name = key.removeprefix(prefix)
            if not key.startswith(prefix) or name in (*known, "type", "plugin.version"):
                continue
            if any(key.startswith(f"{self.kind.word}.{one}.") for one in aliases if len(one) > len(self.alias)):
                continue  # an alias may begin with another one and a dot
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean '{prefix}{near[0]}'?" if near else f"It has {', '.join(known) or 'no options'}."
            option = _option(key, {"type": "STRING", "importance": "LOW", "doc": ""}, None, -1)
            self._add(option, value, (), [f"Unknown option '{key}'. {hint}"])

    def _cross(self, prefix: str) -> None:
        """`negate` needs a predicate, and a predicate must be one of the list."""
        predicate = self.config.get(f"{prefix}predicate")
        if self.kind is not _TRANSFORMS:
            return
        if predicate is None and f"{prefix}negate" in self.config:
            problem = (
                f"Config '{prefix}negate' was provided but there is no config '{prefix}predicate' defining a "
                "predicate to be negated."
            )
            self.made[0] = replace(self.made[0], errors=(*self.made[0].errors, problem))
        if predicate is not None and predicate.strip() not in split_list(self.config.get("predicates") or ""):
            place = next(at for at, one in enumerate(self.made) if one.option.name == f"{prefix}predicate")
            problem = f"Invalid value {predicate} for configuration {prefix}predicate: predicates does not list it"
            self.made[place] = replace(self.made[place], errors=(*self.made[place].errors, problem))

    def _try(self, prefix: str, class_name: str, attempt: Try) -> None:
        try:
            attempt(_settings(prefix, self.alias, class_name, self.config, compatible=False))
        except Exception as error:  # whatever the options bring a class to: it is said, not raised
            self.made[0] = replace(self.made[0], errors=(f"{class_name} cannot take its options: {error}",))


def _head(kind: _Kind, prefix: str, alias: str, name: str, default: str | None, order: int) -> Option:
    is_type = name == "type"
    what = "type" if is_type else "version"
    doc = f"Class for the '{alias}' {kind.plugin}." if is_type else f"Version of the '{alias}' {kind.plugin}."
    return Option(
        f"{prefix}{name}",
        Type.CLASS if is_type else Type.STRING,
        default,
        Importance.HIGH,
        f"{kind.group}: {alias}",
        order,
        Width.LONG,
        f"{kind.plugin.capitalize()} {what} for {alias}",
        doc,
        USED,
        required=is_type,
    )


def _class_problem(kind: _Kind, prefix: str, config: ConnectorMap) -> str:
    """Say why a class cannot be used, beginning in Connect's words."""
    sent = (config.get(f"{prefix}type") or "").strip()
    if f"{prefix}type" not in config:
        return f'Missing required configuration "{prefix}type" which has no default value.'
    name = _KIND_NAMES[kind.word]
    sides = [one for one in classes(name) if one.startswith(f"{sent}$")]
    if sides:
        return f"This class is abstract and cannot be created. Did you mean {', '.join(sides)}?"
    if sent in {*classes("transformation"), *classes("predicate")}:
        return f"Class class {sent} does not implement the {kind.interface} interface"
    return (
        f"Invalid value {sent} for configuration {prefix}type: Class {sent} could not be found."
        f"{' There are: ' + ', '.join(classes(name)) if sent else ''}"
    )


def _settings(prefix: str, alias: str, class_name: str, config: ConnectorMap, *, compatible: bool) -> PluginSettings:
    options: dict[str, str] = {}
    for one in _declared()[class_name.partition("$")[0]]["keys"]:
        name, sent = one["name"], config.get(f"{prefix}{one['name']}")
        value = one.get("default") if sent is None else sent.strip()
        if name == "replace.null.with.default" and sent is None and not compatible:
            value = "false"  # a null stays a null unless it is asked for, as with the converters
        if value is not None:
            options[name] = value
    return PluginSettings(alias, class_name, options, compatible)


def transforms_of(config: ConnectorMap, *, compatible: bool = False) -> tuple[TransformSettings, ...]:
    """Return a connector's chain. Call after `findings` found no errors."""
    return tuple(_chain(config, compatible))


def problems(config: ConnectorMap) -> Iterator[tuple[str, str]]:
    """Yield (option, what is wrong) of options that a chain has no place for."""
    if (config.get(POLICY) or "").strip().lower() != EvolutionPolicy.NEW_SUBJECT:
        return
    lines, of_lists = findings(config)
    if of_lists or any(one.errors for one in lines):
        return
    for one in transforms_of(config):
        if not one.only_names_topics:
            yield (
                POLICY,
                f"'{EvolutionPolicy.NEW_SUBJECT}' cannot be used with the transform '{one.plugin.alias}' "
                f"({one.plugin.class_name}): which version of a table goes to which topic is kept for topics that "
                f"tables name, and behind this transform records name theirs; use '{EvolutionPolicy.FAIL}' or "
                f"'{EvolutionPolicy.FORCE}'",
            )
            return


def _chain(config: ConnectorMap, compatible: bool) -> Iterator[TransformSettings]:
    def plugin(word: str, alias: str) -> PluginSettings:
        prefix = f"{word}.{alias}."
        class_name = resolve((config.get(f"{prefix}type") or "").strip(), _KIND_NAMES[word])
        assert class_name is not None, "validated before"
        return _settings(prefix, alias, class_name, config, compatible=compatible)

    for alias in split_list(config.get("transforms") or ""):
        predicate = (config.get(f"transforms.{alias}.predicate") or "").strip()
        negate = (config.get(f"transforms.{alias}.negate") or "").strip().lower() == "true"
        yield TransformSettings(
            plugin("transforms", alias), plugin("predicates", predicate) if predicate else None, negate
        )


_ROW: Final = re.compile(r"\s+")


def table() -> str:
    """Return the README's table of classes and their options."""
    lines = ["| class | options (default) |", "|---|---|"]
    for name, one in _declared().items():
        sides = "$Key, $Value" if one.get("sides") else ""
        options = ", ".join(
            f"`{key['name']}`" + (f" ({key['default']})" if key.get("default") else "") for key in one["keys"]
        )
        lines.append(f"| `{name}{'`' if not sides else f'` {sides}'} | {_ROW.sub(' ', options) or 'none'} |")
    return "\n".join(lines)
