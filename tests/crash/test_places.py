"""The places at which a process can be made to die are those at which tests have it die."""

from __future__ import annotations

import re
from pathlib import Path

from tests.crash.test_snapshot_kill import END, FRESH, FULL, PLACES

ROOT = Path(__file__).parents[2]


def test_each_place_is_in_a_test_and_the_other_way_round() -> None:
    sources = [path.read_text() for folder in ("app", "agents") for path in (ROOT / folder).rglob("*.py")]
    places = [place for source in sources for place in re.findall(r'\breach\("([^"]+)"\)', source)]
    calls = sum(len(re.findall(r"\breach\((?!name: str)", source)) for source in sources)
    assert calls == len(places), "each call names its place where it stands"
    assert len(set(places)) == len(places), "each place is one"
    others = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py") if path != Path(__file__))
    assert {place for place in places if f'"{place}"' not in others} == set(), "places at which no test kills"
    assert {*FRESH, *PLACES, END, FULL} <= set(places), "places of tests that are none"
