"""Texts that are meant to take a reader's time or memory."""

from __future__ import annotations


def hostile(size: int = 10_000_000) -> dict[str, str]:
    """Return texts of about that many characters, by what is wrong with them."""
    return {
        "one long name": "ALTER TABLE t ADD " + "a" * size,
        "a long default": f"ALTER TABLE t ADD a TEXT DEFAULT ('{'x' * size}')",
        "doubled quotes": f"ALTER TABLE t ADD a INT COMMENT '{chr(39) * size}'",
        "quotes open": "ALTER TABLE t ADD a INT COMMENT '" + "''" * (size // 2),
        "10,000 columns": f"CREATE TABLE t ({', '.join(f'c{number} INT' for number in range(10_000))})",
        "clauses": "ALTER TABLE t " + "FORCE," * (size // 6),
        "labels": f"CREATE TABLE t (a ENUM({','.join(['1 '[:1].join(chr(39) * 2)] * (size // 4))}))",
        "nesting": "CREATE TABLE t (a INT DEFAULT " + "(" * size,
        "comments": "CREATE TABLE t (a INT " + "/**/" * (size // 4),
        "comments first": "/**/" * (size // 4) + "CREATE TABLE t (a INT)",
        "openings": "ALTER TABLE t " + "/*!" * (size // 3),
        "openings in literals": "CREATE TABLE t (" + ",".join(["c INT COMMENT '" + "/* " * 341 + "'"] * 500) + ")",
        "executed comments": "RENAME TABLE a TO b" + "/*!,a TO b*/" * (size // 12),
        "comment never ended": "/*" * (size // 2),
        "commas": "RENAME TABLE a TO b" + ",a TO b" * (size // 7),
        "semicolons": ";" * size,
        "an insert": f"INSERT INTO t VALUES ({'1,' * (size // 2)}1)",
        "a view": f"CREATE VIEW v AS SELECT {'(1),' * (size // 4)}1",
        "dots": "DROP TABLE a" + ".a" * (size // 2),
        "digits": "ALTER TABLE t ADD a INT(" + "9" * size + ")",
        "a number": "ALTER TABLE t ADD a INT DEFAULT " + "9" * size,
    }
