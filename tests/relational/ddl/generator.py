"""Random DDL: statements of every clause over tables as they are, from a seed.

Not every statement is legal; the server says which are. Words are in random case, names quoted or not, blanks and
comments in odd places.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from faust_cdc.relational.model import Column, Table, TableId
from tests.relational.ddl.generated_columns import Columns

TABLES_MAX = 8
COLUMNS_MAX = 14


class Generator:
    """Makes statements; `database` and `other` are two databases of the test's own."""

    def __init__(self, seed: int, database: str, other: str, mariadb: bool) -> None:
        self.random = random.Random(seed)
        self.database = database
        self.other = other
        self.mariadb = mariadb
        self.columns = Columns(self.random, mariadb)
        self._number = 0

    def session(self) -> tuple[str, bool]:
        """Return sql_mode and explicit_defaults_for_timestamp for the next statements."""
        modes = ["STRICT_TRANS_TABLES"] if self.random.random() < 0.8 else []
        for mode, chance in (("ANSI_QUOTES", 0.15), ("NO_BACKSLASH_ESCAPES", 0.1), ("REAL_AS_FLOAT", 0.1)):
            if self.random.random() < chance:
                modes.append(mode)
        self.columns.ansi = "ANSI_QUOTES" in modes
        self.columns.backslash = "NO_BACKSLASH_ESCAPES" not in modes
        return ",".join(modes), self.random.random() < 0.75

    def statement(self, tables: Mapping[TableId, Table]) -> str:
        """Return a statement about these tables or a new one."""
        if not tables or (len(tables) < TABLES_MAX and self.random.random() < 0.12):
            return self._create(tables)
        table = self.random.choice(list(tables.values()))
        kinds: list[tuple[int, Callable[[Table, Mapping[TableId, Table]], str]]] = [
            (60, lambda t, _: self._alter(t)),
            (4, self._create_index),
            (3, self._drop_index),
            (4, lambda _, ts: self._rename(ts)),
            (
                3,
                lambda t, _: f"{self.word('TRUNCATE')} {self.word('TABLE') if self.maybe() else ''} {self.table(t.id)}",
            ),
            (4, self._drop),
            (2, lambda t, _: self._recreate(t)),
            (2, lambda _, ts: self._database()),
            (3, self._evolution),
        ]
        weights = [weight for weight, _ in kinds]
        text = self.random.choices(kinds, weights)[0][1](table, tables)
        return self.disguised(text)

    def maybe(self, chance: float = 0.5) -> bool:
        """Throw a coin."""
        return self.random.random() < chance

    def word(self, words: str) -> str:
        """Return keywords in some case."""
        return self.random.choice((words, words, words.lower(), words.title()))

    def name(self, name: str) -> str:
        """Return a name, quoted or not."""
        return self.columns.name(name)

    def table(self, table: TableId) -> str:
        """Return a table's name with or without its database."""
        if table.database != self.database or self.maybe(0.2):
            return f"{self.name(table.database)}{self.random.choice(('.', '.', ' . '))}{self.name(table.table)}"
        return self.name(table.table)

    def disguised(self, text: str) -> str:
        """Return the statement with comments, or in one that the server executes."""
        chance = self.random.random()
        if chance < 0.04:
            return f"/*!40000 {text} */"
        if chance < 0.06 and self.mariadb:
            return f"/*M!100100 {text} */"
        if chance < 0.10:
            return f"/* it's; a \"comment */ {text} -- end; of it"
        if chance < 0.12:
            return f"# first line\n{text};"
        return text

    def new_name(self, stem: str) -> str:
        """Return a name that nothing has had before."""
        self._number += 1
        odd = self.random.choice(("", "", "", "", " x", "`", "ü", "-", "A", "$", "'"))
        return f"{stem}{self._number}{odd}"

    def _new_id(self) -> TableId:
        return TableId(self.database if self.maybe(0.85) else self.other, self.new_name("t"))

    def _create(self, tables: Mapping[TableId, Table]) -> str:
        if self.maybe(0.06):
            return self._with_foreign_key()
        opening = self.word("CREATE") + " "
        if self.mariadb and self.maybe(0.1):
            opening += "OR REPLACE "
        opening += self.word("TABLE") + " "
        if tables and self.maybe(0.15):
            source = self.random.choice(list(tables))
            like = f"{self.table(self._new_id())} LIKE {self.table(source)}"
            return opening + (like if self.maybe() else like.replace(" LIKE ", " (LIKE ", 1) + ")")
        if "REPLACE" not in opening and self.maybe(0.2):
            opening += "IF NOT EXISTS "
        target = self._new_id()
        if tables and self.maybe(0.08):
            target = self.random.choice(list(tables))
        return (
            opening
            + self.table(target)
            + self._body()
            + self._table_options()
            + self._versioning()
            + self._partitions()
        )

    def _body(self) -> str:
        names = [self.new_name("c") for _ in range(self.random.randint(1, 7))]
        parts = []
        has_auto = False
        for name in names:
            definition, auto = self.columns.definition(may_be_auto=not has_auto)
            has_auto |= auto
            parts.append(f"{self.name(name)} {definition}")
        for _ in range(self.random.choice((0, 0, 1, 1, 2, 3))):
            parts.append(self._key(names))
        return f" (\n  {(',' + self.random.choice((' ', chr(10), ''))).join(parts)})"

    def _key(self, names: list[str], *, in_alter: bool = False) -> str:
        chosen = self.random.sample(names, min(len(names), self.random.choice((1, 1, 1, 2, 3))))
        parts = ", ".join(self._part(name) for name in chosen)
        kind = self.random.choice(
            ("PRIMARY KEY", "UNIQUE", "UNIQUE KEY", "UNIQUE INDEX", "KEY", "INDEX", "FULLTEXT", "CHECK")
        )
        if kind == "CHECK":
            constraint = f"CONSTRAINT {self.name(self.new_name('chk'))} " if self.maybe() else ""
            return f"{constraint}CHECK ({self.name(chosen[0])} IS NOT NULL OR (1 = 1) OR ')' = '(')"
        constraint = ""
        if kind.startswith(("PRIMARY", "UNIQUE")) and self.maybe(0.2):
            constraint = f"CONSTRAINT {self.name(self.new_name('con')) if self.maybe(0.7) else ''} "
        name = f" {self.name(self.new_name('k'))}" if kind != "PRIMARY KEY" and self.maybe() else ""
        if name and self.mariadb and in_alter and self.maybe(0.1):
            name = " IF NOT EXISTS" + name
        using = self.random.choice(("", "", "", " USING BTREE")) if kind != "FULLTEXT" else ""
        if not self.mariadb and kind in ("UNIQUE", "KEY") and self.maybe(0.08):
            parts = f"({self.name(chosen[0])} IS NULL)"
        return f"{constraint}{kind}{name}{using} ({parts}){self._key_options()}"

    def _part(self, name: str) -> str:
        prefix = f"({self.random.choice((1, 3, 5, 10))})" if self.maybe(0.25) else ""
        return f"{self.name(name)}{prefix}{self.random.choice(('', '', '', ' ASC', ' DESC'))}"

    def _key_options(self) -> str:
        return self.random.choice(("", "", "", " COMMENT 'k; x'", " KEY_BLOCK_SIZE=4"))

    def _table_options(self) -> str:
        found = []
        if self.maybe(0.5):
            found.append(f"ENGINE{self.random.choice(('=', ' ', ' = '))}InnoDB")
        if self.maybe(0.35):
            found.append(f"{self.random.choice(('DEFAULT ', ''))}{self.columns.charset()}")
        elif self.maybe(0.2):
            found.append(f"COLLATE{self.random.choice(('=', ' '))}{self.columns.collation_name()}")
        if self.maybe(0.25):
            found.append(f"COMMENT{self.random.choice(('=', ' '))}{self.columns.string(self.columns.text())}")
        if self.maybe(0.15):
            found.append(
                self.random.choice(("ROW_FORMAT=DYNAMIC", "AUTO_INCREMENT=5", "STATS_PERSISTENT=0", "MAX_ROWS=9"))
            )
        return " " + self.random.choice((" ", ", ")).join(found) if found else ""

    def _versioning(self) -> str:
        return " WITH SYSTEM VERSIONING" if self.mariadb and self.maybe(0.06) else ""

    def _with_foreign_key(self) -> str:
        """A table that refers to itself, so that the key it refers to is there."""
        name = self._new_id()
        constraint = f"CONSTRAINT {self.name(self.new_name('fk'))} " if self.maybe() else ""
        index = f" {self.name(self.new_name('fi'))} " if self.maybe(0.3) else " "
        own = self.random.choice(("", ", KEY kb (b)", ", KEY kbc (b, c)", ", UNIQUE (c)"))
        action = self.random.choice(("", " ON DELETE CASCADE", " ON UPDATE SET NULL ON DELETE NO ACTION"))
        key = f"{constraint}FOREIGN KEY{index}(b) REFERENCES {self.table(name)} (a){action}"
        return f"CREATE TABLE {self.table(name)} (a INT PRIMARY KEY, b INT, c INT{own}, {key}) ENGINE=InnoDB"

    def _partitions(self) -> str:
        return self.random.choice(("",) * 12 + (" PARTITION BY HASH (1) PARTITIONS 2",))

    def _alter(self, table: Table) -> str:
        ignore = self.word(" IGNORE") if self.mariadb and self.maybe(0.05) else ""
        names = [column.name for column in table.columns]
        clauses = []
        for _ in range(self.random.choice((1, 1, 1, 2, 2, 3, 4))):
            clause = self._clause(table, names)
            if clause:
                clauses.append(clause)
        if self.maybe(0.06):
            clauses.append(self.random.choice(("ALGORITHM=COPY", "LOCK=DEFAULT", "FORCE", "ALGORITHM = DEFAULT")))
        # MariaDB 10.11 leaves the old table's file behind when it copies and renames one with such a name; MySQL 9.7
        # ends when it copies and renames a table with a foreign key to itself, and renames its column.
        plain = table.id.table.isascii() and table.id.table.isalnum() if self.mariadb else len(clauses) == 1
        if self.maybe(0.04) and plain:
            clauses.append(
                f"{self.word('RENAME')} {self.random.choice(('TO ', 'AS ', ''))}{self.table(self._new_id())}"
            )
        elif self.maybe(0.03):
            clauses.append(f"ORDER BY {self.name(self.random.choice(names))}")
        exists = "IF EXISTS " if self.mariadb and self.maybe(0.05) else ""
        return f"{self.word('ALTER')}{ignore} {self.word('TABLE')} {exists}{self.table(table.id)} {', '.join(clauses)}"

    def _clause(self, table: Table, names: list[str]) -> str:
        kinds: list[tuple[int, Callable[[Table, list[str]], str]]] = [
            (14, self._add_column),
            (14, self._modify),
            (8 if len(names) < COLUMNS_MAX else 40, self._drop_column),
            (7, self._rename_column),
            (9, self._alter_column),
            (9, lambda _, n: f"{self.word('ADD')} {self._key(n, in_alter=True)}"),
            (5, self._drop_key),
            (3, self._rename_key),
            (5, lambda _, __: self._charset_clause()),
            (3, lambda _, __: self._table_options()),
        ]
        return self.random.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0](table, names)

    def _place(self, names: list[str]) -> str:
        if self.maybe(0.6):
            return ""
        return " FIRST" if self.maybe(0.3) else f" {self.word('AFTER')} {self.name(self.random.choice(names))}"

    def _add_column(self, table: Table, names: list[str]) -> str:
        column = self.word(self.random.choice(("ADD", "ADD COLUMN")))
        if self.maybe(0.12):
            many = [self.new_name("c") for _ in range(2)]
            parts = [f"{self.name(name)} {self.columns.definition()[0]}" for name in many]
            if self.maybe(0.3):
                parts.append(self._key([*names, *many]))
            return f"{column} ({', '.join(parts)})"
        exists = " IF NOT EXISTS" if self.mariadb and self.maybe(0.1) else ""
        name = self.random.choice(names) if exists and self.maybe() else self.new_name("c")
        definition, _ = self.columns.definition(may_be_auto=not any(c.auto_increment for c in table.columns))
        return f"{column}{exists} {self.name(name)} {definition}{self._place(names)}"

    def _modify(self, table: Table, names: list[str]) -> str:
        name = self.random.choice(names)
        definition, _ = self.columns.definition(may_be_auto=not any(c.auto_increment for c in table.columns))
        if self.maybe(0.35):
            definition = self._like(table.column(name) if name in names else table.columns[0])
        exists = "IF EXISTS " if self.mariadb and self.maybe(0.08) else ""
        if self.maybe():
            return (
                f"MODIFY {'COLUMN ' if self.maybe() else ''}{exists}{self.name(name)} {definition}{self._place(names)}"
            )
        new = self.new_name("c") if self.maybe(0.6) else name
        return f"CHANGE COLUMN {exists}{self.name(name)} {self.name(new)} {definition}{self._place(names)}"

    def _like(self, column: Column) -> str:
        """The column's own type with other attributes: what people do most."""
        text = column.type_expression
        attributes = self.random.choice(("", " NULL", " NOT NULL", " COMMENT 'changed'"))
        return text + attributes

    def _drop_column(self, table: Table, names: list[str]) -> str:
        exists = "IF EXISTS " if self.mariadb and self.maybe(0.15) else ""
        return f"DROP {'COLUMN ' if self.maybe() or exists else ''}{exists}{self.name(self.random.choice(names))}"

    def _rename_column(self, table: Table, names: list[str]) -> str:
        if self.maybe(0.2) and len(names) > 1:
            first, second = self.random.sample(names, 2)
            pairs = ((first, second), (second, first))
            return ", ".join(f"RENAME COLUMN {self.name(old)} TO {self.name(new)}" for old, new in pairs)
        return f"RENAME COLUMN {self.name(self.random.choice(names))} TO {self.name(self.new_name('c'))}"

    def _alter_column(self, table: Table, names: list[str]) -> str:
        column = self.random.choice(table.columns)
        opening = f"ALTER {'COLUMN ' if self.maybe() else ''}{self.name(column.name)}"
        chance = self.random.random()
        if chance < 0.3:
            return f"{opening} DROP DEFAULT"
        if chance < 0.5 and not self.mariadb:
            return f"{opening} SET {self.random.choice(('VISIBLE', 'INVISIBLE'))}"
        return f"{opening} SET DEFAULT {self.columns.default_for(column.type_name, column.length, column.enum_values)}"

    def _drop_key(self, table: Table, names: list[str]) -> str:
        if not table.keys:
            return ""
        key = self.random.choice(table.keys)
        if key.name == "PRIMARY":
            return self.word("DROP PRIMARY KEY")
        exists = "IF EXISTS " if self.mariadb and self.maybe(0.1) else ""
        return f"DROP {self.random.choice(('KEY', 'INDEX', 'INDEX', 'CONSTRAINT'))} {exists}{self.name(key.name)}"

    def _rename_key(self, table: Table, names: list[str]) -> str:
        keys = [key for key in table.keys if key.name != "PRIMARY"]
        if not keys:
            return ""
        old = self.random.choice(keys).name
        return f"RENAME {self.random.choice(('KEY', 'INDEX'))} {self.name(old)} TO {self.name(self.new_name('k'))}"

    def _charset_clause(self) -> str:
        if self.maybe(0.6):
            return f"CONVERT TO {self.columns.charset(equals=False)}"
        return f"{self.random.choice(('DEFAULT ', ''))}{self.columns.charset()}"

    def _create_index(self, table: Table, tables: Mapping[TableId, Table]) -> str:
        kind = self.random.choice(("", "", "UNIQUE ", "UNIQUE ", "FULLTEXT "))
        names = [column.name for column in table.columns]
        chosen = self.random.sample(names, min(len(names), self.random.choice((1, 2))))
        parts = ", ".join(self._part(name) for name in chosen)
        exists = "IF NOT EXISTS " if self.mariadb and self.maybe(0.1) else ""
        tail = self.random.choice(("", "", " ALGORITHM=DEFAULT LOCK=DEFAULT"))
        return f"CREATE {kind}INDEX {exists}{self.name(self.new_name('i'))} ON {self.table(table.id)} ({parts}){tail}"

    def _drop_index(self, table: Table, tables: Mapping[TableId, Table]) -> str:
        if not table.keys:
            return self._alter(table)
        return f"DROP INDEX {self.columns.quoted(self.random.choice(table.keys).name)} ON {self.table(table.id)}"

    def _rename(self, tables: Mapping[TableId, Table]) -> str:
        ids = list(tables)
        if len(ids) > 1 and self.maybe(0.4):
            one, two = self.random.sample(ids, 2)
            between = self._new_id()
            pairs = [(one, between), (two, one), (between, two)]
        else:
            pairs = [
                (one, self._new_id()) for one in self.random.sample(ids, min(len(ids), self.random.choice((1, 2))))
            ]
        return "RENAME TABLE " + ", ".join(f"{self.table(old)} TO {self.table(new)}" for old, new in pairs)

    def _drop(self, table: Table, tables: Mapping[TableId, Table]) -> str:
        if len(tables) < 4:
            return self._create(tables)
        exists = "IF EXISTS " if self.maybe() else ""
        missing = f", {self.name(self.new_name('none'))}" if exists and self.maybe(0.3) else ""
        tail = self.random.choice(("", " CASCADE")) + " /* generated by server */"
        return f"DROP {self.word('TABLE')} {exists}{self.table(table.id)}{missing}{tail}"

    def _recreate(self, table: Table) -> str:
        return f"DROP TABLE {self.table(table.id)}; CREATE TABLE {self.table(table.id)}{self._body()}"

    def _database(self) -> str:
        word = self.random.choice(("DATABASE", "SCHEMA"))
        return f"ALTER {word} {self.name(self.other if self.maybe(0.7) else self.database)} {self.columns.charset()}"

    def _evolution(self, table: Table, tables: Mapping[TableId, Table]) -> str:
        """What gh-ost and pt-online-schema-change run, without their triggers and copies."""
        name = table.id.table
        ghost, old = TableId(table.id.database, f"_{name}_gho"), TableId(table.id.database, f"_{name}_del")
        names = [column.name for column in table.columns]
        change = self._clause(table, names)
        steps = [
            f"CREATE TABLE {self.table(ghost)} LIKE {self.table(table.id)}",
            f"ALTER TABLE {self.table(ghost)} {change}",
            f"RENAME TABLE {self.table(table.id)} TO {self.table(old)}, {self.table(ghost)} TO {self.table(table.id)}",
            f"DROP TABLE IF EXISTS {self.table(old)}",
        ]
        return "; ".join(steps)
