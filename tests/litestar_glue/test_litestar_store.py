"""A store of Litestar's in a cache."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from http_world import ask
from litestar import Litestar, get

from afresh import Cache
from afresh.litestar import CacheStore
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000.0)


@pytest.fixture(params=["memory", "file"])
def cache(clock, request, tmp_path):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    with Cache(url, clock=clock) as opened:
        yield opened


def test_it_does_what_a_store_does(cache, clock):
    async def story():
        store, other = CacheStore(cache), CacheStore(cache, "other")
        assert await store.get("a") is None
        assert not await store.exists("a")
        await store.set("a", "text")
        await store.set("b", b"bytes", expires_in=10)
        await store.set("c", b"bytes", expires_in=timedelta(seconds=10))
        await other.set("a", b"other")
        assert (await store.get("a"), await store.get("b")) == (b"text", b"bytes")
        assert (await store.expires_in("a"), await store.expires_in("b"), await store.expires_in("d")) == (
            None, 10, None,
        )  # fmt: skip
        clock.advance(6)
        assert await store.get("c", renew_for=10) == b"bytes"
        assert await store.get("a", renew_for=1) == b"text"
        clock.advance(6)
        assert (await store.get("b"), await store.get("c"), await store.get("a")) == (None, b"bytes", b"text")
        await store.delete("c")
        await store.delete("never there")
        assert await store.get("c") is None
        await store.delete_all()
        assert (await store.get("a"), await other.get("a")) == (None, b"other")

    asyncio.run(story())


def test_litestars_own_response_cache_lives_in_it(cache):
    runs: list[Any] = []

    @get("/", cache=60)
    async def view() -> str:
        runs.append(1)
        return "x"

    app = Litestar([view], stores={"response_cache": CacheStore(cache)}, openapi_config=None)
    assert [asyncio.run(ask(app)).text for _ in range(3)] == ["x"] * 3
    assert len(runs) == 1
