"""HTTP to one or several registries: fail-over, retries with backoff, limits in time and size, no secrets in errors.

One `request` is a series of rounds. In a round each URL is asked once, beginning with the one that answered last;
an answer other than 408, 429 or 5xx ends it. Between rounds it waits, exponentially longer and with full jitter,
or as `Retry-After` says; all within `retry_total_s`. A stop event ends the waiting at once, and a stopped task is
held up by at most one read timeout.
"""

from __future__ import annotations

import json
import logging
import random
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from faust_cdc.errors import ConfigError, RegistryRefused, RegistryUnavailable

logger = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_ACCEPT: Final = f"{CONTENT_TYPE}, application/vnd.schemaregistry+json, application/json"
_RETRIED: Final = frozenset((408, 429, 500, 502, 503, 504))
_ANSWER_BYTES_MAX: Final = 32 * 1024 * 1024
_EXCERPT_MAX: Final = 300


@dataclass(frozen=True)
class Endpoint:
    """One registry URL without its credentials, and they apart, hidden from repr."""

    url: str
    auth: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RegistryConfig:
    """How to reach a registry.

    `urls`: one or several base URLs (a text with commas will do), credentials in them are taken out at once.
    `username` and `password` apply to URLs without their own. `tls_ca_file`, `tls_cert_file`, `tls_key_file` are
    PEM files. Times in seconds: `timeout_s` per read and connect, `retry_total_s` for a whole request with all its
    retries. `retries` counts the rounds after the first. `auth_option` and `url_option` are what error messages
    call the options. Raises ConfigError for what cannot be used.
    """

    urls: Sequence[str] | str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls_ca_file: str | None = None
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    tls_key_password: str | None = field(default=None, repr=False)
    timeout_s: float = 10.0
    retries: int = 5
    backoff_s: float = 0.2
    backoff_max_s: float = 5.0
    retry_total_s: float = 60.0
    auth_option: str = "basic.auth.user.info"
    url_option: str = "schema.registry.url"
    endpoints: tuple[Endpoint, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given = self.urls.split(",") if isinstance(self.urls, str) else list(self.urls)
        default = None if self.username is None else (self.username, self.password or "")
        endpoints = tuple(_endpoint(url.strip(), default, self.url_option) for url in given if url.strip())
        if not endpoints:
            raise ConfigError(f"{self.url_option} is empty; expected one or more http(s) URLs.")
        # The URLs as given may hold passwords: nothing keeps them.
        object.__setattr__(self, "urls", tuple(endpoint.url for endpoint in endpoints))
        object.__setattr__(self, "endpoints", endpoints)


@dataclass(frozen=True)
class Answer:
    """A final answer: HTTP status, the body as JSON (None if empty or not JSON), and who gave it."""

    status: int
    body: Any
    text: str = field(repr=False)
    content_type: str
    url: str

    @property
    def error_code(self) -> int | None:
        """Confluent's error code, None if the body has none."""
        code = self.body.get("error_code") if isinstance(self.body, dict) else None
        return code if isinstance(code, int) else None

    @property
    def message(self) -> str:
        """The registry's own words, or the beginning of whatever came."""
        if isinstance(self.body, dict) and isinstance(self.body.get("message"), str):
            return str(self.body["message"])
        return " ".join(self.text[:_EXCERPT_MAX].split()) or "(empty body)"


class _Failed(Exception):
    """One try at one URL failed in a passing way; `wait_s` is the server's Retry-After."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class RegistryTransport:
    """Sends requests as its module says. Thread-safe."""

    def __init__(self, config: RegistryConfig, stop: threading.Event | None = None) -> None:
        self._config = config
        self._stop = stop or threading.Event()
        self._preferred = 0
        self._client = httpx.Client(
            verify=_tls_context(config),
            timeout=config.timeout_s,
            follow_redirects=False,
            # Like Java's clients: no proxies from the environment, no passwords from ~/.netrc.
            trust_env=False,
            headers={"Accept": _ACCEPT},
            limits=httpx.Limits(max_connections=10, keepalive_expiry=30),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(self, method: str, path: str, body: object = None) -> Answer:
        """The first final answer; raises RegistryUnavailable after all retries, RegistryRefused for 401 and 403.

        `path` begins with a slash and is already percent-encoded; `body` is sent as JSON.
        """
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        deadline = time.monotonic() + self._config.retry_total_s
        failures: dict[str, str] = {}
        for attempt in range(self._config.retries + 1):
            wait_s = random.uniform(0.5, 1) * min(self._config.backoff_max_s, self._config.backoff_s * 2**attempt)
            for index in self._order():
                endpoint = self._config.endpoints[index]
                self._check_stop(method, path, failures)
                try:
                    answer = self._try(endpoint, method, path, content, deadline)
                except _Failed as exc:
                    failures[endpoint.url] = str(exc)
                    wait_s = max(wait_s, exc.wait_s or 0)
                    logger.debug("schema registry %s: %s %s: %s", endpoint.url, method, path, exc)
                else:
                    self._preferred = index
                    return answer
            if time.monotonic() + wait_s >= deadline or attempt == self._config.retries:
                break
            logger.warning(
                "schema registry: %s %s failed (%s); next try in %.1f s",
                method,
                path,
                _summary(failures),
                wait_s,
            )
            self._stop.wait(wait_s)
        raise RegistryUnavailable(
            f"No schema registry answered {method} {path} after {attempt + 1} tries: {_summary(failures)}.",
            remedy=f"see that the registry is up and {self._config.url_option} names it",
        )

    def _order(self) -> list[int]:
        count = len(self._config.endpoints)
        return [(self._preferred + i) % count for i in range(count)]

    def _check_stop(self, method: str, path: str, failures: dict[str, str]) -> None:
        if self._stop.is_set():
            raise RegistryUnavailable(
                f"Stopped while asking the schema registry: {method} {path} ({_summary(failures)})."
            )

    def _try(self, endpoint: Endpoint, method: str, path: str, content: bytes | None, deadline: float) -> Answer:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _Failed(f"not tried: the {self._config.retry_total_s:g} s for all retries are over")
        request = self._client.build_request(
            method,
            endpoint.url + path,
            content=content,
            headers={"Content-Type": CONTENT_TYPE} if content is not None else None,
            timeout=min(self._config.timeout_s, left),
        )
        auth = httpx.BasicAuth(*endpoint.auth) if endpoint.auth else None
        try:
            response = self._client.send(request, stream=True, auth=auth)
            try:
                data = self._read(response, time.monotonic() + self._config.timeout_s)
            finally:
                response.close()
        except (httpx.TransportError, httpx.DecodingError, OSError) as exc:
            raise _Failed(f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__) from exc
        answer = _answer(response, data, endpoint.url)
        if response.status_code in _RETRIED or response.status_code >= 500:
            raise _Failed(f"HTTP {response.status_code}: {answer.message}", _retry_after(response))
        if response.status_code in (401, 403):
            raise self._refused(endpoint, answer)
        return answer

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        data = bytearray()
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > _ANSWER_BYTES_MAX:
                raise _Failed(f"answered more than {_ANSWER_BYTES_MAX} bytes")
            # httpx's timeout is per read: a server that drips bytes would hold us for ever.
            if time.monotonic() > deadline:
                raise _Failed(f"the answer was not complete within {self._config.timeout_s:g} s")
            if self._stop.is_set():
                raise _Failed("stopped while reading the answer")
        return bytes(data)

    def _refused(self, endpoint: Endpoint, answer: Answer) -> RegistryRefused:
        who = f"user {endpoint.auth[0]!r}" if endpoint.auth else "a request without credentials"
        return RegistryRefused(
            f"The schema registry {endpoint.url} refuses {who}: HTTP {answer.status}: {answer.message}.",
            remedy=f"set {self._config.auth_option} to a user and password the registry accepts",
        )


def _endpoint(url: str, default_auth: tuple[str, str] | None, option: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        # The text of the URL may hold a password: only what is wrong with it is told.
        raise ConfigError(f"{option}: a URL cannot be parsed ({type(exc).__name__}).") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{option}: found scheme {parts.scheme!r} and host {parts.hostname!r}; expected http(s)://host:port/path."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    clean = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
    if parts.username is not None:
        return Endpoint(clean, (unquote(parts.username), unquote(parts.password or "")))
    return Endpoint(clean, default_auth)


def _tls_context(config: RegistryConfig) -> ssl.SSLContext:
    if not _speaks_tls(config):
        # httpx wants a context all the same; one that trusts nobody spares each start of a task the 20 ms and 2 MB
        # of the system's authorities. Redirects are not followed, so it is never used.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = ssl.create_default_context(cafile=config.tls_ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"The registry's CA file {config.tls_ca_file!r} cannot be used: {exc}.") from exc
    if config.tls_cert_file is not None:
        try:
            context.load_cert_chain(config.tls_cert_file, config.tls_key_file, config.tls_key_password)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(
                f"The registry's client certificate {config.tls_cert_file!r} with key {config.tls_key_file!r}"
                f" cannot be used: {exc}."
            ) from exc
    return context


def _speaks_tls(config: RegistryConfig) -> bool:
    """Whether TLS is used, or was configured, so that what is wrong with it is to be told."""
    configured = config.tls_ca_file is not None or config.tls_cert_file is not None
    return configured or any(endpoint.url.startswith("https:") for endpoint in config.endpoints)


def _answer(response: httpx.Response, data: bytes, url: str) -> Answer:
    text = data.decode("utf-8", "replace")
    try:
        body = json.loads(text) if text.strip() else None
    except ValueError:
        body = None
    return Answer(response.status_code, body, text, response.headers.get("Content-Type", ""), url)


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None


def _summary(failures: dict[str, str]) -> str:
    return "; ".join(f"{url}: {reason}" for url, reason in failures.items()) or "not asked yet"
