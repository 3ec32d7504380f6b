"""`./dev bench [--quick] [--only PART,…] [--producer CLIENT] [--rounds N] [--out FOLDER]`, `… --readme [FILE]`.

Exit code 0: all parts were measured and every topic held what was written; 1: not; 2: called wrongly.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from faust_cdc.config.definitions.own import DEFAULT_CLIENT, PRODUCER_CLIENTS
from tests.bench import report
from tests.bench.parts import PARTS, Part, chosen
from tests.bench.plan import PLANS, Plan
from tests.bench.results import Results, about, add_versions
from tests.bench.run import Run
from tests.bench.servers import servers
from tests.lab import LabError
from tests.lab.commands import InstallError

HERE = Path(__file__).parent


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="faust-cdc against Debezium on the same binlog. Parts: "
        + "; ".join(f"{part.name} ({part.what})" for part in PARTS.values()),
    )
    parser.add_argument("--quick", action="store_true", help="the main table with small sizes, within five minutes")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: does the bench itself work?")
    parser.add_argument("--only", metavar="PART,…", help="these parts")
    parser.add_argument(
        "--producer",
        choices=PRODUCER_CLIENTS,
        default=DEFAULT_CLIENT,
        help="producer.client of our worker (%(default)s)",
    )
    parser.add_argument("--rounds", type=int, help="rounds that count, of each part that has rounds")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-results"), help="folder for JSON and plots (%(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the results in tests/bench/results too")
    parser.add_argument("--readme", nargs="?", const="", metavar="FILE", help="write the README's table from results")
    parsed = parser.parse_args(given)
    try:
        chosen(plan_of(parsed), parsed.only)
    except KeyError as error:
        parser.error(f"unknown part {error}; known: {', '.join(PARTS)}")
    return parsed


def plan_of(options: argparse.Namespace) -> Plan:
    """Sizes by the command line."""
    plan = PLANS["smoke" if options.smoke else "quick" if options.quick else "full"]
    return plan if options.rounds is None else replace(plan, rounds=options.rounds)


def main(given: Sequence[str] | None = None) -> int:
    """Measure and report; returns the exit code."""
    options = arguments(given)
    if options.readme is not None:
        return report.write_readme(Path(options.readme) if options.readme else None)
    for number in (signal.SIGINT, signal.SIGTERM):  # a background job of a shell is born deaf to SIGINT
        signal.signal(number, _terminated)
    plan = plan_of(options)
    parts = chosen(plan, options.only)
    results = Results(about(plan.name, [part.name for part in parts]))
    try:
        measure(parts, plan, results, options.producer)
    except (LabError, InstallError, AssertionError) as error:
        results.about["failed"] = str(error)
        report.publish(results, options.out, keep=False)
        print(f"bench: FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    report.publish(results, options.out, keep=options.keep)
    return 0


def measure(parts: Sequence[Part], plan: Plan, results: Results, producer_client: str) -> None:
    """Start the servers and run the parts. Raises LabError when a server, a count or a record is wrong."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", flush=True)

    say(f"starting MySQL, Kafka, Apicurio, Connect with Debezium and faust-cdc for: {', '.join(p.name for p in parts)}")
    results.about["producer_client"] = producer_client
    with servers(producer_client) as started:
        add_versions(results.about, started)
        if not results.about["hot_path_compiled"]:
            results.notes.append("the hot path is not compiled: faust-cdc's figures are those of the reference path")
        run = Run(started, plan, results, say)
        run.note_idle()
        run.capture(table for part in parts for table in part.tables(plan))
        results.seconds["servers"] = round(time.monotonic() - began, 1)
        for part in parts:
            part_began = time.monotonic()
            say(f"--- {part.name}: {part.what}")
            try:
                part.run(run)
            except (LabError, AssertionError):
                print(started.ours.log_tail(), started.connect.log_tail(), sep="\n", file=sys.stderr)
                raise
            results.seconds[part.name] = round(time.monotonic() - part_began, 1)
    results.seconds["all"] = round(time.monotonic() - began, 1)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
