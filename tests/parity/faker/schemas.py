"""Random tables: columns, NULL or not, defaults, comments, generated and invisible columns, every kind of key.

Every table has a column `rid`, by which histories name its rows; it is the key itself in some tables. Values of key
columns come from a counter, so that no two rows collide, in a unique prefix neither.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.parity.faker.literals import quoted
from tests.parity.faker.types import SHAPES, TYPES, ColumnType

KEYS = ("none", "single", "composite", "unique", "prefix", "rid", "auto", "hidden")
"""Kinds of key; `auto` is AUTO_INCREMENT, `hidden` is the invisible column that the server adds by itself."""

Keyed = Callable[[int], str]
"""Number of a key, from 1 → the SQL literal that no other number has."""

KEY_TYPES: tuple[tuple[str, str, Keyed], ...] = (
    ("int", "int", lambda n: str(n if n % 2 else -n)),
    ("bigint", "bigint unsigned", lambda n: str(2**63 + n)),
    ("smallint", "smallint", str),
    ("varchar", "varchar(40)", lambda n: quoted(f"k{n} é漢")),
    ("char", "char(12)", lambda n: quoted(f"k{n}")),
    ("varchar", "varchar(20) CHARACTER SET latin1", lambda n: quoted(f"ÿ{n}")),
    ("decimal", "decimal(20,4)", lambda n: f"{n}.{n % 10000:04}"),
    ("date", "date", lambda n: f"MAKEDATE(1970 + {n} DIV 365, 1 + {n} MOD 365)"),
    ("datetime", "datetime(6)", lambda n: f"'2020-01-02 03:04:05' + INTERVAL {n} MICROSECOND"),
    ("timestamp", "timestamp(3)", lambda n: f"TIMESTAMP'2020-01-02 03:04:05' + INTERVAL {n} SECOND"),
    ("binary", "binary(16)", lambda n: f"X'{n:032x}'"),
    ("varbinary", "varbinary(20)", lambda n: f"X'ff{n:08x}'"),
    ("bit", "bit(24)", str),
)
"""(family, DDL, values) of key columns."""
_PREFIXED: tuple[tuple[str, str, Keyed], ...] = (
    ("varchar", "varchar(255)", lambda n: quoted(f"p{n:07}" + "tail" * (n % 9))),
    ("text", "text", lambda n: quoted(f"p{n:07}" + "tail" * (n % 99))),
    ("blob", "blob", lambda n: f"X'{n:016x}{'ff' * (n % 50)}'"),
)
_GENERATED = (
    ("int", "bigint", "(`rid` * 2)"),
    ("varchar", "varchar(40)", "(CONCAT('r-', `rid`))"),
    ("datetime", "datetime(3)", "(TIMESTAMP('2020-01-01') + INTERVAL `rid` SECOND)"),
    ("decimal", "decimal(10,2)", "(`rid` / 3)"),
)
_NAMES = (
    *("c{0}", "c{0}", "c{0}", "C_{0}x", "_c{0}", "{1}_{0}", "{1}_{0}", "{1}_{0}"),
    "long_name_of_a_column_that_goes_on_and_on_to_the_very_limit_c{0}",
)
"""Number and family of the type; option sets choose columns by them."""
_COMMENTS = ("", "", "a comment", "with 'quote' and größe", "a, b; c -- d")


@dataclass(frozen=True)
class FakeColumn:
    """One column, and where its values come from."""

    name: str
    family: str
    type_ddl: str
    nullable: bool
    type: ColumnType | None = None
    """Source of values; None for key and generated columns."""
    keyed: Keyed | None = None
    default: str | None = None
    comment: str = ""
    invisible: bool = False
    generated: str = ""
    """Expression with STORED or VIRTUAL, else empty."""
    extra: str = ""

    @property
    def ddl(self) -> str:
        """The column as in CREATE TABLE."""
        parts = [f"`{self.name}` {self.type_ddl}"]
        if self.generated:
            parts.append(f"GENERATED ALWAYS AS {self.generated}")
        parts.append("NULL" if self.nullable else "NOT NULL")
        if self.default is not None:
            parts.append(f"DEFAULT {self.default}")
        if self.extra:
            parts.append(self.extra)
        if self.comment:
            parts.append(f"COMMENT {quoted(self.comment)}")
        if self.invisible:
            parts.append("INVISIBLE")
        return " ".join(parts)


@dataclass(frozen=True)
class FakeTable:
    """One table."""

    name: str
    columns: tuple[FakeColumn, ...]
    key: str
    """Of KEYS."""
    index: str = ""
    """The key's clause in CREATE TABLE."""
    charset: str = "utf8mb4"
    comment: str = ""
    former: tuple[FakeColumn, ...] = ()
    """Columns that ALTER TABLE has dropped or renamed since."""

    @property
    def create(self) -> str:
        """CREATE TABLE."""
        body = ",\n  ".join([column.ddl for column in self.columns] + ([self.index] if self.index else []))
        comment = f" COMMENT={quoted(self.comment)}" if self.comment else ""
        return f"CREATE TABLE `{self.name}` (\n  {body}\n) DEFAULT CHARSET={self.charset}{comment}"

    @property
    def written(self) -> tuple[FakeColumn, ...]:
        """The columns that INSERT names, `rid` first."""
        named = [one for one in self.columns if one.name != "rid" and not one.generated and not one.extra]
        return (next(one for one in self.columns if one.name == "rid"), *named)

    def column(self, name: str) -> FakeColumn | None:
        """Return the column that has or had that name; None for the server's own hidden key."""
        return next((one for one in (*self.columns, *self.former) if one.name == name), None)


def make_tables(rnd: random.Random, count: int, prefix: str = "t") -> list[FakeTable]:
    """Return `count` tables that together hold every variant as often as there is room for it."""
    dealt = _deal(rnd)
    kinds = list(KEYS)
    rnd.shuffle(kinds)
    return [_table(rnd, f"{prefix}{n:03}", kinds[n % len(kinds)], dealt) for n in range(count)]


_NAMES_OF_MISREAD = ("e{0}",)


def lost_in_show_create(ddl: str) -> bool:
    """Whether a type has labels that SHOW CREATE TABLE prints as `?`.

    Debezium's schema has the `?` where it read the structure, as ours has, and the label where it read streamed DDL: a
    schema that depends on how the table became known is no subject of the comparison.
    """
    return "😀" in ddl


def altered(rnd: random.Random, table: FakeTable, serial: int) -> tuple[str, FakeTable]:
    """Return an ALTER TABLE statement and the table after it: a column added, dropped, renamed, moved, or widened."""
    free = [one for one in table.columns if one.type is not None and not lost_in_show_create(one.type_ddl)]
    choice = rnd.choice(["add", "add", "drop", "rename", "modify", "modify"]) if len(free) > 3 else "add"
    if choice == "add":
        return _add_column(rnd, table, serial)
    old = rnd.choice(free)
    kept = tuple(one for one in table.columns if one is not old)
    if choice == "drop":
        return f"ALTER TABLE `{table.name}` DROP COLUMN `{old.name}`", replace(
            table, columns=kept, former=(*table.former, old)
        )
    if choice == "modify":
        return _modify_column(rnd, table, old, serial)
    new = replace(old, name=f"r{serial}")
    columns = tuple(new if one is old else one for one in table.columns)
    statement = f"ALTER TABLE `{table.name}` RENAME COLUMN `{old.name}` TO `{new.name}`"
    return statement, replace(table, columns=columns, former=(*table.former, old))


_WIDER = {
    "tinyint": "int",
    "smallint": "bigint",
    "mediumint": "bigint",
    "int": "bigint",
    "int unsigned": "bigint unsigned",
    "decimal(5,2)": "decimal(18,9)",
    "char(10)": "varchar(300)",
    "varchar(20)": "varchar(255)",
    "tinytext": "longtext",
    "text": "mediumtext",
    "tinyblob": "longblob",
    "binary(8)": "varbinary(300)",
    "varbinary(5)": "blob",
    "bit(7)": "bit(33)",
    "date": "datetime(3)",
    "datetime(0)": "datetime(6)",
    "timestamp(0)": "timestamp(3)",
    "time(0)": "time(6)",
}
"""Type → one that takes all its values."""


def _modify_column(rnd: random.Random, table: FakeTable, old: FakeColumn, serial: int) -> tuple[str, FakeTable]:
    """The column elsewhere, nullable, with another comment, a wider type where there is one, now and then renamed."""
    wider = [one for one in TYPES if one.ddl == _WIDER.get(old.type_ddl) and one.nullable is not False]
    new = replace(old, nullable=True, comment=_comment(rnd, old.family))
    if wider:
        new = replace(new, type_ddl=wider[0].ddl, family=wider[0].family, type=wider[0], default=None)
    verb = f"MODIFY COLUMN {new.ddl}"
    if rnd.random() < 0.3:
        new = replace(new, name=f"m{serial}")
        verb = f"CHANGE COLUMN `{old.name}` {new.ddl}"
    place = next(n for n, one in enumerate(table.columns) if one is old)
    kept = [one for one in table.columns if one is not old]
    where = ""
    if rnd.random() < 0.5:
        place = rnd.randint(0, len(kept))
        where = " FIRST" if place == 0 else f" AFTER `{kept[place - 1].name}`"
    changed = replace(table, columns=(*kept[:place], new, *kept[place:]), former=(*table.former, old))
    return f"ALTER TABLE `{table.name}` {verb}{where}", changed


def _add_column(rnd: random.Random, table: FakeTable, serial: int) -> tuple[str, FakeTable]:
    variant = rnd.choice([one for one in TYPES if one.nullable is not False and not lost_in_show_create(one.ddl)])
    # Nullable: there are rows already, and not every type has a value of its own for them.
    new = _in_utf8mb4(replace(_column(rnd, f"a{serial}", variant), nullable=True))
    place = rnd.randint(0, len(table.columns))
    where = "FIRST" if place == 0 else f"AFTER `{table.columns[place - 1].name}`"
    columns = (*table.columns[:place], new, *table.columns[place:])
    return f"ALTER TABLE `{table.name}` ADD COLUMN {new.ddl} {where}", replace(table, columns=columns)


def _deal(rnd: random.Random) -> Iterator[ColumnType]:
    """Endless: all variants in random order, then all again in another."""
    while True:
        cards = list(TYPES)
        rnd.shuffle(cards)
        yield from cards


def _table(rnd: random.Random, name: str, key: str, dealt: Iterator[ColumnType]) -> FakeTable:
    columns = []
    for n in range(rnd.randint(8, 20)):
        variant = next(dealt)
        names = _NAMES_OF_MISREAD if _is_misread(variant) else _NAMES
        columns.append(_column(rnd, rnd.choice(names).format(n, variant.family), variant))
    if rnd.random() < 0.3:
        columns.append(_generated(rnd))
    key_columns, index = _key(rnd, key)
    columns += key_columns
    if not any(column.name == "rid" for column in columns):
        columns.append(FakeColumn("rid", "int", "int", False))
    rnd.shuffle(columns)
    charset = rnd.choice(["utf8mb4", "utf8mb4", "utf8mb4", "utf8mb3"])
    if charset == "utf8mb3":
        columns = [_in_utf8mb4(column) for column in columns]
    return FakeTable(name, tuple(columns), key, index, charset, rnd.choice(_COMMENTS))


def _is_misread(variant: ColumnType) -> bool:
    """Whether Debezium streams another text, of which a mask would show another hash and a key be another one.

    So no mask and no list of key columns of the option sets takes such a column.
    """
    return "CHARACTER SET" in variant.ddl or any(label in variant.ddl for label in ("😀", "b,c"))


_TAKES_CHARSET = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})


def _in_utf8mb4(column: FakeColumn) -> FakeColumn:
    """Name the character set where the table's own, smaller one would do: its values need all of Unicode."""
    if column.family not in _TAKES_CHARSET or "CHARACTER SET" in column.type_ddl or "COLLATE" in column.type_ddl:
        return column
    return replace(column, type_ddl=f"{column.type_ddl} CHARACTER SET utf8mb4")


def _column(rnd: random.Random, name: str, variant: ColumnType) -> FakeColumn:
    nullable = rnd.random() < 0.7 if variant.nullable is None else variant.nullable
    defaults = [one for one in variant.defaults if nullable or one != "NULL"]
    default = rnd.choice(defaults) if defaults and rnd.random() < 0.4 else None
    return FakeColumn(
        name,
        variant.family,
        variant.ddl,
        nullable,
        variant,
        default=default,
        comment=_comment(rnd, variant.family) if rnd.random() < 0.2 else "",
        invisible=rnd.random() < 0.05,
    )


_WITH_DOC = frozenset({*SHAPES, "vector"})
"""Their schemas have a text of their own: a comment beside it, and Debezium fails with include.schema.comments."""


def _comment(rnd: random.Random, family: str) -> str:
    return "" if family in _WITH_DOC else rnd.choice(_COMMENTS)


def _generated(rnd: random.Random) -> FakeColumn:
    family, ddl, expression = rnd.choice(_GENERATED)
    return FakeColumn("g", family, ddl, True, generated=f"{expression} {rnd.choice(['STORED', 'VIRTUAL'])}")


def _key(rnd: random.Random, key: str) -> tuple[list[FakeColumn], str]:
    """Return the columns of a key and its clause."""
    if key in ("none", "hidden"):
        return [], ""
    if key == "rid":
        return [], "PRIMARY KEY (`rid`)"
    if key == "auto":
        return [FakeColumn("k0", "int", "bigint unsigned", False, extra="AUTO_INCREMENT")], "PRIMARY KEY (`k0`)"
    if key == "prefix":
        family, ddl, keyed = rnd.choice(_PREFIXED)
        column = FakeColumn("k0", family, ddl, False, keyed=keyed)
        return [column], f"{rnd.choice(['PRIMARY KEY', 'UNIQUE KEY `u`'])} (`k0`(8))"
    chosen: Sequence[tuple[str, str, Keyed]] = rnd.sample(KEY_TYPES, 1 if key == "single" else 2)
    columns = [FakeColumn(f"k{n}", family, ddl, False, keyed=keyed) for n, (family, ddl, keyed) in enumerate(chosen)]
    names = ", ".join(f"`{column.name}`" for column in rnd.sample(columns, len(columns)))
    return columns, f"UNIQUE KEY `u` ({names})" if key == "unique" else f"PRIMARY KEY ({names})"
