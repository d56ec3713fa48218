"""`CacheStore`: what Litestar keeps in a store (its own response cache, rate limits) lives in a cache of ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar.stores.base import Store

from afresh.cache import Cache
from afresh.core.tags import Tag, tag


class CacheStore(Store):
    """One store of an application. Sessions belong elsewhere: what is in a cache may be evicted.

    Args:
        cache: Where the values are.
        name: What its keys begin with: another store in the same cache has another.
    """

    __slots__ = ("_cache", "_name")

    def __init__(self, cache: Cache, name: str = "litestar") -> None:
        self._cache = cache
        self._name = name

    def _key(self, key: str) -> tuple[str, str]:
        return (self._name, key)

    @property
    def _all(self) -> Tag:
        return tag("store", self._name)

    async def _find(self, key: str) -> tuple[bytes, float | None] | None:
        found: Any = await self._cache.aio.get(self._key(key))
        return None if found is None else (found[0], found[1])

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        """Set a value."""
        data = value.encode() if isinstance(value, str) else bytes(value)
        until = None if expires_in is None else self._cache._engine.now() + _seconds(expires_in)
        await self._cache.aio.set(self._key(key), (data, until), ttl=expires_in, tags=[self._all])

    async def get(self, key: str, renew_for: int | timedelta | None = None) -> bytes | None:
        """A value; one that expires gets a new life of `renew_for`."""
        found = await self._find(key)
        if found is None:
            return None
        if renew_for is not None and found[1] is not None:
            await self.set(key, found[0], renew_for)
        return found[0]

    async def delete(self, key: str) -> None:
        """Delete a value."""
        await self._cache.aio.delete(self._key(key))

    async def delete_all(self) -> None:
        """Delete all values of this store, in every process."""
        await self._cache.aio.invalidate(self._all)

    async def exists(self, key: str) -> bool:
        """Whether there is a value."""
        return await self._find(key) is not None

    async def expires_in(self, key: str) -> int | None:
        """For how many seconds there will be one; `None` where there is none, or no limit."""
        found = await self._find(key)
        return None if found is None or found[1] is None else int(found[1] - self._cache._engine.now())


def _seconds(given: int | timedelta) -> float:
    return given.total_seconds() if isinstance(given, timedelta) else float(given)
