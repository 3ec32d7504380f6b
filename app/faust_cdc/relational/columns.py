"""Which columns a record has, which of them are its key, and what is done to their values: chosen once per table.

One place for all of Debezium's column options. Names are `database.table.column` (for data types
`database.table.TYPE`), patterns are lists as in `relational.filters`: anchored, case-insensitive, split on unescaped
commas. Source: Debezium 3.6.1 `Tables.ColumnNameFilterFactory`, `Key.CustomKeyMapper`, `ColumnMappers`.

- Include and exclude lists decide about the value only; a key column stays in the key whatever they say.
- `message.key.columns` gives the key's columns in the order of its entries, then of the table. Where none of its
  entries matches a column, the primary key remains. A column matched twice counts once, at its first place; Debezium's
  schema builder fails there.
- Of masking, truncating and propagating, one rule at most serves a column. Debezium tries them in the order truncate,
  mask with characters, propagate by column, propagate by data type, hash, hash v2; so a propagated or truncated column
  that is also on a mask's list goes out in clear. A mask must mask: by default masks come first, and Debezium's order
  is taken with `compatible` only.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from faust_cdc.config.column_rules import HASH, HASH_V2, MASK_CHARS, TRUNCATE, ColumnRule, key_entries
from faust_cdc.errors import UnsupportedColumn
from faust_cdc.relational.filters import parse_patterns
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.relational.source_type import source_type_of

Patterns = tuple[re.Pattern[str], ...]

MASKABLE = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
"""Types whose values a mask replaces: those that Debezium's DDL parser calls CHAR or VARCHAR (`MaskStrings.create`)."""


class Action(enum.Enum):
    """What the rule of a column does."""

    TRUNCATE = "truncate"
    MASK = "mask"
    HASH = "hash"
    """Of the Java-serialized string."""
    HASH_V2 = "hash v2"
    """Of the UTF-8 text."""
    PROPAGATE = "propagate"


_ACTIONS = {TRUNCATE: Action.TRUNCATE, MASK_CHARS: Action.MASK, HASH: Action.HASH, HASH_V2: Action.HASH_V2}

MASKS = frozenset({Action.MASK, Action.HASH, Action.HASH_V2})
"""Actions whose purpose is that the value is not seen."""


@dataclass(frozen=True, slots=True)
class Shaping:
    """One rule: the columns that it serves and what it does to them."""

    action: Action
    option: str
    """The option it came from, for errors."""
    patterns: Patterns
    by_datatype: bool = False
    """Patterns match `database.table.TYPE`, not the column's name."""
    length: int = 0
    """Characters of a truncated value or of a mask of asterisks."""
    algorithm: str = ""
    """As `hashlib` calls it."""
    salt: str = ""

    def serves(self, table: TableId, column: Column) -> bool:
        """Say whether the rule is for the column."""
        last = source_type_of(column).name if self.by_datatype else column.name
        return _matches(self.patterns, f"{table}.{last}")


@dataclass(frozen=True, slots=True)
class ColumnSelection:
    """All column options of a connector. The empty selection keeps every column as it is."""

    include: Patterns = ()
    """`column.include.list`; when there is one, it alone decides."""
    exclude: Patterns = ()
    keys: tuple[Patterns, ...] = ()
    """`message.key.columns`: for each key column of each entry, patterns of `database.table.column`."""
    shapings: tuple[Shaping, ...] = ()
    """In Debezium's order."""
    comments: bool = False
    """`include.schema.comments`: the comments of columns stand in schemas."""

    @classmethod
    def parse(
        cls,
        include: str | None = None,
        exclude: str | None = None,
        keys: str | None = None,
        rules: Sequence[ColumnRule] = (),
        propagate: str | None = None,
        propagate_datatypes: str | None = None,
        comments: bool = False,
    ) -> ColumnSelection:
        """Return the selection that the options' texts mean. Raises ConfigError naming a bad pattern."""
        shapings = [_shaping(rule) for rule in rules]
        shapings += _propagation("column.propagate.source.type", propagate)
        shapings += _propagation("datatype.propagate.source.type", propagate_datatypes, by_datatype=True)
        return cls(
            parse_patterns("column.include.list", include),
            parse_patterns("column.exclude.list", exclude),
            tuple(parse_patterns("message.key.columns", entry) for entry in key_entries(keys)),
            tuple(sorted(shapings, key=_debeziums_order)),
            comments,
        )

    def includes(self, table: TableId, column: Column) -> bool:
        """Say whether the column is in the value."""
        name = f"{table}.{column.name}"
        return _matches(self.include, name) if self.include else not _matches(self.exclude, name)

    def key_of(self, table: Table) -> tuple[str, ...]:
        """Return the names of the record key's columns in key order; empty when records have no key."""
        chosen = dict.fromkeys(
            column.name
            for patterns in self.keys
            for column in table.columns
            if _matches(patterns, f"{table.id}.{column.name}")
        )
        return tuple(chosen) or table.primary_key

    def shaping_of(self, table: TableId, column: Column, compatible: bool = False) -> Shaping | None:
        """Return the rule that serves the column, None when there is none; see the module about their order."""
        serving = [one for one in self.shapings if one.serves(table, column)]
        if not compatible:
            serving.sort(key=lambda one: one.action not in MASKS)
        return serving[0] if serving else None

    def clear_problem(self, table: Table, column: Column) -> str | None:
        """Say in words why a column that a mask is set on would still go out in clear; None when it would not."""
        shaping = self.shaping_of(table.id, column)
        if shaping is None or shaping.action not in MASKS:
            return None
        where = f"{table.id}, column {column.name!r} ({column.type_expression or column.type_name})"
        if column.name in self.key_of(table):
            return f"{where}: '{shaping.option}' masks it, but it is part of the record key, which stays in clear."
        if column.type_name not in MASKABLE and self.includes(table.id, column):
            return f"{where}: '{shaping.option}' cannot mask it: only CHAR, VARCHAR, TEXT, ENUM and SET can be masked."
        return None

    def ensure_masked(self, table: Table) -> None:
        """Refuse a table of which a column that is to be masked would go out in clear.

        Debezium 3.6.1 marks an INT column on a mask's list as `masked` and writes its values as they are, and a key
        column's value stands in the key. Null or zero in its place would be data that the source does not have, hard
        to tell from true ones, and a key of asterisks would make all rows one; a mask that cannot be kept is an error
        of the configuration, so it is refused before the first row. Raises UnsupportedColumn naming all such columns.
        """
        problems = [text for column in table.columns if (text := self.clear_problem(table, column)) is not None]
        if problems:
            raise UnsupportedColumn(
                " ".join(problems),
                remedy="take the column off the mask's list; leave it out with column.exclude.list, or choose another "
                "key with message.key.columns",
            )

    def unmatched(self, tables: Iterable[Table]) -> list[tuple[str, str]]:
        """Return (option, problem) of each list that matches no column of `tables`."""
        names = [(table, column) for table in tables for column in table.columns]
        lists: list[tuple[str, Patterns]] = [
            ("column.include.list", self.include),
            ("column.exclude.list", self.exclude),
            ("message.key.columns", tuple(pattern for patterns in self.keys for pattern in patterns)),
        ]
        found = [
            (option, _unmatched_text(option, patterns))
            for option, patterns in lists
            if patterns and not any(_matches(patterns, f"{table.id}.{column.name}") for table, column in names)
        ]
        return found + [
            (one.option, _unmatched_text(one.option, one.patterns))
            for one in self.shapings
            if one.patterns and not any(one.serves(table.id, column) for table, column in names)
        ]


EVERY_COLUMN: Final = ColumnSelection()
"""No option: every column as it is, the primary key as key."""


def _unmatched_text(option: str, patterns: Patterns) -> str:
    shown = ",".join(pattern.pattern for pattern in patterns)
    last = "TYPE" if option.startswith("datatype") else "column"
    return (
        f"The '{option}' value is invalid: No column of the captured tables matches '{shown}' (patterns of "
        f"<database>.<table>.<{last}> match whole names, upper or lower case alike)."
    )


def _matches(patterns: Patterns, name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in patterns)


def _shaping(rule: ColumnRule) -> Shaping:
    return Shaping(
        _ACTIONS[rule.kind],
        rule.option,
        parse_patterns(rule.option, rule.patterns),
        length=rule.length,
        algorithm=rule.algorithm,
        salt=rule.salt,
    )


def _propagation(option: str, text: str | None, by_datatype: bool = False) -> list[Shaping]:
    patterns = parse_patterns(option, text)
    return [Shaping(Action.PROPAGATE, option, patterns, by_datatype)] if patterns else []


_ORDER = (Action.TRUNCATE, Action.MASK, Action.PROPAGATE, Action.HASH, Action.HASH_V2)


def _debeziums_order(one: Shaping) -> tuple[int, bool, int, str]:
    """Rules of one kind come in no order in Debezium (a hash map's); here the shorter first, then by name."""
    return _ORDER.index(one.action), one.by_datatype, one.length, one.option
