"""`python -m bench.server_hits [--quick] [--json FILE]`: what a hit costs that comes from a server.

A hundred keys are read again and again from a server on loopback, by turns with other packages: one
call after the other, and by fifty callers on one event loop. Nothing is kept in the process. Ours
judges expiry and dependencies and decodes the value; the reference is a plain GET of as many bytes.
What no Python can do without is a row too: a socket, and hiredis' reader.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from afresh.testing.servers import MemcachedServer, RedisServer
from bench import measure
from bench.server_hits import peers
from bench.server_hits.validated import validated

CALLERS = 50
LEAST_OF_EACH = 20  # calls of one caller: to begin fifty tasks takes as long as a few hits
GOALS = {"redis": 0.6, "redis, awaited": 0.4, "redis, 50 callers": 0.15, "memcached": 1.0}
OWN_CLIENT = 1.15


def one_by_one(hit: peers.Hit, calls: int) -> measure.Timed:
    """Microseconds of a call."""

    def timed() -> float:
        began = time.perf_counter()
        for number in range(calls):
            hit(number % peers.KEYS)
        return (time.perf_counter() - began) / calls * 1e6

    return timed


def awaited(hit: peers.AsyncHit, calls: int, callers: int, runner: asyncio.Runner) -> measure.Timed:
    """Microseconds of a call, with so many callers at once."""
    calls = max(calls, callers * LEAST_OF_EACH)

    async def caller(first: int) -> None:
        for number in range(first, first + calls // callers):
            await hit(number % peers.KEYS)

    async def all_of_them() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(caller(7 * number) for number in range(callers)))
        return (time.perf_counter() - began) / calls * 1e6

    return lambda: runner.run(all_of_them())


def table(
    title: str, adapters: Mapping[str, peers.Adapter], url: str, rounds: int, time_it: Callable[[Any], Any]
) -> measure.Table:
    """Measure all adapters by turns; the first one is 1.0."""
    absent = peers.missing(adapters)
    with ExitStack() as stack:
        timed = {name: time_it(make(url, stack)) for name, make in adapters.items() if name not in absent}
        samples = measure.interleave(timed, rounds)
    reference = next(iter(adapters))
    made = measure.Table(f"A hit from {title}: {reference} is 1.0")
    for name in samples:
        goals = [measure.Goal("ratio", GOALS[title])] if name == "afresh" else []
        goals += [measure.Goal("ratio", OWN_CLIENT)] if name == "afresh, Cache(client)" else []
        us = measure.percentile(samples[name], 0.5)
        made.add(name, {"us": us, "ratio": measure.ratio(samples, name, reference)}, *goals)
    made.remarks += [f"{name}: not installed" for name in absent]
    return made


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    # The servers inherit it: on two processors a call would mostly measure how long one takes to wake up.
    measure.pin()
    rounds, calls = (9, 200) if options.quick else (41, 1000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="afresh-bench-")))
        redis = stack.enter_context(RedisServer(folder / "redis"))
        memcached = stack.enter_context(MemcachedServer(folder / "memcached"))
        runner = stack.enter_context(asyncio.Runner())
        tables = [
            table("redis", peers.REDIS, redis.url, rounds, lambda hit: one_by_one(hit, calls)),
            *(
                table(
                    title,
                    {**peers.REDIS_ASYNC, "a bare socket": peers.bare_async} if n == 1 else peers.REDIS_ASYNC,
                    redis.url,
                    rounds,
                    lambda hit, n=n: awaited(hit, calls, n, runner),
                )
                for title, n in (("redis, awaited", 1), ("redis, 50 callers", CALLERS))
            ),
            table("memcached", peers.MEMCACHED, memcached.url, rounds, lambda hit: one_by_one(hit, calls)),
            validated(redis, rounds, calls),
        ]
    return measure.finish("hits from servers", tables, options.json)


if __name__ == "__main__":
    sys.exit(main())
