"""The fake clock stands still, and moves as it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from afresh import Cache
from afresh.errors import ConfigurationError
from afresh.testing.clock import FakeClock


def test_it_stands_still_until_it_is_moved() -> None:
    clock = FakeClock(100.0)
    assert clock.now() == clock.now() == 100.0
    clock.advance("5m")
    clock.advance(timedelta(seconds=1))
    clock.advance(0.5)
    assert clock.now() == 401.5
    clock.time = 7.0
    assert clock.now() == 7.0


def test_it_reaches_a_time_but_never_goes_back() -> None:
    clock = FakeClock(100.0)
    clock.reach(150.0)
    clock.reach(120.0)
    assert clock.now() == 150.0


@pytest.mark.parametrize("duration", [-1, timedelta(seconds=-1)])
def test_time_does_not_run_backwards(duration: Any) -> None:
    clock = FakeClock(100.0)
    with pytest.raises(ConfigurationError, match="duration"):
        clock.advance(duration)
    assert clock.now() == 100.0


def test_a_cache_goes_by_it() -> None:
    clock, loads = FakeClock(), []
    with Cache("memory://", clock=clock) as cache:
        for _ in range(2):
            cache.get_or_load("k", lambda: loads.append(1), ttl=10)
        clock.advance(9.999)
        cache.get_or_load("k", lambda: loads.append(1), ttl=10)
        assert len(loads) == 1
        clock.advance(0.001)
        cache.get_or_load("k", lambda: loads.append(1), ttl=10)
        assert len(loads) == 2
