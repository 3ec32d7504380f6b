"""What garbage collections leave out, in processes of their own: what is frozen there stays so."""

from __future__ import annotations

import subprocess
import sys

FREEZES = """
import gc, sys
from faust_cdc.worker.pauses import lasting_imports

gc.enable()
frozen, collections = gc.get_freeze_count(), []
gc.callbacks.append(lambda phase, info: collections.append(phase))
with lasting_imports("faust_cdc.worker.tasks"):
    import faust_cdc.worker.tasks
assert not collections, "collected while importing"
assert gc.isenabled()
first = gc.get_freeze_count()
assert first > frozen + 10_000, (frozen, first)
kept = [[] for _ in range(1_000)]
with lasting_imports("faust_cdc.worker.tasks"):
    import faust_cdc.worker.tasks
assert gc.get_freeze_count() <= first, "what is alive at a later task's start stays collectable"
try:
    with lasting_imports("faust_cdc.no_such_module"):
        import faust_cdc.no_such_module
except ImportError:
    assert gc.isenabled()
else:
    raise SystemExit("no error")
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_what_the_first_task_imports_is_left_out_of_collections_once() -> None:
    run(FREEZES)


def test_where_the_collector_is_off_it_stays_off() -> None:
    run(
        "import gc; gc.disable()\n"
        "from faust_cdc.worker.pauses import lasting_imports\n"
        "with lasting_imports('json.tool'):\n    import json.tool\n"
        "assert not gc.isenabled()"
    )
