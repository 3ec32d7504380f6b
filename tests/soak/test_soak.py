"""`./dev soak` finds its tests, and all tests that have a long form are in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.soak.__main__ import arguments, main
from tests.soak.parts import PARTS, SEED, environment

ROOT = Path(__file__).parents[2]
LONG_FORM = re.compile(r'^[A-Z]+ = int\(os\.environ\.get\("(FAUST_CDC_[A-Z]+)"', re.MULTILINE)


def test_all_parts_unless_some_are_named() -> None:
    assert arguments([]) == list(PARTS)
    assert arguments(["rows", "kills", "rows"]) == ["rows", "kills"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["kill"],
            "unknown part kill; known: kills, snapshot-kills, snapshot-matrix, rows, transactions, ddl, ddl-beside, "
            "ddl-stream, history",
        ),
        (["rows", "z", "a"], "unknown part a, z; known: "),
        (["--kills", "5"], "unrecognized arguments: --kills"),
    ],
)
def test_what_is_not_known_is_an_error_before_anything_is_done(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert f"./dev soak: error: {said}" in shown.err
    assert shown.out == ""


def test_the_help_names_all_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {name} .*{part.variable}", shown, re.MULTILINE) for name, part in PARTS.items())
    usage = (ROOT / "dev").read_text()
    assert f"./dev soak [{'|'.join(PARTS)} ...]" in usage
    assert re.search(r"^  soak\) ensure_venv; exec \.venv/bin/python -m tests\.soak ", usage, re.MULTILINE)


def test_what_is_set_already_stands() -> None:
    assert environment(["rows"], {}, 7) == {"FAUST_CDC_ROWS": "5000000", SEED: "7"}
    given = {"FAUST_CDC_KILLS": "3", SEED: "1", "FAUST_CDC_ROWS": "9"}
    assert environment(["kills"], given, 7) == {"FAUST_CDC_KILLS": "3", SEED: "1"}


def test_each_test_is_there_and_takes_its_variable() -> None:
    for part in PARTS.values():
        for test in part.tests:
            path, _, name = test.partition("::")
            text = (ROOT / path).read_text()
            assert f"def {name}(" in text
            assert part.variable in LONG_FORM.findall(text), test


def test_all_long_forms_are_there() -> None:
    found = {
        (str(path.relative_to(ROOT)), variable)
        for path in (ROOT / "tests").rglob("*.py")
        for variable in LONG_FORM.findall(path.read_text())
    }
    ours = {(test.partition("::")[0], part.variable) for part in PARTS.values() for test in part.tests}
    assert {(path, variable) for path, variable in found if variable != SEED} == ours
