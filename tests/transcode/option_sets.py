"""Sets of record-shaping options to prove that snapshot and stream give equal bytes under each of them.

A new option joins by one line in `DIMENSIONS`.
"""

import itertools
import random
from typing import Any

from faust_cdc.transcode.plan import TranscodeOptions

DIMENSIONS: dict[str, tuple[Any, ...]] = {
    "time_precision_mode": ("adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"),
    "decimal_handling_mode": ("precise", "string", "double"),
    "bigint_unsigned_handling_mode": ("long", "precise"),
    "binary_handling_mode": ("bytes", "base64", "base64-url-safe", "hex"),
    "enable_time_adjuster": (True, False),
    "compatible": (False, True),
}
"""Field of `TranscodeOptions` → its values."""

SETS_MAX = 240
"""Of a larger product, a fixed sample in which any two values occur together (asserted)."""


def option_sets(connector: str) -> list[TranscodeOptions]:
    """The sets for one connector ("mysql" or "mariadb")."""
    product = itertools.product(*DIMENSIONS.values())
    size = 1
    for values in DIMENSIONS.values():
        size *= len(values)
    if size <= SETS_MAX:
        chosen = list(product)
    else:
        dice = random.Random(size)
        chosen = [tuple(map(dice.choice, DIMENSIONS.values())) for _ in range(SETS_MAX)]
    assert_all_pairs(chosen)
    return [
        TranscodeOptions(connector=connector, field_name_adjustment="avro", **dict(zip(DIMENSIONS, one, strict=True)))
        for one in chosen
    ]


def assert_all_pairs(chosen: list[tuple[Any, ...]]) -> None:
    """Any two values of two options stand together in one of the sets."""
    for (left, lefts), (right, rights) in itertools.combinations(enumerate(DIMENSIONS.values()), 2):
        seen = {(one[left], one[right]) for one in chosen}
        missing = set(itertools.product(lefts, rights)) - seen
        assert not missing, missing
