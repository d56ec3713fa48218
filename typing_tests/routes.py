"""What a type checker sees of `RouteCache`: the path operation's own signature, and what it returns.

Nothing here is run (see `cached`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

from afresh import Cache
from afresh.fastapi import RouteCache

cached = RouteCache(Cache("memory://"), ignore=[int], ttl="5m")


@dataclass
class Product:
    """A user's own type."""

    id: int


@cached
async def bare(id: int, currency: str = "EUR") -> Product:
    """Without parentheses."""
    return Product(id)


@cached(ttl="1m", ignore=["currency"], tags=[])
async def product(id: int, currency: str = "EUR") -> Product:
    """With options."""
    return Product(id)


@cached(model=list[Product])
def products(limit: int) -> list[Product]:
    """Without `async`."""
    return [Product(limit)]


async def calls() -> None:
    """Each is what it was, and a little more."""
    assert_type(await bare(7), Product)
    assert_type(await product(7, currency="USD"), Product)
    assert_type(products(3), list[Product])
    assert_type(products.uncached(3), list[Product])
    assert_type(await product.peek(7), Product | None)
    await product.invalidate(7)
    await product("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    products(size=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cached(age=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    RouteCache(Cache("memory://"), age=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
