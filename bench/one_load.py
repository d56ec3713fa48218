"""`python -m bench.one_load [--quick] [--json FILE]`: how often a hundred concurrent misses load.

A hundred callers ask for one key that nobody has, at once. The load takes a while. How many loads
happen, and how long after the length of one load does the last caller have its value?
Packages that have a mode against this are also shown with it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from afresh import Cache
from bench import measure
from bench.hit_cost import peers

CALLERS = 100
PROCESSES = 4
LOAD = 0.2  # seconds
GOALS = (measure.Goal("loads", 1), measure.Goal("last ms", 30))
_clock = time.monotonic

THREADS = {
    **peers.SYNC,
    "cachetools + condition": peers.cachetools_condition,
}
TASKS = {
    **peers.ASYNC,
    "aiocache stampede": peers.aiocache_stampede,
    "cashews lock": peers.cashews_lock,
}


class Counted:
    """A slow function that counts its calls."""

    def __init__(self) -> None:
        self.loads = 0
        self._lock = threading.Lock()

    def load(self, a: int, b: str) -> int:
        """Block for as long as a load takes."""
        self._count()
        time.sleep(LOAD)
        return a

    async def load_async(self, a: int, b: str) -> int:
        """The same for an event loop."""
        self._count()
        await asyncio.sleep(LOAD)
        return a

    def _count(self) -> None:
        with self._lock:
            self.loads += 1


def in_threads(function: Callable[[int, str], Any], number: int, callers: int, start: float) -> list[float]:
    """Call from threads at one moment; returns how many seconds each took."""

    def call(_: int) -> float:
        time.sleep(max(0.0, start - _clock()))
        began = _clock()
        function(number, "shop")
        return _clock() - began

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(call, range(callers)))


async def in_tasks(
    function: Callable[[int, str], Any], number: int, callers: int, start: float
) -> list[float]:
    """The same from tasks of one event loop."""

    async def call() -> float:
        await asyncio.sleep(max(0.0, start - _clock()))
        began = _clock()
        await function(number, "shop")
        return _clock() - began

    return await asyncio.gather(*(call() for _ in range(callers)))


def _soon() -> float:
    return _clock() + 0.1  # by then every thread stands at the line


def threads(make: peers.Adapter, rounds: int) -> dict[str, float]:
    """A hundred threads."""
    counted = Counted()

    def load(a: int, b: str) -> int:
        return counted.load(a, b)

    with ExitStack() as stack:
        function = make(load, stack)
        return _figures(counted, rounds, lambda number: in_threads(function, number, CALLERS, _soon()))


def tasks(make: peers.Adapter, rounds: int) -> dict[str, float]:
    """A hundred tasks."""
    counted = Counted()

    async def load(a: int, b: str) -> int:
        return await counted.load_async(a, b)

    with ExitStack() as stack, asyncio.Runner() as runner:
        function = make(load, stack)
        return _figures(
            counted, rounds, lambda number: runner.run(in_tasks(function, number, CALLERS, _soon()))
        )


def mixed(cache: Cache, rounds: int) -> dict[str, float]:
    """Fifty threads and, on an event loop in another one, fifty tasks, for the same key."""
    counted = Counted()

    def sync(number: int, _: str) -> Any:
        return cache.get_or_load(number, lambda: counted.load(number, ""))

    async def asynchronous(number: int, _: str) -> Any:
        return await cache.aio.get_or_load(number, lambda: counted.load_async(number, ""))

    def both(number: int) -> list[float]:
        half, start = CALLERS // 2, _soon()
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(in_threads, sync, number, half, start)
            return asyncio.run(in_tasks(asynchronous, number, half, start)) + ended.result()

    return _figures(counted, rounds, both)


def processes(rounds: int) -> dict[str, float]:
    """Twenty-five threads in each of four processes."""
    with _workers() as pipes:

        def together(number: int) -> list[float]:
            start = _clock() + 0.2
            for pipe in pipes:
                pipe.send((number, start))
            answers = [pipe.recv() for pipe in pipes]
            counted.loads += sum(loads for loads, _ in answers)
            return [seconds for _, each in answers for seconds in each]

        counted = Counted()
        return _figures(counted, rounds, together)


def _figures(counted: Counted, rounds: int, ask: Callable[[int], list[float]]) -> dict[str, float]:
    loads, last = [], []
    for number in range(rounds):
        counted.loads = 0
        slowest = max(ask(number))
        loads.append(counted.loads)
        last.append((slowest - LOAD) * 1e3)
    return {"loads": max(loads), "last ms": statistics.median(last), "worst ms": max(last)}


@contextmanager
def _workers() -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="afresh-bench-") as folder:
        pipes = [context.Pipe() for _ in range(PROCESSES)]
        workers = [context.Process(target=_work, args=(theirs, folder), daemon=True) for _, theirs in pipes]
        for worker in workers:
            worker.start()
        ours = [pipe for pipe, _ in pipes]
        for pipe in ours:
            pipe.recv()
        yield ours
        for pipe in ours:
            pipe.send(None)
        for worker in workers:
            worker.join()


def _work(pipe: Connection, folder: str) -> None:
    os.environ["AFRESH_DIR"] = folder
    counted = Counted()
    with Cache() as cache:

        @cache.cached(ttl="1h", prefix="page")
        def page(a: int, b: str) -> int:
            return counted.load(a, b)

        pipe.send("ready")
        while (asked := pipe.recv()) is not None:
            number, start = asked
            counted.loads = 0
            seconds = in_threads(page, number, CALLERS // PROCESSES, start)
            pipe.send((counted.loads, seconds))


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    rounds = 2 if options.quick else 9
    title = f"A hundred concurrent misses of one key, loaded in {LOAD * 1e3:.0f} ms"
    made = measure.Table(f"{title}: loads, and how late the last caller was (median and worst round)")
    for kind, adapters, run in (("threads", THREADS, threads), ("tasks", TASKS, tasks)):
        for name, make in peers.installed(adapters).items():
            goals = GOALS if name.startswith("afresh") else ()
            made.add(f"{kind}: {name}", run(make, rounds), *goals)
        made.remarks += [f"{name}: not installed" for name in peers.missing(adapters)]
    with ExitStack() as stack:
        for name, cache in (("memory://", Cache("memory://")), ("Cache()", peers.machine_cache(stack))):
            with cache:
                made.add(f"50 threads, 50 tasks: afresh {name}", mixed(cache, rounds), *GOALS)
    made.add(f"{PROCESSES} processes: afresh Cache()", processes(rounds), *GOALS)
    return measure.finish("one load", [made], options.json)


if __name__ == "__main__":
    sys.exit(main())
