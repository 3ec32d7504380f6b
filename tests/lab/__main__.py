"""`python -m tests.lab install [NAME ...]` and `python -m tests.lab up`."""

import argparse
import json
import signal
import sys
import threading
from contextlib import ExitStack

from tests.lab.cache import say
from tests.lab.commands import InstallError
from tests.lab.install import DEFAULT_NAMES, INSTALLERS


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Real servers for faust-cdc.")
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="install servers into the cache and print where they are")
    install.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(INSTALLERS)}")
    commands.add_parser("up", help="start MySQL, MariaDB, Kafka and a registry until Ctrl-C")
    parsed = parser.parse_args(arguments)
    try:
        return up() if parsed.command == "up" else install_all(parsed.names or list(DEFAULT_NAMES))
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def install_all(names: list[str]) -> int:
    """Install the named servers, printing one `NAME PATH` line each."""
    unknown = [name for name in names if name not in INSTALLERS]
    if unknown:
        print(f"error: unknown {', '.join(unknown)}; known: {', '.join(INSTALLERS)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"{name} {INSTALLERS[name]()}", flush=True)
    return 0


def up() -> int:
    """Start the servers, print one JSON line of their addresses, stop them on Ctrl-C."""
    from tests.lab import Apicurio, KafkaBroker, LabError, MariaDbServer, MySqlServer

    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        with ExitStack() as stack:
            mysql = stack.enter_context(MySqlServer())
            mariadb = stack.enter_context(MariaDbServer())
            kafka = stack.enter_context(KafkaBroker())
            apicurio = stack.enter_context(Apicurio())
            addresses = {
                "mysql": mysql.address(),
                "mariadb": mariadb.address(),
                "kafka": {"bootstrap": kafka.bootstrap},
                "apicurio": {"schema.registry.url": apicurio.ccompat_url},
            }
            print(json.dumps(addresses), flush=True)
            say("servers are up; Ctrl-C stops them")
            done.wait()
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
