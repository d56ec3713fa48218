"""What a type checker sees of `@cache.cached`: the function's own signature, sync and async.

Nothing here is run. mypy and pyright check it, and both report an "ignore" that ignores nothing, so a
line that must be an error is a test too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_type

from afresh import Cache, Policy, Row, tag

cache = Cache("memory://")


@dataclass
class Product:
    """A user's own type."""

    id: int
    price: float


@cache.cached
def bare(id: int, currency: str = "EUR") -> Product:
    """Without parentheses."""
    return Product(id, len(currency))


@cache.cached(ttl="5m", stale_while_revalidate=60, stale_if_error=timedelta(days=1))
def with_policy(id: int, *, currency: str = "EUR") -> Product:
    """With settings."""
    return Product(id, len(currency))


# In pyright's strict mode a lambda's parameters are unknown; elsewhere nothing needs to be said.
@cache.cached(tags=lambda id: [Row("product", id)])  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
def with_tags(id: int) -> Product | None:
    """Tags made from the arguments."""
    return Product(id, 0.0)


@cache.cached(ttl=60, tags=[tag("menu")])
async def coroutine(id: int) -> Product:
    """An async function."""
    return Product(id, 0.0)


@cache.cached(policy=Policy.of(ttl=60), negative=[LookupError], stale_if_error=None, tags=tag("menu"))
def with_a_base(id: int) -> Product:
    """A policy as the base, a list of exceptions, one tag."""
    return Product(id, 0.0)


class Shop:
    """Functions of a class."""

    @cache.cached(ttl=60)
    def price(self, id: int) -> float:
        """A method."""
        return float(id)

    @cache.cached
    async def stock(self, id: int) -> int:
        """An async method."""
        return id

    @classmethod
    @cache.cached
    def open(cls, name: str) -> str:
        """A class method."""
        return name

    @staticmethod
    @cache.cached
    def vat(country: str) -> float:
        """A static method."""
        return len(country) / 100


def sync_calls() -> None:
    """The result is the function's own; wrong arguments are errors."""
    assert_type(bare(7), Product)
    assert_type(bare(7, currency="USD"), Product)
    assert_type(with_policy(7, currency="USD"), Product)
    assert_type(with_tags(7), Product | None)
    assert_type(with_a_base(7), Product)
    bare("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bare()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with_policy(7, "USD")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def sync_controls() -> None:
    """So are the arguments of what hangs on the function."""
    assert_type(bare.refresh(7), Product)
    assert_type(bare.uncached(7, "USD"), Product)
    assert_type(bare.peek(7), Product | None)
    bare.invalidate(7)
    bare.invalidate("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def async_calls() -> None:
    """An async function stays one, and its controls are coroutines."""
    assert_type(await coroutine(7), Product)
    assert_type(await coroutine.refresh(7), Product)
    assert_type(await coroutine.uncached(7), Product)
    assert_type(await coroutine.peek(7), Product | None)
    await coroutine.invalidate(7)
    await coroutine("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def methods() -> None:
    """`self` and `cls` are bound."""
    shop = Shop()
    assert_type(shop.price(7), float)
    assert_type(await shop.stock(7), int)
    assert_type(Shop.open("x"), str)
    # mypy (2.4) takes the first parameter of a static method for its object.
    assert_type(Shop.vat("NL"), float)  # type: ignore[call-arg]
    assert_type(shop.price.peek(7), float | None)
    shop.price.invalidate(7)
    shop.price("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def wrong_settings() -> None:
    """A setting that doesn't exist is an error before it is one at run time."""
    cache.cached(tll="5m")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
