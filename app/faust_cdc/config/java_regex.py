"""Java's regular expressions in Python's words: the few differences that patterns of options meet.

Named groups are `(?<name>…)` in Java, quoted text is `\\Q…\\E`; a replacement names groups with `$1` and `${name}` and
quotes with a backslash (`java.util.regex.Matcher.appendReplacement`).
"""

from __future__ import annotations

import re
from typing import Final

_NAMED_GROUP: Final = re.compile(r"(?<!\\)\(\?<(?=[A-Za-z])")
_NAMED_REFERENCE: Final = re.compile(r"\\k<([A-Za-z][A-Za-z0-9]*)>")
_QUOTED: Final = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)
_CLASSES: Final = {"Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9", "Upper": "A-Z", "Lower": "a-z"}
_POSIX: Final = re.compile(r"(\[[^\]]*)?\\p\{(" + "|".join(_CLASSES) + r")\}")
_REPLACED: Final = re.compile(r"\\(.)|\$(\d+)|\$\{([A-Za-z][A-Za-z0-9]*)\}|(\\$|\$)", re.DOTALL)


def java_pattern(text: str) -> re.Pattern[str]:
    """Compile a Java pattern. Raises re.error."""
    text = _QUOTED.sub(lambda match: re.escape(match[1]), text)
    text = _NAMED_GROUP.sub("(?P<", text)
    text = _NAMED_REFERENCE.sub(r"(?P=\1)", text)
    text = _POSIX.sub(lambda match: (match[1] or "") + _posix(match), text)
    return re.compile(text)


def _posix(match: re.Match[str]) -> str:
    letters = _CLASSES[match[2]]
    return letters if match[1] else f"[{letters}]"


def replacement_problem(pattern: re.Pattern[str], text: str) -> str | None:
    """Say what is wrong with a replacement for `pattern`, None when nothing is."""
    for match in _REPLACED.finditer(text):
        if match[4] is not None:
            return f"'{match[4]}' must be followed by a group or, if it stands for itself, be written '\\{match[4]}'"
        if match[2] is not None and int(match[2][0]) > pattern.groups:
            return f"there is no group {match[2][0]} in the pattern"
        if match[3] is not None and match[3] not in pattern.groupindex:
            return f"there is no group '{match[3]}' in the pattern"
    return None


def texts_of(replacement: str) -> list[tuple[int, str]]:
    """Return the texts between the groups of a replacement, each with its place from 0; escaped characters as such."""
    texts, at = list[tuple[int, str]](), 0
    for match in _REPLACED.finditer(replacement):
        texts.append((at, replacement[at : match.start()]))
        if match[1] is not None:
            texts.append((match.start() + 1, match[1]))
        at = match.end()
    return [*texts, (at, replacement[at:])]


def expand_replacement(text: str, match: re.Match[str]) -> str:
    """Return a Java replacement filled in from a match; groups that took no part are empty."""
    return _REPLACED.sub(lambda part: _expanded(part, match), text)


def _expanded(part: re.Match[str], match: re.Match[str]) -> str:
    if part[1] is not None:
        return part[1]
    if part[3] is not None:
        return match[part[3]] or ""
    digits = part[2] or "0"
    # As many digits as name a group there is: $12 is group 1 and a 2 where there are fewer than 12.
    length = len(digits)
    while length > 1 and int(digits[:length]) > match.re.groups:
        length -= 1
    return (match[int(digits[:length])] or "") + digits[length:]
