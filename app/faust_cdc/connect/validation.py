"""Validation of a configuration against the database itself.

`SourceCheck` connects with the given address, runs the preflight (binlog on, row format, privileges …) and
looks whether the filters match any table. It runs in a thread, within `connection.validation.timeout.ms`:
a database that does not answer must not hold up REST.

A filter that captures nothing is refused, with the nearest existing tables named: it is nearly always a
misspelt pattern, and a connector that runs and stays silent is the worst way to learn of it. A connector for
tables that do not exist yet can name their database in `database.include.list`.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.validation import ConfigValueInfo
from faust_cdc.routing.changes import RouteChange

HOSTNAME = "database.hostname"


@dataclass(frozen=True)
class SourceFinding:
    """A problem that the database revealed, and the option it is shown at."""

    option: str
    problem: str


SourceCheck: TypeAlias = Callable[[MySqlConnectorConfig, RouteChange], list[SourceFinding]]
"""Asks the database about a configuration and what it makes of routes; blocking; returns the problems, if any."""


async def check_source(check: SourceCheck, config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
    """Run a check in a thread within the connector's validation timeout; running late is a finding too.

    The thread is its own and a daemon: one that hangs in name resolution takes no place in the event loop's
    pool, and the worker can end without it.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[list[SourceFinding]] = loop.create_future()

    def deliver(findings: list[SourceFinding] | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(findings or [])

    def run() -> None:
        findings, failure = None, None
        try:
            findings = check(config, change)
        except Exception as error:  # handed over, raised where it is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(deliver, findings, failure)

    threading.Thread(target=run, name=f"validate-{config.name}", daemon=True).start()
    timeout_ms = config.connection_validation_timeout_ms
    try:
        return await asyncio.wait_for(outcome, timeout_ms / 1000)
    except TimeoutError:
        where = f"{config.database_hostname}:{config.database_port}"
        problem = (
            f"Error during connection validation: {where} did not answer within {timeout_ms} ms. Check that host "
            "and port are right and reachable from the worker, or raise connection.validation.timeout.ms."
        )
        return [SourceFinding(HOSTNAME, problem)]


def with_findings(infos: list[ConfigValueInfo], findings: Iterable[SourceFinding]) -> list[ConfigValueInfo]:
    """The infos with each finding's problem added to its option's errors."""
    merged = {info.name: info for info in infos}
    for finding in findings:
        info = merged.get(finding.option) or ConfigValueInfo(finding.option, None, None)
        merged[finding.option] = replace(info, errors=(*info.errors, finding.problem))
    return list(merged.values())


def unmatched_problem(option: str, pattern: str, existing: Iterable[str]) -> str:
    """What to say when the filters capture nothing: the pattern, and the existing names nearest to it.

    `option` is `table.include.list` or `database.include.list`; `existing` are names of that kind.
    """
    kind = option.partition(".")[0]
    by_lower = {name.lower(): name for name in sorted(existing)}
    near = difflib.get_close_matches(pattern.replace("\\", "").lower(), by_lower, n=3, cutoff=0.5)
    named = [by_lower[name] for name in near] or list(by_lower.values())[:3]
    shape = "<database>.<table>" if kind == "table" else "<database>"
    hint = f"Nearest {kind}s: {', '.join(named)}" if named else f"The user sees no {kind}s: check its privileges"
    return (
        f"The '{option}' value is invalid: No {kind} matches '{pattern}' (patterns of {shape} match whole names, "
        f"upper or lower case alike). {hint}."
    )
