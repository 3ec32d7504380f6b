"""The README's table of differences, made from the list: `python -m tests.taste.differences` writes it anew."""

from __future__ import annotations

from pathlib import Path

from faust_cdc.config.differences import table

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- differences: made by ./dev differences from app/faust_cdc/config/differences.toml -->"
END = "<!-- end of differences -->"


def with_table(text: str) -> str:
    """Return the README's text with today's table between the two marks."""
    head, _, rest = text.partition(BEGIN)
    old, end, tail = rest.partition(END)
    if not old or not end:
        raise ValueError(f"README.md lacks the marks {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
