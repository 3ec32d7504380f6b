"""What judges the topics in the matrix finds each kind of fault, and none where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.topics import RawRecord
from tests.snapshot.key_kinds import MARK, ToldByKey, ToldWhole

Row = tuple[int, int]
Step = tuple[str, Row | None, Row | None]
"""Operation, and (n, v) before and after; the operation "anew" is the start of another life."""
GOOD: list[Step] = [
    ("r", None, (1, -1)), ("u", (1, -1), (1, 5)), ("d", (1, 5), None), ("c", None, (2, 6)), ("c", None, (1, 7)),
    ("d", (1, 7), None), ("c", None, (MARK, 10**9)), ("r", None, (2, 6)), ("r", None, (MARK, 10**9)),
]  # fmt: skip
BAD: dict[str, tuple[list[Step], str]] = {
    "a row behind a later state": ([("u", (1, -1), (1, 5)), ("r", None, (1, -1))], "is read behind 5"),
    "a row behind its end": ([("d", (1, 5), None), ("r", None, (1, 5))], "is read behind None"),
    "a change is lost": ([("c", None, (1, 5)), ("u", (1, 6), (1, 7))], "becomes (1, 7) behind 5"),
    "an insert is lost": ([("d", (1, 5), None), ("d", (1, 6), None)], "becomes None behind None"),
    "a row twice": ([("r", None, (1, -1)), ("r", None, (1, -1))], "is read twice"),
    "an older state in another life": ([("c", None, (1, 5)), ("anew", None, None), ("r", None, (1, 3))], "is older"),
}


def told_of(told: ToldByKey | ToldWhole, steps: list[Step], keys: dict[int, str] | None = None) -> list[str]:
    for place, (op, *images) in enumerate(steps):
        if op == "anew":
            told.anew()
            continue
        before, after = (row and {"n": row[0], "v": row[1]} for row in images)
        number: int = (after or before or {})["n"]
        value: dict[str, Any] = {"op": op, "before": before, "after": after}
        told.take(RawRecord("t", 0, place, b"", b"", (), 0), {"k": (keys or {}).get(number, str(number))}, value)
    told.rows()
    return told.faults


def test_no_fault_where_there_is_none() -> None:
    told = ToldByKey()
    assert not told_of(told, GOOD)
    assert told.rows() == {(2, 6): 1, (MARK, 10**9): 1}
    assert (told.snapshots, told.mark) == (1, 10**9)


@pytest.mark.parametrize("case", BAD)
def test_faults_by_key(case: str) -> None:
    steps, said = BAD[case]
    assert any(said in fault for fault in told_of(ToldByKey(), steps))


def test_two_rows_of_one_key_and_two_keys_of_one_row() -> None:
    assert told_of(ToldByKey(), [("r", None, (1, 5)), ("r", None, (2, 6))], {1: "a", 2: "a"})
    told = ToldByKey()
    told_of(told, [("r", None, (1, 5))], {1: "a"})
    assert told_of(told, [("u", (1, 5), (1, 6))], {1: "b"})


def test_faults_without_a_key() -> None:
    """A copy is all that was told before it, each row as often; the first one of a life is all there is."""
    copy: list[Step] = [("r", None, (1, 5)), ("r", None, (1, 5))]
    changes: list[Step] = [("c", None, (2, 6)), ("d", (1, 5), None)]
    again: list[Step] = [("r", None, (1, 5)), ("r", None, (2, 6))]
    assert not told_of(ToldWhole(), [*copy, *changes, *again])
    assert not told_of(ToldWhole(), [*copy, ("anew", None, None), *again])
    (lost,) = told_of(ToldWhole(), [*copy, *changes, *again[:1]])
    assert "lacks Counter({(2, 6): 1})" in lost
    (twice,) = told_of(ToldWhole(), [*copy, *changes, *again, *again[1:]])
    assert "has Counter({(2, 6): 1}) more" in twice
    assert "goes and never came" in told_of(ToldWhole(), [*copy, ("d", (1, 6), None)])[0]
