"""The operations of a cache beside which another library's values are, while workers of both run.

Theirs are under their own keys. Where there is one, it was written after ours, since whoever writes
here removes theirs: so it counts. What can't be read there stands for nothing that may be served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from afresh.core.ports import Runtime
from afresh.core.tags import Dependency
from afresh.django.cache.operations import Operations
from afresh.django.dropin.old import UNREADABLE, OldValues
from afresh.engine.values.cells import ABSENT
from afresh.runtime.drive import drive


class Beside(Operations):
    """See `Operations`; it shares everything with those of the cache.

    Args:
        own: The operations of the cache.
        old: Their values.
        reads: Whether they are read. Sets, hashes, locks are at their keys in any case.
    """

    def __init__(self, own: Operations, old: OldValues, *, reads: bool) -> None:
        self.__dict__.update(own.__dict__)
        self.old = old
        self._reads = reads

    def read(self, key: str) -> Any:
        """See `Operations`."""
        return drive(self.get(key)) if self._reads else super().read(key)

    async def get(self, key: str) -> Any:
        """See `Operations`."""
        if not self._reads:
            return await super().get(key)
        found = (await self.old.find(key)).value
        if found is UNREADABLE:
            return ABSENT
        return await super().get(key) if found is ABSENT else found

    async def get_many(self, keys: Sequence[str]) -> dict[str, Any]:
        """See `Operations`."""
        old = await self.old.find_many(keys) if self._reads else {}
        found = await super().get_many([key for key in keys if key not in old])
        readable = {key: each.value for key, each in old.items() if each.value is not UNREADABLE}
        return {key: (readable | found)[key] for key in keys if key in readable or key in found}

    async def load(
        self, key: str, loader: Callable[[], Any], ttl: float | None, runtime: Runtime, **policy: Any
    ) -> Any:
        """See `Operations`."""
        found = (await self.old.find(key)).value if self._reads else ABSENT
        if found is UNREADABLE:
            await self.delete([key])
        elif found is not ABSENT:
            return self.packing.pack(found)
        return await super().load(key, loader, ttl, runtime, **policy)

    async def only_fresh(self, key: str, mark: str) -> None:
        """Remove what their `get_or_set` put, once its time has passed."""
        if self._reads and not await self.old.fresh(key, mark):
            await self.old.forget([key])

    async def put(self, values: Mapping[str, Any], until: float, tags: Sequence[Dependency] = ()) -> bool:
        """See `Operations`."""
        done = await super().put(values, until, tags)
        if self._reads:
            await self.old.forget(list(values))
        return done

    async def add(self, key: str, packed: Any, until: float) -> bool:
        """See `Operations`."""
        if self._reads and (await self.old.find(key)).value is not ABSENT:
            return False
        return await super().add(key, packed, until)

    async def there(self, key: str) -> bool:
        """Whether there is anything, a set or a hash too."""
        theirs = await self._tried([], lambda: self.old.until(key), otherwise=None)
        return theirs is not None or await super().get(key) is not ABSENT

    async def expiry(self, key: str) -> float | None:
        """See `Operations`."""
        theirs = await self._tried([], lambda: self.old.until(key), otherwise=None)
        return await super().expiry(key) if theirs is None else theirs

    async def touch(self, key: str, until: float) -> bool:
        """See `Operations`."""

        async def touch_old() -> bool:
            return await self.old.expire(key, until)

        theirs = await self._tried([], touch_old, otherwise=False)
        return await super().touch(key, until) or theirs

    async def change(self, key: str, change: Callable[[Any], Any]) -> Any:
        """See `Operations`."""
        if self._reads and not await self.old.adopt(key, self.packing.pack):
            raise ValueError(f"Key '{key}': what another library has stored there can't be read")
        return await super().change(key, change)

    async def delete(self, keys: Sequence[str]) -> int:
        """See `Operations`: what is at both keys goes."""
        ours = await super().delete(keys)
        return min(len(keys), ours + await self.old.forget(keys))

    async def clear(self) -> None:
        """See `Operations`."""
        await super().clear()
        await self._tried([], self.old.clear, otherwise=None)

    async def move(self, old: str, new: str) -> bool:
        """See `Operations`."""
        if self.old.servers.spread:  # another version is perhaps on another server
            await self.old.adopt(old, self.packing.pack)
        elif await self._tried([], lambda: self.old.rename(old, new), otherwise=False):
            await super().delete([old])
            return True
        return await super().move(old, new)
