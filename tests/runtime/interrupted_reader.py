"""A program whose finalisers and signal handler read a cache while it reads it; prints how often they did."""

from __future__ import annotations

import contextvars
import faulthandler
import gc
import signal

from afresh import Cache, tag

faulthandler.dump_traceback_later(30, exit=True)

with Cache("memory://") as cache:
    cached = cache.cached(lambda number: number)
    calls = [0]
    busy = [False]

    def use(*_: object) -> None:
        """Read, from wherever the program is interrupted."""
        if not busy[0]:
            busy[0] = True
            calls[0] += 1
            # In a context of its own: CPython 3.11 crashes when a finaliser sets a context variable
            # while `ContextVar.set` is under way in the same context.
            contextvars.copy_context().run(cached, -calls[0])
            busy[0] = False

    class Cycle:
        """Garbage that reads when it is found."""

        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            use()

    signal.signal(signal.SIGALRM, use)
    gc.set_threshold(50, 2, 2)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    for number in range(3000):
        Cycle()
        assert cached(number) == number
        cache.invalidate(tag("other"))
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.set_threshold(0)
    gc.collect()
    print(calls[0])
