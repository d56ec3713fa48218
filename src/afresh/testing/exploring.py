"""The engine under the explorer: a runtime whose waits are the explorer's stops."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal, TypeVar

from afresh.core.ports import Runtime, Waiter
from afresh.errors import LoadTimeout
from afresh.testing.actors import block_until, pause
from afresh.testing.clock import FakeClock
from afresh.testing.world import spawn

__all__ = ["ExplorerRuntime"]

T = TypeVar("T")


class ExplorerWaiter:
    """A place to wait in, without a thread or a loop."""

    __slots__ = ("woken",)

    def __init__(self) -> None:
        self.woken = False

    def wake(self) -> None:
        """End the wait."""
        self.woken = True


class ExplorerRuntime:
    """A `Runtime` for coroutines that `explore` runs; make one per process of the scenario.

    Time stands still but for waits that run out, which move the clock to their end.

    Args:
        clock: Shared by the processes of one scenario.
        seed: Of `random()`.
        timeouts: `"last"`: a wait runs out only when nobody can do anything else, as if all code
            took no time. `"any"`: at any moment, as if it could take any time; many more schedules.
        loop: Pretend to be the event loop of this thread number (see `Runtime.loop_thread`).

    Attributes:
        over: Set it when this process was killed: its lifelines then say so.
        spawned: How many background jobs were taken.
        room: How many more are taken.
    """

    def __init__(
        self,
        clock: FakeClock | None = None,
        *,
        seed: int = 0,
        timeouts: Literal["last", "any"] = "last",
        loop: int | None = None,
    ) -> None:
        self.clock = FakeClock() if clock is None else clock
        self.over = False
        self.spawned = 0
        self.room: float = math.inf
        self._random = random.Random(seed)
        self._hasty = timeouts == "any"
        self._loop = loop

    def now(self) -> float:
        """The clock's time."""
        return self.clock.now()

    def random(self) -> float:
        """The same numbers in every schedule, in the order in which they are asked for."""
        return self._random.random()

    def waiter(self) -> ExplorerWaiter:
        """A new waiter."""
        return ExplorerWaiter()

    async def wait(self, waiter: Waiter, timeout: float) -> bool:  # noqa: ASYNC109  a port, not asyncio
        """Stop until woken or timed out."""
        assert isinstance(waiter, ExplorerWaiter)
        return await self._wait(lambda: waiter.woken, "wait", timeout)

    async def call(self, function: Callable[[], T | Awaitable[T]]) -> T:
        """Call the loader, with a stop before it begins and one before its result is used."""
        await pause("load")
        value = function()
        result = await value if inspect.isawaitable(value) else value
        await pause("loaded")
        return result

    async def call_within(
        self,
        function: Callable[[], T | Awaitable[T]],
        timeout: float,  # noqa: ASYNC109
        late: Callable[[T | None, BaseException | None], None],
    ) -> T:
        """Call the loader in an actor of its own."""
        values: list[T] = []
        errors: list[BaseException] = []
        given_up = False

        async def load() -> None:
            try:
                values.append(await self.call(function))
            except Exception as error:
                errors.append(error)
            if given_up:
                late(values[0] if values else None, errors[0] if errors else None)

        spawn("load", load())
        if not await self._wait(lambda: values or errors, "wait for load", timeout):
            given_up = True
            raise LoadTimeout(f"the load took longer than {timeout:g} s")
        if errors:
            raise errors[0]
        return values[0]

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call it in one step, with a stop before."""
        await pause("in thread")
        return function()

    def spawn(self, job: Callable[[Runtime], Coroutine[Any, Any, Any]]) -> bool:
        """Let one more actor take part, if there is `room`."""
        if self.room <= 0:
            return False
        self.room -= 1
        self.spawned += 1
        spawn("background", self._background(job))
        return True

    def loop_thread(self) -> int | None:
        """The pretended loop."""
        return self._loop

    def lifeline(self) -> Callable[[], bool]:
        """Whether `over` is not set."""
        return lambda: not self.over

    def on_loop_of(self, thread: int | None) -> bool:
        """Whether it is the pretended loop."""
        return thread is not None and thread == self._loop

    async def _background(self, job: Callable[[Runtime], Coroutine[Any, Any, Any]]) -> None:
        try:
            await job(self)
        finally:
            self.room += 1

    async def _wait(self, predicate: Callable[[], Any], label: str, timeout: float) -> bool:  # noqa: ASYNC109
        deadline = None if math.isinf(timeout) else self.clock.now() + timeout
        if await block_until(predicate, label, deadline=deadline, hasty=self._hasty and deadline is not None):
            return True
        assert deadline is not None
        self.clock.reach(deadline)
        return False
