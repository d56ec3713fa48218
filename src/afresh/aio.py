"""`Cache.aio`: the public face for an event loop. Same entries, same flights, same meaning."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, Unpack, overload

from afresh.core.durations import Duration
from afresh.core.policy import PolicyOptions
from afresh.core.tags import Dependency
from afresh.engine.asking.scope import Scope, Token
from afresh.engine.changes.invalidate import clear, invalidate
from afresh.engine.changes.writing import Writing
from afresh.engine.loading.lookup import obtain
from afresh.engine.telling.explain import Explanation, explain
from afresh.engine.values.cells import ABSENT
from afresh.places import GIVEN, Opened

T = TypeVar("T")


class AsyncCache:
    """The coroutines of a cache; get it as `cache.aio`. Each is documented where `Cache` has it."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._engine = opened.main.engine

    @overload
    async def get_or_load(
        self,
        key: Hashable,
        loader: Callable[[], Awaitable[T]],
        *,
        tags: Iterable[Dependency] = (),
        **policy: Unpack[PolicyOptions],
    ) -> T: ...
    @overload
    async def get_or_load(
        self,
        key: Hashable,
        loader: Callable[[], T],
        *,
        tags: Iterable[Dependency] = (),
        **policy: Unpack[PolicyOptions],
    ) -> T: ...
    async def get_or_load(
        self,
        key: Hashable,
        loader: Callable[[], Any],
        *,
        tags: Iterable[Dependency] = (),
        **policy: Unpack[PolicyOptions],
    ) -> Any:
        """See `Cache.get_or_load`; the loader may be a coroutine function."""
        place = self._opened.place(key)
        call = place.call(key, loader, tags, policy)
        return await obtain(place.engine, place.engine.loop, call)

    async def get(self, key: Hashable, default: Any = None) -> Any:
        """See `Cache.get`."""
        return await self._opened.place(key).plain.get(key, default)

    async def get_many(self, keys: Sequence[Hashable]) -> dict[Any, Any]:
        """See `Cache.get_many`."""
        found: dict[Any, Any] = {}
        for place, part in self._opened.divided(keys):
            found |= await place.plain.get_many(part)
        return found

    async def set(
        self, key: Hashable, value: Any, ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> None:
        """See `Cache.set`."""
        place = self._opened.place(key)
        await place.plain.set_many({key: value}, place.until(ttl), tags)

    async def set_many(
        self, values: Mapping[Any, Any], ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> None:
        """See `Cache.set_many`."""
        for place, keys in self._opened.divided(values):
            await place.plain.set_many({key: values[key] for key in keys}, place.until(ttl), tags)

    async def add(
        self, key: Hashable, value: Any, ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> bool:
        """See `Cache.add`."""
        place = self._opened.place(key)
        return await place.plain.add(key, value, place.until(ttl), tags)

    async def delete(self, key: Hashable) -> bool:
        """See `Cache.delete`."""
        return await self._opened.place(key).plain.delete_many((key,)) > 0

    async def delete_many(self, keys: Sequence[Hashable]) -> int:
        """See `Cache.delete_many`."""
        return sum([await place.plain.delete_many(part) for place, part in self._opened.divided(keys)])

    async def incr(
        self, key: Hashable, by: int = 1, *, initial: int = 0, ttl: Duration | None = GIVEN
    ) -> int:
        """See `Cache.incr`."""
        place = self._opened.place(key)
        return await place.plain.incr(key, by, initial, place.until(ttl))

    async def touch(self, key: Hashable, ttl: Duration | None = GIVEN) -> bool:
        """See `Cache.touch`."""
        place = self._opened.place(key)
        return await place.plain.touch(key, place.until(ttl))

    async def mutate(
        self,
        key: Hashable,
        change: Callable[[Any], Any],
        *,
        default: Any = None,
        ttl: Duration | None = GIVEN,
    ) -> Any:
        """See `Cache.mutate`."""
        place = self._opened.place(key)
        return await place.plain.mutate(
            key,
            lambda old: change(default if old is ABSENT else old),
            until=None if ttl is GIVEN else place.until(ttl),
            fresh_until=place.until(GIVEN),
        )

    async def clear(self) -> None:
        """See `Cache.clear`."""
        for place in self._opened.places():
            await clear(place.engine)

    async def invalidate(self, *dependencies: Dependency) -> None:
        """See `Cache.invalidate`."""
        await invalidate(self._engine, dependencies, self._opened.engine_of)

    @asynccontextmanager
    async def writing(self, *dependencies: Dependency) -> AsyncIterator[Writing]:
        """See `Cache.writing`."""
        writing = Writing(self._engine, dependencies)
        await writing.begin()
        try:
            yield writing
        finally:
            await writing.end()

    @asynccontextmanager
    async def scope(self, token: Token | None = None) -> AsyncIterator[Scope]:
        """See `Cache.scope`."""
        scope = Scope(self._engine)
        await scope.begin(token)
        try:
            yield scope
        finally:
            scope.end()

    async def explain(self, key: str) -> Explanation:
        """See `Cache.explain`."""
        return await explain(self._opened.place(key).engine, key)
