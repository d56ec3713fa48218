"""Where a change is on its way: on the server that numbers it, then in this machine's copy of the ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import redis

from afresh import Cache

NAMES = ("announced on Redis", "this machine's ledger")
_PAUSE = 0.001  # between two looks at the copy; the server tells by itself
_TOO_LONG = 5.0  # seconds


class Legs:
    """Hears of the next change, at two places.

    Args:
        url: Of the server.
        cache: One on this machine.
    """

    def __init__(self, url: str, cache: Cache) -> None:
        self._redis = redis.Redis.from_url(url)
        self._ledger = cache._engine.ledger
        (self._stream,) = self._redis.scan_iter(_type="stream")

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def waiting(self) -> Callable[[float], list[float]]:
        """From now on, wait; the function that is returned says when each has heard, in milliseconds since a time."""
        found = [0.0, 0.0]
        last = self._redis.xrevrange(self._stream, count=1)[0][0]
        position = self._ledger.position()

        def announced() -> None:
            if self._redis.xread({self._stream: last}, count=1, block=int(_TOO_LONG * 1000)):
                found[0] = time.perf_counter()

        def copied() -> None:
            end = time.perf_counter() + _TOO_LONG
            while self._ledger.position() == position and time.perf_counter() < end:
                time.sleep(_PAUSE)
            found[1] = time.perf_counter()

        threads = [threading.Thread(target=each) for each in (announced, copied)]
        for thread in threads:
            thread.start()

        def ended(since: float) -> list[float]:
            for thread in threads:
                thread.join()
            return [(each - since) * 1000 for each in found]

        return ended
