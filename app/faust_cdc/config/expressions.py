"""Conditions on a row, as SQL writes them, read without any `eval`: parsed once to closures, asked for each row.

    condition  = or-ed, and-ed and negated comparisons, with brackets
    comparison = operand ( = | == | != | <> | < | <= | > | >= ) operand
               | operand [NOT] IN (literal, …) | operand [NOT] LIKE 'a%_' | operand [NOT] BETWEEN literal AND literal
               | operand IS [NOT] NULL | a truth value
    operand    = a name (`quoted` where it is none by itself; parts with dots) | 12.5 | 'text' | "text"
               | TRUE | FALSE | NULL

Words are written in either case. As in SQL a comparison with NULL is neither true nor false, and a condition holds
where it is true. Two numbers are compared as doubles where one of them is one (FLOAT, DOUBLE), else exactly. Texts are
compared by their characters, upper and lower case apart, whatever the column's collation. Kinds do not mix: `check`
refuses what compares a number with a text, before any row is read.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

LENGTH_MAX: Final = 10_000
DEPTH_MAX: Final = 50
SHOWN_MAX: Final = 200
"""Characters of it that an error shows."""

Values: TypeAlias = Callable[[str], Any]
"""Name → the value; None for NULL."""
_Ask: TypeAlias = Callable[[Values], Any]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<name>`[^`]+`|[A-Za-z_$\u0080-\uffff][\w$]*(?:\.[A-Za-z_$\u0080-\uffff][\w$]*)*)"
    r"|(?P<sign><=|>=|<>|!=|==|=|<|>|\(|\)|,))"
)
_COMPARES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS: Final = frozenset({"and", "or", "not", "in", "like", "between", "is", "null", "true", "false"})
NUMBER, TEXT, TRUTH, NULL = "a number", "a text", "a truth value", "NULL"


class _Token(NamedTuple):
    kind: str
    text: str
    at: int
    """Counted from 1."""

    def is_word(self, *words: str) -> bool:
        return self.kind == "name" and self.text.lower() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs


class _Operand(NamedTuple):
    ask: _Ask
    at: int
    name: str | None = None
    """None: it is no column, and of this kind:"""
    kind: str = TRUTH


@dataclass(frozen=True)
class Expression:
    """A parsed condition."""

    text: str
    names: Mapping[str, int]
    """The names it asks for, with the character at which each stands first, from 1."""
    _ask: _Ask = field(repr=False, compare=False)
    _pairs: tuple[tuple[_Operand, _Operand], ...] = field(repr=False, compare=False)
    _truths: tuple[_Operand, ...] = field(repr=False, compare=False)

    def holds(self, values: Values) -> bool:
        """Return whether it is true of a row."""
        return self._ask(values) is True

    def check(self, kinds: Mapping[str, str]) -> None:
        """Compare kinds (`NUMBER`, `TEXT`, `TRUTH`) of the names with what is done to them.

        Raises ValueError naming the place for a name without a kind, and for kinds that do not go together.
        """
        for name, at in self.names.items():
            if name not in kinds:
                known = ", ".join(sorted(kinds))
                raise self._wrong(at, f"there is no column {name!r} to be asked for; there are {known}")

        def kind_of(one: _Operand) -> str:
            return one.kind if one.name is None else kinds[one.name]

        for one, other in self._pairs:
            here, there = kind_of(one), kind_of(other)
            if NULL not in (here, there) and here != there:
                raise self._wrong(other.at, f"{here} is compared with {there}")
        for one in self._truths:
            if kind_of(one) not in (TRUTH, NULL):
                raise self._wrong(one.at, f"{kind_of(one)} stands where a condition is expected")

    def _wrong(self, at: int, what: str) -> ValueError:
        return ValueError(f"{_shown(self.text)}, character {at}: {what}")


def parse_expression(text: str) -> Expression:
    """Parse a condition. Raises ValueError naming the character at which it is wrong, counted from 1."""
    if len(text) > LENGTH_MAX:
        raise ValueError(f"a condition has {LENGTH_MAX} characters at most, found {len(text)}")
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._place = 0
        self._names: dict[str, int] = {}
        self._pairs: list[tuple[_Operand, _Operand]] = []
        self._truths: list[_Operand] = []

    def parse(self) -> Expression:
        found = self._or(0)
        if self._now.kind != "end":
            raise self._wrong("the end, AND or OR is expected")
        return Expression(self._text, self._names, found.ask, tuple(self._pairs), tuple(self._truths))

    def _split(self) -> list[_Token]:
        tokens, at, text = [], 0, self._text
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                place = at + len(text[at:]) - len(text[at:].lstrip()) + 1
                raise ValueError(
                    f"{_shown(text)}, character {place}: {text[place - 1]!r} begins nothing that is known here"
                )
            kind = str(match.lastgroup)
            tokens.append(_Token(kind, match[kind], match.start(kind) + 1))
            at = match.end()
        return [*tokens, _Token("end", "", len(text) + 1)]

    @property
    def _now(self) -> _Token:
        return self._tokens[self._place]

    def _next(self) -> _Token:
        token = self._now
        self._place += token.kind != "end"
        return token

    def _wrong(self, expected: str) -> ValueError:
        found = "its end" if self._now.kind == "end" else _shown(self._now.text)
        return ValueError(f"{_shown(self._text)}, character {self._now.at}: {expected}, found {found}")

    def _take_word(self, *words: str) -> bool:
        if self._now.is_word(*words):
            self._place += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._now.is_sign(sign):
            raise self._wrong(f"{sign!r} is expected")
        self._place += 1

    def _or(self, depth: int) -> _Operand:
        if depth > DEPTH_MAX:
            raise self._wrong(f"no more than {DEPTH_MAX} conditions within one another are expected")
        found = self._and(depth)
        while self._now.is_word("or"):
            self._place += 1
            found = self._joined(found, self._and(depth), _either)
        return found

    def _and(self, depth: int) -> _Operand:
        found = self._not(depth)
        while self._now.is_word("and"):
            self._place += 1
            found = self._joined(found, self._not(depth), _both)
        return found

    def _joined(self, one: _Operand, other: _Operand, how: Callable[[_Ask, _Ask], _Ask]) -> _Operand:
        self._truths += (one, other)
        return _Operand(how(one.ask, other.ask), one.at)

    def _not(self, depth: int) -> _Operand:
        if depth > DEPTH_MAX:
            raise self._wrong(f"no more than {DEPTH_MAX} conditions within one another are expected")
        at = self._now.at
        if self._take_word("not"):
            found = self._not(depth + 1)
            self._truths.append(found)
            return _Operand(_negated(found.ask), at)
        return self._comparison(depth)

    def _comparison(self, depth: int) -> _Operand:
        one = self._operand(depth)
        token = self._now
        if token.kind == "sign" and token.text in _COMPARES:
            self._place += 1
            other = self._operand(depth)
            self._pairs.append((one, other))
            return _Operand(_compared(_COMPARES[token.text], one.ask, other.ask), one.at)
        if self._take_word("is"):
            negated = self._take_word("not")
            if not self._take_word("null"):
                raise self._wrong("NULL is expected")
            return _Operand(_is_null(one.ask, negated), one.at)
        negated = self._take_word("not")
        if self._take_word("in"):
            ask = self._among(one)
        elif self._take_word("like"):
            ask = self._like(one)
        elif self._take_word("between"):
            ask = self._between(one)
        elif negated:
            raise self._wrong("IN, LIKE or BETWEEN is expected")
        else:
            if depth == 0 and self._now.kind == "end":
                self._truths.append(one)
            return one
        return _Operand(_negated(ask) if negated else ask, one.at)

    def _among(self, one: _Operand) -> _Ask:
        self._expect("(")
        asks = []
        while True:
            other = self._literal()
            self._pairs.append((one, other))
            asks.append(_compared(operator.eq, one.ask, other.ask))
            if not self._now.is_sign(","):
                break
            self._place += 1
        self._expect(")")
        found = asks[0]
        if len(asks) > 1:
            found = _any_of(asks)
        return found

    def _like(self, one: _Operand) -> _Ask:
        if self._now.kind != "text":
            raise self._wrong("a text is expected")
        other = self._literal()
        self._pairs.append((one, other))
        parts = re.split(r"(\\.|%|_)", other.ask(_no_values), flags=re.DOTALL)
        wild = {"%": ".*", "_": "."}
        pattern = re.compile("".join(wild.get(one) or re.escape(_unescaped(one)) for one in parts), re.DOTALL)
        return _matched(one.ask, pattern)

    def _between(self, one: _Operand) -> _Ask:
        low = self._literal()
        if not self._take_word("and"):
            raise self._wrong("AND is expected")
        high = self._literal()
        self._pairs += [(one, low), (one, high)]
        return _both(_compared(operator.ge, one.ask, low.ask), _compared(operator.le, one.ask, high.ask))

    def _literal(self) -> _Operand:
        if self._now.kind == "name" and not self._now.is_word("null", "true", "false"):
            raise self._wrong("a number or a text is expected")
        return self._operand(DEPTH_MAX)

    def _operand(self, depth: int) -> _Operand:
        token = self._now
        if token.is_sign("("):
            self._place += 1
            found = self._or(depth + 1)
            self._expect(")")
            return found
        if token.kind == "number":
            return self._constant(Decimal(token.text), NUMBER)
        if token.kind == "text":
            quote = token.text[0]
            return self._constant(token.text[1:-1].replace(quote * 2, quote), TEXT)
        if token.is_word("null"):
            return self._constant(None, NULL)
        if token.is_word("true", "false"):
            return self._constant(token.is_word("true"), TRUTH)
        if token.kind != "name" or token.is_word(*_WORDS):
            raise self._wrong("a column, a number or a text is expected")
        self._place += 1
        name = token.text.strip("`")
        self._names.setdefault(name, token.at)
        return _Operand(lambda values: values(name), token.at, name)

    def _constant(self, value: Any, kind: str) -> _Operand:
        token = self._next()
        return _Operand(lambda _: value, token.at, None, kind)


def _shown(text: str) -> str:
    return repr(text) if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]!r}…"


def _no_values(_: str) -> Any:
    return None


def _unescaped(part: str) -> str:
    return part[1:] if len(part) == 2 and part[0] == "\\" else part


def _both(one: _Ask, other: _Ask) -> _Ask:
    def ask(values: Values) -> bool | None:
        found = one(values)
        if found is False:
            return False
        also = other(values)
        if also is False:
            return False
        return None if found is None or also is None else True

    return ask


def _either(one: _Ask, other: _Ask) -> _Ask:
    return _any_of([one, other])


def _any_of(asks: list[_Ask]) -> _Ask:
    def ask(values: Values) -> bool | None:
        is_known = True
        for one in asks:
            found = one(values)
            if found is True:
                return True
            is_known = is_known and found is not None
        return False if is_known else None

    return ask


def _negated(one: _Ask) -> _Ask:
    def ask(values: Values) -> bool | None:
        found = one(values)
        return None if found is None else not found

    return ask


def _compared(how: Callable[[Any, Any], Any], one: _Ask, other: _Ask) -> _Ask:
    def ask(values: Values) -> bool | None:
        left, right = one(values), other(values)
        if left is None or right is None:
            return None
        if isinstance(left, float) is not isinstance(right, float):
            left, right = float(left), float(right)  # 19.99 is no double, so exactly it would equal none
        return bool(how(left, right))

    return ask


def _is_null(one: _Ask, negated: bool) -> _Ask:
    return lambda values: (one(values) is None) is not negated


def _matched(one: _Ask, pattern: re.Pattern[str]) -> _Ask:
    def ask(values: Values) -> bool | None:
        found = one(values)
        return None if found is None else pattern.fullmatch(found) is not None

    return ask
