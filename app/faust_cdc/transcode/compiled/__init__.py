"""The compiled transcoder: rows events into record bytes without a Python object per cell.

`octets`, `calendar`, `document`, `cells`, `source` and `rows` are plain typed Python that mypyc compiles into one
extension; `program` stays interpreted: it runs once per table version. Interpreted, the compiled modules are right but
slower than the reference transcoder, so `is_compiled` says which of the two to use.
"""

from __future__ import annotations

import importlib
from functools import cache


@cache
def is_compiled() -> bool:
    """Return whether the extension was built for this Python."""
    try:
        rows = importlib.import_module("faust_cdc.transcode.compiled.rows")
    except ImportError:  # librt, its run-time library, has no wheel for this platform
        return False
    return not str(rows.__file__).endswith(".py")
