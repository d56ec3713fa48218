"""Stand between the engine and one part of a backend, before each of its operations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast

from afresh.core.ports import Lease, Leases, Ledger, Store
from afresh.testing.actors import pause, pause_here

__all__ = ["Interceptor", "intercepted", "paused"]

P = TypeVar("P")

_NOT_OPERATIONS = {"close", "usage"}


class Interceptor(Protocol):
    """What happens around operations."""

    async def around(self, name: str, operation: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Perform an operation that may wait, or don't."""

    def around_plain(self, name: str, operation: Callable[[], Any]) -> Any:
        """Perform one that may not: reading the ledger, giving back a lease."""


def intercepted(part: P, by: Interceptor) -> P:
    """A ledger, store, leases or lease whose every operation goes through `by`.

    Everything that isn't an operation of `core.ports` passes through untouched.
    """
    return cast("P", _Intercepted(part, by))


@lru_cache
def _waiting() -> dict[str, bool]:
    """Each operation of a backend's parts, and whether it may wait."""
    return {
        name: inspect.iscoroutinefunction(operation)
        for part in (Ledger, Store, Leases, Lease)
        for name, operation in vars(part).items()
        if callable(operation) and not name.startswith("_") and name not in _NOT_OPERATIONS
    }


class _Intercepted:
    def __init__(self, part: Any, by: Interceptor) -> None:
        self._part = part
        self._by = by

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        waits = _waiting().get(name)
        if waits is None:
            return found
        stand_in = self._waiting(name, found) if waits else self._plain(name, found)
        setattr(self, name, stand_in)
        return stand_in

    def _waiting(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        async def stand_in(*args: Any, **kwargs: Any) -> Any:
            result = await self._by.around(name, lambda: operation(*args, **kwargs))
            if name == "take" and result is not None:
                return intercepted(result, self._by)
            return result

        return stand_in

    def _plain(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*args: Any, **kwargs: Any) -> Any:
            return self._by.around_plain(name, lambda: operation(*args, **kwargs))

        return stand_in


class _Pauses:
    def __init__(self, prefix: str, reads: bool) -> None:
        self._prefix = prefix
        self._reads = reads

    async def around(self, name: str, operation: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        await pause(self._prefix + name)
        return await operation()

    def around_plain(self, name: str, operation: Callable[[], Any]) -> Any:
        if self._reads:
            pause_here(self._prefix + name)
        return operation()


def paused(part: P, name: str = "", *, reads: bool = True) -> P:
    """A ledger, store or leases that lets other actors go first before each operation.

    Args:
        part: The real one, or one of `afresh.testing.reference`.
        name: Goes before the operation's name in schedules.
        reads: Pause before plain functions too (`position`, `prove`, `release`), between which
            another process can always come. The actors must then be functions: `driven(coroutine)`.
            Without, as if all actors shared one thread: they meet at operations that wait only.
    """
    return intercepted(part, _Pauses(f"{name}." if name else "", reads))
