"""The short form of `./dev fuzz`: a fixed seed and one of these sources, in processes of their own for the memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import FIXED_SEED
from tests.harness.seeds import seed_of_these_sources

ROOT = Path(__file__).parents[2]
INPUTS = 60_000


@pytest.mark.parametrize("seed", [FIXED_SEED, None], ids=["fixed", "of-these-sources"])
def test_damaged_input_gives_an_answer_or_a_typed_error(seed: int | None) -> None:
    number = seed_of_these_sources("fuzz") if seed is None else seed
    command = [sys.executable, "-m", "tests.fuzz", "--inputs", str(INPUTS), "--seed", str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=800)
    print(done.stdout)
    assert done.returncode == 0, f"--seed {number}\n{done.stdout}{done.stderr}"
    assert f"fuzz: {INPUTS} inputs" in done.stdout
