"""Imports pymysql without `cryptography`: 7 MB and 20 ms that only a login needs which sends a password under RSA.

pymysql imports the package with its first module and uses it in one case: `caching_sha2_password` or
`sha256_password`, no TLS, and a server that does not have the password in its cache. So what pymysql's `_auth` takes
from the package are stand-ins, each of which imports its module when it is first asked for something. Nothing else
sees them: an `import` anywhere gets the package itself. The packages that import pymysql call `import_pymysql` first.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, Final

_USED_BY_PYMYSQL: Final = (
    ("cryptography.hazmat.primitives", "hashes"),
    ("cryptography.hazmat.primitives", "serialization"),
    ("cryptography.hazmat.primitives.asymmetric", "padding"),
)
"""Packages, light themselves, and the modules of them that `pymysql._auth` imports by name."""


class LateModule(ModuleType):
    """Stands for the module of its name until an attribute is asked for. Raises ImportError then, if it is missing."""

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self.__name__), attribute)


def import_pymysql() -> None:
    """Import pymysql with stand-ins, if nobody has imported it or the package yet."""
    if "pymysql._auth" in sys.modules:
        return
    placed: list[tuple[ModuleType, str]] = []
    try:
        for package_name, name in _USED_BY_PYMYSQL:
            package = importlib.import_module(package_name)
            if not hasattr(package, name):
                setattr(package, name, LateModule(f"{package_name}.{name}"))
                placed.append((package, name))
    except ImportError:
        pass  # the package is missing, and pymysql says so when it needs it
    try:
        importlib.import_module("pymysql")
    finally:
        for package, name in placed:
            if isinstance(getattr(package, name), LateModule):
                delattr(package, name)
