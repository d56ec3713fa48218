"""Actors of an exploration: code that stops at each place where another actor may go first.

An actor is a coroutine, which stops at `await pause("label")`, or a plain function, whose code calls
`pause_here("label")` however deep. A function needs a stack of its own that can be left and entered
again: a greenlet where that package is installed, else a thread that runs only while it holds the
baton (some fifteen times slower, same schedules).

**Killed actors.** `kill -9` runs no `except` and no `finally`. An actor that was killed is simply
never resumed while its world exists. Python runs the `finally` blocks of a coroutine or greenlet
when it frees it, which can't be prevented from Python; so an actor is kept until the world has been
checked and is only then unwound, its errors dropped, with every further pause raising at once: what
stands behind a pause never runs. What remains is code in a `finally` before its first pause, and it
meets only the objects of a world that is over. Don't let such code reach things that outlive one
world, such as a file that all schedules share.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context, copy_context
from importlib import import_module
from typing import Any, TypeAlias

greenlet: Any = None
with suppress(ImportError):  # it is for speed only
    greenlet = import_module("greenlet")

__all__ = ["Actor", "Block", "Carried", "block_here", "block_until", "driven", "pause", "pause_here"]

Actor: TypeAlias = "Coroutine[Any, Any, Any] | Callable[[], Any]"

_UNWINDINGS = 100  # a `finally` that pauses needs one more; an actor that needs more is kept for ever


class Block:
    """A stop that ends only when `predicate()` holds.

    Attributes:
        predicate: Asked by the explorer; it must not pause.
        label: The stop's name in a schedule.
        deadline: When waiting may end without the predicate; `None` waits for ever. Deadlines only
            order the waits: the explorer has no clock.
        hasty: The wait may run out at any moment, not only when nobody else can go on.
    """

    __slots__ = ("deadline", "hasty", "label", "predicate")

    def __init__(
        self,
        predicate: Callable[[], Any],
        label: str = "blocked",
        deadline: float | None = None,
        hasty: bool = False,
    ) -> None:
        self.predicate = predicate
        self.label = label
        self.deadline = deadline
        self.hasty = hasty


Stop: TypeAlias = str | Block


@types.coroutine
def pause(label: str) -> Generator[str, None, None]:
    """Let any other actor go first. `label` names what this one does next."""
    yield label


@types.coroutine
def block_until(
    predicate: Callable[[], Any],
    label: str = "blocked",
    *,
    deadline: float | None = None,
    hasty: bool = False,
) -> Generator[Block, None, bool]:
    """Wait until `predicate()` holds; `False` when the wait ran out instead (see `Block`)."""
    yield Block(predicate, label, deadline, hasty)
    return bool(predicate())


def pause_here(label: str) -> None:
    """`pause` for plain functions. Outside of an exploration it does nothing."""
    _stop_here(label)


def block_here(
    predicate: Callable[[], Any],
    label: str = "blocked",
    *,
    deadline: float | None = None,
    hasty: bool = False,
) -> bool:
    """`block_until` for plain functions. Outside of an exploration it must hold at once."""
    _stop_here(Block(predicate, label, deadline, hasty))
    return bool(predicate())


class Driven:
    """A plain function out of a coroutine, whose code may then call `pause_here` too."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine

    def __call__(self) -> Any:
        """Drive it to its end, with its stops as stops of this function."""
        try:
            while True:
                _stop_here(self.coroutine.send(None))
        except StopIteration as end:
            return end.value
        finally:
            unwind(self.coroutine)


driven = Driven


def _stop_here(stop: Stop) -> None:
    carried = carrier.current()
    if carried is not None:
        carried.stop(stop)
    elif stepping.coroutine:
        raise TypeError(
            f"pause_here({getattr(stop, 'label', stop)!r}) was called within a coroutine, which can stop "
            "only at an await: give the actor as driven(coroutine)."
        )


class _Stepping:
    """Whether the explorer has just entered a coroutine, which `pause_here` could not stop."""

    coroutine = False


stepping = _Stepping()


class Carried:
    """A function on a stack of its own. Each call resumes it and returns its next stop.

    Raises:
        StopIteration: It has returned.
    """

    function: Callable[[], Any]
    begun: bool

    def __call__(self, _: None = None) -> Stop:
        """Go on to the next stop."""
        raise NotImplementedError

    def stop(self, stop: Stop) -> None:
        """Called on the carried stack: give control back."""
        raise NotImplementedError

    def unwind(self, error: BaseException) -> None:
        """Raise `error` where it stands; returns at the next stop or at its end."""
        raise NotImplementedError


class GreenletCarrier(Carried):
    """A greenlet: a switch costs a fraction of a microsecond."""

    def __init__(self, function: Callable[[], Any], context: Context) -> None:
        self.function = function
        self.begun = False
        self._greenlet = greenlet.greenlet(function)
        self._greenlet.gr_context = context
        self._greenlet.afresh_carrier = self

    def __call__(self, _: None = None) -> Stop:
        self.begun = True
        stop: Stop = self._greenlet.switch()
        if self._greenlet.dead:
            raise StopIteration
        return stop

    def stop(self, stop: Stop) -> None:
        self._greenlet.parent.switch(stop)

    def unwind(self, error: BaseException) -> None:
        self._greenlet.throw(error)
        if self._greenlet.dead:
            raise StopIteration

    @staticmethod
    def current() -> Carried | None:
        return getattr(greenlet.getcurrent(), "afresh_carrier", None)


class ThreadCarrier(Carried):
    """A thread that runs only between `__call__` and its next stop."""

    _here = threading.local()

    def __init__(self, function: Callable[[], Any], context: Context) -> None:
        self.function = function
        self.begun = False
        self._context = context
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._stop: Stop = ""
        self._error: BaseException | None = None
        self._thrown: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    def __call__(self, _: None = None) -> Stop:
        self.begun = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._go.release()
        self._stopped.acquire()
        if self._ended:
            self._thread.join()
            if self._error is not None:
                raise self._error
            raise StopIteration
        return self._stop

    def stop(self, stop: Stop) -> None:
        self._stop = stop
        self._stopped.release()
        self._go.acquire()
        if self._thrown is not None:
            raise self._thrown

    def unwind(self, error: BaseException) -> None:
        if self._thread is None or self._ended:
            raise StopIteration
        self._thrown = error
        self()

    def _run(self) -> None:
        self._here.carrier = self
        self._go.acquire()
        try:
            self._context.run(self.function)
        except BaseException as error:
            self._error = error
        self._ended = True
        self._stopped.release()

    @classmethod
    def current(cls) -> Carried | None:
        return getattr(cls._here, "carrier", None)


carrier: type[GreenletCarrier] | type[ThreadCarrier] = ThreadCarrier if greenlet is None else GreenletCarrier


class _Over(BaseException):
    """Raised in an actor whose world is over."""


def unwind(actor: Coroutine[Any, Any, Any] | Carried) -> None:
    """End what is left of an actor, once nobody can see what it does (see the module's text)."""
    throw: Callable[[BaseException], Any]
    if isinstance(actor, Coroutine):
        throw = actor.throw
    else:
        throw = actor.unwind
        if isinstance(actor.function, Driven) and not actor.begun:
            unwind(actor.function.coroutine)  # or Python warns that nobody awaited it
    for _ in range(_UNWINDINGS):
        try:
            throw(_Over())
        except BaseException:
            return
    _never_ending.append(actor)


_never_ending: list[Any] = []


def resumer(actor: Actor) -> tuple[Callable[[None], Stop], Any]:
    """What resumes an actor, in a context of its own, and what `unwind` takes."""
    context = copy_context()
    if isinstance(actor, Coroutine):
        send = actor.send
        return (lambda _: context.run(send, None)), actor
    carried = carrier(actor, context)
    return carried, carried
