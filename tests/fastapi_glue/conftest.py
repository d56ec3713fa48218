"""Applications and caches for the tests of path operations."""

from typing import Any

import pytest
from fastapi import FastAPI
from routes_world import Session, runs

from afresh import Cache
from afresh.fastapi import RouteCache
from afresh.testing.clock import FakeClock


@pytest.fixture(params=["memory", "file", "file without memory"])
def cache(request, tmp_path):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    more: Any = {"l1": None} if "without" in request.param else {}
    with Cache(url, clock=FakeClock(1_800_000_000.0), **more) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_ran():
    runs.clear()


@pytest.fixture
def app():
    return FastAPI()


@pytest.fixture
def cached(cache):
    return RouteCache(cache, ignore=[Session], ttl="5m")
