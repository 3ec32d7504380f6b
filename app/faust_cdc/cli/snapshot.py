"""`faust-cdc snapshot`: how far a connector's snapshot is, and asking for one; over REST, from anywhere."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import click

from faust_cdc.cli.snapshot_view import is_over, plain_line, view

DEFAULT_URL: Final = "http://127.0.0.1:8083"
TIMEOUT_S: Final = 30.0
CLEAR: Final = "\x1b[H\x1b[J"
"""ANSI: to the upper left corner, and empty from there."""
KINDS: Final = ("incremental", "blocking")

PATIENCE_S: Final = 60.0
"""How long a worker that answered may be away, while its snapshot is watched."""
PASSING: Final = frozenset({409, 500, 502, 503, 504})
"""What a worker answers that starts, and what stands between when it is away."""

url_option = click.option(
    "--url",
    metavar="URL",
    default=DEFAULT_URL,
    envvar="FAUST_CDC_URL",
    show_default=True,
    help="Any worker's REST API; also from FAUST_CDC_URL.",
)
_connector = click.argument("connector")
_tables = click.option(
    "--data-collections",
    metavar="REGEX[,…]",
    multiple=True,
    help="Regular expressions of tables, written database.table; may be given repeatedly.",
)
_kind = click.option("--type", "kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True)


class NoAnswer(click.ClickException):
    """No worker answers, or not yet."""


@click.group()
def snapshot() -> None:
    """Follow and steer the snapshots of a connector."""


@snapshot.command()
@_connector
@url_option
@click.option("--watch", is_flag=True, help="Go on until the snapshot is over.")
@click.option("--every", type=click.FloatRange(0.1), default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--json", "as_json", is_flag=True, help="What the worker answers, a line for each look.")
@click.option("--all", "all_tables", is_flag=True, help="Every table, those too that are done or wait.")
def status(connector: str, url: str, watch: bool, every: float, as_json: bool, all_tables: bool) -> None:
    """Show how far a connector's snapshot is. Ends with 1 when it was stopped before its end."""
    path = f"/connectors/{quote(connector, safe='')}/snapshot"
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    told: Any = None
    for found in _looks(url, path, every) if watch else [call(url, "GET", path)]:
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        elif width is not None or not watch:
            before = CLEAR if watch and width is not None else ""
            click.echo(before + "\n".join(view(found, width, all_tables=all_tables)))
        elif told != (news := _news(found)):
            told = news
            click.echo(plain_line(found))
    if (found["snapshot"] or {}).get("state") == "aborted":
        sys.exit(1)


def _looks(url: str, path: str, every_s: float) -> Iterator[Any]:
    """Yield what the worker answers until the snapshot is over; one that answered before may be away for a while."""
    answered_at: float | None = None
    while True:
        try:
            found = call(url, "GET", path)
        except NoAnswer:
            if answered_at is None or time.monotonic() - answered_at > PATIENCE_S:
                raise
        else:
            answered_at = time.monotonic()
            yield found
            if is_over(found):
                return
        time.sleep(every_s)


def _news(found: dict[str, Any]) -> Any:
    """Return what a new line is worth: not that time goes by."""
    whole = found["snapshot"] or {}
    names = ("id", "state", "rows", "tables_done", "estimated_rows", "waiting")
    return found["task"], {name: whole.get(name) for name in names}


@snapshot.command()
@_connector
@url_option
@_tables
@_kind
@click.option(
    "--condition",
    "conditions",
    metavar="REGEX:SQL",
    multiple=True,
    help="Only rows of matching tables that meet the SQL; may be given repeatedly.",
)
@click.option("--surrogate-key", metavar="COLUMN", help="Read in the order of this column instead of the key.")
@click.option("--id", "signal_id", metavar="ID", help="Of the signal; in notifications and the log.")
def execute(
    connector: str,
    url: str,
    data_collections: Sequence[str],
    kind: str,
    conditions: Sequence[str],
    surrogate_key: str | None,
    signal_id: str | None,
) -> None:
    """Read tables (again) while the stream goes on: incremental, or marked as an initial one (blocking)."""
    tables = _split(data_collections)
    if not tables:
        raise click.UsageError("Give the tables: --data-collections 'shop\\.orders'")
    data: dict[str, Any] = {"type": kind, "data-collections": tables}
    if conditions:
        data["additional-conditions"] = [_condition(text) for text in conditions]
    if surrogate_key:
        data["surrogate-key"] = surrogate_key
    _signal(url, connector, "execute-snapshot", data, signal_id)


@snapshot.command()
@_connector
@url_option
@_tables
@_kind
@click.option("--id", "signal_id", metavar="ID", help="Of the signal.")
def stop(connector: str, url: str, data_collections: Sequence[str], kind: str, signal_id: str | None) -> None:
    """Give up the snapshot that runs, or these tables of it."""
    tables = _split(data_collections)
    data: dict[str, Any] = {"type": kind} | ({"data-collections": tables} if tables else {})
    _signal(url, connector, "stop-snapshot", data, signal_id)


@snapshot.command()
@_connector
@url_option
@_kind
@click.option("--id", "signal_id", metavar="ID", help="Of the signal.")
def pause(connector: str, url: str, kind: str, signal_id: str | None) -> None:
    """Read no further rows until it is resumed."""
    _signal(url, connector, "pause-snapshot", {"type": kind}, signal_id)


@snapshot.command()
@_connector
@url_option
@_kind
@click.option("--id", "signal_id", metavar="ID", help="Of the signal.")
def resume(connector: str, url: str, kind: str, signal_id: str | None) -> None:
    """Go on with a snapshot that was paused."""
    _signal(url, connector, "resume-snapshot", {"type": kind}, signal_id)


def _split(lists: Sequence[str]) -> list[str]:
    return [text.strip() for each in lists for text in each.split(",") if text.strip()]


def _condition(text: str) -> dict[str, str]:
    table, colon, sql = text.partition(":")
    if not colon or not table.strip() or not sql.strip():
        raise click.BadParameter(f"expected REGEX:SQL, found '{text}'", param_hint="--condition")
    return {"data-collection": table.strip(), "filter": sql.strip()}


def _signal(url: str, connector: str, kind: str, data: dict[str, Any], signal_id: str | None) -> None:
    body = {"type": kind, "data": data} | ({"id": signal_id} if signal_id else {})
    answer = call(url, "POST", f"/connectors/{quote(connector, safe='')}/signals", body)
    follow = f"faust-cdc snapshot status {connector} --url {url}"
    click.echo(f"Sent {kind} to {connector} as signal {answer['id']}. How it goes: {follow}")


def call(url: str, method: str, path: str, body: object = None) -> Any:
    """Return the worker's JSON answer. Raises ClickException with what went wrong, NoAnswer for what may pass."""
    data = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(
            url.rstrip("/") + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None
    except urllib.error.HTTPError as error:
        with error:
            problem = _message(error.read()) or f"HTTP {error.code} {error.reason}"
        raise (NoAnswer if error.code in PASSING else click.ClickException)(problem) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoAnswer(f"No worker answers at {url}: {reason}. Name one with --url.") from None


def _message(raw: bytes) -> str | None:
    try:
        message = json.loads(raw)["message"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(message)
