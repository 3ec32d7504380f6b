"""Converters: what keys and values are written as, and which registry a connector's Avro schemas go to.

- A converter class in the connector's configuration brings its own keys; the worker's are not merged in
  (Connect does the same: `org.apache.kafka.connect.runtime.isolation.Plugins.newConverter`).
- No class in the connector: the worker's, each side for itself. No class there either: Avro, with the registry embedded
  in the worker, or that of the connector's other side.
- Apicurio's own API is not spoken: its URL (`…/apis/registry/v2`) is turned into that of its Confluent
  compatible API on the same host (`…/apis/ccompat/v7`), which gives the same ids.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from faust_cdc.config.converter_keys import (
    APICURIO,
    AVRO_CLASSES,
    CONFLUENT,
    CONVERTER_CLASSES,
    JSON,
    LEGAL,
    STRING,
    keys_of,
    resolver_strategy,
    subject_strategy,
)
from faust_cdc.config.converter_settings import (
    AvroOptions,
    ConverterSettings,
    Format,
    IdFrom,
    JsonOptions,
    RegistrySettings,
)
from faust_cdc.config.options import Support, SupportKind
from faust_cdc.config.secret import Secret

__all__ = [
    "APICURIO",
    "AVRO_CLASSES",
    "CONFLUENT",
    "CONVERTER_CLASSES",
    "JSON",
    "STRING",
    "ConverterSettings",
    "Converters",
    "Finding",
    "RegistrySettings",
    "ccompat_url",
    "converters_of",
    "without_userinfo",
]

SIDES: Final = ("key.converter", "value.converter")


@dataclass(frozen=True)
class Converters:
    """The converters of both sides; None where a configuration names none."""

    key: ConverterSettings | None = None
    value: ConverterSettings | None = None

    @property
    def registry(self) -> RegistrySettings | None:
        """A registry that one of the sides names, that of values first."""
        named = (side.registry for side in (self.value, self.key) if side is not None)
        return next((one for one in named if one is not None), None)


@dataclass(frozen=True)
class Finding:
    """One problem of a converter's configuration: the full option name, its value, and what is wrong."""

    key: str
    value: str | None
    problem: str


def ccompat_url(url: str) -> str:
    """The URL of Apicurio's Confluent compatible API (v7) on the host of one of its own API.

    A path before `/apis` (a proxy's) is kept; a URL that names the compatible API already stays as it is.
    """
    parts = urlsplit(url)
    before, found, api = parts.path.partition("/apis")
    if found and api.startswith("/ccompat"):
        return url.rstrip("/")
    path = (before if found else parts.path).rstrip("/") + "/apis/ccompat/v7"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def converters_of(config: Mapping[str, str | None]) -> tuple[Converters, list[Finding]]:
    """The converters that `key.converter` and `value.converter` of one configuration level name.

    The findings list every problem; with findings the converters are not to be used.
    """
    findings: list[Finding] = []
    key, value = (_side(side, config, findings) for side in SIDES)
    return Converters(key, value), findings


def _side(side: str, config: Mapping[str, str | None], findings: list[Finding]) -> ConverterSettings | None:
    class_name = (config.get(side) or "").strip()
    sub = {k[len(side) + 1 :]: v for k, v in config.items() if k.startswith(side + ".")}
    sub.pop("plugin.version", None)
    if not class_name:
        findings += _stray_keys(side, sub)
        return None
    if class_name not in CONVERTER_CLASSES or (class_name == STRING and side == SIDES[1]):
        findings.append(Finding(side, class_name, _unsupported_class(side, class_name)))
        return None
    findings += _check_keys(side, class_name, sub)
    if class_name == JSON:
        return ConverterSettings(Format.JSON, json=_json_options(sub))
    if class_name == STRING:
        return ConverterSettings(Format.STRING)
    registry = _settings(side, class_name, sub, findings)
    options = _confluent_options if class_name == CONFLUENT else _apicurio_options
    return ConverterSettings(Format.AVRO, registry, options(side, sub, findings))


def _unsupported_class(side: str, class_name: str) -> str:
    if class_name == STRING:
        return (
            "A change event as a Java text loses its binary values and cannot be read back: StringConverter is for "
            f"keys. Use {JSON} or an Avro converter"
        )
    classes = CONVERTER_CLASSES if side == SIDES[0] else CONVERTER_CLASSES[:-1]
    return (
        f"The converter {class_name} is not in this version. Use {', '.join(classes)}, or leave the option out to use "
        "the worker's"
    )


def _flag(sub: Mapping[str, str | None], key: str, default: bool) -> bool:
    text = (sub.get(key) or "").strip().lower()
    return text == "true" if text else default


def _json_options(sub: Mapping[str, str | None]) -> JsonOptions:
    return JsonOptions(
        schemas=_flag(sub, "schemas.enable", True),
        numeric_decimals=(sub.get("decimal.format") or "").strip().upper() == "NUMERIC",
        null_is_default=_flag(sub, "replace.null.with.default", False),
    )


def _confluent_options(side: str, sub: Mapping[str, str | None], findings: list[Finding]) -> AvroOptions:
    key = f"{side.partition('.')[0]}.subject.name.strategy"
    strategy = subject_strategy(sub.get(key) or "TopicNameStrategy")
    if strategy is None:
        problem = "It is none of Confluent's: TopicNameStrategy, RecordNameStrategy, TopicRecordNameStrategy"
        findings.append(Finding(f"{side}.{key}", sub.get(key), problem))
    if _flag(sub, "auto.register.schemas", True):
        id_from = IdFrom.REGISTER
    else:
        id_from = IdFrom.LATEST if _flag(sub, "use.latest.version", False) else IdFrom.LOOKUP
    return AvroOptions(
        strategy or "topic",
        id_from,
        normalize=_flag(sub, "normalize.schemas", False),
        connect_meta_data=_flag(sub, "connect.meta.data", True),
        scrub_invalid_names=_flag(sub, "scrub.invalid.names", False),
        null_is_default=not _flag(sub, "ignore.default.for.nullables", True),
    )


def _apicurio_options(side: str, sub: Mapping[str, str | None], findings: list[Finding]) -> AvroOptions:
    key = "apicurio.registry.artifact-resolver-strategy"
    strategy = resolver_strategy(sub.get(key) or "TopicIdStrategy")
    if strategy is None:
        problem = (
            "It is none of TopicIdStrategy, SimpleTopicIdStrategy, QualifiedRecordIdStrategy; RecordIdStrategy and "
            "TopicRecordIdStrategy need groups, and the Confluent API knows the default group alone"
        )
        findings.append(Finding(f"{side}.{key}", sub.get(key), problem))
    # Apicurio's default is not to register; without schemas nothing could be written, so only an explicit false counts.
    if _flag(sub, "apicurio.registry.auto-register", True):
        id_from = IdFrom.REGISTER
    else:
        id_from = IdFrom.LATEST if _flag(sub, "apicurio.registry.find-latest", False) else IdFrom.LOOKUP
    return AvroOptions(strategy or "topic", id_from, connect_meta_data=_flag(sub, "connect.meta.data", True))


def _stray_keys(side: str, sub: Mapping[str, str | None]) -> Iterator[Finding]:
    for key, value in sub.items():
        problem = f"It has no effect without '{side}' in the same configuration: add the class, or leave it out"
        yield Finding(f"{side}.{key}", value, problem)


def _check_keys(side: str, class_name: str, sub: Mapping[str, str | None]) -> Iterator[Finding]:
    known = keys_of(class_name)
    for key, value in sub.items():
        support = known.get(key)
        if support is None:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{side}.{near[0]}'?" if near else "leave it out"
            yield Finding(f"{side}.{key}", value, f"Not supported for {class_name} in this version: {hint}")
        elif (problem := _value_problem(key, value or "", support)) is not None:
            yield Finding(f"{side}.{key}", value, problem)


def _value_problem(key: str, value: str, support: Support) -> str | None:
    text = value.strip().lower()
    if support.kind is SupportKind.REFUSED:
        return f"Not supported in this version: {support.reason}; leave it out"
    if support.kind is SupportKind.LIMITED and text not in support.only:
        return f"Not supported in this version: {support.reason}; only {' or '.join(support.only)}"
    legal = LEGAL.get(key)
    if legal is not None and text not in legal:
        return f"Value must be one of {', '.join(sorted(legal))}, found '{value}'"
    return None


def _settings(
    side: str, class_name: str, sub: Mapping[str, str | None], findings: list[Finding]
) -> RegistrySettings | None:
    key = "schema.registry.url" if class_name == CONFLUENT else "apicurio.registry.url"
    text = sub.get(key)
    urls = [part.strip() for part in (text or "").split(",") if part.strip()]
    if not urls:
        problem = f'Missing required configuration "{key}" which has no default value.'
        findings.append(Finding(f"{side}.{key}", text, problem))
        return None
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            problem = f"'{without_userinfo(url)}' is not a registry URL: give http(s)://host[:port][/path]"
            findings.append(Finding(f"{side}.{key}", without_userinfo(url), problem))
            return None
    bare = tuple(without_userinfo(url).rstrip("/") for url in urls)
    username, password = _credentials(side, class_name, sub, urls[0], findings)
    final = bare if class_name == CONFLUENT else tuple(ccompat_url(url) for url in bare)
    return RegistrySettings(final, username, password)


def _credentials(
    side: str, class_name: str, sub: Mapping[str, str | None], url: str, findings: list[Finding]
) -> tuple[str | None, Secret | None]:
    if class_name == APICURIO:
        user, password = sub.get("apicurio.registry.auth.username"), sub.get("apicurio.registry.auth.password")
        return (user, Secret(password or "")) if user else (None, None)
    source = (sub.get("basic.auth.credentials.source") or "URL").strip().upper()
    key = "basic.auth.user.info"
    if source == "USER_INFO":
        info = sub.get(key) or sub.get("schema.registry.basic.auth.user.info") or ""
        user, colon, password = info.partition(":")
        if not colon:
            findings.append(Finding(f"{side}.{key}", None, "Give it as <user>:<password>"))
        return user, Secret(password)
    if source != "URL":
        problem = f"Not supported in this version: {source}; only URL or USER_INFO"
        findings.append(Finding(f"{side}.basic.auth.credentials.source", source, problem))
    parts = urlsplit(url)
    if parts.username is None:
        return None, None
    return unquote(parts.username), Secret(unquote(parts.password or ""))


def without_userinfo(url: str) -> str:
    """The URL without `user:password@`, fit for messages; also when it is not quite a URL."""
    return re.sub(r"^([a-z][a-z0-9+.-]*://)?[^/@]*@", r"\1", url, flags=re.IGNORECASE)
