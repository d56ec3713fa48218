"""`Sessions.aio`: the coroutines. What blocks (a file) runs in a thread."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from afresh.core.durations import Duration
from afresh.runtime.clock import Clock
from afresh.runtime.drive import drive
from afresh.runtime.loop import LoopRuntime
from afresh.sessions.operations import Operations
from afresh.sessions.records import Stored

T = TypeVar("T")


class AsyncSessions:
    """Get it as `sessions.aio`. Each method is documented where `Sessions` has it."""

    def __init__(self, operations: Operations, clock: Clock) -> None:
        self._operations = operations
        self._loop = LoopRuntime(clock)

    async def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if not self._operations.place.blocks:
            return await coroutine
        return await self._loop.in_thread(lambda: drive(coroutine))

    async def load(self, sid: str) -> Stored | None:
        """See `Sessions.load`."""
        return await self._run(self._operations.load(sid))

    async def use(self, sid: str, ttl: Duration | None = None) -> Stored | None:
        """See `Sessions.use`."""
        return await self._run(self._operations.use(sid, ttl))

    async def create(self, data: bytes, ttl: Duration | None = None) -> str:
        """See `Sessions.create`."""
        return await self._run(self._operations.create(data, ttl))

    async def add(self, sid: str, data: bytes, ttl: Duration | None = None) -> bool:
        """See `Sessions.add`."""
        return await self._run(self._operations.add(sid, data, ttl))

    async def save(self, sid: str, data: bytes, ttl: Duration | None = None) -> bool:
        """See `Sessions.save`."""
        return await self._run(self._operations.save(sid, data, ttl))

    async def mutate(
        self,
        sid: str,
        change: Callable[[bytes], bytes],
        ttl: Duration | None = None,
    ) -> bytes | None:
        """See `Sessions.mutate`; `change` doesn't wait for anything."""
        return await self._run(self._operations.mutate(sid, change, ttl))

    async def touch(self, sid: str, ttl: Duration | None = None) -> bool:
        """See `Sessions.touch`."""
        return await self._run(self._operations.touch(sid, ttl))

    async def delete(self, sid: str) -> bool:
        """See `Sessions.delete`."""
        return await self._run(self._operations.delete(sid))

    async def cycle(self, sid: str, data: bytes, ttl: Duration | None = None) -> str:
        """See `Sessions.cycle`."""
        return await self._run(self._operations.cycle(sid, data, ttl))

    async def forget_expired(self) -> int:
        """See `Sessions.forget_expired`."""
        return await self._run(self._operations.forget_expired())
