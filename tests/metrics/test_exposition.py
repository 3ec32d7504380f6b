"""The text that Prometheus reads, by a strict parser of its specification."""

from __future__ import annotations

import math
import random
import time

import pytest

from faust_cdc.metrics.exposition import Exposition
from faust_cdc.metrics.histogram import BOUNDS_S, Histogram, RecentMaximum
from faust_cdc.metrics.labels import OWN_LABELS, label_name, tag_collision, tag_labels
from tests.harness.exposition import read_page

ODD_VALUES = ['a"b\\c\nd é,}=', "\\", "\\\\", '"', "\n", "\\n", '\\"', "", " ", "{x=", "a\r\tb", "\u2028", "日本"]


def test_any_label_value_and_number_comes_back() -> None:
    values = [0, 1, -1, 0.1, 1e-9, 123456789.25, 2**40, 1e300, True, math.inf, -math.inf]
    out = Exposition()
    for number, value in enumerate(values):
        for odd in ODD_VALUES:
            out.add("m", "gauge", 'a "help"\nof two lines \\', value, {"n": str(number), "odd": odd})
    (family,) = read_page(out.page()).values()
    assert (family.name, family.kind, family.help) == ("m", "gauge", 'a "help"\nof two lines \\')
    assert [sample.value for sample in family.samples] == [value for value in values for _ in ODD_VALUES]
    assert [sample.labels["odd"] for sample in family.samples] == ODD_VALUES * len(values)


def test_random_label_values_come_back() -> None:
    chance = random.Random(3)
    values = ["".join(chance.choices('\\"\nn,}{= é', k=chance.randrange(12))) for _ in range(2000)]
    out = Exposition()
    for number, value in enumerate(values):
        out.add("m", "gauge", "m", number, {"n": str(number), "odd": value})
    (family,) = read_page(out.page()).values()
    assert [sample.labels["odd"] for sample in family.samples] == values


def test_half_a_surrogate_pair_breaks_no_page() -> None:
    out = Exposition()
    out.add("m", "gauge", "m", math.nan, {"odd": "a\ud800b"})
    (sample,) = read_page(out.page())["m"].samples
    assert sample.labels["odd"] == "a?b"
    assert math.isnan(sample.value)


def test_samples_of_one_metric_stay_together() -> None:
    out = Exposition()
    for connector in ("a", "b"):
        out.add("x_total", "counter", "x", 1, {"connector": connector})
        out.add("y", "gauge", "y", 2, {"connector": connector})
    families = read_page(out.page())
    assert [(name, len(family.samples)) for name, family in families.items()] == [("x_total", 2), ("y", 2)]


def test_a_histogram_counts_every_value_in_its_bucket() -> None:
    chance = random.Random(5)
    values = [10 ** chance.uniform(-6, 5) for _ in range(1000)] + [0.001, 0.0, -3.0]
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    histogram.observe(0.3, 7)
    values = [max(0.0, value) for value in values] + [0.3] * 7
    out = Exposition()
    out.add_histogram("h", "seconds", histogram, {"stage": "s"})
    family = read_page(out.page())["h"]
    found = {(sample.name, sample.labels.get("le")): sample.value for sample in family.samples}
    for bound in (*BOUNDS_S, math.inf):
        (counted,) = [value for (_, le), value in found.items() if le is not None and float(le) == bound]
        assert counted == sum(value <= bound for value in values)
    assert found["h_count", None] == len(values) == histogram.count
    assert math.isclose(found["h_sum", None], sum(values))


@pytest.mark.parametrize(
    "page",
    [
        "m 1\n",
        "# HELP m m\n# TYPE m gauge\nm 1",
        "# HELP m m\n# TYPE m gauge\nm 1\nm 2\n",
        '# HELP m m\n# TYPE m gauge\nm{a="1",a="2"} 1\n',
        '# HELP m m\n# TYPE m gauge\nm{a="\\x"} 1\n',
        '# HELP m m\n# TYPE m gauge\nm{a="""} 1\n',
        '# HELP m m\n# TYPE m gauge\nm{a="\\"} 1\n',
        "# HELP m a\\b\n# TYPE m gauge\nm 1\n",
        "# HELP m m\n# TYPE m gauge\nm 1\n# HELP n n\n# TYPE n gauge\nm 2\n",
        "# HELP m m\n# TYPE m counter\nm 1\n",
        "# HELP m m\n# TYPE m gauge\nm one\n",
        '# HELP h h\n# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 1\n',
        '# HELP h h\n# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n',
        '# HELP h h\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 1\nh_count 2\n',
    ],
)
def test_the_reader_of_these_tests_is_strict(page: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_page(page.encode())


def test_names_of_labels() -> None:
    assert [label_name(text) for text in ("team", "dc.name", "a-b", "1st", "")] == [
        "team", "dc_name", "a_b", "_1st", "_"
    ]  # fmt: skip
    assert tag_labels({"dc.name": "a=b", "team": "x"}) == {"dc_name": "a=b", "team": "x"}


def test_tags_that_take_the_place_of_a_label_are_named() -> None:
    assert tag_collision(["team", "dc.name", "_x", "Task"]) is None
    assert all(name in (tag_collision(["team", name]) or "") for name in OWN_LABELS)
    assert "'a.b' and 'a-b'" in (tag_collision(["a.b", "a-b"]) or "")
    assert "'__x'" in (tag_collision(["__x"]) or "")


def test_a_maximum_is_forgotten_in_the_end() -> None:
    maximum = RecentMaximum(window_s=math.inf)
    assert maximum.value() == 0
    maximum.observe(0.5)
    maximum.observe(0.2)
    assert maximum.value() == 0.5
    maximum = RecentMaximum(window_s=0.01)
    maximum.observe(0.5)
    time.sleep(0.05)
    assert maximum.value() == 0
    maximum.observe(0.1)
    maximum.observe(0.0)
    assert maximum.value() <= 0.1
