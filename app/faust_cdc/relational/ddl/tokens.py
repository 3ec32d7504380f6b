"""SQL text cut into tokens, one after another: never more of them in memory than the reader looks ahead.

Comments are no tokens. What stands in a comment that the server executes (`/*!80000 … */`, MariaDB's `/*M!100100 … */`)
is read as if it stood there alone; a version above the server's makes it a comment like any other. MariaDB passes over
`/*!50700` to `/*!99999`, numbers that only MySQL's versions have (MariaDB manual, "Comment Syntax").

Everything is one pass of one regular expression without backtracking, so the time is linear in the text's length, and
more than `TOKENS_MAX` tokens are refused.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from functools import cache
from typing import Final, NamedTuple, NoReturn

from faust_cdc.relational.ddl.errors import DdlSyntaxError

TOKENS_MAX: Final = 500_000
"""Of one text, comments counted too; what is legal has fewer (4096 columns, 65535 labels, 8192 partitions)."""

ANSI_QUOTES: Final = 4
NO_BACKSLASH_ESCAPES: Final = 0x100000
"""Bits of sql_mode, as query events carry it; the same in both servers."""

_SHOWN = 40
"""Characters of the text that an error shows."""


class Kind(enum.Enum):
    """What a token is."""

    WORD = "word"
    """Unquoted: a keyword or a name."""
    NAME = "name"
    """In backticks, or in double quotes with ANSI_QUOTES."""
    STRING = "string"
    NUMBER = "number"
    HEX = "hexadecimal literal"
    """`text` is its digits."""
    BITS = "bit literal"
    """`text` is its digits."""
    SIGN = "sign"
    END = "end"


class Token(NamedTuple):
    """One token."""

    kind: Kind
    text: str
    """Names and strings without their quotes and escapes."""
    word: str
    """A word in upper case, a sign as it is; "" for all others, which are never keywords."""
    at: int
    """Offset of its first character."""
    end: int
    """Offset behind its last one."""

    def shown(self) -> str:
        """Return the token as an error calls it."""
        if self.kind is Kind.END:
            return "the end of the statement"
        return repr(self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "…")


_ESCAPES: Final = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "b": "\b"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[1])


@cache
def _pattern(backslash: bool) -> re.Pattern[str]:
    def quoted(quote: str) -> str:
        inner = rf"[^{quote}\\]++|\\.|{quote}{quote}" if backslash else rf"[^{quote}]++|{quote}{quote}"
        return rf"{quote}(?:{inner})*+{quote}"

    word = r"[A-Za-z0-9_$@\x80-\U0010ffff]"
    return re.compile(
        r"(?P<blank>(?:\s++|--(?=[\s\x00-\x1f]|\Z)[^\n]*+|\#[^\n]*+)++)"
        r"|(?P<comment>/\*(?:(?P<maria>M)?!(?P<version>\d{5,6}+)?+)?+)"
        r"|(?P<close>\*/)"
        rf"|(?P<hex>0x[0-9a-fA-F]++(?!{word})|[xX]'[0-9a-fA-F]*+')"
        rf"|(?P<bits>0b[01]++(?!{word})|[bB]'[01]*+')"
        rf"|(?P<number>(?:\d++\.\d*+(?:[eE][-+]?\d++)?+|\d++[eE][-+]?\d++(?!{word})|\d++(?!{word})"
        r"|(?<![\w$`])\.\d++(?:[eE][-+]?\d++)?+))"
        rf"|(?P<word>{word}++)"
        rf"|(?P<string>{quoted(chr(39))})"
        rf"|(?P<double>{quoted(chr(34))})"
        r"|(?P<name>`(?:[^`]++|``)*+`)"
        r"|(?P<sign>:=|->>?|<=>|<[<>=]|>[>=]|!=|\|\||&&|[^\s'\"`])",
        re.DOTALL,
    )


@cache
def _skipping(backslash: bool) -> re.Pattern[str]:
    """What goes up to the next semicolon outside of quotes and comments."""
    escape = r"\\." if backslash else r"(?!)"
    plain = r"\\" if backslash else ""
    return re.compile(
        r"(?:[^;'\"`/\#\-]++"
        rf"|'(?:[^'{plain}]++|{escape}|'')*+'"
        rf"|\"(?:[^\"{plain}]++|{escape}|\"\")*+\""
        r"|`(?:[^`]++|``)*+`|/\*.*?\*/|--(?=\s)[^\n]*+|\#[^\n]*+|[^;])*+",
        re.DOTALL,
    )


class Tokens:
    """The tokens of one text, with a look at those ahead."""

    def __init__(self, sql: str, *, sql_mode: int, mariadb: bool, version: tuple[int, ...] | None) -> None:
        """`version` is the server's, None for one that executes all that its kind of server ever would."""
        self._sql = sql
        self._backslash = not sql_mode & NO_BACKSLASH_ESCAPES
        self._ansi = bool(sql_mode & ANSI_QUOTES)
        self._mariadb = mariadb
        self._version = None if version is None else _number(version)
        self._match = _pattern(self._backslash).match
        self._at = 0
        self._ahead: deque[Token] = deque()
        self._count = 0
        self._executed = False
        self.marks: list[tuple[int, int]] = []
        """(start, end) of what opens and closes comments that the server executes, as far as tokens were read."""

    def peek(self, ahead: int = 0) -> Token:
        """Return a token without taking it: 0 is the next one. Raises DdlSyntaxError."""
        while len(self._ahead) <= ahead:
            self._ahead.append(self._read())
        return self._ahead[ahead]

    def take(self) -> Token:
        """Return the next token and pass it; the end is never passed. Raises DdlSyntaxError."""
        token = self.peek()
        if token.kind is not Kind.END:
            self._ahead.popleft()
        return token

    def text_between(self, start: int, end: int) -> str:
        """Return the text between two offsets as it was written."""
        return self._sql[start:end]

    def skip_statement(self) -> None:
        """Go to the semicolon that ends the statement without looking at its tokens."""
        self._at = self._ahead[0].at if self._ahead else self._at
        self._ahead.clear()
        found = _skipping(self._backslash).match(self._sql, self._at)
        self._at = len(self._sql) if found is None else found.end()

    def skip_all(self) -> None:
        """Go to the end of the text."""
        self._ahead.clear()
        self._at = len(self._sql)

    def fail(self, expected: str, token: Token | None = None) -> NoReturn:
        """Raise DdlSyntaxError at a token, the next one by default."""
        found = self.peek() if token is None else token
        raise DdlSyntaxError(found.at, found.shown(), expected)

    def _read(self) -> Token:
        while True:
            at = self._at
            found = self._match(self._sql, at)
            if found is None:
                return self._nothing(at)
            self._at = found.end()
            group = found.lastgroup
            if group in ("maria", "version"):
                group = "comment"
            if group == "blank":
                continue
            self._count += 1
            if self._count > TOKENS_MAX:
                raise DdlSyntaxError(at, f"more than {TOKENS_MAX:,} words, signs and comments", "a shorter statement")
            if group == "comment":
                self._comment(found)
            elif group == "close" and self._executed:
                self._executed = False
                self.marks.append((at, self._at))
            else:
                return self._token(group or "", found[0], at)

    def _nothing(self, at: int) -> Token:
        """The end of the text, or a quote that is never closed, the one thing that no token begins with."""
        if at < len(self._sql):
            raise DdlSyntaxError(at, repr(self._sql[at : at + _SHOWN]), "the quote's end")
        return Token(Kind.END, "", "", at, at)

    def _comment(self, found: re.Match[str]) -> None:
        """Pass a comment, or only its opening where the server executes what stands in it."""
        if len(found[0]) > 2 and self._executes(found["maria"] is not None, found["version"]):
            self._executed = True
            self.marks.append(found.span())
            return
        end = self._sql.find("*/", found.end())
        while len(found[0]) > 2 and end >= 0 and (inner := self._sql.find("/*", self._at, end)) >= 0:
            # A comment in a comment that is passed over has an end of its own.
            self._at = end + 2
            end = self._sql.find("*/", self._at) if inner < end else end
        if end < 0:
            raise DdlSyntaxError(found.start(), repr(self._sql[found.start() :][:_SHOWN]), "the comment's end '*/'")
        self._at = end + 2

    def _executes(self, maria: bool, digits: str | None) -> bool:
        if maria and not self._mariadb:
            return False
        if digits is None:
            return True
        number = int(digits)
        if self._mariadb and not maria and 50700 <= number <= 99999:
            return False
        return self._version is None or number <= self._version

    def _token(self, group: str, text: str, at: int) -> Token:
        if group == "word":
            return Token(Kind.WORD, text, text.upper(), at, self._at)
        if group == "sign" or group == "close":
            if group == "close":
                self._at, text = at + 1, "*"
            return Token(Kind.SIGN, text, text, at, self._at)
        if group == "name":
            return Token(Kind.NAME, text[1:-1].replace("``", "`"), "", at, self._at)
        if group in ("string", "double"):
            return self._quoted(text, at)
        if group == "number":
            return Token(Kind.NUMBER, text, "", at, self._at)
        digits = text[2:-1] if text[1] == "'" else text[2:]
        return Token(Kind.HEX if group == "hex" else Kind.BITS, digits, "", at, self._at)

    def _quoted(self, text: str, at: int) -> Token:
        quote, inner = text[0], text[1:-1]
        if quote in inner:
            inner = self._undoubled(inner, quote)
        elif self._backslash and "\\" in inner and not (quote == '"' and self._ansi):
            inner = _ESCAPE.sub(_escaped, inner)
        return Token(Kind.NAME if quote == '"' and self._ansi else Kind.STRING, inner, "", at, self._at)

    def _undoubled(self, inner: str, quote: str) -> str:
        if not self._backslash:
            return inner.replace(quote * 2, quote)
        pattern = rf"\\(.)|{quote}{quote}"
        return re.sub(pattern, lambda match: quote if match[1] is None else _escaped(match), inner, flags=re.DOTALL)


def _number(version: tuple[int, ...]) -> int:
    major, minor, patch = (*version, 0, 0, 0)[:3]
    return major * 10_000 + minor * 100 + patch
