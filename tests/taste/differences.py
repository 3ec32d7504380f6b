"""The README's tables, made of the lists behind them: `python -m tests.taste.differences` writes them anew."""

from __future__ import annotations

from pathlib import Path

from faust_cdc.config import transforms
from faust_cdc.config.differences import table

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- differences: made by ./dev differences from app/faust_cdc/config/differences.toml -->"
END = "<!-- end of differences -->"


BEGIN_TRANSFORMS = (
    "<!-- transforms: made by ./dev differences from app/faust_cdc/config/definitions/transforms.json -->"
)
END_TRANSFORMS = "<!-- end of transforms -->"


def with_table(text: str) -> str:
    """Return the README's text with today's tables between their marks."""
    return _between(_between(text, BEGIN, END, table()), BEGIN_TRANSFORMS, END_TRANSFORMS, transforms.table())


def _between(text: str, begin: str, end: str, made: str) -> str:
    head, _, rest = text.partition(begin)
    old, found, tail = rest.partition(end)
    if not old or not found:
        raise ValueError(f"README.md lacks the marks {begin!r} and {end!r}")
    return f"{head}{begin}\n{made}\n{end}{tail}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
