"""Whether the code that runs now may suspend, or has to block.

The engine's coroutines, and those of the backends, are the same in both worlds. A coroutine that is
driven by `drive` must never suspend, also where the thread that drives it runs an event loop: then
it blocks that loop, as any synchronous call would. A backend that talks to a server asks here which
of its two connections it has to use.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class _Driving(threading.local):
    loop: asyncio.AbstractEventLoop | None = None


driving = _Driving()
"""The event loop that ran in this thread when the innermost `drive` began."""


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, if one is running. A program without asyncio doesn't load it."""
    asyncio = sys.modules.get("asyncio")
    return None if asyncio is None else asyncio._get_running_loop()


def suspending_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop on which the calling coroutine may suspend; `None` where it must block.

    A loader that is driven synchronously may run a loop of its own (`asyncio.run`): whatever runs
    on *that* loop may suspend again.
    """
    loop = running_loop()
    return None if loop is None or loop is driving.loop else loop
