"""Brokers of both kinds, each started when a test first asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.kafka.wire.brokers import KINDS, ProxiedKafka


@pytest.fixture(scope="session")
def broker_of() -> Iterator[Callable[[str], ProxiedKafka]]:
    """Return the broker of a kind."""
    started: dict[str, ProxiedKafka] = {}
    with ExitStack() as stack:

        def of(kind: str) -> ProxiedKafka:
            if kind not in started:
                started[kind] = stack.enter_context(ProxiedKafka(kind))
            return started[kind]

        yield of


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, broker_of: Callable[[str], ProxiedKafka]) -> ProxiedKafka:
    """A broker of each kind."""
    return broker_of(request.param)
