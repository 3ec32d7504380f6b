"""How fast the source may be read, by time of day: what can be written, and what holds when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.rate_limit import PAUSED, UNLIMITED, Rate, parse_rate_limit, rate_limit_problem
from faust_cdc.errors import ConfigError
from tests.connect.memory import MYSQL_CONFIG

LIMIT = (
    "rows=50000,bytes=20MB; Mon-Fri 08:00-18:00 rows=5000; Sun 22:00-02:00 paused; Sat unlimited; zone=Europe/Berlin"
)


def at(text: str, when: str, zone: str = "Europe/Berlin") -> Rate:
    schedule = parse_rate_limit(text)
    assert schedule is not None
    return schedule.at(datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("when", "rate"),
    [
        ("2026-11-20 07:59:59.9", Rate(50_000, 20_000_000)),
        ("2026-11-20 08:00", Rate(5000, 20_000_000)),  # a Friday
        ("2026-11-20 17:59", Rate(5000, 20_000_000)),
        ("2026-11-20 18:00", Rate(50_000, 20_000_000)),
        ("2026-11-21 00:00", UNLIMITED),
        ("2026-11-21 23:59", UNLIMITED),
        ("2026-11-22 00:00", Rate(50_000, 20_000_000)),
        ("2026-11-22 22:00", PAUSED),
        ("2026-11-23 01:59", PAUSED),  # over the week's end
        ("2026-11-23 02:00", Rate(50_000, 20_000_000)),
        ("2026-07-20 08:00", Rate(5000, 20_000_000)),  # in summer too
    ],
)
def test_what_holds_when(when: str, rate: Rate) -> None:
    assert at(LIMIT, when) == rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("rows=1", Rate(1)),
        ("bytes=1.5MiB", Rate(None, 1_572_864)),
        ("BYTES = 2 kB , rows = 3", Rate(3, 2000)),
        ("unlimited", UNLIMITED),
        ("Paused;", PAUSED),
        ("00:00-24:00 rows=7", Rate(7)),
        ("8:00-8:00 rows=7", Rate(7)),
        ("sun,mon-sat rows=7; bytes=9", Rate(7, 9)),
        ("fri - mon 12:00 - 13:00 rows=7; zone=+01:00", Rate(7)),  # a Saturday
        ("12:00-13:00 rows=7; zone=-0100", UNLIMITED),
    ],
)
def test_what_can_be_written(text: str, rate: Rate) -> None:
    assert at(text, "2026-11-21 12:30+01:00"[:16], "Etc/GMT-1") == rate
    assert rate_limit_problem(text) is None


@pytest.mark.parametrize("text", [None, "", " ; "])
def test_no_limit(text: str | None) -> None:
    assert parse_rate_limit(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fast", "A rate is rows=…, bytes=…, both, 'unlimited' or 'paused', found 'fast'"),
        ("rows=0", "found '0' (to read nothing, write 'paused')"),
        ("bytes=0.1", "found '0.1' (to read nothing, write 'paused')"),
        ("bytes=5XB", "a number with B, kB, MB, GB, KiB, MiB or GiB, found '5XB'"),
        ("rows=1e6", "found '1e6'"),
        ("rows=1,rows=2", "says rows twice"),
        ("rows=1,", "found ''"),
        ("rows=1; bytes=2", "One part may stand without a time, found 2"),
        ("08:00-18:00", "'08:00-18:00' says when, but not how fast"),
        ("08:00-25:00 rows=1", "A time of day is 00:00 to 24:00, found '25:00'"),
        ("08:60-09:00 rows=1", "found '08:60'"),
        ("24:00-09:00 rows=1", "begins before 24:00"),
        ("8-18 rows=1", "found '8-18 rows=1'"),
        ("Mo-Fr 08:00-18:00 rows=1", "Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun, found 'Mo'"),
        (
            "Mon-Fri 08:00-12:00 rows=1; Fri 11:00-13:00 rows=2",
            "'Mon-Fri 08:00-12:00' and 'Fri 11:00-13:00' hold at the same time",
        ),
        ("Sun 23:00-02:00 paused; Mon 01:59-03:00 rows=1", "hold at the same time"),
        ("zone=UTC; zone=+01:00; rows=1", "One time zone may be given, found UTC, +01:00"),
        ("rows=1; zone", "zone=NAME, found 'zone'"),
        ("rows=1; zone=Mars/Base", "knows no time zone 'Mars/Base'"),
        ("rows=1; zone=../../etc/passwd", "knows no time zone"),
        ("rows=1; zone=+99:00", "less than a day"),
    ],
)
def test_what_is_wrong(text: str, problem: str) -> None:
    assert problem in str(rate_limit_problem(text))
    for of in ("snapshot", "streaming"):
        with pytest.raises(ConfigError, match=rf"The '{of}\.rate\.limit' value is invalid"):
            parse_connector_config({**MYSQL_CONFIG, "name": "n", f"{of}.rate.limit": text})


def test_the_configuration() -> None:
    plain = parse_connector_config({**MYSQL_CONFIG, "name": "n"})
    assert plain.snapshot_rate_limit is None
    assert plain.streaming_rate_limit is None
    assert (plain.snapshot_pause_on_replica_lag_ms, plain.snapshot_pause_on_history_list_length) == (0, 0)
    given_options = {
        "snapshot.rate.limit": LIMIT,
        "streaming.rate.limit": "rows=7",
        "snapshot.pause.on.replica.lag.ms": "5000",
        "snapshot.pause.on.history.list.length": "1000000",
    }
    config = parse_connector_config({**MYSQL_CONFIG, "name": "n", **given_options})
    assert config.snapshot_rate_limit == parse_rate_limit(LIMIT)
    assert config.streaming_rate_limit == parse_rate_limit("rows=7")
    assert str(config.snapshot_rate_limit).endswith("(times are Europe/Berlin)")
    assert config.snapshot_pause_on_replica_lag_ms == 5000
    assert config.snapshot_pause_on_history_list_length == 1_000_000
    with pytest.raises(ConfigError, match="non-negative"):
        parse_connector_config({**MYSQL_CONFIG, "name": "n", "snapshot.pause.on.replica.lag.ms": "-1"})


@given(
    st.floats(1_700_000_000, 1_900_000_000), st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"])
)
def test_a_rate_holds_until_it_is_said_to(epoch_s: float, zone: str) -> None:
    """Over changes of clocks too."""
    schedule = parse_rate_limit(f"rows=9; Mon-Fri 01:30-03:10 rows=5; Sun 02:00-03:00 paused; zone={zone}")
    assert schedule is not None
    until = schedule.until(epoch_s)
    assert epoch_s < until <= epoch_s + 900
    for part in range(20):
        between = epoch_s + (until - epoch_s) * part / 20
        assert schedule.at(between) == schedule.at(epoch_s)
