"""The clock: seconds since 1970 that count suspended time and never step back.

`time.time()` steps when somebody sets the wall clock, and `time.monotonic()` stands still on Linux
while a laptop or a paused virtual machine sleeps. Either would let an entry outlive its `ttl`.
So time runs by CLOCK_BOOTTIME, anchored to the wall clock once per process.
"""

from __future__ import annotations

import time
from typing import Protocol

# CLOCK_BOOTTIME is Linux's. On macOS CLOCK_MONOTONIC goes on counting while the machine sleeps.
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What tells the time: the system's clock, or a test's."""

    def now(self) -> float:
        """Seconds since 1970."""


class SystemClock:
    """The machine's clock (see the module)."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time() - time.clock_gettime(_CLOCK)

    def now(self) -> float:
        """Seconds since 1970, counting time in which the machine was suspended."""
        return time.clock_gettime(_CLOCK) + self._offset


SYSTEM_CLOCK = SystemClock()
