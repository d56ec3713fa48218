"""The short way of a hit from the store: it answers what `obtain` would, and nothing that needs thought."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from afresh import Cache, Pool, tag
from afresh.engine.loading import lookup
from afresh.runtime.drive import drive
from afresh.testing.clock import FakeClock


@dataclass
class Product:
    number: int


class Shop:
    def __init__(self, path, **settings):
        self.clock = FakeClock(1_000_000.0)
        self.cache = Cache(f"sqlite:///{path}", l1=None, clock=self.clock, **settings)
        self.loads = 0

        @self.cache.cached(prefix="product", ttl=10, tags=lambda number: [tag("product", number)])
        def product(number: int) -> Product:
            self.loads += 1
            return Product(number)

        @self.cache.cached(prefix="aproduct", ttl=10, tags=lambda number: [tag("product", number)])
        async def aproduct(number: int) -> Product:
            self.loads += 1
            return Product(number)

        self.product, self.aproduct = product, aproduct


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path / "cache")
    yield made
    made.cache.close()


@pytest.fixture
def long_ways(monkeypatch):
    """How many calls went the long way."""
    taken = []
    monkeypatch.setattr(
        "afresh.decorators.obtain", lambda *arguments: taken.append(1) or lookup.obtain(*arguments)
    )
    return taken


def test_a_fresh_value_goes_the_short_way(shop, long_ways):
    assert [shop.product(7) for _ in range(5)] == [Product(7)] * 5
    assert (shop.loads, len(long_ways)) == (1, 1)
    stats = shop.cache.stats()
    assert (stats.hits, stats.misses, stats.store_hits) == (4, 1, 4)


def test_the_same_for_coroutines(shop, long_ways):
    async def main():
        return [await shop.aproduct(7) for _ in range(5)]

    assert asyncio.run(main()) == [Product(7)] * 5
    assert (shop.loads, len(long_ways)) == (1, 1)


def test_a_dropped_value_does_not(shop, long_ways):
    shop.product(7)
    shop.cache.invalidate(tag("product", 7))
    shop.product(7)
    assert (shop.loads, len(long_ways)) == (2, 2)


def test_what_others_marked_drops_nothing(shop, long_ways):
    shop.product(7)
    shop.cache.invalidate(tag("product", 8))
    shop.product(7)
    assert (shop.loads, len(long_ways)) == (1, 1)


def test_an_old_value_does_not(shop):
    shop.product(7)
    shop.clock.advance(10)
    shop.product(7)
    assert shop.loads == 2


def test_what_is_about_to_change_does_not(shop, long_ways):
    shop.product(7)
    with shop.cache.writing(tag("product", 7)):
        shop.product(7)
    assert len(long_ways) == 2


def test_a_whole_inherits_from_a_part_that_came_the_short_way(shop):
    wholes = []

    @shop.cache.cached(prefix="whole")
    def whole() -> int:
        wholes.append(1)
        return shop.product(7).number

    shop.product(7)
    assert [whole(), whole()] == [7, 7]
    assert len(wholes) == 1
    shop.cache.invalidate(tag("product", 7))
    whole()
    assert len(wholes) == 2


def test_a_listener_hears_of_each_hit(shop, long_ways):
    shop.product(7)
    events = []
    end = shop.cache.listen(events.append)
    shop.product(7)
    end()
    assert "hit" in [event.kind.value for event in events]
    assert len(long_ways) == 2


def test_a_mode_that_is_off_loads(shop):
    shop.product(7)
    shop.cache.mode = "off"
    shop.product(7)
    assert shop.loads == 2


def test_a_closed_cache_answers_nothing(shop):
    shop.product(7)
    shop.cache.close()
    with pytest.raises(Exception, match="closed"):
        shop.product(7)


def test_damage_is_told_by_the_long_way(shop):
    shop.product(7)
    engine = shop.cache._engine
    key = engine.stored_key(next(s for s in engine.sites.values() if s.name == "product"), ":product(7)")
    drive(engine.store.put(key, b"no envelope", stamp=engine.ledger.position(), expires=2e9))
    shop.product(7)
    assert shop.loads == 2
    assert shop.cache.stats().damaged > 0


def test_a_pool_without_memory_goes_the_short_way_too(tmp_path, long_ways):
    with Cache(f"sqlite:///{tmp_path / 'c'}", pools={"pages": Pool(prefix="page", l1=None)}) as cache:
        page = cache.cached(prefix="page")(lambda: 1)
        assert [page(), page(), page()] == [1, 1, 1]
    assert len(long_ways) == 1
