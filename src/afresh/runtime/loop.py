"""The async runtime: an asyncio event loop."""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from afresh.core.ports import Runtime, Waiter
from afresh.errors import LoadTimeout
from afresh.runtime.clock import SYSTEM_CLOCK, Clock

T = TypeVar("T")

_BACKGROUND = 256  # refreshes at a time; one more is left to the next reader


class LoopWaiter:
    """Waits in a task."""

    __slots__ = ("_loop", "future")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.future: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        """End the wait, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._resolve)
        except RuntimeError:  # the waiter's loop is closed: nobody waits any more
            return

    def _resolve(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class LoopRuntime:
    """Runs the engine's coroutines natively in the running event loop."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self.now = clock.now
        self.random = random.random
        self._jobs: set[asyncio.Task[Any]] = set()

    def waiter(self) -> LoopWaiter:
        """A new waiter of the running loop."""
        return LoopWaiter(asyncio.get_running_loop())

    async def wait(self, waiter: Waiter, timeout: float) -> bool:  # noqa: ASYNC109  a port
        """Suspend until woken or timed out."""
        assert isinstance(waiter, LoopWaiter)
        done, _ = await asyncio.wait((waiter.future,), timeout=timeout)
        return bool(done)

    async def call(self, function: Callable[[], T | Awaitable[T]]) -> T:
        """Call the loader, and await what it returns if it can be awaited."""
        value = function()
        if inspect.isawaitable(value):
            return await value
        return value

    async def call_within(
        self,
        function: Callable[[], T | Awaitable[T]],
        timeout: float,  # noqa: ASYNC109
        late: Callable[[T | None, BaseException | None], None],
    ) -> T:
        """Run the loader as a task of its own and wait for it; cancelled with its caller."""
        task: asyncio.Task[T] = asyncio.ensure_future(self.call(function))
        try:
            done, _ = await asyncio.wait((task,), timeout=timeout)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            return task.result()
        self._keep(task)
        task.add_done_callback(lambda ended: _tell(ended, late))
        raise LoadTimeout(f"the load took longer than {timeout:g} s; it goes on in the background")

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run it in a thread, so that the loop goes on."""
        return await asyncio.to_thread(function)

    def spawn(self, job: Callable[[Runtime], Coroutine[Any, Any, Any]]) -> bool:
        """Run `job` as a task, if there is room."""
        if len(self._jobs) >= _BACKGROUND:
            return False
        self._keep(asyncio.ensure_future(job(self)))
        return True

    def loop_thread(self) -> int | None:
        """The thread that runs this loop."""
        return threading.get_ident()

    def lifeline(self) -> Callable[[], bool]:
        """A loop may be closed in the middle of a load, and never come back to it."""
        loop = asyncio.get_running_loop()
        return lambda: not loop.is_closed()

    def on_loop_of(self, thread: int | None) -> bool:
        """Waiting here suspends a task and stops no loop."""
        return False

    def _keep(self, task: asyncio.Task[Any]) -> None:
        # The loop holds tasks weakly: without this one could vanish in the middle.
        self._jobs.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._jobs.discard(task)
        if not task.cancelled():
            task.exception()  # seen; the engine has told it as an event


def _tell(task: asyncio.Task[T], late: Callable[[T | None, BaseException | None], None]) -> None:
    if task.cancelled():
        late(None, asyncio.CancelledError())
    elif (error := task.exception()) is not None:
        late(None, error)
    else:
        late(task.result(), None)
