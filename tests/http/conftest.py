"""What most tests of pages share: a clock of their own, and a cache in either place."""

from __future__ import annotations

import pytest

from afresh import Cache
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000.0)


@pytest.fixture(params=["memory", "file"])
def cache(clock, request, tmp_path):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    with Cache(url, clock=clock) as opened:
        yield opened
