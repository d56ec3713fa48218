"""One quiet thread per process that gives every cache a coarse clock.

Asking the operating system for the time costs half of what a whole hit may cost. So hits compare
with a cell that this thread sets every `INTERVAL` seconds, and a hit may be late by one interval.

The thread is never trusted to be alive. It works for `SHIFT` seconds and then **parks**: it shuts
the gate of every cache, so the next hit takes the slow path, reads the real clock and wakes the
thread for another shift. An idle process is therefore not woken at all, and a child process, whose
thread died in the fork, starts with shut gates.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Protocol

from afresh.runtime.fork import on_fork

INTERVAL = 0.02
SHIFT = 1.0


class Ticked(Protocol):
    """Something that wants to know the time every now and then."""

    def tick(self) -> None:
        """Called every `INTERVAL` seconds while the ticker works; first of all at once."""

    def park(self) -> None:
        """Called when the ticks end: nothing may rely on the last one any more."""


class Ticker:
    """The thread, started when first needed.

    Attributes:
        working: It ticks, and will park before it stops.
    """

    def __init__(self) -> None:
        self._ticked: weakref.WeakSet[Ticked] = weakref.WeakSet()
        self.working = False
        self._make()
        on_fork(self)

    def _make(self) -> None:
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

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
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="afresh-ticker", daemon=True)
                self._thread.start()
            self.working = True
            self._wanted.set()

    def after_fork(self) -> None:
        """The thread stayed with the parent: shut every gate and start anew when asked."""
        self.working = False
        self._make()
        for thing in list(self._ticked):
            thing.park()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            pause = threading.Event()
            for _ in range(int(SHIFT / INTERVAL)):
                self._each("tick")
                pause.wait(INTERVAL)
            with self._lock:
                # Said before parking: whoever comes through a shut gate from now on gets a new shift.
                self.working = False
            self._each("park")

    def _each(self, what: str) -> None:
        for thing in list(self._ticked):
            try:
                getattr(thing, what)()
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
