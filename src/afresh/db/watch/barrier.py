"""Wait until others see a commit before it is announced.

A commit is in the log before other sessions see it: one in a hundred reaches the watcher first. Were
it announced then, a reader could load what was there before, and keep it as if it were newer. The
server's snapshot says whose changes are seen; comparing positions in the log doesn't.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

_FIRST, _LONGEST = 0.0002, 0.01
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
_HALF = 2**31


class Unseen(TimeoutError):
    """Others don't see it yet: a commit that waits for a replica, perhaps."""


class Barrier:
    """Waits for commits to be seen.

    Args:
        ask: The first value that a query gives.
        sleep: Waits for so many seconds.
    """

    def __init__(self, ask: Callable[[str], object], sleep: Callable[[float], object] = time.sleep) -> None:
        self._ask = ask
        self._sleep = sleep

    def wait(self, xids: Collection[int], stopped: Callable[[], bool] = lambda: False) -> None:
        """Come back when all of these transactions are seen by whoever begins to read now.

        Args:
            xids: The lower 32 bits of their numbers.
            stopped: Says that nobody waits any more.

        Raises:
            Unseen: Nobody waits any more.
        """
        pause = _FIRST
        left = set(xids)
        while left:
            left = unseen(str(self._ask(_SNAPSHOT)), left)
            if left:
                if stopped():
                    raise Unseen(f"{len(left)} commits are not seen by others yet")
                self._sleep(pause)
                pause = min(2 * pause, _LONGEST)

    def running(self) -> set[int]:
        """Transactions that run now, or whose commit isn't seen yet."""
        _, _, listed = str(self._ask(_SNAPSHOT)).split(":")
        return {int(each) & 0xFFFFFFFF for each in listed.split(",") if each}


def unseen(snapshot: str, xids: Collection[int]) -> set[int]:
    """Those of some transactions that a snapshot, as PostgreSQL writes it, doesn't see."""
    _, end, listed = snapshot.split(":")
    running = {int(each) for each in listed.split(",") if each}
    return {xid for xid in xids if (full := _full(xid, int(end))) >= int(end) or full in running}


def _full(xid: int, near: int) -> int:
    """The whole number of a transaction, from its lower half and one that is near."""
    full = (near & ~0xFFFFFFFF) | xid
    if full - near > _HALF:
        return full - 2**32
    return full + 2**32 if near - full > _HALF else full
