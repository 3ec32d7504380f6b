"""`python -m tests.fuzz [--inputs N] [--seed N]`, or `--show TARGET SEED HEX` to run one input again."""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz import judge
from tests.fuzz.targets import BY_NAME

FIXED_SEED = 20_261_121


def show(name: str, number: str, data: str) -> int:
    """Run one printed input again and let its error through."""
    BY_NAME[name].run(int(number), bytes.fromhex(data))
    print("answered")
    return 0


def main() -> int:
    """Run; 0 when every input was handled."""
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the generator; a fresh one is printed when it is left out")
    parser.add_argument("--show", nargs=3, metavar=("TARGET", "SEED", "HEX"), help="run one printed input again")
    arguments = parser.parse_args()
    if arguments.show:
        return show(*arguments.show)
    seed = random.SystemRandom().randrange(1 << 31) if arguments.seed is None else arguments.seed
    print(f"fuzz: {arguments.inputs} inputs, --seed {seed}", flush=True)
    judge.warm_up()
    judge.guard()
    started = time.monotonic()
    report = judge.run(arguments.inputs, seed)
    for kind in {failure.why[:60]: failure for failure in report.failures}.values():
        print(f"FAILED {judge.minimised(kind)}", flush=True)
    refused = ", ".join(f"{count} {name}" for name, count in sorted(report.refused.items()))
    targets = ", ".join(f"{name} {count}" for name, count in sorted(report.by_target.items()))
    print(
        f"fuzz: {report.inputs} inputs in {time.monotonic() - started:.0f} s, seed {seed}: {report.answered} answered, "
        f"refused: {refused}; {len(report.failures)} failed; slowest {report.slowest_s * 1000:.0f} ms, "
        f"traced peak {report.traced_peak_bytes >> 10} KiB\n      {targets}"
    )
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
