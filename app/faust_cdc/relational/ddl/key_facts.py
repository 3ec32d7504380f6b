"""Keys as written into `Key`: the names that servers give, and which key is a record's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from faust_cdc.relational.ddl.context import NotResolved
from faust_cdc.relational.ddl.statements import KeyDefinition, KeyKind, KeyPart
from faust_cdc.relational.ddl.types import SPATIAL
from faust_cdc.relational.model import Column, Key, Table

_BLOBS = frozenset({"tinyblob", "blob", "mediumblob", "longblob", "tinytext", "text", "mediumtext", "longtext"})
_WHOLE = frozenset({"char", "varchar", "binary", "varbinary"})


class Keys:
    """The keys of a table while a statement changes it."""

    def __init__(self, known: Iterable[Key], record_key: tuple[str, ...]) -> None:
        self._known = list(known)
        self._added: list[Key] = []
        # The unique key that was first; behind a primary key none is known to be.
        self._before = () if any(key.name == "PRIMARY" for key in self._known) else record_key

    def all(self) -> list[Key]:
        """Return the keys, those known before first."""
        return self._known + self._added

    def find(self, name: str) -> Key | None:
        """Return the key of that name, in any case."""
        return next((key for key in self.all() if key.name.lower() == name.lower()), None)

    def drop(self, key: Key) -> None:
        """Take a key away."""
        self._known = [one for one in self._known if one is not key]
        self._added = [one for one in self._added if one is not key]

    def rename(self, key: Key, name: str) -> None:
        """Give a key another name."""
        renamed = replace(key, name=name)
        self._known = [renamed if one is key else one for one in self._known]

    def change_columns(self, names: dict[str, str | None], changed: Mapping[str, Column]) -> None:
        """Rename columns, and drop those that are None together with keys that have none left.

        `changed` are columns of another definition by their new names: they may have no beginnings any more.
        """
        self._known = [key for one in self._known if (key := _with_columns(one, names, changed)) is not None]
        self._before = tuple(new for name in self._before if (new := names.get(name, name)) is not None)

    def add(self, definitions: Sequence[KeyDefinition], columns: Sequence[Column]) -> None:
        """Add keys in their order, naming those without a name. Raises NotResolved."""
        by_name = {column.name.lower(): column for column in columns}
        for place, definition in enumerate(definitions):
            if definition.kind is KeyKind.CHECK:
                continue
            if definition.period is not None:
                raise NotResolved("a key WITHOUT OVERLAPS has columns that its text does not name")
            if definition.kind is KeyKind.FOREIGN and self._serves(definitions, place):
                continue
            key = self._key(definition, by_name)
            self._ensure_alone(definition, key)
            self._added.append(key)

    def _ensure_alone(self, definition: KeyDefinition, key: Key) -> None:
        """A key that a foreign key has got of itself goes when another one serves it, and is not told from others."""
        if definition.kind in (KeyKind.FULLTEXT, KeyKind.SPATIAL, KeyKind.VECTOR):
            return
        for one in self._known:
            if not one.unique and one.columns == key.columns[: len(one.columns)]:
                raise NotResolved(f"whether the key {one.name!r} is a foreign key's own is not known")

    def _serves(self, definitions: Sequence[KeyDefinition], place: int) -> bool:
        """Say whether another key begins with a foreign key's columns, which then gets none of its own."""
        wanted = [(part.column or "").lower() for part in definitions[place].parts]

        def begins(columns: Sequence[str | None]) -> bool:
            return [(name or "").lower() for name in columns[: len(wanted)]] == wanted

        for key in self._known:
            if begins(key.columns):
                return True
        for other, definition in enumerate(definitions):
            if definition.kind in (KeyKind.PRIMARY, KeyKind.UNIQUE, KeyKind.INDEX) or (
                definition.kind is KeyKind.FOREIGN
                and (other < place if len(definition.parts) == len(wanted) else other != place)
            ):
                names = [part.column if part.prefix is None else None for part in definition.parts]
                if other != place and begins(names):
                    return True
        return False

    def _key(self, definition: KeyDefinition, by_name: dict[str, Column]) -> Key:
        columns = tuple(self._column_name(part, by_name) for part in definition.parts)
        unique = definition.kind in (KeyKind.PRIMARY, KeyKind.UNIQUE)
        prefixes = tuple(_prefix(part.prefix, by_name.get((part.column or "").lower())) for part in definition.parts)
        name = definition.name or self._free_name(columns[0] or "functional_index")
        return Key(name, columns, unique, prefixes if unique and any(prefixes) else ())

    def _column_name(self, part: KeyPart, by_name: dict[str, Column]) -> str | None:
        if part.column is None:
            return None
        column = by_name.get(part.column.lower())
        if column is None:
            raise NotResolved(f"a key names the column {part.column!r}, which the table does not have")
        return column.name

    def _free_name(self, wanted: str) -> str:
        taken = {key.name.lower() for key in self.all()}
        if wanted.lower() not in taken and wanted.lower() != "primary":
            return wanted
        return next(
            f"{wanted}_{number}" for number in range(2, len(taken) + 3) if f"{wanted}_{number}".lower() not in taken
        )

    def _ensure_told(self, columns: Sequence[Column]) -> None:
        places = {column.name for column in columns if column.type_name in SPATIAL}
        if any(key.unique and places.intersection(key.columns) for key in self.all()):
            raise NotResolved("how much of a place a unique key covers is not known")

    def record_key(self, columns: Sequence[Column]) -> tuple[str, ...]:
        """Return the record key's columns: PRIMARY, else the first unique key without a nullable part.

        The first in the server's order: keys that cover whole columns before others, then the older ones. Of keys that
        were there before, only the one that was the record's is known to be first. Raises NotResolved.
        """
        self._ensure_told(columns)
        nullable = {column.name: column.nullable for column in columns}

        def serves(key: Key) -> bool:
            return key.unique and all(name is not None and nullable.get(name) is False for name in key.columns)

        known = [key for key in self._known if serves(key)]
        added = [key for key in self._added if serves(key)]
        for key in known + added:
            if key.name == "PRIMARY":
                return _names(key)
        texts = {column.name for column in columns if column.type_name in _BLOBS}
        if len(known + added) > 1 and any(
            not key.prefixes and texts.intersection(key.columns) for key in known + added
        ):
            # MariaDB keeps a hash of such a key, behind all others.
            raise NotResolved("which of several unique keys is first is not told by the statement")
        for partial in (False, True):
            old = [key for key in known if bool(key.prefixes) is partial]
            before = [key for key in old if _names(key) == self._before]
            if len(old) > 1 and len(before) != 1:
                raise NotResolved("which of several unique keys is first is not told by the statement")
            first = before or old or [key for key in added if bool(key.prefixes) is partial]
            if first:
                return _names(first[0])
        return ()


def candidates(table: Table) -> int:
    """Return how many keys could be the record's where no primary key is."""
    nullable = {column.name: column.nullable for column in table.columns}
    return sum(key.unique and all(nullable.get(name or "") is False for name in key.columns) for key in table.keys)


def _names(key: Key) -> tuple[str, ...]:
    return tuple(name for name in key.columns if name is not None)


def _prefix(written: int | None, column: Column | None) -> int | None:
    """Return how much of a column's values a key covers, None for all: only texts and bytes have beginnings."""
    if written is None or column is None or column.type_name not in _WHOLE | _BLOBS:
        return None
    whole = column.type_name in _WHOLE and column.length is not None and written >= column.length
    return None if whole else written


def _with_columns(key: Key, names: Mapping[str, str | None], changed: Mapping[str, Column]) -> Key | None:
    prefixes = key.prefixes or (None,) * len(key.columns)
    columns: list[str | None] = []
    kept: list[int | None] = []
    for old, prefix in zip(key.columns, prefixes, strict=True):
        new = None if old is None else names.get(old, old)
        if old is not None and new is None:
            continue
        column = changed.get(new) if new is not None else None
        columns.append(new)
        kept.append(prefix if column is None else _prefix(prefix, column))
    return replace(key, columns=tuple(columns), prefixes=tuple(kept) if any(kept) else ()) if columns else None
