"""Where the structure of a table version comes from."""

from __future__ import annotations

import enum


class Origin(enum.Enum):
    """The sources, best first."""

    TABLE_MAP = "the table map"
    """It tells all that reading rows needs (binlog_row_metadata=FULL)."""
    HISTORY = "the schema history"
    SERVER = "the server as of now"
    SNAPSHOT = "the server as of the snapshot"
