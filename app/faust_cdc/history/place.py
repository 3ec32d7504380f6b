"""Whether a line of the history is behind a place of the binlog, as Debezium decides it.

Source: Debezium 3.6.1 `BinlogHistoryRecordComparator` and `HistoryRecordComparator`, with one difference. A line has
the GTIDs that held when its statement was read and the position behind that statement, so with GTIDs the line of a
statement that comes next is at the place for Debezium. Such a line is there when a process ended between the line and
the commit of the offset; the statement is read again then, and a swap of names would be done twice. So of two places
with equal GTIDs the position decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from faust_cdc.errors import ConfigError
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet

_FROM_ONE: Final = re.compile(r"(.*:1-)([1-9][0-9]{0,18})", re.DOTALL)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")
OffsetMap = Mapping[str, Any]
"""A source offset as the map that is stored."""


def is_at_or_before(place: OffsetMap, *, is_mariadb: bool) -> Callable[[OffsetMap], bool]:
    """Return what says of a line's `position` whether the line counts for a stream that begins at `place`.

    Raises ValueError for a position that is none.
    """
    wanted = place.get("gtids")
    if not isinstance(wanted, str):
        return lambda position: position.get("gtids") is None and _by_file(position, place)
    within = _within_mariadb(wanted) if is_mariadb else _within(wanted)

    def counts(position: OffsetMap) -> bool:
        gtids = position.get("gtids")
        if not isinstance(gtids, str):
            return True  # written before the server had GTIDs
        if gtids == wanted:
            return _same_gtids(position, place)
        try:
            return within(gtids)
        except ConfigError as error:
            raise ValueError(error.message) from None

    return counts


def _within(wanted: str) -> Callable[[str], bool]:
    whole = GtidSet.parse(wanted)
    found = _FROM_ONE.fullmatch(wanted)
    prefix, last = (None, 0) if found is None else (found[1], int(found[2]))

    def within(gtids: str) -> bool:
        # The usual line has the same set but for its last number: parsing it is half of what a long history takes.
        if prefix is not None and gtids.startswith(prefix):
            number = _NUMBER.fullmatch(gtids, len(prefix))
            if number is not None and int(number[0]) <= last:
                return True
        return whole.contains(GtidSet.parse(gtids))

    return within


def _within_mariadb(wanted: str) -> Callable[[str], bool]:
    whole = MariaDbGtidSet.parse(wanted)
    return lambda gtids: whole.contains(MariaDbGtidSet.parse(gtids))


def _same_gtids(position: OffsetMap, place: OffsetMap) -> bool:
    if "snapshot" not in position and ("snapshot" in place or _is_read_again(position, place)):
        return False
    return _number(position, "event") <= _number(place, "event")


def _is_read_again(position: OffsetMap, place: OffsetMap) -> bool:
    """Return whether the statement of a line with the place's GTIDs stands behind it in the binlog.

    The `server_id` of a place is that of whoever wrote the event first, so it does not say whose files these are.
    """
    if not all(isinstance(one.get("file"), str) for one in (position, place)):
        return False
    file, wanted = str(position["file"]), str(place["file"])
    return BinlogPosition(file, _number(position, "pos")) > BinlogPosition(wanted, _number(place, "pos"))


def _by_file(position: OffsetMap, place: OffsetMap) -> bool:
    file = position.get("file")
    if not isinstance(file, str):
        raise ValueError(f"a position has 'file' and 'pos', found {dict(position)!r}")  # noqa: TRY004
    if _number(position, "server_id") != _number(place, "server_id"):
        return _number(position, "ts_sec") <= _number(place, "ts_sec")
    found = BinlogPosition(file, _number(position, "pos"))
    wanted = BinlogPosition(str(place.get("file")), _number(place, "pos"))
    if found != wanted:
        return found < wanted
    counted = [(_number(one, "event"), _number(one, "row")) for one in (position, place)]
    return counted[0] <= counted[1]


def _number(position: OffsetMap, name: str) -> int:
    number = position.get(name) or 0
    if not isinstance(number, int):
        raise ValueError(f"'{name}' of a position is a number, found {number!r}")  # noqa: TRY004
    return number
