"""`python -m bench.trouble [--quick] [--json FILE]`: what a server in trouble costs a call, and what it leaves.

A server is stopped (SIGSTOP) or killed. How much longer than its load does the first call take that
finds out, and the ones after it? When the server is back: how soon do invalidations arrive again, and
how much of what was in memory is still there?
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from afresh import Cache, tag
from afresh.testing.servers import MemcachedServer, RedisServer
from bench import measure

LOAD = 0.02
ENTRIES = 1000
FIRST, NEXT = measure.Goal("first ms", 60.0), measure.Goal("next ms", 1.0)
COHERENT, KEPT = measure.Goal("coherent s", 1.0), measure.Goal("kept", 0.95, at_least=True)
_PATIENCE = 10.0


class Subject:
    """A cache in front of a slow function, with a thousand quick values in memory."""

    def __init__(self, cache: Cache, other: Cache) -> None:
        self.cache, self.other = cache, other
        self.loads = 0
        self.version = 0
        self.slow = cache.cached(prefix="slow")(self._slow)
        self.quick = cache.cached(prefix="quick", tags=lambda number: [tag("quick", number)])(self._quick)
        for number in range(ENTRIES):
            self.quick(number)

    def _slow(self, number: int) -> int:
        time.sleep(LOAD)
        return number

    def _quick(self, number: int) -> int:
        self.loads += 1
        return self.version

    def overheads(self, first: int, calls: int) -> list[float]:
        """Milliseconds beyond the load, of calls that all miss."""
        found = []
        for number in range(first, first + calls):
            began = time.perf_counter()
            self.slow(number)
            found.append((time.perf_counter() - began - LOAD) * 1000)
        return found

    def coherent(self) -> float:
        """Seconds until the other cache's announcement is heard here, and is the last word."""
        began = time.perf_counter()
        while time.perf_counter() - began < _PATIENCE:
            self.version += 1
            try:
                self.other.invalidate(tag("quick", 0))
            except Exception:
                time.sleep(0.01)
                continue
            if self.cache.stats().status.get("undelivered", 0) or not self.cache._engine.backend.proven():
                time.sleep(0.005)
                continue
            end = time.perf_counter() + 0.02
            while time.perf_counter() < end:
                if self.quick(0) == self.version:
                    return time.perf_counter() - began
        return float("inf")

    def kept(self) -> float:
        """The part of the values in memory that is served without a load."""
        self.loads = 0
        for number in range(1, ENTRIES):
            self.quick(number)
        return 1 - self.loads / (ENTRIES - 1)


@contextmanager
def caches(url: str, folder: Path) -> Iterator[Subject]:
    """Two machines."""
    with ExitStack() as stack:
        opened = []
        for name in ("one", "other"):
            place = folder / name
            place.mkdir(mode=0o700)
            os.environ["AFRESH_DIR"] = str(place)
            opened.append(stack.enter_context(Cache(url)))
        yield Subject(*opened)


def ordeal(
    subject: Subject, begin: Callable[[], Any], end: Callable[[], Any], calls: int
) -> dict[str, float]:
    """Trouble, and its end."""
    subject.overheads(0, 3)
    begin()
    first, *others = subject.overheads(100, calls)
    time.sleep(1.2)  # beyond what a last word of the server is good for
    others += subject.overheads(1000, calls)
    end()
    coherent = subject.coherent()
    return {
        "first ms": first,
        "next ms": measure.percentile(others, 0.5),
        "next p99": measure.percentile(others, 0.99),
        "coherent s": coherent,
        "kept": subject.kept(),
    }


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    calls = 20 if options.quick else 100
    made = measure.Table(f"A server in trouble; times beyond the load of {LOAD * 1000:g} ms")
    for name, kind in (("Redis", RedisServer), ("memcached", MemcachedServer)):
        for what in ("stopped", "killed"):
            with tempfile.TemporaryDirectory(prefix="afresh-bench-") as place:
                folder = Path(place)
                with kind(folder / "server") as server, caches(server.url, folder) as subject:
                    acts = (server.pause, server.resume) if what == "stopped" else (server.kill, server.start)
                    figures = ordeal(subject, *acts, calls)
            # A server that was killed has lost its log: nothing from before can be judged.
            goals = (FIRST, NEXT, COHERENT, KEPT) if what == "stopped" else (FIRST, NEXT, COHERENT)
            made.add(f"{name}, {what}", figures, *goals)
    return measure.finish("trouble", [made], options.json)


if __name__ == "__main__":
    sys.exit(main())
