"""`python -m tests.parity [--seed N] [--tables N] [--rows N] [--sets a,b] [--minutes N]`: the comparison, long.

Exit code 0: every difference is on the list; 1: one is not; 2: called wrongly.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab import Apicurio, ConnectWorker, KafkaBroker, MySqlServer
from tests.parity.machine import Total, fresh_seed, run_round
from tests.parity.option_sets import OPTION_SETS, rotation
from tests.parity.sides import Sides

CONNECT_HEAP = "1500m"
"""Room for a connector per option set, each with its own binlog client and schema history."""


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="./dev parity", description="faust-cdc against a real Debezium.")
    parser.add_argument("--seed", type=int, help="first seed; a round more is the next one (default: a fresh one)")
    parser.add_argument("--tables", type=int, default=50, help="tables of a round (%(default)s)")
    parser.add_argument("--rows", type=int, default=200, help="rows inserted into each table (%(default)s)")
    parser.add_argument("--sets", help=f"option sets, of {','.join(OPTION_SETS)} (default: three a round, rotating)")
    parser.add_argument("--minutes", type=float, default=0, help="start rounds until so long after the first")
    parser.add_argument("--json", type=Path, help="write the counts there too")
    parsed = parser.parse_args(given)
    unknown = sorted(set((parsed.sets or "").split(",")) - {""} - OPTION_SETS.keys())
    if unknown:
        parser.error(f"unknown option sets {', '.join(unknown)}; known: {', '.join(OPTION_SETS)}")
    if parsed.tables < 1 or parsed.rows < 2:
        parser.error("--tables must be at least 1 and --rows at least 2")
    return parsed


def main(given: Sequence[str] | None = None) -> int:
    """Run rounds and print what they found; returns the exit code."""
    options = arguments(given)
    seed = fresh_seed() if options.seed is None else options.seed
    total = Total()
    with (
        MySqlServer() as mysql,
        KafkaBroker() as kafka,
        Apicurio() as apicurio,
        ConnectWorker(kafka, apicurio, heap=CONNECT_HEAP) as connect,
        Sides(mysql, kafka, apicurio, connect) as sides,
    ):
        began = time.monotonic()
        while not total.rounds or time.monotonic() - began < options.minutes * 60:
            number = total.rounds
            sets = options.sets.split(",") if options.sets else rotation(3 * number, 3)
            print(f"round {number + 1}: seed {seed + number}, {options.tables} tables of {options.rows} rows, "
                  f"option sets {', '.join(sets)}", flush=True)  # fmt: skip
            run_round(sides, total, [seed + number], options.tables, options.rows, sets)
            print("  " + total.lines()[-2], flush=True)
    lines = total.lines()
    print("\n".join(lines))
    if options.json is not None:
        options.json.write_text(lines[-1] + "\n")
    return 1 if total.verdict.failing or total.cases or total.unseen else 0


if __name__ == "__main__":
    sys.exit(main())
