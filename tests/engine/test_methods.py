"""Cached methods: bound like others, and to be told apart."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from afresh import ConfigurationError


@dataclass(frozen=True)
class Shop:
    name: str


def test_methods_bind_and_so_do_their_operations(cache, loader):
    def total(self, year):
        return loader()

    def rate(cls, year):
        return loader()

    for function in (total, rate):
        function.__qualname__ = f"Shop.{function.__name__}"
    Shop.total = cache.cached(prefix="total")(total)
    Shop.rate = cache.cached(prefix="rate")(classmethod(rate))
    Shop.tax = classmethod(cache.cached(prefix="tax")(rate))
    Shop.fee = staticmethod(cache.cached(prefix="fee")(lambda year: loader()))
    here, there = Shop("here"), Shop("there")
    assert here.total(2026) == here.total(2026) == 1
    assert there.total(2026) == 2
    here.total.invalidate(2026)
    assert (here.total(2026), there.total(2026)) == (3, 2)
    assert here.total.peek(2026) == 3
    assert Shop.rate(1) == Shop.rate(1) == here.rate(1) == 4
    Shop.rate.invalidate(1)
    assert Shop.rate(1) == 5
    assert Shop.tax(1) == Shop.tax(1) == 6
    assert Shop.fee(1) == here.fee(1) == 7


def test_a_bound_method_needs_a_prefix(cache, loader):
    class Till:
        def __init__(self, price):
            self.price = price

        def total(self, id):
            return self.price

    one, other = Till(10), Till(99)
    with pytest.raises(ConfigurationError, match=r"bound to an object.*prefix="):
        cache.cached(one.total)
    kept = cache.cached(prefix="one")(one.total)
    with pytest.raises(ConfigurationError, match="share the keys"):
        cache.cached(prefix="one")(other.total)
    assert (kept(1), cache.cached(prefix="other")(other.total)(1)) == (10, 99)


def test_a_bound_method_looks_like_one(cache):
    @dataclass(frozen=True)
    class Till:
        name: str

        @cache.cached(prefix="stock")
        async def stock(self, id: int) -> int:
            return id

    def total(self, id: int) -> int:
        """Of all."""
        return id

    total.__qualname__ = "Till.total"
    Till.total = cache.cached(prefix="total")(total)
    till = Till("a")
    assert till.total.__self__ is till
    assert till.total.__func__ is Till.total._wrapper
    assert till.total.__wrapped__(7) == 7
    assert (till.total.__name__, till.total.__doc__) == ("total", "Of all.")
    assert str(inspect.signature(till.total)) == "(id: 'int') -> 'int'"
    assert inspect.iscoroutinefunction(till.stock)
    assert till.total == till.total
    assert till.total != Till("b").total
    assert len({till.total, till.total}) == 1
