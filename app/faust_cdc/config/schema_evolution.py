"""`schema.evolution.policy`: what becomes of a table version that its subject's compatibility level refuses."""

from __future__ import annotations

import enum
from typing import Final

OPTION: Final = "schema.evolution.policy"


class EvolutionPolicy(enum.StrEnum):
    """The option's values."""

    FAIL = "fail"
    """The task stops before the first record of it."""
    NEW_SUBJECT = "new-subject"
    """Records go on in a versioned topic."""
    FORCE = "force"
    """The subject's level is NONE for this version."""
