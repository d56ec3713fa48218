"""Where others write: a strict reader has it looked at first, any other one when nobody did for too long."""

from __future__ import annotations

import asyncio

import pytest

from afresh import BackendError, Cache, tag
from afresh.core.tags import hashed

PRICE = tag("price")


class Shop:
    """A price that others change, and who looks at it."""

    def __init__(self, cache):
        self.cache = cache
        self.price = 1
        self.pending = False
        self.is_late = False
        self.looks = 0
        self.trouble = None
        self.at_once = False  # it can be seen at once whether there is anything
        self.glances = 0

    def change(self, price):
        self.price, self.pending = price, True

    def late(self):
        return self.is_late

    def unchanged(self):
        self.glances += 1
        return self.at_once and not self.pending

    async def look(self):
        self.looks += 1
        if self.trouble is not None:
            raise self.trouble
        self.is_late = False
        if self.pending:
            self.pending = False
            await self.cache._engine.ledger.announce([hashed(name) for name in PRICE.marked()])


def shop_in(cache):
    shop = Shop(cache)
    cache._engine.look_at(shop)
    price = cache.cached(prefix="price", tags=[PRICE])(lambda: shop.price)
    return shop, price


def test_strict_looks_before_each_read():
    with Cache("memory://", consistency="strict") as cache:
        shop, price = shop_in(cache)
        assert price() == 1
        shop.change(2)
        assert price() == 2
        assert price() == 2
        assert shop.looks == 3


def test_strict_looks_once_for_a_scope():
    with Cache("memory://", consistency="strict") as cache:
        shop, price = shop_in(cache)
        price()
        shop.looks = 0
        shop.change(2)
        with cache.scope():
            assert [price() for _ in range(5)] == [2] * 5
        assert shop.looks == 1


def test_bounded_relies_on_who_follows_unless_that_is_late():
    with Cache("memory://") as cache:
        shop, price = shop_in(cache)
        assert price() == 1
        shop.change(2)
        assert price() == 1
        assert shop.looks == 0
        shop.is_late = True
        cache._engine.tick()
        assert price() == 2
        assert shop.looks == 1
        cache._engine.tick()
        shop.change(3)
        assert price() == 2


@pytest.mark.parametrize("consistency", ["strict", "bounded"])
def test_where_nobody_can_look_nothing_is_served(consistency):
    with Cache("memory://", consistency=consistency) as cache:
        shop, price = shop_in(cache)
        assert price() == 1
        shop.trouble, shop.is_late, shop.price = BackendError("locked"), True, 5
        cache._engine.tick()
        assert price() == 5


def test_a_place_that_nobody_follows_any_more_is_left_alone():
    with Cache("memory://", consistency="strict") as cache:
        shop, price = shop_in(cache)
        cache._engine.look_away(shop)
        assert price() == 1
        shop.change(2)
        assert price() == 1
        assert shop.looks == 0


def test_a_loop_looks_too():
    async def read(cache):
        shop, _ = shop_in(cache)

        async def load():
            return shop.price

        price = cache.cached(prefix="other", tags=[PRICE])(load)
        first = await price()
        shop.change(2)
        return first, await price()

    with Cache("memory://", consistency="strict") as cache:
        assert asyncio.run(read(cache)) == (1, 2)


def test_where_a_glance_is_enough_nobody_looks_for_long():
    with Cache("memory://", consistency="strict") as cache:
        shop, price = shop_in(cache)
        price()
        shop.at_once, shop.looks, shop.glances = True, 0, 0
        assert [price() for _ in range(5)] == [1] * 5
        assert (shop.looks, shop.glances) == (0, 5)
        shop.change(2)
        assert price() == 2
        assert shop.looks == 1


def test_what_is_announced_during_the_glance_is_not_served():
    with Cache("memory://", consistency="strict") as cache:
        shop, price = shop_in(cache)
        price()
        shop.at_once = True

        def unchanged():
            if shop.pending:  # another thread looks, just before this one does
                shop.pending = False
                cache.invalidate(PRICE)
            return True

        shop.change(2)
        shop.unchanged = unchanged
        assert price() == 2
