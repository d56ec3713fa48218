"""Django's cache API for event loops: native coroutines, no thread in between."""

# ruff: noqa: ASYNC109  the timeouts are those of values

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from afresh.engine.values.cells import ABSENT

if TYPE_CHECKING:
    from afresh.django.cache.operations import Operations


class AsyncFace:
    """The coroutines of `CacheBackend`. Each does what its namesake without the `a` does."""

    if TYPE_CHECKING:
        default_timeout: float | None
        version: Any
        make_and_validate_key: Callable[..., str]

        @property
        def _operations(self) -> Operations: ...
        def _until(self, timeout: Any) -> float: ...
        def _unpacked(self, packed: Any, default: Any) -> Any: ...
        def _made(self, keys: Iterable[Any], version: Any) -> dict[str, Any]: ...
        def _packed(self, data: Mapping[Any, Any], version: Any) -> dict[str, Any]: ...
        def _increment(self, key: Any, delta: Any) -> Callable[[Any], Any]: ...
        def _incremented(self, key: Any, packed: Any) -> Any: ...
        def _loader(self, default: Any) -> Callable[[], Any]: ...

    async def aget(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """See `get`."""
        packed = await self._operations.get(self.make_and_validate_key(key, version=version))
        return self._unpacked(packed, default)

    async def aget_many(self, keys: Iterable[Any], version: Any = None) -> dict[Any, Any]:
        """See `get_many`."""
        made = self._made(keys, version)
        found = await self._operations.get_many(list(made))
        values = {made[name]: self._unpacked(packed, ABSENT) for name, packed in found.items()}
        return {key: value for key, value in values.items() if value is not ABSENT}

    async def ahas_key(self, key: Any, version: Any = None) -> bool:
        """See `has_key`."""
        return await self._operations.get(self.make_and_validate_key(key, version=version)) is not ABSENT

    async def aset(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> None:
        """See `set`."""
        await self._operations.put(self._packed({key: value}, version), self._until(timeout))

    async def aset_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> list[Any]:
        """See `set_many`."""
        if not data:
            return []
        done = await self._operations.put(self._packed(data, version), self._until(timeout))
        return [] if done else list(data)

    async def aadd(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """See `add`."""
        ((made, packed),) = self._packed({key: value}, version).items()
        return await self._operations.add(made, packed, self._until(timeout))

    async def aget_or_set(
        self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Any:
        """See `get_or_set`; `default` may be a coroutine function."""
        found = await self.aget(key, ABSENT, version=version)
        if found is not ABSENT:
            return found
        operations = self._operations
        ttl = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        load, runtime = self._loader(default), operations.engine.loop
        if ttl is not None and ttl <= 0:
            return operations.packing.unpack(await runtime.call(load))
        made = self.make_and_validate_key(key, version=version)
        value = self._unpacked(await operations.load(made, load, ttl, runtime), ABSENT)
        if value is ABSENT:  # what is there can't be read here
            await operations.delete([made])
            return operations.packing.unpack(await operations.load(made, load, ttl, runtime))
        return value

    async def atouch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """See `touch`."""
        made = self.make_and_validate_key(key, version=version)
        return await self._operations.touch(made, self._until(timeout))

    async def aincr(self, key: Any, delta: Any = 1, version: Any = None) -> Any:
        """See `incr`."""
        made = self.make_and_validate_key(key, version=version)
        return self._incremented(key, await self._operations.change(made, self._increment(key, delta)))

    async def adelete(self, key: Any, version: Any = None) -> bool:
        """See `delete`."""
        return await self._operations.delete([self.make_and_validate_key(key, version=version)]) > 0

    async def adelete_many(self, keys: Iterable[Any], version: Any = None) -> None:
        """See `delete_many`."""
        await self._operations.delete(list(self._made(keys, version)))

    async def aincr_version(self, key: Any, delta: int = 1, version: Any = None) -> Any:
        """See `incr_version`."""
        old = self.version if version is None else version
        names = [self.make_and_validate_key(key, version=each) for each in (old, old + delta)]
        if not await self._operations.move(*names):
            raise ValueError(f"Key '{key}' not found")
        return old + delta

    async def aclear(self) -> bool:
        """See `clear`."""
        await self._operations.clear()
        return True

    async def aclose(self, **kwargs: Any) -> None:
        """See `close`."""
