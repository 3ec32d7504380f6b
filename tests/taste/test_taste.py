"""Taste, enforced: sizes of functions and files, the drawn error tree, public docstrings, clean text."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from faust_cdc import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted(p for root in ("app", "agents", "schemas", "tests") for p in (ROOT / root).rglob("*.py"))
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_sizes(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= FILE_LINES_MAX
    long = {
        f.name: f.end_lineno - f.lineno + 1
        for f in functions(ast.parse(text))
        if f.end_lineno is not None and f.end_lineno - f.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert not long


def error_classes(base: type[errors.CdcError] = errors.CdcError) -> Iterator[type[errors.CdcError]]:
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from error_classes(child)


def test_the_drawn_error_tree_is_the_real_one() -> None:
    drawing = inspect.getdoc(errors) or ""
    drawn = set(re.findall(r"\b([A-Z]\w+)\b", drawing.split("A message")[0]))
    real = {cls.__name__ for cls in error_classes()}
    assert real <= drawn
    assert all(isinstance(cls.disposition, errors.Disposition) for cls in error_classes())


def test_every_leaf_error_is_used() -> None:
    text = "\n".join(p.read_text() for p in SOURCES if p != Path(errors.__file__) and "tests" not in p.parts)
    leaves = [cls.__name__ for cls in error_classes() if not cls.__subclasses__()]
    assert [name for name in leaves if not re.search(rf"\b{name}\b", text)] == []


def test_distribution_owns_no_generic_import_name() -> None:
    for folder in ("app", "agents", "schemas"):
        assert not (ROOT / folder / "__init__.py").exists()
