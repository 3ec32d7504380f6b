"""From the start of the process to REST's first answer, and to the first event, which waits in the binlog already."""

from __future__ import annotations

import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor

from tests.bench.plan import DEBEZIUM, OURS
from tests.bench.run import MARKER, Run, alternating
from tests.bench.servers import OurWorker
from tests.bench.sides import Position
from tests.bench.tables import DATABASE
from tests.bench.watch import EndOffsets
from tests.lab import ConnectWorker, LabError

FIRST_EVENT_MAX_S = 180.0


def measure(run: Run) -> None:
    """Stop and start each worker with one running connector."""
    for name in (OURS, DEBEZIUM):
        connector = run.captured[name]
        connector.set_position(Position.now(run.mysql))
        connector.resume()
        connector.await_running()
        run.await_streaming(connector)
    for number in range(run.plan.start_rounds):
        for name in alternating([OURS, DEBEZIUM], number):
            rest, event = one_start(run, name)
            run.say(
                f"start {name} round {number + 1}: REST answers after {rest:.2f} s, first event after {event:.2f} s"
            )
            run.results.add("start", name, "rest", "s", rest)
            run.results.add("start", name, "first event", "s", event)
    for name in (OURS, DEBEZIUM):
        run.captured[name].stop()


def one_start(run: Run, name: str) -> tuple[float, float]:
    """Return seconds to the answer of `GET /connectors` and to the first event a reader sees."""
    worker: OurWorker | ConnectWorker = run.servers.ours if name == OURS else run.servers.connect
    ends = EndOffsets(run.bootstrap, run.captured[name].topic(MARKER))
    worker.stop()
    base = ends.read()
    run.mysql.execute(f"INSERT INTO {DATABASE}.{MARKER} VALUES ()")
    began = time.monotonic()
    rest = event = 0.0
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(worker.start)
        while not (rest and event):
            now = time.monotonic() - began
            if now > FIRST_EVENT_MAX_S:
                raise LabError(f"{name}: started {now:.0f} s ago, REST {rest or 'silent'}, event {event or 'none'}")
            if not rest and _answers(worker):
                rest = time.monotonic() - began
            if not event and ends.read() > base:
                event = time.monotonic() - began
            time.sleep(0.01)
        started.result()
    ends.close()
    return rest, event


def _answers(worker: OurWorker | ConnectWorker) -> bool:
    try:
        return isinstance(worker.request("GET", "/connectors"), list)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
