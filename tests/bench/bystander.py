"""A process that only sleeps: how late it wakes is the machine's share of anybody's pauses.

Two cores carry a database, a broker, a registry, an idle JVM, the worker and the bench. A thread that wants to run
waits for a core there, whatever program it belongs to; what the worker's own threads do to one another is what its
pauses have beyond the bystander's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.programs import Here, Program, run_as_program
from tests.bench.run import Run
from tests.bench.stages import PAUSES

SIDE = "bystander"
EVERY_S = 0.1
"""As often as the worker looks at its own loop (`faust_cdc.worker.metrics.LoopWatch`)."""
END_WITHIN_S = 10.0


@contextmanager
def beside(run: Run, work: str, *, counted: bool) -> Iterator[None]:
    """Let it stand beside a round, and put its worst wake into the results, under the names of our two pauses."""
    if not counted:
        yield
        return
    with Program("bystander") as program:
        program.go()
        yield
        (program.folder / "end").touch()
        worst_s = float(program.answer(END_WITHIN_S))
    for metric in PAUSES.values():
        run.results.add(work, SIDE, metric, "ms", worst_s * 1000)


def main(here: Here) -> None:
    """Sleep and wake until told to end; answers with the latest wake, in seconds."""
    here.await_go()
    worst_s = 0.0
    while not here.asked_to_end():
        due = time.monotonic() + EVERY_S
        time.sleep(EVERY_S)
        worst_s = max(worst_s, time.monotonic() - due)
    here.answer(worst_s)


if __name__ == "__main__":
    run_as_program(main)
