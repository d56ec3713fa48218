"""The pytest plugin: fixtures for tests of code that uses afresh.

It is loaded in every pytest run of whoever has afresh installed, so it imports within its fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from afresh import Cache
    from afresh.testing.capture import Captured
    from afresh.testing.clock import FakeClock
    from afresh.testing.compare import Compared


@pytest.fixture
def afresh_clock() -> FakeClock:
    """A clock that stands still until the test moves it; `afresh_cache` goes by it."""
    from afresh.testing.clock import FakeClock

    return FakeClock()


@pytest.fixture
def afresh_cache(afresh_clock: FakeClock) -> Iterator[Cache]:
    """An empty cache in memory, of this test alone; a test that changes a cached value fails."""
    from afresh import Cache
    from afresh.testing.mutation import watch

    with Cache("memory://", clock=afresh_clock) as cache, watch(cache):
        yield cache


@pytest.fixture
def afresh_events(afresh_cache: Cache) -> Iterator[Captured]:
    """What `afresh_cache` tells of the test's operations."""
    from afresh.testing.capture import capture

    with capture(afresh_cache) as events:
        yield events


@pytest.fixture
def afresh_compare() -> Iterator[Callable[..., Compared]]:
    """Call it with a cache: a read of it that serves what a fresh load would not give fails the test.

    A caller that changes a cached value fails it as well.
    """
    from afresh.testing.compare import compared
    from afresh.testing.mutation import watch

    with ExitStack() as stack:

        def compare(cache: Cache, **options: Any) -> Compared:
            stack.enter_context(watch(cache))
            return stack.enter_context(compared(cache, **options))

        yield compare
