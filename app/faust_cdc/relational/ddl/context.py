"""What a statement means depends on where it ran: the server, its defaults, and those of databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from faust_cdc.mysql.collations import charset_of_collation, is_charset
from faust_cdc.relational.ddl.parse import Flavor
from faust_cdc.relational.model import TableId

REAL_AS_FLOAT: Final = 1
STRICT: Final = 0x200000 | 0x400000
"""STRICT_TRANS_TABLES and STRICT_ALL_TABLES; the bits of sql_mode are the same in both servers."""


class CharsetPair(NamedTuple):
    """A charset and one of its collations, as `relational.model` spells them."""

    charset: str
    collation: str


class NotResolved(Exception):
    """What a statement does to a table cannot be told from its text; the message says why."""


_DEFAULT_SUFFIX: Final = {
    **dict.fromkeys(("big5", "gb2312", "gbk", "gb18030"), "chinese_ci"),
    **dict.fromkeys(("ujis", "sjis", "cp932", "eucjpms"), "japanese_ci"),
    **dict.fromkeys(("dec8", "latin1", "swe7"), "swedish_ci"),
    "hp8": "english_ci",
    "euckr": "korean_ci",
    "tis620": "thai_ci",
    "latin5": "turkish_ci",
}
"""Of the default collations that are not general_ci (SHOW CHARACTER SET)."""


@dataclass(frozen=True, slots=True)
class DdlContext:
    """Where a statement ran."""

    flavor: Flavor
    version: tuple[int, ...]
    """The server's, e.g. (8, 0, 36) or (10, 11, 6)."""
    database: str = ""
    """The session's default database; "" for none."""
    server_charset: CharsetPair | None = None
    """What a database gets that is created without a charset; None: not known."""
    databases: Mapping[str, CharsetPair] = field(default_factory=dict)
    """The defaults of the databases that are known."""
    sql_mode: int = 0
    lower_case_table_names: int = 0
    explicit_defaults_for_timestamp: bool = True
    default_collations: Mapping[str, str] = field(default_factory=dict)
    """charset -> collation, where the session has others than the server's own (`default_collation_for_utf8mb4`,
    MariaDB's `character_set_collations`)."""
    server_collation_id: int | None = None
    """The id of `server_charset`'s collation, as statements tell theirs; None: not known."""
    untold: set[str] | None = field(default=None, compare=False)
    """Takes the columns whose default the text does not tell; they are left with an expression that is not known. None:
    a statement with one is not resolved at all."""

    @property
    def mariadb(self) -> bool:
        """Whether the server is a MariaDB."""
        return self.flavor == "mariadb"

    @property
    def shows_widths(self) -> bool:
        """Whether the server prints the display widths of integers: MySQL does so no more since 8.0.19."""
        return self.mariadb or self.version < (8, 0, 19)

    @property
    def tells_expressions(self) -> bool:
        """Whether MySQL says DEFAULT_GENERATED of a default that is an expression."""
        return self.version >= (8, 0, 13)

    def stored_name(self, name: str) -> str:
        """Return a database's or a table's name as the server keeps it."""
        return name.lower() if self.lower_case_table_names == 1 else name

    def table_id(self, database: str | None, table: str) -> TableId:
        """Return the table that a statement names."""
        return TableId(self.stored_name(database or self.database), self.stored_name(table))

    def default_collation(self, charset: str) -> str:
        """Return the collation of a charset that is named without one. Raises NotResolved for unknown charsets."""
        if charset in self.default_collations:
            return self.default_collations[charset]
        if charset == "binary":
            return "binary"
        if not is_charset(charset):
            raise NotResolved(f"the charset {charset!r} is not known")
        if charset == "utf8mb4" and not self.mariadb and self.version >= (8, 0, 1):
            return "utf8mb4_0900_ai_ci"
        if self.mariadb and self.version >= (11, 5) and charset in ("utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"):
            return f"{charset}_uca1400_ai_ci"
        return f"{charset}_{_DEFAULT_SUFFIX.get(charset, 'general_ci')}"

    def pair(self, charset: str | None, collation: str | None, inherited: CharsetPair | None) -> CharsetPair:
        """Return what a charset and a collation written or not mean. Raises NotResolved."""
        charset = _spelled(charset) if charset else None
        if charset == "default":
            charset = None
        if collation and collation != "default":
            return self._of_collation(collation, charset, inherited)
        if charset:
            return CharsetPair(charset, self.default_collation(charset))
        if inherited is None:
            raise NotResolved("the database's default charset is not known")
        return inherited

    def _of_collation(self, collation: str, charset: str | None, inherited: CharsetPair | None) -> CharsetPair:
        if collation.startswith("uca1400"):
            # MariaDB's collations without a charset take that of where they stand.
            base = charset or (inherited.charset if inherited else None)
            if base is None:
                raise NotResolved("the database's default charset is not known")
            return CharsetPair(base, f"{base}_{collation}")
        if collation.startswith("utf8_"):
            collation = f"utf8mb3_{collation[5:]}"
        found = charset_of_collation(collation)
        if found is None:
            raise NotResolved(f"the collation {collation!r} is not known")
        return CharsetPair(found, collation)

    def of_database(self, database: str) -> CharsetPair | None:
        """Return the defaults of a database, None when they are not known."""
        return self.databases.get(database)


def _spelled(charset: str) -> str:
    return "utf8mb3" if charset == "utf8" else charset
