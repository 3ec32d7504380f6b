"""What all parts of the grammar need: keywords, names, literals, and passing over what is in parentheses."""

from __future__ import annotations

from typing import Final, NoReturn

from faust_cdc.relational.ddl.errors import DdlSyntaxError
from faust_cdc.relational.ddl.statements import TableName
from faust_cdc.relational.ddl.tokens import Kind, Token, Tokens

DEPTH_MAX: Final = 1_000
"""Parentheses in parentheses; the servers' own parsers end sooner, for want of stack."""


class Reader:
    """Reads tokens. Each method raises DdlSyntaxError where the text is not what it must be."""

    def __init__(self, tokens: Tokens, *, mariadb: bool) -> None:
        self.tokens = tokens
        self.mariadb = mariadb

    def at(self, *words: str) -> bool:
        """Say whether these keywords or signs come next, all in this order."""
        return all(self.tokens.peek(ahead).word == word for ahead, word in enumerate(words))

    def at_any(self, words: frozenset[str]) -> bool:
        """Say whether one of these keywords or signs comes next."""
        return self.tokens.peek().word in words

    def skip(self, *words: str) -> bool:
        """Pass these keywords or signs if they come next; say whether they did."""
        if not self.at(*words):
            return False
        for _ in words:
            self.tokens.take()
        return True

    def skip_any(self, *words: str) -> str:
        """Pass one of these keywords or signs; return which, "" where none came."""
        word = self.tokens.peek().word
        if not word or word not in words:
            return ""
        self.tokens.take()
        return word

    def expect(self, *words: str) -> None:
        """Pass these keywords or signs, which must come next."""
        for word in words:
            if self.tokens.peek().word != word:
                self.tokens.fail(word)
            self.tokens.take()

    def fail(self, expected: str) -> NoReturn:
        """Raise DdlSyntaxError at the next token."""
        self.tokens.fail(expected)

    def at_end(self) -> bool:
        """Say whether the statement ends here."""
        token = self.tokens.peek()
        return token.kind is Kind.END or token.word == ";"

    def at_name(self) -> bool:
        """Say whether a name comes next; a keyword may be one."""
        return self.tokens.peek().kind in (Kind.WORD, Kind.NAME)

    def name(self, what: str) -> str:
        """Return a name; `what` says in an error what is named."""
        token = self.tokens.peek()
        if token.kind not in (Kind.WORD, Kind.NAME) or not token.text:
            self.tokens.fail(f"the name of {what}")
        return self.tokens.take().text

    def table_name(self) -> TableName:
        """Return `table`, `database.table` or `.table`."""
        first = self.tokens.peek()
        if self.skip("."):
            name, end = self._dotted()
            return TableName(None, name, first.at, end)
        self.name("a table")
        if not self.skip("."):
            return TableName(None, first.text, first.at, first.end)
        name, end = self._dotted()
        return TableName(first.text, name, first.at, end)

    def _dotted(self) -> tuple[str, int]:
        """Return the name behind a dot and where it ends: digits alone are a name there."""
        token = self.tokens.peek()
        return (self.tokens.take().text if token.kind is Kind.NUMBER else self.name("a table")), token.end

    def column_name(self) -> str:
        """Return a column's name without the table's and the database's before it."""
        name = self.name("a column")
        while self.skip("."):
            name = self.name("a column")
        return name

    def string(self, what: str) -> str:
        """Return a string literal; adjacent ones are one."""
        if self.tokens.peek().kind is not Kind.STRING:
            self.tokens.fail(f"{what} in quotes")
        parts = [self.tokens.take().text]
        while self.tokens.peek().kind is Kind.STRING:
            parts.append(self.tokens.take().text)
        return "".join(parts)

    def number(self, what: str) -> int:
        """Return a whole number."""
        token = self.tokens.peek()
        if token.kind is Kind.HEX and token.text:
            return int(self.tokens.take().text, 16)
        if token.kind is not Kind.NUMBER or not token.text.isdigit() or len(token.text) > 20:
            self.tokens.fail(f"{what} as a number")
        return int(self.tokens.take().text)

    def parentheses(self) -> str:
        """Pass what is in parentheses, whatever it is; return the text between the outer ones."""
        opening = self.tokens.peek()
        if opening.word != "(":
            self.tokens.fail("'('")
        depth = 0
        while True:
            token = self.tokens.take()
            if token.kind is Kind.END:
                raise DdlSyntaxError(token.at, token.shown(), f"')' for the '(' at character {opening.at}")
            if token.word == "(":
                depth += 1
                if depth > DEPTH_MAX:
                    raise DdlSyntaxError(token.at, "'('", f"no more than {DEPTH_MAX:,} parentheses in each other")
            elif token.word == ")":
                depth -= 1
                if depth == 0:
                    return self.tokens.text_between(opening.at + 1, token.at)

    def names_in_parentheses(self, what: str) -> tuple[str, ...]:
        """Return the names in `(a, b)`."""
        self.expect("(")
        names = [self.name(what)]
        while self.skip(","):
            names.append(self.name(what))
        self.expect(")")
        return tuple(names)

    def if_exists(self) -> bool:
        """Pass IF EXISTS; say whether it was there."""
        return self.skip("IF", "EXISTS")

    def if_not_exists(self) -> bool:
        """Pass IF NOT EXISTS; say whether it was there."""
        return self.skip("IF", "NOT", "EXISTS")

    def wait(self) -> None:
        """Pass MariaDB's WAIT n and NOWAIT."""
        if self.skip("WAIT"):
            self.tokens.take()
        else:
            self.skip("NOWAIT")

    def value(self) -> Token:
        """Pass the value of an option: a word, a name, a literal with its sign, or something in parentheses."""
        token = self.tokens.peek()
        if token.word == "(":
            self.parentheses()
            return token
        if self.skip_any("+", "-"):
            token = self.tokens.peek()
        if token.kind in (Kind.SIGN, Kind.END):
            self.tokens.fail("a value")
        if token.kind is Kind.STRING:
            return token._replace(text=self.string("a value"))
        self.tokens.take()
        while self.skip("."):
            token = self.tokens.take()
        return token
