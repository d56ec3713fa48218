"""A quiet thread per process that gives every cache a coarse clock, and one that looks after them.

Asking the operating system for the time costs half of what a whole hit may cost. So hits compare
with a cell that this thread sets every `INTERVAL` seconds, and a hit may be late by one interval.

The thread is never trusted to be alive. It works for `SHIFT` seconds and then **parks**: it shuts
the gate of every cache, so the next hit takes the slow path, reads the real clock and wakes the
thread for another shift. An idle process is therefore not woken at all, and a child process, whose
thread died in the fork, starts with shut gates. So does one that can't start a thread: its hits
read the real clock until it can.

Looking after a cache may take long: files are opened, listeners called. A second thread does it, so
that the time of all caches goes on. It also parks them all when a round of ticks doesn't end.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from afresh.runtime.breaker import any_open
from afresh.runtime.fork import on_fork
from afresh.runtime.living import Living

INTERVAL = 0.02
SHIFT = 1.0
LOOK_EVERY = 0.25
_LATE = 5 * INTERVAL
_REST = 1.0  # seconds until threads are tried again, where none could be started


class Ticked(Protocol):
    """Something that wants to know the time every now and then."""

    def tick(self) -> None:
        """Called every `INTERVAL` seconds while the ticker works; first of all at once. Must be quick."""

    def look_after(self) -> None:
        """Called about every `LOOK_EVERY` seconds while the ticker works; may take its time."""

    def park(self) -> None:
        """Called when the ticks end: nothing may rely on the last one any more."""


class _Worker:
    """A thread that does its work once for each `wanted`; started when first needed.

    `SimpleQueue.put`, unlike an `Event`, may be interrupted by a finaliser that calls it too.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._wanted: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """See to it that there is the thread; says whether there is."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is ending
                return False
            self._thread = thread
        return True

    def want(self) -> None:
        """Have it work once."""
        self._wanted.put(None)

    def _run(self) -> None:
        while True:
            self._wanted.get()
            self._work()


class Ticker:
    """The threads, started when first needed.

    Attributes:
        working: It ticks, and will park before it stops.
    """

    def __init__(self) -> None:
        self._ticked: Living[Ticked] = Living()
        self.working = False
        self._make()
        on_fork(self)

    def _make(self) -> None:
        self._lock = threading.RLock()
        self._clock = _Worker("afresh-ticker", self._shift)
        self._keeper = _Worker("afresh-keeper", self._keep)
        self._round = float("inf")  # when the round of ticks under way began
        self._not_before = 0.0

    def add(self, thing: Ticked) -> None:
        """Tick `thing` for as long as it lives."""
        self._ticked.add(thing)

    def discard(self, thing: Ticked) -> None:
        """Tick `thing` no more."""
        self._ticked.discard(thing)

    def nudge(self) -> None:
        """Ask for another shift. Cheap when the ticker is working already."""
        if self.working or _greenlets():
            return
        with self._lock:
            now = time.monotonic()
            if self.working or now < self._not_before:
                return
            self._not_before = now + _REST  # also for whoever interrupts this thread while it starts others
            if not (self._clock.start() and self._keeper.start()):
                return
            self._not_before = 0.0
            self.working = True
            self._clock.want()
            self._keeper.want()

    def after_fork(self) -> None:
        """The threads stayed with the parent: shut every gate and start anew when asked."""
        self.working = False
        self._make()
        self._park()

    def _shift(self) -> None:
        """The clock's thread: tick for a while, then park."""
        pause = threading.Event()
        while self.working:
            for _ in range(int(SHIFT / INTERVAL)):
                self._round = time.monotonic()
                self._each(lambda thing: thing.tick())
                self._round = float("inf")
                pause.wait(INTERVAL)
            with self._lock:
                # Said before parking: whoever comes through a shut gate from now on gets a new shift. A
                # server in trouble is looked after until it is found well: the next write must reach it.
                self.working = any_open() and any(self._ticked.all())
        self._park()

    def _keep(self) -> None:
        """The keeper's thread: look after all caches, and after the clock."""
        pause = threading.Event()
        while self.working:
            if time.monotonic() - self._round > _LATE:
                self._park()
            self._each(lambda thing: thing.look_after())
            pause.wait(LOOK_EVERY)

    def _park(self) -> None:
        for thing in self._ticked.all():
            thing.park()

    def _each(self, call: Callable[[Ticked], None]) -> None:
        for thing in self._ticked.all():
            try:
                call(thing)
            except Exception:
                # One cache's trouble must not stop the time of the others; its gate is shut.
                thing.park()


def _greenlets() -> bool:
    """Whether threads here are gevent's or eventlet's: such a thread doesn't tick while others run."""
    gevent = sys.modules.get("gevent.monkey")
    eventlet = sys.modules.get("eventlet.patcher")
    return bool(
        (gevent is not None and gevent.is_module_patched("threading"))
        or (eventlet is not None and eventlet.is_monkey_patched("thread"))
    )


TICKER = Ticker()
