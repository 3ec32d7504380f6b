"""The expressions of Debezium's Filter and ContentBasedRouter: what is common to Groovy and JavaScript, and no more.

An expression is parsed once into closures and never given to an interpreter: it reads the record's `key`, `value`,
`topic`, `header`, `keySchema`, `valueSchema`, and can do nothing else.

    value.op == 'u' && value.before.id == 2
    value.source.table.startsWith('order') || header.kind.value in ['a', 'b']
    value.after?.status == null ? 'nothing' : topic + '.' + value.after.status.toLowerCase()

- literals: numbers, texts in single or double quotes (in double ones `${value.after.id}` is filled in), `true`,
  `false`, `null`, lists in brackets
- `a.b`, `a?.b`, `a['b']`, `a[0]`; a field of null is an error, as in both languages, but after `?.`
- `==` `!=` `===` `!==` `<` `<=` `>` `>=` `=~` `==~`, `in`, `!in`; `&&` `||` `!`; `? :` and `?:`; `+` `-` `*` `/` `%`
- methods: see `_METHODS`; `value.get('op')` and `value.getStruct('after')` work as `value.op` and `value.after`
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from faust_cdc.config.java_regex import java_pattern
from faust_cdc.transcode.java_text import double_text
from faust_cdc.transforms.record import TransformError

Scope: TypeAlias = Mapping[str, Any]
Evaluate: TypeAlias = Callable[[Scope], Any]

TEXT_MAX: Final = 10_000
"""Characters of an expression."""
DEPTH_MAX: Final = 50
"""How deep brackets and operators may be nested."""
NAMES: Final = frozenset({"key", "value", "topic", "header", "headers", "keySchema", "valueSchema"})

_TOKEN: Final = re.compile(
    r"""\s+ | //[^\n]* | /\*.*?\*/
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[lLfFdDgG]?)
    | (?P<text>'(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*")
    | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<sign>===|!==|==~|=~|==|!=|<=|>=|&&|\|\||\?\.|\?:|[-+*/%!<>?:.,()\[\];])""",
    re.VERBOSE | re.DOTALL,
)
_BLANKS: Final = "".join(map(chr, range(33)))
"""What Java's `trim` takes away."""
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class Expression:
    """A parsed expression. Raises TransformError with the place for what cannot be parsed."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > TEXT_MAX:
            raise TransformError(f"the expression has {len(text)} characters, {TEXT_MAX} are allowed")
        self._evaluate = _Parser(text).whole()

    def __call__(self, scope: Scope) -> Any:
        """Return the expression's value. Raises TransformError naming what cannot be done with the values."""
        return self._evaluate(scope)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong(text, at, f"unexpected {text[at]!r}")
        if match.lastgroup is not None:
            found.append(_Token(match.lastgroup, match[0], at))
        at = match.end()
    found.append(_Token("end", "", len(text)))
    return found


def _wrong(text: str, at: int, what: str) -> TransformError:
    return TransformError(f"Failed to parse expression {text!r}: {what} at character {at + 1}")


class _Parser:
    """Recursive descent, lowest precedence first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Evaluate:
        if self._is("return"):
            self._at += 1
        made = self._choice()
        while self._take(";"):
            pass
        if self._now.kind != "end":
            raise self._error(f"unexpected {self._now.text!r}")
        return made

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _is(self, text: str) -> bool:
        return self._now.text == text and self._now.kind in ("sign", "name")

    def _take(self, *texts: str) -> str | None:
        for text in texts:
            if self._is(text):
                self._at += 1
                return text
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise self._error(f"expected {text!r}, found {self._now.text or 'the end'!r}")

    def _error(self, what: str) -> TransformError:
        return _wrong(self._text, self._now.at, what)

    def _choice(self) -> Evaluate:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._error(f"nested deeper than {DEPTH_MAX}")
        test = self._or()
        if self._take("?:"):
            other = self._choice()
            made: Evaluate = lambda scope: first if _true(first := test(scope)) else other(scope)  # noqa: E731
        elif self._take("?"):
            yes = self._choice()
            self._expect(":")
            no = self._choice()
            made = lambda scope: yes(scope) if _true(test(scope)) else no(scope)  # noqa: E731
        else:
            made = test
        self._depth -= 1
        return made

    def _or(self) -> Evaluate:
        parts = [self._and()]
        while self._take("||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda scope: any(_true(one(scope)) for one in parts)

    def _and(self) -> Evaluate:
        parts = [self._equal()]
        while self._take("&&"):
            parts.append(self._equal())
        return parts[0] if len(parts) == 1 else lambda scope: all(_true(one(scope)) for one in parts)

    def _equal(self) -> Evaluate:
        made = self._compared()
        while sign := self._take("===", "!==", "==~", "=~", "==", "!="):
            made = _binary(sign, made, self._compared())
        return made

    def _compared(self) -> Evaluate:
        made = self._sum()
        while True:
            if sign := self._take("<=", ">=", "<", ">", "in"):
                made = _binary(sign, made, self._sum())
            elif self._is("!") and self._tokens[self._at + 1].text == "in":
                self._at += 2
                made = _binary("!in", made, self._sum())
            else:
                return made

    def _sum(self) -> Evaluate:
        made = self._product()
        while sign := self._take("+", "-"):
            made = _binary(sign, made, self._product())
        return made

    def _product(self) -> Evaluate:
        made = self._signed()
        while sign := self._take("*", "/", "%"):
            made = _binary(sign, made, self._signed())
        return made

    def _signed(self) -> Evaluate:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._error(f"nested deeper than {DEPTH_MAX}")
        if self._take("!"):
            inner = self._signed()
            made: Evaluate = lambda scope: not _true(inner(scope))  # noqa: E731
        elif self._take("-"):
            made = _binary("-", lambda _scope: 0, self._signed())
        else:
            made = self._reached()
        self._depth -= 1
        return made

    def _reached(self) -> Evaluate:
        made = self._primary()
        while True:
            if sign := self._take(".", "?."):
                token = self._now
                if token.kind not in ("name", "text"):
                    raise self._error("expected the name of a field or method")
                self._at += 1
                name = token.text if token.kind == "name" else _unquoted(token.text)
                if token.kind == "name" and self._take("("):
                    made = self._method(made, name, safe=sign == "?.", at=token.at)
                else:
                    made = _member(made, name, safe=sign == "?.")
            elif self._take("["):
                index = self._choice()
                self._expect("]")
                made = _indexed(made, index)
            else:
                return made

    def _method(self, of: Evaluate, name: str, *, safe: bool, at: int) -> Evaluate:
        arguments = self._arguments(")")
        known = _METHODS.get(name)
        if known is None:
            raise _wrong(self._text, at, f"there is no method {name}; there are {', '.join(sorted(_METHODS))}")
        run, counts = known
        if len(arguments) not in counts:
            raise _wrong(self._text, at, f"{name} takes {' or '.join(map(str, counts))} arguments")

        def made(scope: Scope) -> Any:
            target = of(scope)
            if target is None and safe:
                return None
            if target is None and name != "equals":
                raise TransformError(f"Cannot invoke method {name}() on null object")
            return run(target, *(one(scope) for one in arguments))

        return made

    def _arguments(self, end: str) -> list[Evaluate]:
        found: list[Evaluate] = []
        if self._take(end):
            return found
        while True:
            found.append(self._choice())
            if self._take(end):
                return found
            self._expect(",")

    def _primary(self) -> Evaluate:
        token = self._now
        self._at += 1
        if token.kind == "number":
            number = _number(token.text)
            return lambda _scope: number
        if token.kind == "text":
            return _quoted(token.text)
        if token.kind == "name":
            if token.text in _CONSTANTS:
                constant = _CONSTANTS[token.text]
                return lambda _scope: constant
            if token.text in NAMES:
                name = token.text
                return lambda scope: scope[name]
            self._at -= 1
            raise self._error(f"there is no {token.text!r}; there are {', '.join(sorted(NAMES))}")
        if token.text == "(":
            made = self._choice()
            self._expect(")")
            return made
        if token.text == "[":
            items = self._arguments("]")
            return lambda scope: [one(scope) for one in items]
        self._at -= 1
        raise self._error(f"unexpected {token.text!r}" if token.text else "the expression ends too early")


_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None, "undefined": None}


def _number(text: str) -> int | float | Decimal:
    """Return a literal; one with a fraction is exact, as in Groovy, until it meets a double."""
    digits = text.rstrip("lLfFdDgG")
    if text[-1] in "fFdD":
        return float(digits)
    return int(digits) if digits.isdecimal() else Decimal(digits)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1], flags=re.DOTALL)


def _quoted(text: str) -> Evaluate:
    """Return a literal; in double quotes `${…}` is an expression of its own, as in Groovy."""
    if text[0] == "'" or "${" not in text:
        constant = _unquoted(text)
        return lambda _scope: constant
    parts: list[Evaluate] = []
    for place, one in enumerate(re.split(r"\$\{([^{}]*)\}", text[1:-1])):
        if place % 2:
            parts.append(_Parser(one).whole())
        elif one:
            parts.append(_quoted(f"'{one}'"))
    return lambda scope: "".join(_shown(one(scope)) for one in parts)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return double_text(value) if isinstance(value, float) else str(value)


def _true(value: Any) -> bool:
    """As Groovy and JavaScript have it: null, false, zero and nothing at all are false."""
    return bool(value)


def _member(of: Evaluate, name: str, *, safe: bool) -> Evaluate:
    def made(scope: Scope) -> Any:
        target = of(scope)
        if target is None:
            if safe:
                return None
            raise TransformError(f"Cannot get property '{name}' on null object")
        return _field(target, name)

    return made


def _field(target: Any, name: str) -> Any:
    if isinstance(target, Mapping):
        if name in target:
            return target[name]
        if getattr(target, "open", False):
            return None
        raise TransformError(f"{name} is not a valid field name")
    if name in ("length", "size") and isinstance(target, str | list):
        return len(target)
    raise TransformError(f"a {_kind(target)} has no property '{name}'")


def _indexed(of: Evaluate, index: Evaluate) -> Evaluate:
    def made(scope: Scope) -> Any:
        target, found = of(scope), index(scope)
        if isinstance(found, str) and target is not None:
            return _field(target, found)
        if isinstance(target, list | str) and isinstance(found, int) and not isinstance(found, bool):
            return target[found] if -len(target) <= found < len(target) else None
        raise TransformError(f"a {_kind(target)} has no element {found!r}")

    return made


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", int: "number", float: "number", Decimal: "number", str: "text", list: "list"}.get(
        type(value), "struct"
    )


def _binary(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    run = _OPERATORS[sign]
    return lambda scope: run(left(scope), right(scope))


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two numbers so that they can be compared: as doubles where one of them is one."""
    if isinstance(left, float) or isinstance(right, float):
        return float(left), float(right)
    return left, right


def _same(left: Any, right: Any) -> bool:
    if _numeric(left) and _numeric(right):
        left, right = _alike(left, right)
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if _numeric(left) and _numeric(right):
            return compare(*_alike(left, right))
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        if left is None or right is None:
            return compare(left is not None, right is not None)  # null is less than anything, as in Groovy
        raise TransformError(f"Cannot compare a {_kind(left)} with a {_kind(right)}")

    return run


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return _shown(left) + _shown(right)
    return _counted(lambda a, b: a + b)(left, right)


def _counted(run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def made(left: Any, right: Any) -> Any:
        if not (_numeric(left) and _numeric(right)):
            raise TransformError(f"Cannot compute with a {_kind(left)} and a {_kind(right)}")
        return run(*_alike(left, right))

    return made


def _divided(left: Any, right: Any) -> Any:
    if right == 0:
        raise TransformError("Division by zero")
    return left // right if isinstance(left, int) and isinstance(right, int) and left % right == 0 else left / right


def _remainder(left: Any, right: Any) -> Any:
    if right == 0:
        raise TransformError("Division by zero")
    if isinstance(left, float) or isinstance(right, float):
        return math.fmod(left, right) if math.isfinite(left) else math.nan
    rest = abs(left) % abs(right)  # of Java: the sign is the left one's
    return -rest if left < 0 else rest


def _contains(item: Any, of: Any) -> bool:
    if isinstance(of, list):
        return any(_same(item, one) for one in of)
    if isinstance(of, Mapping):
        return item in of
    if isinstance(of, str) and isinstance(item, str):
        return item in of
    raise TransformError(f"'in' needs a list, found a {_kind(of)}")


def _matches(whole: bool) -> Callable[[Any, Any], bool]:
    def run(value: Any, pattern: Any) -> bool:
        if not isinstance(value, str) or not isinstance(pattern, str):
            raise TransformError(f"a pattern is matched with a text, found a {_kind(value)}")
        compiled = _pattern(pattern)
        return (compiled.fullmatch(value) if whole else compiled.search(value)) is not None

    return run


_patterns: dict[str, re.Pattern[str]] = {}


def _pattern(text: str) -> re.Pattern[str]:
    if text not in _patterns:
        if len(_patterns) > 100:
            _patterns.clear()
        _patterns[text] = java_pattern(text)
    return _patterns[text]


_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": _same,
    "===": _same,
    "!=": lambda left, right: not _same(left, right),
    "!==": lambda left, right: not _same(left, right),
    "=~": _matches(False),
    "==~": _matches(True),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _contains,
    "!in": lambda item, of: not _contains(item, of),
    "+": _added,
    "-": _counted(lambda left, right: left - right),
    "*": _counted(lambda left, right: left * right),
    "/": _counted(_divided),
    "%": _counted(_remainder),
}


def _text(run: Callable[..., Any]) -> Callable[..., Any]:
    def made(target: Any, *arguments: Any) -> Any:
        if not isinstance(target, str) or not all(isinstance(one, str | int) for one in arguments):
            raise TransformError(f"a method of texts was called on a {_kind(target)}")
        return run(target, *arguments)

    return made


def _substring(text: str, begin: int, end: int | None = None) -> str:
    last = len(text) if end is None else end
    if not 0 <= begin <= last <= len(text):
        raise TransformError(f"substring({begin}, {last}) of a text of {len(text)} characters")
    return text[begin:last]


def _get(target: Any, name: Any) -> Any:
    if not isinstance(name, str):
        raise TransformError(f"get takes the name of a field, found a {_kind(name)}")
    return _field(target, name)


def _equals(target: Any, other: Any) -> bool:
    return _same(target, other)


_METHODS: Final[dict[str, tuple[Callable[..., Any], tuple[int, ...]]]] = {
    **dict.fromkeys(
        (
            "get",
            "getStruct",
            "getString",
            "getInt8",
            "getInt16",
            "getInt32",
            "getInt64",
            "getFloat32",
            "getFloat64",
            "getBoolean",
            "getWithoutDefault",
        ),
        (_get, (1,)),
    ),
    "equals": (_equals, (1,)),
    "equalsIgnoreCase": (_text(lambda one, other: one.lower() == other.lower()), (1,)),
    "startsWith": (_text(str.startswith), (1,)),
    "endsWith": (_text(str.endswith), (1,)),
    "contains": (lambda of, item: _contains(item, of), (1,)),
    "includes": (lambda of, item: _contains(item, of), (1,)),
    "matches": (lambda value, pattern: _matches(True)(value, pattern), (1,)),
    "toLowerCase": (_text(str.lower), (0,)),
    "toUpperCase": (_text(str.upper), (0,)),
    "trim": (_text(lambda one: one.strip(_BLANKS)), (0,)),
    "replace": (_text(lambda one, old, new: one.replace(old, new)), (2,)),
    "substring": (_text(_substring), (1, 2)),
    "indexOf": (_text(str.find), (1,)),
    "length": (_text(len), (0,)),
    "size": (len, (0,)),
    "isEmpty": (lambda one: len(one) == 0, (0,)),
    "toString": (_shown, (0,)),
    "name": (lambda one: _get(one, "name"), (0,)),
}
"""Method → what it does, and how many arguments it takes."""
