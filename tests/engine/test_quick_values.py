"""The short way of `get`: it answers what the long one would, and leaves it what is not simple."""

from __future__ import annotations

import asyncio

import pytest

from afresh import Cache, tag
from afresh.engine.values.plain import Plain
from afresh.runtime.drive import drive
from afresh.testing.clock import FakeClock
from afresh.testing.servers import RedisServer


class Shop:
    """Values in one store, read in both worlds."""

    def __init__(self, url, clock):
        self.clock = clock
        self.cache = Cache(url, l1=None, clock=clock)

    def get(self, key, act=lambda: None):
        """What is found with and without an event loop, after `act` each time."""

        async def main():
            await self.cache.aio.get("connect")
            act()
            return await self.cache.aio.get(key, "none")

        act()
        return [self.cache.get(key, "none"), asyncio.run(main())]


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["file", pytest.param("redis", marks=pytest.mark.servers)])
def shop(request, tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    clock = FakeClock(1_000_000.0)
    url = f"sqlite:///{tmp_path}/cache"
    if request.param == "redis":
        url = f"{request.getfixturevalue('redis').url}?timeout=30&connect_timeout=30&ledger={tmp_path.name}"
    made = Shop(url, clock)
    made.cache.clear()
    yield made
    made.cache.close()


@pytest.fixture
def long_ways(monkeypatch):
    """The keys that went the long way."""
    taken, long_get = [], Plain._long_get
    monkeypatch.setattr(
        Plain, "_long_get", lambda self, key, default: taken.append(key) or long_get(self, key, default)
    )
    return taken


def ours(long_ways):
    return [key for key in long_ways if key != "connect"]


def test_what_was_put_goes_the_short_way(shop, long_ways):
    shop.cache.set("soup", [1])
    assert shop.cache.get("soup") == [1]
    assert long_ways == []
    assert shop.cache.get("stew", "none") == "none"
    assert long_ways == []
    assert (shop.cache.stats().hits, shop.cache.stats().misses) == (1, 1)


@pytest.mark.servers
def test_so_it_does_on_an_event_loop(redis, tmp_path, monkeypatch, long_ways):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path))
    with Cache(f"{redis.url}?timeout=30&connect_timeout=30&ledger=loop", l1=None, namespace="loop") as cache:

        async def main():
            await cache.aio.get("connect")
            long_ways.clear()
            await cache.aio.set("soup", 1)
            return [await cache.aio.get("soup"), await cache.aio.get("stew")]

        assert asyncio.run(main()) == [1, None]
    assert ours(long_ways) == []


def test_a_loaded_value_is_found_until_it_is_dropped(shop, long_ways):
    shop.cache.get_or_load("soup", lambda: "hot", tags=[tag("menu")])
    assert shop.get("soup") == ["hot", "hot"]
    shop.cache.invalidate(tag("menu"))
    assert shop.get("soup") == ["none", "none"]


def test_a_value_put_with_tags_is_found_until_they_are_marked(shop):
    shop.cache.set("soup", "hot", tags=[tag("menu")])
    assert shop.get("soup") == ["hot", "hot"]
    shop.cache.invalidate(tag("menu"))
    assert shop.get("soup") == ["none", "none"]


def test_an_expired_value_is_not_found(shop):
    shop.cache.set("soup", "hot", 10)
    shop.clock.advance(9)
    assert shop.get("soup") == ["hot", "hot"]
    shop.clock.advance(2)
    assert shop.get("soup") == ["none", "none"]


def test_whoever_collects_dependencies_gets_them(shop):
    shop.cache.set("soup", "hot")
    loads = []

    def lunch():
        loads.append(1)
        return shop.cache.get("soup")

    assert [shop.cache.get_or_load("lunch", lunch) for _ in range(2)] == ["hot"] * 2
    shop.cache.set("soup", "cold")
    assert shop.cache.get_or_load("lunch", lunch) == "cold"
    assert len(loads) == 2


def test_a_cache_that_is_off_finds_nothing(shop):
    shop.cache.set("soup", "hot")
    shop.cache.mode = "off"
    assert shop.get("soup") == ["none", "none"]
    shop.cache.mode = "on"
    assert shop.get("soup") == ["hot", "hot"]


def test_what_is_damaged_is_a_miss_and_told(shop):
    shop.cache.set("soup", "hot")
    engine = shop.cache._engine
    drive(engine.store.put(engine.names.full("soup"), b"no envelope", stamp=0, expires=float("inf")))
    assert shop.cache.get("soup", "none") == "none"
    assert shop.cache.stats().damaged == 1


def test_a_closed_cache_says_so(shop):
    shop.cache.set("soup", "hot")
    shop.cache.close()
    with pytest.raises(RuntimeError, match="closed"):
        shop.cache.get("soup")


def test_what_another_namespace_made_from_a_value_goes_when_that_is_cleared(tmp_path):
    place = f"sqlite:///{tmp_path}/cache"
    with Cache(place) as pages, Cache(place, namespace="values") as values:
        values.set("soup", "hot")

        def lunch():
            return pages.get_or_load("lunch", lambda: values.get("soup"))

        assert (lunch(), lunch()) == ("hot", "hot")
        values.clear()
        assert lunch() is None
