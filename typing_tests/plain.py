"""What a type checker sees of the plain operations of a cache."""

from __future__ import annotations

from typing import assert_type

from afresh import Cache, Key, Policy, Row, Table, Where, tag

cache = Cache("memory://")


def load() -> list[int]:
    """A loader."""
    return [1, 2, 3]


async def aload() -> list[int]:
    """An async loader."""
    return [1, 2, 3]


def sync_operations() -> None:
    """The loader's type is the result's."""
    assert_type(cache.get_or_load("key", load, ttl=60, tags=[tag("menu")]), list[int])
    cache.invalidate(Row("product", 7), Table("review"), Where("review", product=7), Key("k"), tag("menu"))
    cache.depends_on(Row("product", 7))
    with cache.scope():
        cache.set("key", 1, ttl="5m")
    cache.get_or_load("key", load, tll=60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def async_operations() -> None:
    """The same on `cache.aio`."""
    assert_type(await cache.aio.get_or_load("key", aload, ttl=60), list[int])
    await cache.aio.set("key", 1, ttl="5m")


def policies() -> None:
    """A policy is a value."""
    policy = Policy.of(ttl="5m", stale_if_error="1d")
    assert_type(policy.replace(jitter=0.1), Policy)
    assert_type(policy.ttl, float | None)
