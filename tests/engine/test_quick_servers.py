"""The short way of a hit over real servers: what it takes, and what it leaves to the long way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest

from afresh import Cache, tag
from afresh.engine.loading import lookup
from afresh.testing.servers import MemcachedServer, RedisServer

pytestmark = pytest.mark.servers


@dataclass
class Product:
    number: int


class Shop:
    """One function in both worlds, over one server."""

    def __init__(self, url):
        self.cache = Cache(url, l1=None)
        self.loads = []
        self.long_ways = []

        @self.cache.cached(prefix="product", tags=lambda number: [tag("product", number)])
        def product(number: int) -> Product:
            self.loads.append(number)
            return Product(number)

        @self.cache.cached(prefix="aproduct", tags=lambda number: [tag("product", number)])
        async def aproduct(number: int) -> Product:
            self.loads.append(number)
            return Product(number)

        self.product, self.aproduct = product, aproduct

    def in_both_worlds(self, act=lambda: None):
        """Ask with and without an event loop, each time after `act`; returns the values and the loads."""

        async def main():
            await self.aproduct(1)  # has a connection
            before = len(self.loads)
            act()
            return await self.aproduct(1), len(self.loads) - before

        before = len(self.loads)
        act()
        value, loads = self.product(1), len(self.loads) - before
        avalue, aloads = asyncio.run(main())
        return [value, avalue], loads + aloads


@pytest.fixture(scope="module", params=["redis", "memcached"])
def server(request, tmp_path_factory):
    kind = RedisServer if request.param == "redis" else MemcachedServer
    with kind(tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def shop(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    made = Shop(f"{server.url}?timeout=30&connect_timeout=30")
    monkeypatch.setattr(
        "afresh.decorators.obtain", lambda *arguments: made.long_ways.append(1) or lookup.obtain(*arguments)
    )
    made.cache.clear()
    made.product(1)
    asyncio.run(made.aproduct(1))
    made.long_ways.clear()
    yield made
    made.cache.close()


def test_a_hit_goes_the_short_way(shop):
    assert shop.in_both_worlds() == ([Product(1)] * 2, 0)
    assert shop.long_ways == []


def test_what_was_dropped_does_not(shop):
    assert shop.in_both_worlds(lambda: shop.cache.invalidate(tag("product", 1))) == ([Product(1)] * 2, 2)


def test_what_others_marked_drops_nothing(shop):
    assert shop.in_both_worlds(lambda: shop.cache.invalidate(tag("product", 2))) == ([Product(1)] * 2, 0)
    assert shop.long_ways == []


def test_many_callers_at_once(shop):
    async def caller():
        return [await shop.aproduct(1) for _ in range(5)]

    async def main():
        return await asyncio.gather(*(caller() for _ in range(50)))

    assert asyncio.run(main()) == [[Product(1)] * 5] * 50
    assert shop.loads == [1, 1]  # one for each function


@pytest.fixture
def redis(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    with RedisServer(tmp_path / "redis") as server:
        yield server


def test_connections_that_were_ended_meanwhile_cost_nothing_but_new_ones(redis):
    def hang_up():
        with redis.client() as admin:
            admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    shop = Shop(f"{redis.url}?timeout=30&connect_timeout=30")
    shop.product(1)
    assert shop.in_both_worlds(hang_up) == ([Product(1)] * 2, 0)
    shop.cache.close()


def test_something_else_at_the_key_is_replaced(redis):
    def overwrite():
        with redis.client() as admin:
            for key in admin.scan_iter(match="afresh:*product*"):
                admin.delete(key)
                admin.rpush(key, "not", "ours")

    shop = Shop(f"{redis.url}?timeout=30&connect_timeout=30")
    shop.product(1)
    assert shop.in_both_worlds(overwrite) == ([Product(1)] * 2, 2)
    shop.cache.close()


@pytest.mark.slow
def test_a_hung_server_costs_one_deadline_once(redis):
    """Found out by a hit that goes the short way on an event loop."""

    async def main():
        await shop.aproduct(1)
        redis.pause()
        try:
            began = time.monotonic()
            await shop.aproduct(1)
            first = time.monotonic()
            await shop.aproduct(1)
            return first - began, time.monotonic() - first
        finally:
            redis.resume()

    shop = Shop(f"{redis.url}?timeout=0.5&connect_timeout=5")
    shop.product(1)
    first, second = asyncio.run(main())
    assert 0.4 < first < 0.9
    assert second < 0.3
    shop.cache.close()
