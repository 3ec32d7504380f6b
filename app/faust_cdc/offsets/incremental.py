"""The members of an offset that tell of a Debezium incremental snapshot under way.

Source: Debezium 3.6.1 `AbstractIncrementalSnapshotContext.store` and `.init`, and recorded offsets. The first table of
the list is the one that is being read: from its chunks done so far (`primary_key`, null before the first) up to its
largest key when its turn came (`maximum_key`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.errors import FatalError
from faust_cdc.offsets.java_objects import Key, NotUnderstood, read_key
from faust_cdc.offsets.java_writer import write_key

PREFIX: Final = "incremental_snapshot_"
_COLLECTIONS: Final = f"{PREFIX}collections"
_ID, _CONDITION, _SURROGATE = (f"{_COLLECTIONS}_{name}" for name in ("id", "additional_condition", "surrogate_key"))
_DONE, _MAXIMUM, _CORRELATION = (f"{PREFIX}{name}" for name in ("primary_key", "maximum_key", "correlation_id"))
REMEDY: Final = (
    "stop the connector, remove the members incremental_snapshot_… from its offset, resume it and signal the snapshot "
    "again; or let Debezium finish it first"
)


@dataclass(frozen=True, slots=True)
class CollectionMember:
    """A table still to be read, as `database.table`."""

    id: str
    condition: str | None = None
    surrogate_key: str | None = None


@dataclass(frozen=True, slots=True)
class IncrementalMembers:
    """What an offset tells of an incremental snapshot."""

    collections: tuple[CollectionMember, ...]
    """The first one is being read."""
    primary_key: Key | None = None
    """The last key that was written; None: none was."""
    maximum_key: Key | None = None
    correlation_id: str | None = None

    @classmethod
    def parse(cls, extra: Mapping[str, Any], where: str) -> IncrementalMembers | None:
        """Read them of an offset's `extra`; None when there are none.

        Raises FatalError naming `where` and the member that cannot be understood, with what to do.
        """
        raw = extra.get(_COLLECTIONS)
        if raw is None:
            return None
        try:
            listed = json.loads(raw)
            collections = tuple(_collection(one) for one in listed)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise _refusal(where, _COLLECTIONS, raw, error) from error
        if not collections:
            return None
        correlation = extra.get(_CORRELATION)
        if not isinstance(correlation, str | None):
            raise _refusal(where, _CORRELATION, correlation, TypeError("expected a text"))
        return cls(collections, _key(extra, _DONE, where), _key(extra, _MAXIMUM, where), correlation)

    def members(self) -> dict[str, str]:
        """Return them as Debezium writes them."""
        listed = [{_ID: one.id, _CONDITION: one.condition, _SURROGATE: one.surrogate_key} for one in self.collections]
        found = {
            _DONE: write_key(self.primary_key),
            _MAXIMUM: write_key(self.maximum_key),
            _COLLECTIONS: json.dumps(listed, separators=(",", ":"), ensure_ascii=False),
        }
        return found if self.correlation_id is None else found | {_CORRELATION: self.correlation_id}


def without_incremental(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return an offset's `extra` without these members."""
    return {name: value for name, value in extra.items() if not name.startswith(PREFIX)}


def _collection(value: Any) -> CollectionMember:
    identity = value[_ID]
    if not isinstance(identity, str) or not identity:
        raise TypeError(f"{_ID} is a text, found {identity!r}")
    condition, surrogate = value.get(_CONDITION), value.get(_SURROGATE)
    if not isinstance(condition, str | None) or not isinstance(surrogate, str | None):
        raise TypeError(f"{_CONDITION} and {_SURROGATE} are texts or null")
    return CollectionMember(identity, condition or None, surrogate or None)


def _key(extra: Mapping[str, Any], name: str, where: str) -> Key | None:
    raw = extra.get(name)
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise _refusal(where, name, raw, TypeError("expected a text"))
    try:
        return read_key(raw)
    except NotUnderstood as error:
        raise _refusal(where, name, raw, error) from error


def _refusal(where: str, name: str, raw: object, error: Exception) -> FatalError:
    return FatalError(
        f"{where}: the offset tells of an incremental snapshot, and its member {name!r} is not understood: {error}; "
        f"found {str(raw)[:120]!r}.",
        remedy=REMEDY,
    )
