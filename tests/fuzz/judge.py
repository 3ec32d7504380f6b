"""What is demanded of every input, and how a failing one is shown.

* An answer, or a `CdcError` whose message names the place; anything else is a failure: IndexError, struct.error,
  UnicodeDecodeError, RecursionError, MemoryError …
* At most `CPU_S_MAX` seconds of processor time. (Not of the clock: the machine may be busy with other things.)
* Memory: the address space is limited for the whole run, the resident set may not grow by more than `GROWTH_BYTES_MAX`
  in one input, and of a sample of inputs what Python allocates is traced against `TRACED_BYTES_MAX`.
"""

from __future__ import annotations

import contextlib
import gc
import random
import re
import resource
import signal
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

from faust_cdc.errors import CdcError, InternalError
from tests.fuzz.mutations import shortened
from tests.fuzz.targets import BY_NAME, TARGETS, Target

CPU_S_MAX = 0.25
GROWTH_BYTES_MAX = 48 << 20
TRACED_BYTES_MAX = 32 << 20
TRACED_EVERY = 199
HEADROOM_BYTES = 320 << 20
"""Address space beyond what the loaded program has: zstd reserves, without touching it, a frame's window of 128 MiB."""


class TooSlow(BaseException):
    """An input used up its processor time. Not an Exception, so that no handler under test takes it."""


@dataclass(frozen=True)
class Failure:
    """One input that was not handled."""

    target: str
    seed_number: int
    data: bytes
    why: str

    def __str__(self) -> str:
        return f"{self.target} seed {self.seed_number}: {self.why}\n    {self.data.hex()}"


@dataclass
class Report:
    """What came of a run."""

    inputs: int = 0
    answered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """By class of error."""
    failures: list[Failure] = field(default_factory=list)
    slowest_s: float = 0.0
    traced_peak_bytes: int = 0
    by_target: dict[str, int] = field(default_factory=dict)


def verdict(target: Target, seed_number: int, data: bytes) -> tuple[str, str | None]:
    """Run one input; return (name of what came of it, why that is a failure or None)."""
    try:
        with _processor_time():
            target.run(seed_number, data)
    except CdcError as error:
        name = type(error).__name__
        if isinstance(error, InternalError):
            return name, f"InternalError: {error}"
        if type(error) is CdcError:
            return name, f"an untyped CdcError: {error}"
        if re.search(target.position, str(error)) is None:
            return name, f"the message does not name the place: {name}: {error}"
        return name, None
    except TooSlow:
        return "TooSlow", f"more than {CPU_S_MAX} s of processor time"
    except Exception as error:
        return type(error).__name__, f"{type(error).__name__}: {error}"
    return "answered", None


@contextlib.contextmanager
def _processor_time() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, CPU_S_MAX)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlow


def guard() -> None:
    """Install the limits in this process; call it in one of its own, after everything is loaded."""
    gc.collect()
    gc.freeze()  # what is loaded is not walked again by every collection, whose time would count as an input's
    signal.signal(signal.SIGPROF, _too_slow)
    with open("/proc/self/statm", encoding="ascii") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + HEADROOM_BYTES, resource.RLIM_INFINITY))


def _grown() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def judge(report: Report, target: Target, seed_number: int, data: bytes) -> None:
    """Run one input, count it, and keep it if it fails."""
    report.inputs += 1
    report.by_target[target.name] = report.by_target.get(target.name, 0) + 1
    traced = report.inputs % TRACED_EVERY == 0
    before, started = _grown(), time.process_time()
    outcome, why = _traced(report, target, seed_number, data) if traced else verdict(target, seed_number, data)
    if outcome == "TooSlow":  # once more: a collection of garbage may have fallen into it
        outcome, why = verdict(target, seed_number, data)
    elif not traced:
        report.slowest_s = max(report.slowest_s, time.process_time() - started)
    growth = _grown() - before
    if why is None and not traced and growth > GROWTH_BYTES_MAX:
        why = f"the process grew by {growth} bytes"
    if why is not None:
        report.failures.append(Failure(target.name, seed_number, data, why))
    elif outcome == "answered":
        report.answered += 1
    else:
        report.refused[outcome] = report.refused.get(outcome, 0) + 1


def _traced(report: Report, target: Target, seed_number: int, data: bytes) -> tuple[str, str | None]:
    """As `verdict`, without the time limit: tracing allocations takes several times as long."""
    tracemalloc.start()
    try:
        outcome, why = verdict(target, seed_number, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if outcome == "TooSlow":
        return verdict(target, seed_number, data)
    report.traced_peak_bytes = max(report.traced_peak_bytes, peak)
    if why is None and peak > TRACED_BYTES_MAX:
        why = f"{peak} bytes were allocated for an input of {len(data)}"
    return outcome, why


def warm_up() -> None:
    """Run every seed as it is: plans are built, and nothing of the corpus itself may fail unexpectedly."""
    for target in TARGETS:
        for number, data in enumerate(target.seeds()):
            with contextlib.suppress(CdcError):
                target.run(number, data)


def run(inputs: int, seed: int, *, failures_max: int = 20) -> Report:
    """Judge `inputs` mutated inputs; the same seed gives the same ones."""
    dice = random.Random(seed)
    names = [target.name for target in TARGETS]
    shares = [target.share for target in TARGETS]
    seeds = {target.name: list(target.seeds()) for target in TARGETS}
    report = Report()
    while report.inputs < inputs and len(report.failures) < failures_max:
        target = BY_NAME[dice.choices(names, shares)[0]]
        others = seeds[target.name]
        number = dice.randrange(len(others))
        judge(report, target, number, target.mutate(others[number], dice, others))
    return report


def minimised(failure: Failure) -> Failure:
    """Return a smaller input that fails for the same reason."""
    target = BY_NAME[failure.target]
    kind = failure.why.split(":")[0]

    def fails(data: bytes) -> bool:
        why = verdict(target, failure.seed_number, data)[1]
        return why is not None and why.split(":")[0] == kind

    if not fails(failure.data):
        return failure  # its memory, which cannot be measured twice in one process
    data = shortened(failure.data, fails)
    return Failure(failure.target, failure.seed_number, data, verdict(target, failure.seed_number, data)[1] or "")
