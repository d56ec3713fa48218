"""`HerdClient`: after its time a value is kept for a while, one caller is told to make it anew, others get it.

Who that is, is decided in the store: exactly one, until what it makes is there or ten seconds have passed.
"""

# ruff: noqa: ASYNC109  the timeouts are those of values

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from afresh.core.ports import Runtime
from afresh.django.dropin.backend import DropIn
from afresh.engine.values.cells import ABSENT
from afresh.runtime.drive import drive

_MARK: Final = "afresh herd"
_CLAIM: Final = 10.0  # seconds


class Herding(DropIn):
    """Does nothing but where `CLIENT_CLASS` is `HerdClient`."""

    def _fresh_until(self, timeout: Any) -> float | None:
        ttl = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        if not self._translated.herd or ttl is None or ttl <= 0:
            return None
        return self._operations.engine.now() + float(ttl)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, *args: Any, **more: Any) -> bool:  # type: ignore[override]
        """See `DropIn`."""
        return super().set(key, *self._herded(value, timeout), *args, **more)

    async def aset(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> None:
        """See `set`."""
        await super().aset(key, *self._herded(value, timeout), version)

    def set_many(
        self,
        data: Mapping[Any, Any],
        timeout: Any = DEFAULT_TIMEOUT,
        *args: Any,
        herd: bool = True,
        **more: Any,
    ) -> list[Any]:
        """See `DropIn`; `herd=False`: nothing is kept after its time."""
        if not herd or not data:
            return super().set_many(data, timeout, *args, **more)
        pairs = {key: self._herded(value, timeout) for key, value in data.items()}
        kept = {key: value for key, (value, _) in pairs.items()}
        return super().set_many(kept, next(iter(pairs.values()))[1], *args, **more)

    def _herded(self, value: Any, timeout: Any) -> tuple[Any, Any]:
        """What is put, and for how long."""
        until = self._fresh_until(timeout)
        if until is None:
            return value, timeout
        ttl = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return (_MARK, value, until), float(ttl or 0) + self._translated.herd

    def get(self, key: Any, default: Any = None, version: Any = None, client: Any = None) -> Any:
        """See `DropIn`."""
        found = super().get(key, default, version)
        return drive(self._chosen(key, found, default, version)) if _is_herded(found) else found

    async def aget(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """See `get`."""
        found = await super().aget(key, default, version)
        return await self._chosen(key, found, default, version) if _is_herded(found) else found

    def get_many(self, keys: Iterable[Any], version: Any = None, client: Any = None) -> dict[Any, Any]:
        """See `DropIn`. Who is told to make a value anew doesn't find it here."""
        return drive(self._all_chosen(super().get_many(keys, version), version))

    async def aget_many(self, keys: Iterable[Any], version: Any = None) -> dict[Any, Any]:
        """See `get_many`."""
        return await self._all_chosen(await super().aget_many(keys, version), version)

    async def _all_chosen(self, found: Mapping[Any, Any], version: Any) -> dict[Any, Any]:
        chosen = {
            key: await self._chosen(key, value, ABSENT, version) if _is_herded(value) else value
            for key, value in found.items()
        }
        return {key: value for key, value in chosen.items() if value is not ABSENT}

    async def _chosen(self, key: Any, found: Any, default: Any, version: Any) -> Any:
        """The value, or `default` for the one that makes it anew."""
        _, value, until = found
        operations = self._operations
        now = operations.engine.now()
        if now < until:
            return value
        claim = f"herd {self.make_key(key, version=version)} {until}"
        return default if await operations.add(claim, 1, now + _CLAIM) else value

    def _increment(self, key: Any, delta: Any) -> Callable[[Any], Any]:
        packing = self._operations.packing
        plain = super()._increment(key, delta)

        def change(packed: Any) -> Any:
            found = packing.unpack(packed)
            if not _is_herded(found):
                return plain(packed)
            return packing.pack((_MARK, found[1] + delta, found[2]))

        return change

    def _incremented(self, key: Any, packed: Any) -> Any:
        found = super()._incremented(key, packed)
        return found[1] if _is_herded(found) else found

    def touch(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, client: Any = None
    ) -> bool:
        """See `DropIn`."""
        if not self._translated.herd:
            return super().touch(key, timeout, version)
        found = super().get(key, ABSENT, version)
        value = found[1] if _is_herded(found) else found
        return value is not ABSENT and self.set(key, value, timeout, version, xx=True)

    def get_or_set(self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> Any:
        """See `CacheBackend`; whoever comes while one makes it anew is given the value from before."""
        if self._fresh_until(timeout) is None:
            return super().get_or_set(key, default, timeout, version)
        found = super().get(key, ABSENT, version)
        threads = self._operations.engine.threads
        return drive(self._made_once(self.make_key(key, version=version), found, default, timeout, threads))

    async def aget_or_set(
        self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Any:
        """See `get_or_set`."""
        if self._fresh_until(timeout) is None:
            return await super().aget_or_set(key, default, timeout, version)
        found = await super().aget(key, ABSENT, version)
        loop = self._operations.engine.loop
        return await self._made_once(self.make_key(key, version=version), found, default, timeout, loop)

    async def _made_once(self, made: str, found: Any, default: Any, timeout: Any, runtime: Runtime) -> Any:
        operations = self._operations
        if _is_herded(found):
            if operations.engine.now() < found[2]:
                return found[1]
            await operations.delete([made])  # put by hand: from now on it is made here
        elif found is not ABSENT:
            return found
        ttl = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        policy = {"stale_while_revalidate": self._translated.herd}
        packed = await operations.load(made, self._loader(default), ttl, runtime, **policy)
        return operations.packing.unpack(packed)


def _is_herded(found: Any) -> bool:
    return type(found) is tuple and len(found) == 3 and found[0] == _MARK
