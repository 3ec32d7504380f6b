"""`python -m tests.soak [PART ...]`: the long forms of tests that are short in CI; without a part all of them.

Exit code 0: passed; 1: failed; 2: called wrongly.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Sequence

from tests.lab.__main__ import main as lab
from tests.soak.parts import PARTS, environment

TEST_TIMEOUT_S = 6 * 3600
"""Of a test that has no limit of its own."""


def arguments(given: Sequence[str] | None) -> list[str]:
    """Return the chosen parts; ends the process with 2 and a line that says why for ones that are not known."""
    known = "\n".join(f"  {name:<16} {part.value:,} {part.what} ({part.variable})" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="./dev soak",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="The long forms of tests that are short in CI.",
        epilog=f"parts:\n{known}\n\nA variable that is set already stands; FAUST_CDC_SEED repeats a soak.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="default: all of them")
    chosen: list[str] = parser.parse_args(given).parts
    unknown = sorted(set(chosen) - PARTS.keys())
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}; known: {', '.join(PARTS)}")
    return list(dict.fromkeys(chosen)) or list(PARTS)


def main(given: Sequence[str] | None = None) -> int:
    """Install the servers and become pytest with the tests; returns the exit code of a failed installation."""
    names = arguments(given)
    variables = environment(names, os.environ, random.SystemRandom().randrange(1 << 31))
    tests = [test for name in names for test in PARTS[name].tests]
    options = ["-v", "-s", "-p", "no:randomly", f"--timeout={TEST_TIMEOUT_S}", "--durations=0"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    code = lab(["install"])
    if code == 0:
        print("soak:", *names, *(f"{name}={value}" for name, value in sorted(variables.items())), flush=True)
        # In place of this process: pytest ends its servers when interrupted, and nobody may end pytest before that.
        os.execve(sys.executable, command, {**os.environ, **variables})
    return code


if __name__ == "__main__":
    sys.exit(main())
