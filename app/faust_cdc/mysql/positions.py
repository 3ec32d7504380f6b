"""Binlog positions and GTID sets: immutable values, ordered by number and never by text.

Sources: MySQL reference manual, "GTID Format and Storage" (sets, tags); mysql-server `sql/rpl_gtid_set.cc`
(`Gtid_set::encode`, the form used by COM_BINLOG_DUMP_GTID and PREVIOUS_GTIDS_LOG_EVENT); MariaDB Knowledge Base,
"Global Transaction ID".

Why adding is cheap: a set maps a source (uuid or uuid:tag) to a tuple of intervals, and transactions nearly always
extend the last interval, so `add` copies the small outer map and one tuple, whatever the number of transactions.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from faust_cdc.errors import ConfigError

_FILE_SUFFIX = re.compile(r"^(.*?)\.?(\d+)$")
_OWNER = re.compile(r"#\d+")
_SOURCE_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class BinlogPosition(NamedTuple):
    """A byte offset in a binlog file of the source server; ordered by the file's number, then the offset.

    The base name is compared only between equal numbers: files of one server share it.
    """

    file: str
    pos: int

    @property
    def order(self) -> tuple[int, int, str]:
        """Sort key: number of the file (0 when it has none), offset, base name."""
        match = _FILE_SUFFIX.match(self.file)
        return (int(match[2]), self.pos, match[1]) if match else (0, self.pos, self.file)

    def __lt__(self, other: object) -> bool:
        return self.order < other.order if isinstance(other, BinlogPosition) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self.order <= other.order if isinstance(other, BinlogPosition) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self.order > other.order if isinstance(other, BinlogPosition) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self.order >= other.order if isinstance(other, BinlogPosition) else NotImplemented

    def __str__(self) -> str:
        return f"{self.file}:{self.pos}"


Intervals = tuple[tuple[int, int], ...]
"""Sorted, disjoint, not adjacent; both ends inclusive."""

TAG = re.compile(r"^[a-z_][a-z0-9_]{0,31}\Z")
"""A tag, as the server keeps it."""
GNO_MAX = (1 << 63) - 2
"""The highest number of a transaction of one source."""


def _merge(intervals: Iterable[tuple[int, int]]) -> Intervals:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _covers(outer: Intervals, inner: Intervals) -> bool:
    return all(any(a <= first and last <= b for a, b in outer) for first, last in inner)


def _minus(left: Intervals, right: Intervals) -> Intervals:
    pieces: list[tuple[int, int]] = []
    for first, last in left:
        start = first
        for a, b in right:
            if b < start or a > last:
                continue
            if a > start:
                pieces.append((start, a - 1))
            start = b + 1
        if start <= last:
            pieces.append((start, last))
    return tuple(pieces)


class _Source(NamedTuple):
    """Who numbers the transactions: a server's uuid, with MySQL's optional tag ("" for none)."""

    uuid: str
    tag: str

    def __str__(self) -> str:
        return f"{self.uuid}:{self.tag}" if self.tag else self.uuid


def _bad_gtid(text: str, why: str) -> ConfigError:
    return ConfigError(
        f"{text!r} is not a MySQL GTID set: {why}; expected e.g. '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:11'."
    )


def _parse_interval(part: str, text: str) -> tuple[int, int]:
    first_text, dash, last_text = part.partition("-")
    try:
        first = int(first_text)
        last = int(last_text) if dash else first
    except ValueError:
        raise _bad_gtid(text, f"{part!r} is neither an interval nor a tag") from None
    if not 1 <= first <= last <= GNO_MAX:
        raise _bad_gtid(text, f"interval {part!r} is empty or out of range")
    return first, last


def _parse_member(member: str, text: str) -> Iterator[tuple[_Source, tuple[int, int]]]:
    uuid_text, *parts = (part.strip() for part in member.split(":"))
    try:
        source_uuid = str(uuid.UUID(uuid_text))
    except ValueError:
        raise _bad_gtid(text, f"{uuid_text!r} is not a UUID") from None
    tag = ""
    for part in parts:
        lowered = part.lower()
        if TAG.match(lowered):
            tag = lowered
        else:
            yield _Source(source_uuid, tag), _parse_interval(part, text)


class GtidSet:
    """A set of MySQL GTIDs; immutable. Equality and hash are those of the set, not of the text."""

    __slots__ = ("_sources",)
    _sources: dict[_Source, Intervals]

    def __init__(self) -> None:
        self._sources = {}

    @classmethod
    def _of(cls, sources: dict[_Source, Intervals]) -> GtidSet:
        made = cls()
        made._sources = sources
        return made

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """Parse MySQL's text form, e.g. `uuid:1-3:5,uuid:tag:1-9`; line breaks and spaces are ignored.

        Raises ConfigError naming the part that cannot be read.
        """
        collected: dict[_Source, list[tuple[int, int]]] = {}
        for member in text.split(","):
            if member.strip():
                for source, interval in _parse_member(member.strip(), text):
                    collected.setdefault(source, []).append(interval)
        return cls._of({source: _merge(intervals) for source, intervals in collected.items()})

    @classmethod
    def parse_owned(cls, text: str) -> GtidSet:
        """Parse MySQL's `gtid_owned`, e.g. `uuid:4#17:5#18uuid:tag:1#19`: each number's session is named behind it.

        Nothing parts a session from the next source (seen on 9.7). Raises what `parse` raises.
        """
        return cls.parse(_OWNER.sub("", _SOURCE_UUID.sub(r",\g<0>", text)))

    def add(self, gtid: str) -> GtidSet:
        """Return this set with the transaction `uuid:n` or `uuid:tag:n` in it."""
        head, _, number_text = gtid.rpartition(":")
        if not number_text.isdigit() or len(head.partition(":")[0]) != 36:
            raise _bad_gtid(gtid, "a single transaction is uuid:number or uuid:tag:number")
        number = int(number_text)
        return self.add_range(head, number, number)

    def add_range(self, source: str, first: int, last: int) -> GtidSet:
        """Return this set with the transactions `first` to `last` of a source, `uuid` or `uuid:tag`, in it."""
        source_uuid, _, tag = source.partition(":")
        numbered = _Source(source_uuid.lower(), tag.lower())
        intervals = self._sources.get(numbered, ())
        if intervals and intervals[-1][1] + 1 == first:
            grown = (*intervals[:-1], (intervals[-1][0], last))
        else:
            grown = _merge((*intervals, (first, last)))
        return self._of({**self._sources, numbered: grown})

    def union(self, other: GtidSet) -> GtidSet:
        """Return the transactions of either set."""
        sources = dict(self._sources)
        for source, intervals in other._sources.items():
            sources[source] = _merge((*sources.get(source, ()), *intervals))
        return self._of(sources)

    def subtract(self, other: GtidSet) -> GtidSet:
        """Return the transactions of this set that are not in `other` (GTID_SUBTRACT)."""
        left = {s: _minus(i, other._sources.get(s, ())) for s, i in self._sources.items()}
        return self._of({source: intervals for source, intervals in left.items() if intervals})

    def contains(self, other: GtidSet) -> bool:
        """Return True when every transaction of `other` is in this set (GTID_SUBSET(other, self))."""
        return all(_covers(self._sources.get(s, ()), i) for s, i in other._sources.items())

    def __contains__(self, gtid: object) -> bool:
        return isinstance(gtid, str) and self.contains(GtidSet.parse(gtid))

    def __bool__(self) -> bool:
        return bool(self._sources)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GtidSet) and self._sources == other._sources

    def __hash__(self) -> int:
        return hash(frozenset(self._sources.items()))

    def __str__(self) -> str:
        """MySQL's canonical text: sources sorted, lower case, tags after the plain intervals of their uuid."""
        members: dict[str, list[str]] = {}
        for source in sorted(self._sources):
            parts = members.setdefault(source.uuid, [])
            if source.tag:
                parts.append(source.tag)
            parts.extend(str(a) if a == b else f"{a}-{b}" for a, b in self._sources[source])
        return ",".join(":".join([uuid_text, *parts]) for uuid_text, parts in members.items())

    def __repr__(self) -> str:
        return f"GtidSet({str(self)!r})"

    def encode(self) -> bytes:
        """Return the bytes COM_BINLOG_DUMP_GTID carries.

        Untagged: count u64, then per uuid 16 bytes, interval count u64, (first, last + 1) u64 pairs. With a tag
        anywhere, the count's lowest and highest byte are 1 and each uuid is followed by its tag, length as a
        variable-length integer (mysql-server `Gtid_set::encode`, `Tsid::encode_tsid`).
        """
        tagged = any(source.tag for source in self._sources)
        count = len(self._sources)
        parts = [struct.pack("<Q", (1 << 56) | (count << 8) | 1 if tagged else count)]
        for source in sorted(self._sources):
            parts.append(uuid.UUID(source.uuid).bytes)
            if tagged:
                parts.append(bytes([len(source.tag) << 1]) + source.tag.encode("ascii"))
            intervals = self._sources[source]
            parts.append(struct.pack("<Q", len(intervals)))
            parts.extend(struct.pack("<QQ", first, last + 1) for first, last in intervals)
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> GtidSet:
        """Read what `encode` writes. Raises ValueError when the bytes end early or do not fit the format."""
        sources: dict[_Source, Intervals] = {}
        try:
            (count,) = struct.unpack_from("<Q", data, 0)
            tagged = count >> 56 == 1
            if tagged:
                count = (count >> 8) & ((1 << 48) - 1)
            at = 8
            for _ in range(count):
                source_uuid = str(uuid.UUID(bytes=bytes(data[at : at + 16])))
                at += 16
                tag = ""
                if tagged:
                    tag_length = data[at] >> 1
                    tag = bytes(data[at + 1 : at + 1 + tag_length]).decode("ascii")
                    at += 1 + tag_length
                    if tag and not TAG.match(tag):
                        raise ValueError(f"{tag!r} is no tag")
                (intervals,) = struct.unpack_from("<Q", data, at)
                if intervals * 16 > len(data) - at:
                    raise ValueError(f"{intervals} intervals do not fit into {len(data) - at} bytes")
                numbers = struct.unpack_from(f"<{2 * intervals}Q", data, at + 8)
                at += 8 + 16 * intervals
                pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
                if any(not 1 <= first < end <= GNO_MAX + 1 for first, end in pairs):
                    raise ValueError(f"an interval of {source_uuid} is empty or out of range")
                sources[_Source(source_uuid, tag)] = _merge((first, last - 1) for first, last in pairs)
        except (struct.error, IndexError) as error:
            raise ValueError(f"the GTID set ends early: {error}") from error
        if at != len(data):
            raise ValueError(f"the GTID set takes {at} bytes of {len(data)}")
        return cls._of(sources)


class MariaDbGtidSet:
    """A MariaDB GTID position: the last `domain-server-sequence` of each domain; immutable."""

    __slots__ = ("_domains",)
    _domains: dict[int, tuple[int, int]]

    def __init__(self) -> None:
        self._domains = {}

    @classmethod
    def _of(cls, domains: dict[int, tuple[int, int]]) -> MariaDbGtidSet:
        made = cls()
        made._domains = domains
        return made

    @staticmethod
    def _split(gtid: str) -> tuple[int, int, int]:
        try:
            domain, server, sequence = (int(part) for part in gtid.strip().split("-"))
        except ValueError:
            raise ConfigError(
                f"{gtid!r} is not a MariaDB GTID; expected domain-server-sequence, e.g. '0-1-100'."
            ) from None
        return domain, server, sequence

    @classmethod
    def parse(cls, text: str) -> MariaDbGtidSet:
        """Parse `0-1-100,1-2-5`; of several members of one domain the highest sequence counts."""
        made = cls()
        for member in text.split(","):
            if member.strip():
                domain, server, sequence = cls._split(member)
                if sequence >= made._domains.get(domain, (0, 0))[1]:
                    made._domains[domain] = (server, sequence)
        return made

    def add(self, gtid: str) -> MariaDbGtidSet:
        """Return the position after the transaction `gtid`: the last one of a domain stands for those before it."""
        domain, server, sequence = self._split(gtid)
        return self._of({**self._domains, domain: (server, sequence)})

    def union(self, other: MariaDbGtidSet) -> MariaDbGtidSet:
        """Return the later position of each domain."""
        return MariaDbGtidSet.parse(f"{self},{other}")

    def contains(self, other: MariaDbGtidSet) -> bool:
        """Return True when no domain of `other` is ahead of this position."""
        return all(self._domains.get(d, (0, -1))[1] >= s for d, (_, s) in other._domains.items())

    def ahead_of(self, other: MariaDbGtidSet) -> MariaDbGtidSet:
        """Return the positions of domains that `other` has too, and earlier."""
        known = other._domains
        return self._of({d: (n, s) for d, (n, s) in self._domains.items() if d in known and known[d][1] < s})

    def __contains__(self, gtid: object) -> bool:
        return isinstance(gtid, str) and self.contains(MariaDbGtidSet.parse(gtid))

    def __bool__(self) -> bool:
        return bool(self._domains)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MariaDbGtidSet) and self._domains == other._domains

    def __hash__(self) -> int:
        return hash(frozenset(self._domains.items()))

    def __str__(self) -> str:
        return ",".join(f"{d}-{server}-{seq}" for d, (server, seq) in sorted(self._domains.items()))

    def __repr__(self) -> str:
        return f"MariaDbGtidSet({str(self)!r})"
