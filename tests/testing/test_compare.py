"""A read that would have been answered with what is not so any more fails the test, and says why."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from afresh import Cache, Pool, tag
from afresh.testing import StaleRead, compared, plugin
from afresh.testing.compare import unlike


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://", pools={"pages": Pool(prefix="page:")}) as cache:
        yield cache


class Shop:
    """A price, read by a cached function that nobody tells of its changes."""

    def __init__(self, cache: Cache) -> None:
        self.value: Any = {"price": 10, "sizes": [1, 2]}
        self.price = cache.cached(prefix="price", tags=[tag("price")])(lambda: dict(self.value))


def test_nothing_is_wrong(cache):
    shop = Shop(cache)
    with compared(cache) as found:
        for _ in range(3):
            shop.price()
        shop.value = {"price": 11}
        cache.invalidate(tag("price"))
        assert shop.price() == {"price": 11}
    assert found.count == 2
    assert cache.mode == "on"


def test_a_change_that_nobody_announces(cache):
    shop = Shop(cache)
    shop.price()

    def reads() -> None:
        with compared(cache):
            shop.value = {"price": 11, "sizes": [1, 2]}
            assert shop.price() == {"price": 11, "sizes": [1, 2]}

    with pytest.raises(StaleRead) as caught:
        reads()
    (stale,) = caught.value.reads
    assert stale.key == "price()"
    assert stale.what == "['price']: 10 became 11"
    assert "in test_a_change_that_nobody_announces.<locals>.reads" in stale.reader
    assert any(name.startswith("tag:") for name in stale.depends_on)
    assert "asked for by" in str(caught.value)


def test_without_it_the_old_value_is_served(cache):
    shop = Shop(cache)
    shop.price()
    shop.value = {"price": 11}
    assert shop.price()["price"] == 10


def test_pools_and_coroutines(cache):
    values = {"page": 1}

    async def load() -> int:
        return values["page"]

    async def main() -> None:
        await cache.aio.get_or_load("page:1", load)
        values["page"] = 2
        assert await cache.aio.get_or_load("page:1", load) == 2

    with pytest.raises(StaleRead, match="1 became 2"), compared(cache):
        asyncio.run(main())


def test_some_loads_differ_by_nature(cache):
    numbers = iter(range(9))
    lucky = cache.cached(prefix="lucky")(lambda: next(numbers))
    with compared(cache, ignore=["lucky"]):
        lucky(), lucky()


def test_what_changes_while_it_is_loaded_is_nothing_that_was_served(cache):
    changing = []

    def load() -> int:
        if changing:
            cache.invalidate(tag("n"))
        changing.append(1)
        return len(changing)

    read = cache.cached(prefix="n", tags=[tag("n")])(load)
    with compared(cache):
        read(), read()


class Model:
    """Equal to another of the same key, as Django's are."""

    def __init__(self, pk: int, name: str) -> None:
        self.pk = pk
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.pk == self.pk

    def __hash__(self) -> int:
        return hash(self.pk)


@pytest.mark.parametrize(
    ("served", "loaded", "what"),
    [
        (Model(1, "a"), Model(1, "b"), ".name: 'a' became 'b'"),
        (Model(1, "a"), Model(1, "a"), None),
        ([Model(1, "a")], [Model(1, "b")], "[0].name: 'a' became 'b'"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        (1, True, ": int became bool"),
        (float("nan"), float("nan"), None),
        ({1, 2}, {2, 1}, None),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), None),
        ([1], [1, 2], ": 1 parts became 2"),
        (lambda: 1, lambda: 1, None),
        (sqlite3.Row, sqlite3.Row, None),
    ],
)
def test_values_are_compared_by_what_is_in_them(served, loaded, what):
    assert unlike(served, loaded) == what


@pytest.mark.parametrize(
    ("what_happens", "error"),
    [
        (lambda shop: shop.value.update(price=11), "StaleRead"),
        (lambda shop: shop.price()["sizes"].append(3), "CachedValueChanged"),
        (lambda shop: None, None),
    ],
)
def test_the_fixture_fails_a_test(cache, what_happens, error):
    fixture = plugin.afresh_compare.__wrapped__()
    next(fixture)(cache)
    shop = Shop(cache)
    shop.price()
    what_happens(shop)
    if error != "CachedValueChanged":
        shop.price()
    raised = None
    try:
        next(fixture, None)
    except AssertionError as caught:
        raised = type(caught).__name__
    assert raised == error
