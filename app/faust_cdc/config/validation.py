"""Validation of a connector's configuration, option by option, in the shape of Kafka's `ConfigInfos`.

`validate` looks at the texts alone; what only the database can answer (is it there, do the patterns match a
table) is added by `faust_cdc.connect.validation`. All errors are found, not only the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from faust_cdc.config import (
    catalogue,
    checks,
    converters,
    custom_converters,
    routes,
    signalling,
    snapshot_settings,
    topic_creation,
    topic_names,
    transforms,
)
from faust_cdc.config.column_rules import is_column_rule, rule_of
from faust_cdc.config.options import Option, Support, SupportKind, Type
from faust_cdc.config.secret import MASK, shown
from faust_cdc.config.transform_settings import split_list
from faust_cdc.config.versions import CONNECT_VERSION, DEBEZIUM_VERSION

ConnectorMap: TypeAlias = Mapping[str, str | None]
"""A connector's configuration as it was sent: option names and texts; None where JSON had null."""

_RANGES: Final = {
    Type.INT: (checks.INT_MIN, checks.INT_MAX),
    Type.SHORT: (-32768, 32767),
    Type.LONG: (checks.LONG_MIN, checks.LONG_MAX),
}


@dataclass(frozen=True)
class ConverterDefaults:
    """The worker's converter classes, which a connector without its own gets."""

    key: str = converters.CONFLUENT
    value: str = converters.CONFLUENT


@dataclass(frozen=True)
class ConfigValueInfo:
    """One option's line of `ConfigInfos`: its declaration (None for unknown keys), its value, its errors."""

    name: str
    option: Option | None
    value: str | None
    default: str | None = None
    recommended: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    visible: bool = True
    notes: tuple[str, ...] = field(default=(), compare=False)

    def to_json(self) -> dict[str, Any]:
        """The `{"definition", "value"}` object as the real server writes it."""
        definition = None
        if self.option is not None:
            definition = self.option.definition() | {"default_value": self.default}
        value = None
        if self.option is None or self.option.has_value or self.errors:
            value = {
                "name": self.name,
                "value": self.value,
                "recommended_values": list(self.recommended),
                "errors": list(self.errors),
                "visible": self.visible,
            }
        return {"definition": definition, "value": value}


def validate(
    config: ConnectorMap, defaults: ConverterDefaults | None = None, attempt: transforms.Try | None = None
) -> list[ConfigValueInfo]:
    """Every listed option in the real server's order, then each other key of `config` that has something to say.

    `attempt` makes a transform of its settings, to see that it can be made.

    Never raises: what is wrong is in `errors`.
    """
    flavor = catalogue.flavor_of(config.get("connector.class") or "")
    options = catalogue.by_name(flavor)
    infos: dict[str, ConfigValueInfo] = {}
    plugins = _transform_infos(config, attempt)
    for option in catalogue.listed(flavor):
        if not option.is_framework:
            infos |= plugins  # Connect's own options stand first, then those of transforms
            plugins = {}
        infos[option.name] = _option_info(option, config, defaults)
    for problem in transforms.findings(config)[1]:
        _add(infos, problem.partition(" configuration ")[2].partition(":")[0], problem, None)
    claimed = (*catalogue.USED_PREFIXES, *custom_converters.claimed_prefixes(config))
    for key in config:
        if key not in infos:
            infos[key] = _other_key(key, config, options.get(key), flavor, claimed)
    for finding in converters.converters_of(config)[1]:
        _add(infos, finding.key, finding.problem, finding.value)
    for key, problem in topic_creation.problems(config):
        _add(infos, key, problem, config.get(key))
    for key, problem in (
        *custom_converters.problems(config),
        *topic_names.problems(config),
        *routes.problems(config),
        *transforms.problems(config),
        *snapshot_settings.override_problems(config),
        *signalling.problems(config),
    ):
        _add(infos, key, debezium_error(key, problem), config.get(key))
    for key, problem in _cross_checks(config):
        _add(infos, key, debezium_error(key, problem), None)
    listed = {name for name, info in infos.items() if info.option is not None and info.option.group}
    return [info for name, info in infos.items() if name in listed or info.errors or info.notes]


def _transform_infos(config: ConnectorMap, attempt: transforms.Try | None) -> dict[str, ConfigValueInfo]:
    """The lines of transforms and predicates."""
    return {
        one.option.name: ConfigValueInfo(
            one.option.name, one.option, one.value, one.option.default, one.recommended, one.errors, notes=one.notes
        )
        for one in transforms.findings(config, attempt)[0]
    }


def debezium_error(key: str, problem: str) -> str:
    """A problem in Debezium's words (`io.debezium.config.Field`)."""
    return f"The '{key}' value is invalid: {problem}"


def _add(infos: dict[str, ConfigValueInfo], key: str, problem: str, value: str | None) -> None:
    info = infos.get(key) or ConfigValueInfo(key, None, shown(key, value))
    infos[key] = replace(info, errors=(*info.errors, problem))


def _option_info(option: Option, config: ConnectorMap, defaults: ConverterDefaults | None) -> ConfigValueInfo:
    default, recommended = _default_of(option, defaults or ConverterDefaults())
    sent = option.name in config
    value = config.get(option.name)
    errors, notes = _judge(option, value, sent)
    if option.unset_note and not sent and (config.get("compatibility.mode") or "").strip().lower() != "debezium":
        notes = (*notes, option.unset_note)
    echoed = (value if sent else default) if option.is_framework else None
    if echoed is not None and option.type is Type.LIST:
        echoed = ",".join(split_list(echoed))
    return ConfigValueInfo(option.name, option, echoed, default, recommended, errors, option.visible, notes)


def _default_of(option: Option, defaults: ConverterDefaults) -> tuple[str | None, tuple[str, ...]]:
    name = option.name
    if name == "connector.plugin.version":
        return DEBEZIUM_VERSION, (DEBEZIUM_VERSION,)
    if name.endswith("converter.plugin.version"):
        return CONNECT_VERSION, (CONNECT_VERSION,)
    if name == "key.converter":
        return defaults.key, converters.CONVERTER_CLASSES
    if name == "value.converter":
        return defaults.value, converters.CONVERTER_CLASSES[:-1]
    return option.default, option.recommended


def _other_key(
    key: str, config: ConnectorMap, option: Option | None, flavor: str, claimed: tuple[str, ...]
) -> ConfigValueInfo:
    value = config[key]
    text = shown(key, value)
    if option is not None:
        errors, notes = _judge(option, value, sent=True)
        return ConfigValueInfo(key, None, text, errors=errors, notes=notes)
    if value is None:
        return ConfigValueInfo(key, None, None, errors=(_null_error(key),))
    if value == MASK:
        return ConfigValueInfo(key, None, text, errors=(debezium_error(key, _STRAY_MASK),))
    if key.startswith(f"{snapshot_settings.OVERRIDES}."):
        note = snapshot_settings.override_note(config, key)
        return ConfigValueInfo(key, None, text, notes=() if note is None else (note,))
    if is_column_rule(key):
        rule = rule_of(key, value)
        return ConfigValueInfo(key, None, text, errors=(debezium_error(key, rule),) if isinstance(rule, str) else ())
    if key.startswith(("transforms.", "predicates.")):
        kind = key.partition(".")[0]
        note = f"'{key}' is accepted and has no effect: {kind} does not list it"
        return ConfigValueInfo(key, None, text, notes=(note,))
    support = catalogue.pattern_support(key)
    if key.startswith(claimed if support is None else catalogue.USED_PREFIXES):
        return ConfigValueInfo(key, None, text, notes=custom_converters.notes(key))
    if support is None:
        return ConfigValueInfo(key, None, text, errors=(catalogue.unknown_option(key, flavor),))
    if support.kind is SupportKind.NOTED:
        return ConfigValueInfo(key, None, text, notes=(_note(key, support),))
    return ConfigValueInfo(key, None, text, errors=(_unsupported(key, value, support, ()),))


def _null_error(key: str) -> str:
    return f"Invalid value null for configuration {key}: give a value, or leave the option out"


def _note(key: str, support: Support) -> str:
    return f"'{key}' is accepted and has no effect{support.where}: {support.reason}"


def _judge(option: Option, value: str | None, sent: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The errors and the notes of one option's value."""
    if sent and value is None:
        return (_null_error(option.name),), ()
    if value is None or (value.strip() == "" and not option.is_framework):
        return _missing(option), ()
    problem = _value_problem(option, value)
    if problem is not None:
        return (problem,), ()
    former = option.former.get(value.strip().lower())
    if former is not None:
        return (), (former,)
    support, is_default = option.support, _is_default(option, value)
    if support.kind is SupportKind.NOTED:
        return (), () if is_default else (_note(option.name, support),)
    if support.kind is SupportKind.REFUSED and not is_default:
        return (_unsupported(option.name, value, support, ()),), ()
    if support.kind is SupportKind.LIMITED:
        only = support.only or ((option.default or "").lower(),)
        if value.strip().lower() not in only:
            return (_unsupported(option.name, value, support, only),), ()
    return (), ()


def _missing(option: Option) -> tuple[str, ...]:
    if option.required:
        return (f'Missing required configuration "{option.name}" which has no default value.',)
    if option.required_by_debezium:
        return (debezium_error(option.name, "A value is required"),)
    return ()


def _is_default(option: Option, value: str) -> bool:
    return value.strip().lower() == (option.default or "").lower()


def _unsupported(key: str, value: str, support: Support, only: tuple[str, ...]) -> str:
    legal = " or ".join(f"'{text}'" for text in only if text)
    remedy = f"only {legal} can be used" if legal else "leave the option out"
    return debezium_error(key, f"'{shown(key, value)}' is not supported: {support.reason}; {remedy}")


def _value_problem(option: Option, value: str) -> str | None:
    """What is wrong with the text itself, in Kafka's words for Connect's own options, else in Debezium's."""
    if value == MASK:
        return debezium_error(option.name, _STRAY_MASK)
    say = _kafka_error if option.is_framework else _debezium_value_error
    if option.type is Type.BOOLEAN and value.strip().lower() not in ("true", "false"):
        kafka, debezium = "Expected value to be either true or false", "Either 'true' or 'false' is expected"
        return say(option.name, value, kafka, debezium)
    if option.type in _RANGES and not _in_range(option.type, value):
        return say(option.name, value, f"Not a number of type {option.type.value}", _NUMBERS[option.type])
    word = value.strip().lower()
    if option.legal and word not in option.legal and word not in option.former:
        listed = ", ".join(option.legal)
        return say(option.name, value, f"String must be one of: {listed}", f"Value must be one of {listed}")
    for check in option.checks:
        problem = check(value)
        if problem is not None:
            return say(option.name, value, problem, problem)
    return None


_STRAY_MASK: Final = f"'{MASK}' stands for a stored secret, and none is stored here: give the secret itself"
_NUMBERS: Final = {
    Type.INT: "An integer is expected",
    Type.SHORT: "A short integer is expected",
    Type.LONG: "A long value is expected",
}


def _in_range(kind: Type, value: str) -> bool:
    number = checks.as_int(value)
    low, high = _RANGES[kind]
    return number is not None and low <= number <= high


def _kafka_error(key: str, value: str, kafka: str, _debezium: str) -> str:
    return f"Invalid value {value} for configuration {key}: {kafka}"


def _debezium_value_error(key: str, value: str, _kafka: str, debezium: str) -> str:
    found = "" if value in debezium else f", found '{value}'"
    return debezium_error(key, debezium + found)


def _cross_checks(config: ConnectorMap) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for kind in ("table", "database", "column"):
        include, exclude = f"{kind}.include.list", f"{kind}.exclude.list"
        if config.get(include) and config.get(exclude):
            found.append((exclude, f'"{include}" is already specified; use one of the two'))
    batch = checks.as_int(config.get("max.batch.size") or "2048")
    queue = checks.as_int(config.get("max.queue.size") or "8192")
    if batch is not None and queue is not None and batch >= queue > 0:
        found.append(("max.queue.size", f"It must be larger than max.batch.size ({batch}), found {queue}"))
    return found


def groups_of(infos: list[ConfigValueInfo]) -> list[str]:
    """The names of the groups of the listed options, in order of first appearance, as `validate` shows them."""
    return list(dict.fromkeys(info.option.group for info in infos if info.option and info.option.group))


def config_keys(flavor: str, defaults: ConverterDefaults | None = None) -> list[dict[str, Any]]:
    """The declarations that `GET /connector-plugins/{p}/config` answers: the connector's own, then Connect's."""
    options = catalogue.listed(flavor)
    own = [option for option in options if not option.is_framework]
    framework = [option for option in options if option.is_framework]
    return [
        option.definition() | {"default_value": _default_of(option, defaults or ConverterDefaults())[0]}
        for option in (*own, *framework)
    ]
