"""A connector's chain of transforms: made of its settings, run on records.

A chain that only names topics (RegexRouter, alone or with TopicNameMatches) is a function of the topic's name: it is
spent where topics are named, once per table, and costs nothing per row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from faust_cdc.config.topic_names import routed_name_problem
from faust_cdc.config.transform_settings import PluginSettings, TransformSettings
from faust_cdc.transforms.classes import TRANSFORMS
from faust_cdc.transforms.predicates import PREDICATES, Test, topic_test
from faust_cdc.transforms.record import Apply, Record, TransformError
from faust_cdc.transforms.routers import TopicRoute, regex_route

FAILURES: Final = (TransformError, ArithmeticError, LookupError, TypeError, ValueError)
"""What transforms raise of records that they cannot take."""


class TransformFailed(Exception):
    """A transform cannot take a record; which one, and why."""

    def __init__(self, transform: Stage, cause: Exception) -> None:
        super().__init__(f"{transform}: {cause}")


@dataclass(frozen=True, slots=True)
class Stage:
    """A transform in its chain."""

    plugin: PluginSettings
    apply: Apply
    test: Test | None
    wanted: bool
    """What `test` must say for the transform to be applied."""
    predicate: PluginSettings | None = None
    """What `test` was made of."""

    def __str__(self) -> str:
        return f"transform '{self.plugin.alias}' ({self.plugin.class_name})"

    def is_for(self, record: Record) -> bool:
        """Whether its predicate lets a record come. Raises TransformFailed."""
        try:
            return self.test is None or self.test(record) is self.wanted
        except FAILURES as error:
            raise TransformFailed(self, error) from error

    def run(self, record: Record) -> Record | None:
        """Return what becomes of a record, None when it is dropped. Raises TransformFailed."""
        try:
            return self.apply(record)
        except FAILURES as error:
            raise TransformFailed(self, error) from error


class Chain:
    """The transforms of a connector, in order. Raises TransformError for options that a class cannot take."""

    def __init__(self, settings: Sequence[TransformSettings]) -> None:
        self.stages = tuple(_stage(one) for one in settings)

    def apply(self, record: Record) -> Record | None:
        """Return what becomes of a record, None when it is dropped. Raises TransformFailed."""
        made: Record | None = record
        for stage in self.stages:
            assert made is not None, "left below"
            if stage.is_for(made):
                made = stage.run(made)
            if made is None:
                return None
        return made


def _stage(settings: TransformSettings) -> Stage:
    plugin, predicate = settings.plugin, settings.predicate
    return Stage(
        plugin,
        TRANSFORMS[plugin.base_name](plugin),
        None if predicate is None else PREDICATES[predicate.class_name](predicate),
        not settings.negate,
        predicate,
    )


_ALWAYS: Final[Callable[[str], bool]] = lambda _topic: True  # noqa: E731


def topic_route(settings: Sequence[TransformSettings]) -> TopicRoute | None:
    """Return a chain that only names topics as a function of their names; None where it does more."""
    routes: list[tuple[Callable[[str], bool], bool, TopicRoute]] = []
    for one in settings:
        if not one.only_names_topics:
            return None
        test = _ALWAYS if one.predicate is None else topic_test(one.predicate)
        routes.append((test, not one.negate, regex_route(one.plugin)))

    def route(topic: str) -> str:
        for test, wanted, apply in routes:
            if test(topic) is wanted:
                topic = apply(topic)
        return topic

    return route


_NAMES_TOPICS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "RegexRouter": (("regex", "replacement"),),
    "ByLogicalTableRouter": (("topic.regex", "topic.replacement"),),
    "EventRouter": (("route.topic.regex", "route.topic.replacement"),),
}
"""Transforms that make a topic's name of a match → (option of the pattern, option of what replaces it)."""


def checked(plugin: PluginSettings) -> None:
    """Make a transform or a predicate to see that it can be made. Raises TransformError, ValueError.

    One that names topics must name some that Kafka takes.
    """
    made = TRANSFORMS.get(plugin.base_name)
    if made is not None:
        made(plugin)
        for regex, replacement in _NAMES_TOPICS.get(plugin.base_name.rpartition(".")[2], ()):
            problem = routed_name_problem(plugin.text(regex) or "", plugin.text(replacement) or "")
            if problem is not None:
                raise TransformError(f"{replacement}: {problem}")
    else:
        PREDICATES[plugin.class_name](plugin)
