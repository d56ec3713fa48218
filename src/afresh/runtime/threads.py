"""The sync runtime: plain threads. Nothing suspends here; waiting blocks the thread."""

from __future__ import annotations

import contextvars
import inspect
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from afresh.core.ports import Runtime, Waiter
from afresh.errors import LoadTimeout
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.drive import drive
from afresh.runtime.fork import on_fork

T = TypeVar("T")

_BACKGROUND = 16  # refreshes at a time; one more is left to the next reader


class ThreadWaiter:
    """Waits in a thread."""

    __slots__ = ("event",)

    def __init__(self) -> None:
        self.event = threading.Event()

    def wake(self) -> None:
        """End the wait."""
        self.event.set()


class ThreadRuntime:
    """Runs the engine's coroutines in the calling thread."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self.now = clock.now
        self.random = random.random
        self.after_fork()
        on_fork(self)

    def after_fork(self) -> None:
        """The parent's background threads are not here."""
        # A list, not a semaphore: its steps can't be interrupted, so a finaliser may come to spawn too.
        self._room = [None] * _BACKGROUND

    def waiter(self) -> ThreadWaiter:
        """A new waiter."""
        return ThreadWaiter()

    async def wait(self, waiter: Waiter, timeout: float) -> bool:  # noqa: ASYNC109  a port, not asyncio
        """Block until woken or timed out."""
        assert isinstance(waiter, ThreadWaiter)
        return waiter.event.wait(timeout)

    async def call(self, function: Callable[[], T | Awaitable[T]]) -> T:
        """Call the loader here."""
        return _plain(function())

    async def call_within(
        self,
        function: Callable[[], T | Awaitable[T]],
        timeout: float,  # noqa: ASYNC109
        late: Callable[[T | None, BaseException | None], None],
    ) -> T:
        """Call the loader in a thread of its own, in this context, and wait for it.

        Where no thread can be started it is called here: then a value comes, if late.
        """
        outcome = _Outcome(lambda: _plain(function()), late)
        if not start(contextvars.copy_context().run, outcome.run):
            return await self.call(function)
        value: T = outcome.get(timeout)
        return value

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call it here: blocking is what threads are for."""
        return function()

    def spawn(self, job: Callable[[Runtime], Coroutine[Any, Any, Any]]) -> bool:
        """Run `job` in a thread of its own, in this context; `False` if there is no room or no thread."""
        room = self._room
        try:
            room.pop()
        except IndexError:
            return False

        def run() -> None:
            try:
                drive(job(self))
            finally:
                room.append(None)

        started = start(contextvars.copy_context().run, run)
        if not started:
            room.append(None)
        return started

    def loop_thread(self) -> int | None:
        """No event loop here."""
        return None

    def lifeline(self) -> Callable[[], bool]:
        """A thread unwinds before it ends, so whoever waits for it is told."""
        return _always

    def on_loop_of(self, thread: int | None) -> bool:
        """Whether this very thread runs that event loop: blocking would stop it for good."""
        return thread == threading.get_ident()


def start(function: Callable[..., object], *arguments: object) -> bool:
    """Run a function in a daemon thread: a hung loader must not keep a process from ending.

    Says `False` where no thread can be started: there are too many, or the interpreter is ending.
    """
    thread = threading.Thread(target=function, args=arguments, name="afresh-load", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def _always() -> bool:
    return True


def _plain(value: T | Awaitable[T]) -> T:
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise TypeError(
            "the loader returned an awaitable to a synchronous call: use `await cache.aio.…`, "
            "or decorate an `async def` function"
        )
    return value


class _Outcome:
    """A call in another thread: whoever comes second, the result or the end of patience, yields."""

    def __init__(
        self, function: Callable[[], Any], late: Callable[[Any, BaseException | None], None]
    ) -> None:
        self._function = function
        self._late = late
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._given_up = False
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """The other thread's part."""
        try:
            self._value = self._function()
        except BaseException as error:
            self._error = error
        with self._lock:
            given_up = self._given_up
            self._done.set()
        if given_up:
            self._late(self._value, self._error)

    def get(self, timeout: float) -> Any:
        """The caller's part."""
        if not self._done.wait(timeout):
            with self._lock:
                self._given_up = not self._done.is_set()
            if self._given_up:
                raise LoadTimeout(f"the load took longer than {timeout:g} s; it goes on in the background")
        if self._error is not None:
            raise self._error
        return self._value
