"""How a statement is shown in logs, notifications and errors of ours: its beginning, without what may be secret."""

from __future__ import annotations

import re
from typing import Final

SHOWN_MAX: Final = 120
"""Characters of a statement that are shown."""
_READ_MAX: Final = 1_000
_QUOTE: Final = re.compile("['\"]")


def beginning(statement: str) -> str:
    """Return a statement's first words on one line, up to its first literal: passwords stand in literals.

    What comes behind a literal is not shown either, for where it ends depends on the session's sql_mode.
    """
    text = " ".join(_QUOTE.split(statement[:_READ_MAX], maxsplit=1)[0].split())
    return f"{text[:SHOWN_MAX]} …" if len(text) > SHOWN_MAX or _QUOTE.search(statement) else text
