"""Random column definitions: types in all their spellings, defaults that fit, attributes."""

from __future__ import annotations

import random
from collections.abc import Sequence

INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "MEDIUMINT",
    "INT",
    "INTEGER",
    "BIGINT",
    "INT1",
    "INT2",
    "INT3",
    "INT4",
    "INT8",
    "MIDDLEINT",
)
TEXTS = (
    "TINYTEXT",
    "TEXT",
    "MEDIUMTEXT",
    "LONGTEXT",
    "TEXT(20)",
    "TEXT(70)",
    "TEXT(300)",
    "TEXT(20000)",
    "TEXT(70000)",
    "LONG",
    "LONG VARCHAR",
)
BLOBS = ("TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "BLOB(20)", "BLOB(300)", "BLOB(70000)", "LONG VARBINARY")
GEOMETRIES = (
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
)
CHARSETS = {
    "utf8mb4": ("utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_ci", "utf8mb4_german2_ci"),
    "latin1": ("latin1_swedish_ci", "latin1_bin", "latin1_german1_ci"),
    "utf8mb3": ("utf8mb3_general_ci", "utf8mb3_unicode_ci", "utf8mb3_bin"),
    "utf8": (),
    "ascii": ("ascii_general_ci", "ascii_bin"),
    "ucs2": ("ucs2_general_ci", "ucs2_bin"),
    "utf16": ("utf16_general_ci",),
    "utf32": ("utf32_general_ci",),
    "cp1251": ("cp1251_general_ci", "cp1251_bulgarian_ci"),
    "gbk": ("gbk_chinese_ci",),
    "koi8r": ("koi8r_general_ci",),
    "sjis": ("sjis_japanese_ci",),
    "binary": (),
}
LABELS = ("a", "b", "c", "x y", "it's", "Zz", "ü", 'q"q', "end ", "1", "comma", "back\\slash", "(", "new\nline")


class Columns:
    """Makes column definitions; `ansi` and `backslash` follow the session's sql_mode."""

    def __init__(self, source: random.Random, mariadb: bool) -> None:
        self.random = source
        self.mariadb = mariadb
        self.ansi = False
        self.backslash = True

    def maybe(self, chance: float = 0.5) -> bool:
        return self.random.random() < chance

    def name(self, name: str) -> str:
        plain = name.replace("$", "a").replace("ü", "u").isalnum()
        return name if plain and self.maybe(0.5) else self.quoted(name)

    def quoted(self, name: str) -> str:
        if self.ansi and self.maybe():
            return '"' + name.replace('"', '""') + '"'
        return "`" + name.replace("`", "``") + "`"

    def string(self, text: str) -> str:
        if self.backslash:
            text = text.replace("\\", "\\\\")
            if self.maybe():
                text = text.replace("\n", "\\n")
        if not self.ansi and self.maybe(0.3):
            return '"' + text.replace('"', '""') + '"'
        if self.backslash and self.maybe(0.3):
            return "'" + text.replace("'", "\\'") + "'"
        return "'" + text.replace("'", "''") + "'"

    def text(self) -> str:
        return self.random.choice(("", "a", "a comment", "it's", "x;y", "ü€", "--", "/* no */", "a\\b", "NULL", "`q`"))

    def collation_name(self) -> str:
        return self.random.choice([one for many in CHARSETS.values() for one in many])

    def charset(self, *, equals: bool = True) -> str:
        """CHARACTER SET with or without COLLATE."""
        name = self.random.choice([one for one in CHARSETS if one != "binary" or self.maybe(0.2)])
        sign = self.random.choice((" ", "=", " = ")) if equals else " "
        word = self.random.choice(("CHARACTER SET", "CHARSET", "character set"))
        shown = self.random.choice((name, name, name.upper(), f"'{name}'"))
        collations = CHARSETS[name]
        if collations and self.maybe(0.4):
            return f"{word}{sign}{shown} COLLATE {self.random.choice(collations)}"
        return f"{word}{sign}{shown}"

    def type(self) -> tuple[str, str, int | None, Sequence[str]]:
        """Return (text, base type in lower case, length or digits, labels)."""
        kind = self.random.choice(
            ("int", "int", "int", "real", "time", "time", "char", "char", "char", "text", "enum", "odd", "odd")
        )
        return getattr(self, f"_{kind}")()  # type: ignore[no-any-return]

    def _int(self) -> tuple[str, str, int | None, Sequence[str]]:
        if self.maybe(0.1):
            return self.random.choice(("BOOL", "BOOLEAN")), "tinyint", 1, ()
        width = self.random.choice(("", "", "", "(1)", "(5)", "(11)"))
        sign = self.random.choice(("", "", " UNSIGNED", " unsigned zerofill", " ZEROFILL", " SIGNED"))
        return self.random.choice(INTEGERS) + width + sign, "int", None, ()

    def _real(self) -> tuple[str, str, int | None, Sequence[str]]:
        sign = self.random.choice(("", "", "", " UNSIGNED", " ZEROFILL"))
        kind = self.random.choice(
            ("DECIMAL", "DEC", "NUMERIC", "FIXED", "FLOAT", "DOUBLE", "REAL", "DOUBLE PRECISION", "FLOAT4", "FLOAT8")
        )
        if kind in ("DECIMAL", "DEC", "NUMERIC", "FIXED"):
            return (
                kind + self.random.choice(("", "(5)", "(10,2)", "(8, 3)", "(65,30)", "(6,0)")) + sign,
                "decimal",
                None,
                (),
            )
        numbers = self.random.choice(("", "", "(7,3)"))
        if kind == "FLOAT":
            numbers = self.random.choice(("", "(10)", "(24)", "(25)", "(53)", "(7,3)"))
        return kind + numbers + sign, "double", None, ()

    def _time(self) -> tuple[str, str, int | None, Sequence[str]]:
        kind = self.random.choice(("DATE", "TIME", "DATETIME", "TIMESTAMP", "YEAR", "YEAR(4)"))
        digits = self.random.choice((0, 0, 3, 6)) if kind in ("TIME", "DATETIME", "TIMESTAMP") else 0
        return f"{kind}({digits})" if digits else kind, kind.partition("(")[0].lower(), digits, ()

    def _char(self) -> tuple[str, str, int | None, Sequence[str]]:
        length = self.random.choice((1, 5, 10, 20, 255))
        kind = self.random.choice(
            ("CHAR", "CHARACTER", "VARCHAR", "VARCHAR", "CHARACTER VARYING", "CHAR VARYING", "NCHAR", "NATIONAL CHAR",
             "NVARCHAR", "NATIONAL VARCHAR", "BINARY", "VARBINARY", "VARCHARACTER")
        )  # fmt: skip
        text = (
            f"{kind}({length})"
            if kind.endswith(("VARCHAR", "VARYING", "VARBINARY", "VARCHARACTER")) or self.maybe(0.8)
            else kind
        )
        if "BINARY" in kind:
            return text, kind.lower(), length, ()
        if not kind.startswith("N"):
            text += self._text_attribute()
        return text, "varchar", length, ()

    def _text_attribute(self) -> str:
        chance = self.random.random()
        if chance < 0.25:
            return " " + self.charset(equals=False)
        if chance < 0.33:
            return f" COLLATE {self.collation_name()}"
        if chance < 0.40:
            return self.random.choice((" BINARY", " ASCII", " UNICODE", " BYTE"))
        return ""

    def _text(self) -> tuple[str, str, int | None, Sequence[str]]:
        if self.maybe(0.4):
            return self.random.choice(BLOBS), "blob", None, ()
        return self.random.choice(TEXTS) + self._text_attribute(), "text", None, ()

    def _enum(self) -> tuple[str, str, int | None, Sequence[str]]:
        labels = self.random.sample(LABELS, self.random.randint(1, 5))
        kind = self.random.choice(("ENUM", "SET", "enum"))
        text = f"{kind}({', '.join(self.string(label) for label in labels)})"
        return (
            text + self.random.choice(("", "", " CHARACTER SET utf8mb4", " COLLATE utf8mb4_bin")),
            kind.lower(),
            None,
            labels,
        )

    def _odd(self) -> tuple[str, str, int | None, Sequence[str]]:
        kinds = ["BIT", "BIT(8)", "BIT(64)", "JSON", self.random.choice(GEOMETRIES), "SERIAL"]
        kinds += (
            ["UUID", "INET6", "INET4", "VARCHAR(30) COMPRESSED", "TEXT COMPRESSED"]
            if self.mariadb
            else ["VECTOR", "VECTOR(5)", "GEOMCOLLECTION"]
        )
        kind = self.random.choice(kinds)
        return kind, kind.partition("(")[0].partition(" ")[0].lower(), None, ()

    def default_for(self, kind: str, length: int | None, labels: Sequence[str]) -> str:
        """A DEFAULT's value that fits the type, mostly."""
        if self.maybe(0.15):
            return "NULL"
        if self.maybe(0.08):
            return self._expression()
        kind = kind.lower()
        if kind in ("enum", "set"):
            label = self.random.choice(labels) if labels else "a"
            return self.string(label.upper() if self.maybe(0.1) else label)
        digits = f"({length})" if length else ""
        fixed = {
            "date": ("'2020-01-31'", "'1999-1-2'", "DATE '2001-02-03'"),
            "time": ("'01:02:03'", "'-12:30:00'", "'100:00:00.5'", "TIME '10:11:12'"),
            "datetime": (
                "'2020-01-31 01:02:03'",
                "'2020-01-31'",
                f"CURRENT_TIMESTAMP{digits}",
                f"NOW{digits or '()'}",
                "'2020-01-31 01:02:03.5'",
            ),
            "timestamp": (
                "'2020-01-31 01:02:03'",
                f"CURRENT_TIMESTAMP{digits}",
                f"LOCALTIME{digits}",
                f"now{digits or '()'}",
                "'2010-01-31'",
            ),
            "year": ("2020", "'1999'", "70", "5", "0"),
            "decimal": ("0", "1.5", "-3", "'2.25'", "1e2", "+7"),
            "double": ("0", "1.5", "-3.25", "1e3", "'2.5'", "100000"),
            "float": ("0", "1.5", "-3.25", "'2.5'"),
            "bit": ("b'1'", "1", "0", "b'0'", "0b1", "x'01'"),
            "uuid": ("'123e4567-e89b-12d3-a456-426655440000'", "uuid()"),
            "inet6": ("'::1'",),
            "inet4": ("'1.2.3.4'",),
            "binary": ("'ab'", "x'41'", "''", "0x4142"),
            "varbinary": ("'ab'", "x'41'", "''", "0x4142"),
        }
        if kind in fixed:
            return self.random.choice(fixed[kind])
        if "int" in kind:
            return self.random.choice(("0", "1", "'5'", "-1", "TRUE", "FALSE", "007", "1.5", "x'0A'", "b'11'", "+3"))
        if kind in ("char", "varchar") or "text" in kind:
            choices = [
                "''",
                "'a'",
                self.string(self.text()),
                "5",
                "1.50",
                "_utf8mb4'x'",
                "N'n'",
                "'a' 'b'",
                "x'41'",
                "'a  '",
            ]
            return self.random.choice(choices)
        return self.random.choice(("''", "'a'", "1"))

    def _expression(self) -> str:
        return self.random.choice(
            ("(uuid())", "(1 + 2)", "(now())", "(5)", "(rand())", "('abc')", "(curdate())", "(concat('(', ')'))")
        )

    def definition(self, *, may_be_auto: bool = False) -> tuple[str, bool]:
        """Return a type with attributes, and whether it counts up."""
        text, kind, length, labels = self.type()
        if kind == "serial":
            return text, True
        attributes: list[str] = []
        if may_be_auto and kind == "int" and self.maybe(0.12):
            key = self.random.choice(("PRIMARY KEY", "UNIQUE", "KEY", "UNIQUE KEY"))
            return f"{text} {self.random.choice(('NOT NULL ', ''))}AUTO_INCREMENT {key}", True
        if self.maybe(0.1) and kind in ("int", "varchar", "double"):
            value = {"int": "1 + 2", "varchar": "concat('a', ')')", "double": "1.5"}[kind]
            always = self.random.choice(("GENERATED ALWAYS AS", "AS"))
            return (
                f"{text} {always} ({value}) {self.random.choice(('VIRTUAL', 'STORED', '', 'STORED'))}{self._comment()}",
                False,
            )
        if self.maybe(0.45):
            attributes.append(self.random.choice(("NULL", "NOT NULL", "NOT NULL", "not null")))
        if self.maybe(0.4):
            attributes.append(f"DEFAULT {self.default_for(kind, length, labels)}")
        if kind in ("timestamp", "datetime") and self.maybe(0.2):
            attributes.append(f"ON UPDATE CURRENT_TIMESTAMP{f'({length})' if length else ''}")
        if self.maybe(0.06):
            attributes.append(self.random.choice(("UNIQUE", "UNIQUE KEY", "PRIMARY KEY", "KEY")))
        if self.maybe(0.07):
            attributes.append("INVISIBLE")
        if self.maybe(0.03) and "CHARACTER" not in text and kind in ("varchar", "text"):
            attributes.append(f"COLLATE {self.collation_name()}")
        self.random.shuffle(attributes)
        if self.maybe(0.04):
            # MariaDB takes it as the last one only.
            return " ".join([text, *attributes]) + self._comment() + f" CHECK (1 <> {self.string('1)')})", False
        return " ".join([text, *attributes]) + self._comment(), False

    def _comment(self) -> str:
        return f" COMMENT {self.string(self.text())}" if self.maybe(0.15) else ""
