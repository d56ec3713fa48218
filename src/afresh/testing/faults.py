"""Backends that fail or hang at a chosen operation.

Fail the first operation, then the second, and so on until the scenario runs through: the method by
which SQLite tests running out of memory and disk errors ("How SQLite Is Tested", section 3).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Self, TypeVar

from afresh.errors import BackendError
from afresh.testing import world
from afresh.testing.actors import block_until
from afresh.testing.intercept import intercepted

__all__ = ["Faults", "Hangs", "every_fault", "failing", "hanging"]

P = TypeVar("P")
_Async = Callable[[], Coroutine[Any, Any, Any]]


class _Chosen:
    """Counts operations; says which are hit."""

    def __init__(self, nth: int, *, onwards: bool, only: Collection[str] | None, reads: bool) -> None:
        if nth < 1:
            raise ValueError(f"nth={nth}: operations are counted from 1")
        self.operations: list[str] = []
        self.struck = 0
        self._nth = nth
        self._onwards = onwards
        self._only = only
        self._reads = reads
        self._lock = threading.Lock()

    def on(self, part: P) -> P:
        """`part`, with its operations counted here too."""
        return intercepted(part, self)

    def _strikes(self, name: str) -> bool:
        if self._only is not None and name not in self._only:
            return False
        with self._lock:
            self.operations.append(name)
            count = len(self.operations)
            strikes = count >= self._nth if self._onwards else count == self._nth
            self.struck += strikes
            return strikes

    async def around(self, name: str, operation: _Async) -> Any:
        """Perform an operation, or strike."""
        raise NotImplementedError

    def around_plain(self, name: str, operation: Callable[[], Any]) -> Any:
        """Perform a plain operation, or strike."""
        raise NotImplementedError


class Faults(_Chosen):
    """A plan to fail one operation among all those of the parts given to `on`.

    Args:
        nth: The operation that fails, counted from 1.
        error: What it raises.
        onwards: All later ones fail too: the backend is gone.
        after: It does its work first, then fails: the answer was lost.
        only: Names of the operations that count; the default is all that may wait.
        reads: Count the plain ones too (`position`, `prove`, `release`).

    Attributes:
        operations: The names of those counted so far.
        struck: How many failed.
    """

    def __init__(
        self,
        nth: int,
        error: BaseException | type[BaseException] = BackendError,
        *,
        onwards: bool = False,
        after: bool = False,
        only: Collection[str] | None = None,
        reads: bool = False,
    ) -> None:
        super().__init__(nth, onwards=onwards, only=only, reads=reads)
        self._error = error
        self._after = after

    async def around(self, name: str, operation: _Async) -> Any:
        """Perform an operation, or fail."""
        strikes = self._strikes(name)
        if strikes and not self._after:
            raise self._made(name)
        result = await operation()
        if strikes:
            raise self._made(name)
        return result

    def around_plain(self, name: str, operation: Callable[[], Any]) -> Any:
        """Perform a plain operation, or fail."""
        strikes = self._reads and self._strikes(name)
        if strikes and not self._after:
            raise self._made(name)
        result = operation()
        if strikes:
            raise self._made(name)
        return result

    def _made(self, name: str) -> BaseException:
        return self._error(f"injected into {name}") if isinstance(self._error, type) else self._error


class Hangs(_Chosen):
    """A plan to hang one operation: it goes on only after `release()`, or when the block ends.

    Under the explorer it is a blocked actor, in an event loop a pending future, else a blocked thread.

    Attributes:
        operations: The names of those counted so far.
        struck: How many hung.
        released: Whether they may go on.
    """

    def __init__(self, nth: int = 1, *, onwards: bool = False, only: Collection[str] | None = None) -> None:
        super().__init__(nth, onwards=onwards, only=only, reads=False)
        self.released = False
        self._go = threading.Event()
        self._futures: list[tuple[Any, Any]] = []

    def release(self) -> None:
        """Let whoever hangs go on, and hang nobody any more."""
        self.released = True
        self._go.set()
        for loop, future in self._futures:
            loop.call_soon_threadsafe(lambda future=future: future.done() or future.set_result(None))

    async def around(self, name: str, operation: _Async) -> Any:
        """Perform an operation, perhaps much later."""
        if self._strikes(name) and not self.released:
            await self._hang(name)
        return await operation()

    def around_plain(self, name: str, operation: Callable[[], Any]) -> Any:
        """Plain operations don't hang."""
        return operation()

    async def _hang(self, name: str) -> None:
        if world.running():
            await block_until(lambda: self.released, f"hung in {name}")
            return
        loop = _loop()
        if loop is None:
            self._go.wait()
            return
        future = loop.create_future()
        self._futures.append((loop, future))
        if not self.released:
            await future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _loop() -> Any:
    """The event loop that runs this code, if one does."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        with suppress(RuntimeError):
            return asyncio.get_running_loop()
    return None


def failing(
    part: P, nth: int, error: BaseException | type[BaseException] = BackendError, **options: Any
) -> P:
    """`part`, whose `nth` operation fails; for more see `Faults`."""
    return Faults(nth, error, **options).on(part)


def hanging(part: P, nth: int = 1, **options: Any) -> P:
    """`part`, whose `nth` operation hangs for good; to end it use `Hangs`."""
    return Hangs(nth, **options).on(part)


def every_fault(
    error: BaseException | type[BaseException] = BackendError, *, limit: int = 10_000, **options: Any
) -> Iterator[Faults]:
    """Plans that fail the first operation, the second, … until one is not reached any more.

    ::

        for faults in every_fault():
            cache = open_with(faults.on(store))
            ...                               # must hold whichever operation failed

    Raises:
        AssertionError: No operation was counted at all, or after `limit` runs there is no end.
    """
    for nth in range(1, limit + 1):
        faults = Faults(nth, error, **options)
        yield faults
        if not faults.struck:
            assert faults.operations or nth > 1, "no operation was counted: use faults.on(part)"
            return
    raise AssertionError(f"after {limit} runs there are still more operations")
