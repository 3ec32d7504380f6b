"""MariaDB's sequences: their state is a row of a table of its own kind, and stands in the binlog as an insert.

A sequence is no table to capture: a snapshot never reads one, and Debezium fails on its rows (it has no schema for
them). They are told from a table by what information_schema calls a base table, and, for one that is gone, by shape.
"""

from __future__ import annotations

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapEvent

_NAMES = (
    *("next_not_cached_value", "minimum_value", "maximum_value", "start_value", "increment", "cache_size"),
    *("cycle_option", "cycle_count"),
)
_INTEGERS = frozenset((codes.TINY, codes.SHORT, codes.INT24, codes.LONG, codes.LONGLONG))


def has_shape_of_sequence(event: TableMapEvent) -> bool:
    """Say whether a table map has the columns of a sequence: eight NOT NULL integers, by name where names are sent.

    Since MariaDB 11.5 a sequence has an integer type of its own (CREATE SEQUENCE … AS smallint).
    """
    columns = event.columns
    if len(columns) != len(_NAMES) or any(one.nullable or one.type_code not in _INTEGERS for one in columns):
        return False
    return not event.has_full_metadata or tuple(one.name for one in columns) == _NAMES
