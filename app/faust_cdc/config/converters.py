"""Converters: which registry a connector's Avro schemas go to.

Records are always Avro in this version, so `key.converter` and `value.converter` only say *where* the schemas
are registered. Confluent's and Apicurio's AvroConverter are known by their class names and their own keys.

- A converter class in the connector's configuration brings its own keys; the worker's are not merged in
  (Connect does the same: `org.apache.kafka.connect.runtime.isolation.Plugins.newConverter`).
- No class in the connector: the worker's. No class there either: the registry embedded in the worker.
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

from faust_cdc.config.options import USED, Support, SupportKind, limited, noted
from faust_cdc.config.secret import Secret

CONFLUENT: Final = "io.confluent.connect.avro.AvroConverter"
APICURIO: Final = "io.apicurio.registry.utils.converter.AvroConverter"
CONVERTER_CLASSES: Final = (CONFLUENT, APICURIO)
SIDES: Final = ("key.converter", "value.converter")

_WRITES_SCHEMAS = "schemas are always registered before the first record that needs them"
_EXACT = "every record names the schema it was written with"
_AVRO_DATA: Final[dict[str, Support]] = {
    "enhanced.avro.schema.support": limited("enhanced Avro schemas are not in this version", "false"),
    "connect.meta.data": limited("schemas always carry Connect's names and versions", "true"),
    "schemas.cache.config": noted("schemas are kept per table version"),
}
_CONFLUENT_KEYS: Final[dict[str, Support]] = _AVRO_DATA | {
    "schema.registry.url": USED,
    "basic.auth.credentials.source": USED,
    "basic.auth.user.info": USED,
    "schema.registry.basic.auth.user.info": USED,
    "auto.register.schemas": limited(_WRITES_SCHEMAS, "true"),
    "use.latest.version": limited(_EXACT, "false"),
    "latest.compatibility.strict": noted(_EXACT),
    "id.compatibility.strict": noted(_EXACT),
    "normalize.schemas": limited("schemas are registered as they are", "false"),
    "key.subject.name.strategy": limited("subjects are <topic>-key and <topic>-value in this version", "topicname"),
    "value.subject.name.strategy": limited("subjects are <topic>-key and <topic>-value in this version", "topicname"),
    "scrub.invalid.names": noted("table and column names are always made legal Avro names"),
    "max.schemas.per.subject": noted("schemas are kept per table version"),
    "http.connect.timeout.ms": noted("the registry client has its own timeouts"),
    "http.read.timeout.ms": noted("the registry client has its own timeouts"),
    "max.retries": noted("the registry client has its own retries"),
    "retries.wait.ms": noted("the registry client has its own retries"),
    "retries.max.wait.ms": noted("the registry client has its own retries"),
}
_APICURIO_KEYS: Final[dict[str, Support]] = _AVRO_DATA | {
    "apicurio.registry.url": USED,
    "apicurio.registry.auth.username": USED,
    "apicurio.registry.auth.password": USED,
    "apicurio.registry.auto-register": limited(_WRITES_SCHEMAS, "true"),
    "apicurio.registry.auto-register.if-exists": noted("registering a known schema gives its known id"),
    "apicurio.registry.find-latest": noted(_EXACT),
    "apicurio.registry.as-confluent": limited("records carry the id in 4 bytes", "true"),
    "apicurio.registry.headers.enabled": limited("the schema id is in the record, not in a header", "false"),
    "apicurio.registry.use-id": limited("records carry the content id, as in the Confluent format", "contentid"),
    "apicurio.registry.id-handler": limited(
        "records carry the id in 4 bytes",
        "io.apicurio.registry.serde.default4byteidhandler",
        "io.apicurio.registry.serde.legacy4byteidhandler",
    ),
    "apicurio.registry.check-period-ms": noted("schemas are kept per table version"),
    "apicurio.registry.retry-count": noted("the registry client has its own retries"),
    "apicurio.registry.retry-backoff-ms": noted("the registry client has its own retries"),
}
_TOPIC_NAME_STRATEGY = re.compile(r"(.*\.)?(Topic|Associated)NameStrategy", re.IGNORECASE)


@dataclass(frozen=True)
class RegistrySettings:
    """Where schemas are registered: base URLs in order of preference, and basic authentication if any."""

    urls: tuple[str, ...]
    username: str | None = None
    password: Secret | None = None


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


def registry_of(config: Mapping[str, str | None]) -> tuple[RegistrySettings | None, list[Finding]]:
    """The registry that `key.converter` and `value.converter` of one configuration level name.

    Returns None when neither class is set. The findings list every problem; with findings the settings are
    not to be used.
    """
    findings: list[Finding] = []
    found: list[tuple[str, RegistrySettings]] = []
    for side in SIDES:
        class_name = config.get(side)
        sub = {k[len(side) + 1 :]: v for k, v in config.items() if k.startswith(side + ".")}
        sub.pop("plugin.version", None)
        if not class_name:
            findings += _stray_keys(side, sub)
            continue
        if class_name not in CONVERTER_CLASSES:
            findings.append(Finding(side, class_name, _unsupported_class(class_name)))
            continue
        findings += _check_keys(side, class_name, sub)
        settings = _settings(side, class_name, sub, findings)
        if settings is not None:
            found.append((side, settings))
    if len(found) == 2 and found[0][1] != found[1][1]:
        problem = "Keys and values must use the same registry, with the same credentials, in this version"
        findings.append(Finding(SIDES[0], config.get(SIDES[0]), problem))
    return (found[-1][1] if found else None), findings


def _unsupported_class(class_name: str) -> str:
    return (
        f"The converter {class_name} is not in this version: records are Avro. Use {CONFLUENT} with "
        f"schema.registry.url, {APICURIO} with apicurio.registry.url, or leave the option out to use the worker's"
    )


def _stray_keys(side: str, sub: Mapping[str, str | None]) -> Iterator[Finding]:
    for key, value in sub.items():
        problem = f"It has no effect without '{side}' in the same configuration: add the class, or leave it out"
        yield Finding(f"{side}.{key}", value, problem)


def _check_keys(side: str, class_name: str, sub: Mapping[str, str | None]) -> Iterator[Finding]:
    known = _CONFLUENT_KEYS if class_name == CONFLUENT else _APICURIO_KEYS
    for key, value in sub.items():
        support = known.get(key)
        if support is None:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{side}.{near[0]}'?" if near else "leave it out"
            yield Finding(f"{side}.{key}", value, f"Not supported for {class_name} in this version: {hint}")
        elif support.kind is SupportKind.LIMITED and not _allowed(key, value or "", support):
            only = " or ".join(support.only)
            yield Finding(f"{side}.{key}", value, f"Not supported in this version: {support.reason}; only {only}")


def _allowed(key: str, value: str, support: Support) -> bool:
    if key.endswith("subject.name.strategy"):
        return bool(_TOPIC_NAME_STRATEGY.fullmatch(value))
    return value.strip().lower() in support.only


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
