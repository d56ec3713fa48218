"""A cache for each backend, by a clock that stands still until told."""

from __future__ import annotations

import pytest

from afresh import Cache
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_000_000.0)


@pytest.fixture(params=["memory", "file"])
def cache(clock, request, tmp_path):
    """The same tests for each backend: what a user sees doesn't depend on where entries live."""
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    with Cache(url, clock=clock) as opened:
        yield opened


class Counted:
    """A loader that counts its calls, and gives what it is told to."""

    def __init__(self, value=None):
        self.calls = 0
        self.value = value
        self.error: Exception | None = None

    def __cache_key__(self):
        return "counted"

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.calls if self.value is None else self.value


@pytest.fixture
def loader():
    return Counted()
