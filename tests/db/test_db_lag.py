"""A read replica: what is read there is as old as it may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from db_small import Small

from afresh import Cache, Row
from afresh.db import Database
from afresh.testing import FakeClock

ANT = "SELECT name FROM product WHERE id = 1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_000_000.0)


@pytest.fixture
def small(clock: FakeClock) -> Iterator[Small]:
    with Cache("memory://", clock=clock) as cache:
        small = Small(cache, Database("sqlite", replica_lag=2, clock=clock))
        yield small
        small.close()


def test_nothing_is_kept_until_it_has_surely_caught_up(small: Small, clock: FakeClock) -> None:
    ant: Any = small.cached(ANT)
    ant()
    ant()
    assert any("replica" in reason for reason in small.reasons("fill-refused"))
    clock.advance(2)
    ant()
    ant()
    assert len(small.loads) == 3


def test_an_old_value_that_is_read_after_the_change_was_announced_is_not_kept(
    small: Small, clock: FakeClock
) -> None:
    ant: Any = small.cached(ANT)
    ant()
    clock.advance(3)
    ant()
    small.loads.clear()
    small.cache.invalidate(Row("product", 1))  # on the primary; it is on its way
    assert ant() == [("ant",)]
    small.raw.execute("UPDATE product SET name = 'asp' WHERE id = 1")
    clock.advance(1.9)
    assert ant() == [("asp",)]
    clock.advance(2.1)
    assert ant() == ant() == [("asp",)]
    assert len(small.loads) == 3
