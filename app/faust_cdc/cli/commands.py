"""The commands: `worker` (Faust's own worker, with Connect's settings), `config`, `version`, `schemas` and `snapshot`.

`faust-cdc worker --properties FILE` and `faust -A faust_cdc.worker worker -l info` are the same program: this one only
puts its options where the worker reads them, into the environment, before Faust is imported.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from faust_cdc.cli.schemas import schemas
from faust_cdc.cli.snapshot import snapshot

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """faust-cdc: MySQL and MariaDB changes into Kafka as Avro, with Kafka Connect's REST API."""


main.add_command(schemas)
main.add_command(snapshot)


@main.command()
@click.option(
    "--properties",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Kafka Connect worker properties file (distributed). Options below win over it.",
)
@click.option("--bootstrap", metavar="HOST:PORT[,…]", help="Kafka brokers (bootstrap.servers).")
@click.option("--group", metavar="ID", help="Workers with the same id share the connectors (group.id).")
@click.option("--host", metavar="HOST", help="Address the REST API is bound to (listeners).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the REST API, 8083 by default (listeners).")
@click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="Any other worker setting; may be given repeatedly."
)
@click.option("-l", "--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True)
def worker(
    properties: Path | None,
    bootstrap: str | None,
    group: str | None,
    host: str | None,
    port: int | None,
    settings: tuple[str, ...],
    log_level: str,
) -> None:
    """Run a worker until SIGTERM or Ctrl-C."""
    from faust_cdc.config.worker import ENV_FILE

    chosen = dict(_split(setting) for setting in settings)
    chosen |= {name: value for name, value in (("bootstrap.servers", bootstrap), ("group.id", group)) if value}
    if properties is not None:
        os.environ[ENV_FILE] = str(properties)
    if host is not None or port is not None:
        chosen["listeners"] = _listener(properties, host, port)
    os.environ.update({environment_name(name): value for name, value in chosen.items()})
    _run_faust(log_level)


def environment_name(setting: str) -> str:
    """Return the environment variable of a worker setting: `_` is a dot, `__` an underscore, `___` a hyphen."""
    return "CONNECT_" + setting.replace("_", "__").replace("-", "___").replace(".", "_").upper()


def _split(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"expected NAME=VALUE, found '{setting}'", param_hint="--set")
    return name.strip(), value


def _listener(properties: Path | None, host: str | None, port: int | None) -> str:
    """Return the listener with host or port replaced; what is not given stays as configured."""
    from faust_cdc.config.properties import read_properties
    from faust_cdc.config.worker import environment_settings, parse_worker_config
    from faust_cdc.errors import ConfigError

    try:
        configured = (read_properties(properties) if properties else {}) | environment_settings(os.environ)
        known = parse_worker_config({"bootstrap.servers": "any:1", "listeners": configured.get("listeners", "")})
    except ConfigError:
        # The worker itself says what is wrong, with all other problems.
        return f"http://{host or '0.0.0.0'}:{port or 8083}"
    bound = host or known.rest_host
    return f"http://{f'[{bound}]' if ':' in bound else bound}:{port or known.rest_port}"


def _run_faust(log_level: str) -> None:
    from faust_cdc.cli.faust_program import faust_worker_command

    # Faust's banner and help call the program by this name.
    sys.argv[0] = "faust-cdc"
    arguments = ["-A", "faust_cdc.worker", "worker", "-l", log_level]
    faust_worker_command()(args=arguments, prog_name="faust-cdc")


@main.command()
@click.option("--flavor", type=click.Choice(["mysql", "mariadb"]), default="mysql", show_default=True)
def config(flavor: str) -> None:
    """List the options of a connector as a Markdown table: type, default, and what this version does with each."""
    from faust_cdc.config.catalogue import by_name

    click.echo("| Option | Type | Default | Here |\n|---|---|---|---|")
    for name, option in sorted(by_name(flavor).items()):
        reason = f": {option.support.reason}" if option.support.reason else ""
        default = "" if option.default is None else f"`{option.default}`"
        cells = (f"`{name}`", option.type.value.lower(), default, option.support.kind.value + reason)
        click.echo("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")


@main.command()
def version() -> None:
    """Print the version, and what it is compatible with."""
    from faust_cdc import __version__
    from faust_cdc.config.versions import CONNECT_VERSION, DEBEZIUM_VERSION

    click.echo(
        f"faust-cdc {__version__} (Kafka Connect {CONNECT_VERSION}'s REST, Debezium {DEBEZIUM_VERSION}'s events)"
    )
