"""`faust-cdc schemas check`: what a DDL statement would do to a connector's schemas, before anybody runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from faust_cdc.cli.snapshot import call, url_option

DIRECTIONS = {
    (True, True): "consumers may take the new schema before or after the change",
    (True, False): "consumers need the new schema first: with today's they cannot read what comes",
    (False, True): "consumers must keep today's schema for what is there: the new one cannot read it",
    (False, False): "neither schema can read what the other wrote",
}


@click.group()
def schemas() -> None:
    """Look at the schemas of a connector's tables."""


@schemas.command()
@click.option("--sql", required=True, metavar="SQL", help="The statement, as the server would run it. It is not run.")
@click.option("--database", default="", metavar="NAME", help="For tables that the statement names without one.")
@click.option("--connector", metavar="NAME", help="A connector that a worker has; asked over its REST API.")
@url_option
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Without a worker: a connector's configuration as JSON, with or without its name around it.",
)
@click.option(
    "--properties",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --config: the worker's properties file, for the converters that the connector does not name.",
)
@click.option("--json", "as_json", is_flag=True, help="The answer as REST gives it.")
def check(
    sql: str,
    database: str,
    connector: str | None,
    url: str,
    config_file: Path | None,
    properties: Path | None,
    as_json: bool,
) -> None:
    """Say whether a statement is safe, for whom, and what differs. Ends with 1 when it is not.

    The structures compared are those that the server has now; the registry is asked, and nothing is registered.
    """
    if (connector is None) == (config_file is None):
        raise click.UsageError("Give either --connector or --config.")
    if connector is not None:
        path = f"/connectors/{quote(connector, safe='')}/schemas/check"
        found = call(url, "POST", path, {"sql": sql, "database": database})
    else:
        assert config_file is not None, "one of the two is given"
        found = _check_here(config_file, properties, sql, database)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(found)))
    if not found["safe"]:
        sys.exit(1)


def _check_here(config_file: Path, properties: Path | None, sql: str, database: str) -> dict[str, Any]:
    # Imported here: the other way needs neither driver nor transcoder.
    from faust_cdc.config.properties import read_properties
    from faust_cdc.config.worker import parse_worker_config
    from faust_cdc.connect.desired import TASK_ID, TaskDesired
    from faust_cdc.connect.states import TargetState
    from faust_cdc.errors import CdcError
    from faust_cdc.pipeline.schema_check import check_statement
    from faust_cdc.worker.tasks import task_spec

    try:
        document = json.loads(config_file.read_text(encoding="utf-8"))
        given = document.get("config", document)
        name = str(document.get("name", given.get("name", config_file.stem)))
        settings = {"bootstrap.servers": "none:1"} | (read_properties(properties) if properties else {})
        desired = TaskDesired(name, TASK_ID, {"name": name} | given, TargetState.STARTED)
        return check_statement(task_spec(desired, parse_worker_config(settings)), sql, database)
    except CdcError as error:
        raise click.ClickException(str(error)) from error
    except (OSError, ValueError, AttributeError) as error:
        raise click.ClickException(f"{config_file} is no connector's configuration in JSON: {error}") from error


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for one in found["not_told"]:
        yield f"NOT TOLD   {', '.join(one['tables'])}: {one['reason']}"
    if not found["tables"] and not found["not_told"]:
        yield "SAFE       the statement changes no table"
    for table in found["tables"]:
        yield f"{'SAFE' if table['safe'] else 'NOT SAFE':10} {table['change']} {table['table']}: {table['then']}"
        if table.get("note"):
            yield f"  {table['note']}"
        for one in table["schemas"]:
            yield from _schema_lines(one)


def _schema_lines(one: dict[str, Any]) -> Iterator[str]:
    if not one["differences"]:
        yield f"  {one['part']}: schema of {one['subject']} stays as it is"
        return
    version = "the table as it is" if one["against_version"] is None else f"version {one['against_version']}"
    verdict = "taken" if one["allowed"] else "refused"
    yield f"  {one['part']}: {verdict} by subject {one['subject']} under {one['rule']} ({one['rule_of']}'s rule)"
    yield f"    {DIRECTIONS[one['backward'], one['forward']]}"
    yield f"    backward {_yes(one['backward'])}, forward {_yes(one['forward'])}, against {version}:"
    for difference in one["differences"]:
        yield f"      {difference}"


def _yes(holds: bool) -> str:
    return "compatible" if holds else "incompatible"
