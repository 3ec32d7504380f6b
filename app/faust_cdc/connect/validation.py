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
import difflib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.validation import ConfigValueInfo

log = logging.getLogger(__name__)

HOSTNAME = "database.hostname"


@dataclass(frozen=True)
class SourceFinding:
    """A problem that the database revealed, and the option it is shown at."""

    option: str
    problem: str


SourceCheck: TypeAlias = Callable[[MySqlConnectorConfig], list[SourceFinding]]
"""Asks the database; blocking; returns the problems, none when all is well."""


async def check_source(check: SourceCheck, config: MySqlConnectorConfig) -> list[SourceFinding]:
    """Run a check in a thread within the connector's validation timeout; running late is a finding too."""
    timeout_ms = config.connection_validation_timeout_ms
    try:
        return await asyncio.wait_for(asyncio.to_thread(check, config), timeout_ms / 1000)
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
    names = sorted(existing)
    plain = pattern.replace("\\", "").lower()
    near = difflib.get_close_matches(plain, [name.lower() for name in names], n=3, cutoff=0.5)
    named = [name for name in names if name.lower() in near] or names[:3]
    shape = "<database>.<table>" if kind == "table" else "<database>"
    hint = f"Nearest {kind}s: {', '.join(named)}" if named else f"The user sees no {kind}s: check its privileges"
    return (
        f"The '{option}' value is invalid: No {kind} matches '{pattern}' (patterns of {shape} match whole names, "
        f"upper or lower case alike). {hint}."
    )
