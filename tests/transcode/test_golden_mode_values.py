"""What the value modes cannot hold: Debezium 3.6.1 writes null there, and so do we in a nullable column."""

import pytest

from tests.transcode import golden, golden_modes

OUTSIDE_THE_DAY = "a TIME below 0 or above 24:00 is no time of day: null"
LAST_MIDNIGHT = "24:00:00 is written as 00:00:00Z: the ISO time of day ends before it"
OUTSIDE_64_BITS = "ns of 1677-09-21 to 2262-04-11 fit into 64 bits, others are null"
TIMES_OUTSIDE = {
    **{("temps", column, 2): OUTSIDE_THE_DAY for column in ("t0", "t1", "t3", "t6")},
    **{("temps", column, 3): OUTSIDE_THE_DAY for column in ("t0", "t1", "t6")},
}
LOST: dict[str, dict[tuple[str, str, int], str]] = {
    "r2": TIMES_OUTSIDE,
    "r3": {**TIMES_OUTSIDE, ("temps", "t3", 3): LAST_MIDNIGHT},
    "r4": {},
    "r5": {
        **{("temps", column, row): OUTSIDE_64_BITS for column in ("dt0", "dt1", "dt3", "dt4", "dt6") for row in (2, 3)},
        ("temps", "dt0", 8): OUTSIDE_64_BITS,
        ("temps", "dt0", 9): OUTSIDE_64_BITS,
        ("temps", "dt6", 8): OUTSIDE_64_BITS,
        ("temps", "dt6", 9): OUTSIDE_64_BITS,
    },
}
"""By run: values of rows that the mode's type has no room for. Debezium writes the same null (or 00:00:00Z)."""


@pytest.mark.parametrize("run", list(golden_modes.RUNS))
def test_what_a_mode_cannot_hold_is_listed(run: str) -> None:
    """The default mode holds every value, so a null that it has not is a loss; 24:00 is lost in Debezium alone."""
    default = {(one.table, one.column, one.row): one.streaming for one in golden.vectors()}
    lost = set()
    for vector in golden_modes.vectors(run):
        held = default[vector[:3]]
        if vector.value is None and held is not None:
            lost.add(vector[:3])
        if vector.value == "00:00:00Z" and held != 0:
            lost.add(vector[:3])
    assert sorted(lost) == sorted(LOST[run])
