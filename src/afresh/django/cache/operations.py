"""What Django's cache API does, once for threads and for event loops. Keys are made, values packed.

A server that doesn't answer is no error here: what was asked for isn't there, what was written isn't
kept. What must not be served any more is remembered (see `owed`).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from afresh.core.entry import NEVER
from afresh.core.ports import Runtime
from afresh.core.tags import Dependency
from afresh.django.cache.apart import apart, at_once
from afresh.django.cache.owed import Owed
from afresh.django.cache.packing import Packing, Unpacked
from afresh.engine.changes.invalidate import clear
from afresh.engine.loading.lookup import obtain
from afresh.engine.values.cells import ABSENT
from afresh.engine.values.plain import Plain
from afresh.errors import BackendError
from afresh.places import Place

T = TypeVar("T")

_log = logging.getLogger("afresh")


class Operations:
    """The operations of one cache.

    Args:
        place: Where its values are.
        packing: How they become bytes.
        dependencies: What `get_or_set` loads is dropped when what it was made from changes.
        quiet: A server that doesn't answer is no error.
        announced: See `Plain`.

    Attributes:
        engine: The engine of the cache.
        packing: See above.
        plain: Its values.
        owed: What could not be removed.
    """

    def __init__(
        self, place: Place, packing: Packing, *, dependencies: bool, quiet: bool, announced: bool = True
    ) -> None:
        self.engine = place.engine
        self.packing = packing
        self.plain = Plain(place.engine, announced=announced, declared=Unpacked)
        self.owed = Owed(place.engine, self.plain)
        self._place = place
        self._values = place.engine.values.space
        self._position = place.engine.gate.position_cell
        self._now = place.engine.now
        self._dependencies = dependencies
        self._quiet = quiet
        self._silent = False

    # -- reading --------------------------------------------------------------------------------

    def read(self, key: str) -> Any:
        """`get` for threads, where nothing is owed: the way of every hit.

        It asks the clock, unlike a hit of a cached function: who writes `set(key, value, 1)` and sleeps for a
        second expects that nothing is there, not that nothing is there a tick later.
        """
        entry = self._values.get(key)
        if (
            entry is not None
            and entry.checked_at is self._position.cell_contents
            and self._now() < entry.fresh_until
        ):
            entry.hits += 1
            return entry.value
        return self.plain.get_now(key, ABSENT)

    async def get(self, key: str) -> Any:
        """The packed value, or `ABSENT`."""
        if self.owed:
            await self.owed.pay()
            if self.owed.concerns(key):
                return ABSENT
        return await self.plain.get(key, ABSENT)

    async def get_many(self, keys: Sequence[str]) -> dict[str, Any]:
        """The packed values that are there."""
        if self.owed:
            await self.owed.pay()
            keys = [key for key in keys if not self.owed.concerns(key)]
        return await self.plain.get_many(keys)

    async def load(
        self, key: str, loader: Callable[[], Any], ttl: float | None, runtime: Runtime, **policy: Any
    ) -> Any:
        """The packed value; if there is none, what `loader()` makes, loaded once for all who ask.

        Raises:
            Exception: What the loader raised, unchanged.
        """
        if self.owed:
            await self.owed.pay()
        if self._dependencies:
            return await obtain(
                self.engine, runtime, self._place.call(key, loader, (), {"ttl": ttl, **policy})
            )
        call = self._place.call(key, apart(self.engine, loader), (), {"ttl": ttl, **policy})
        with at_once(self.engine):
            return await obtain(self.engine, runtime, call)

    # -- writing --------------------------------------------------------------------------------

    async def put(self, values: Mapping[str, Any], until: float, tags: Sequence[Dependency] = ()) -> bool:
        """Put packed values; says whether they are there now. An `until` that is past removes them."""
        keys = list(values)
        if until <= self.engine.now():
            await self.delete(keys)
            return True

        async def put() -> bool:
            await self.plain.set_many(values, until, tags)
            return True

        return await self._tried(keys, put, otherwise=False)

    async def add(self, key: str, packed: Any, until: float) -> bool:
        """Put a packed value where there is none; says whether it did."""
        return await self._tried([key], lambda: self.plain.add(key, packed, until, ()), otherwise=False)

    async def expiry(self, key: str) -> float | None:
        """When a value expires; `None` where there is none."""

        async def ask() -> float | None:
            cell = await self.plain.cell(key)
            return None if cell.value is ABSENT else cell.until

        return await self._tried([], ask, otherwise=None)

    async def touch(self, key: str, until: float) -> bool:
        """Give a value another expiry; says whether it was there."""
        return await self._tried([], lambda: self.plain.touch(key, until), otherwise=False)

    async def change(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Replace a packed value by `change(packed)`, atomically, and return it. Its expiry stays.

        `ABSENT` where there is none.

        Raises:
            ValueError: The server doesn't answer: for whoever counts that is as if there were none.
        """
        if self.owed:
            await self.owed.pay()
        try:
            with at_once(self.engine, [key]):
                return await self.plain.mutate(key, lambda old: ABSENT if old is ABSENT else change(old))
        except BackendError as error:
            self.trouble(error)
            raise ValueError(f"Key '{key}' not found: {error}") from error

    async def delete(self, keys: Sequence[str]) -> int:
        """Remove values; says how many were there."""
        if not keys:
            return 0
        return await self._tried(keys, lambda: self.plain.delete_many(keys), otherwise=0)

    async def move(self, old: str, new: str) -> bool:
        """Give a value another key; its expiry stays. Says whether it was there."""
        cell = await self.plain.cell(old)
        if cell.value is ABSENT:
            return False
        await self.put({new: cell.value}, cell.until)
        await self.delete([old])
        return True

    async def clear(self) -> None:
        """Remove everything."""
        try:
            with at_once(self.engine):
                await clear(self.engine)
        except BackendError as error:
            self.owed.add_all()
            self.trouble(error)

    def until(self, ttl: float | None) -> float:
        """When a value expires that is put now."""
        return NEVER if ttl is None else self.engine.now() + ttl

    async def _tried(self, keys: Sequence[str], write: Callable[[], Awaitable[T]], *, otherwise: T) -> T:
        """The result of a write, or `otherwise` where the server doesn't answer."""
        if self.owed:
            await self.owed.pay()
        try:
            with at_once(self.engine, keys):
                done = await write()
        except BackendError as error:
            # It may have been done, or not: whatever is at these keys isn't what was asked for.
            self.owed.add(keys)
            self.trouble(error)
            return otherwise
        self._silent = False
        return done

    def trouble(self, error: BackendError) -> None:
        """The server doesn't answer: an error, where that was asked for; else it is told of once."""
        if not self._quiet:
            raise error
        self.engine.bypassed("", error)
        if not self._silent:  # once, until something is written again
            self._silent = True
            _log.warning("a cache of CACHES takes no writes, and the site goes on without: %s", error)
