"""`python -m bench.django_backend [--quick] [--json FILE]`: what a call of Django's cache API costs.

Ours beside Django's own backends and django-redis, on servers on loopback, by turns: a hit, and the
other calls. The reference is the client's plain GET. Runs in an environment of its own, which the first
run makes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import environments, measure
from bench.django_backend import peers

WITHIN = "AFRESH_BENCH_DJANGO_BACKEND"
TOGETHER = 50
GOALS = {
    "get": measure.Goal("ratio", 1.0),
    "aget": measure.Goal("ratio", 1.0),
    "get on memcached": measure.Goal("ratio", 1.0),
}
"""At most a plain GET of the client itself, which each of the others takes longer than; on memcached at most
Django's own backend.
"""


def timed(call: Callable[[int], Any], count: int, each: int = 1) -> measure.Timed:
    """Microseconds of a call; one that does several things counts as so many."""

    def work() -> float:
        began = time.perf_counter()
        for number in range(count):
            call(number % peers.KEYS)
        return (time.perf_counter() - began) / (count * each) * 1e6

    return work


def table(
    title: str, of: Mapping[str, measure.Timed], rounds: int, goals: Mapping[str, measure.Goal]
) -> measure.Table:
    """Measure all of them by turns; the first is 1.0."""
    samples = measure.interleave(of, rounds)
    first = next(iter(of))
    made = measure.Table(f"{title}: {first} is 1.0")
    for name in samples:
        figures = {
            "us": measure.percentile(samples[name], 0.5),
            "ratio": measure.ratio(samples, name, first),
        }
        made.add(name, figures, *([goals[name]] if name in goals else []))
    return made


def on_redis(url: str, rounds: int, count: int, runner: asyncio.Runner) -> list[measure.Table]:
    """All calls on Redis, by name of the call."""
    caches = {name: peer.open() for name, peer in peers.redis_backends(url).items()}
    plain = {"redis-py GET": timed(peers.redis_py(url), count)}
    tables = []
    for call in ("get", "get_or_set", "set", "incr"):
        of = {name: timed(peers.calls(cache)[call], count) for name, cache in caches.items()}
        goals = {"afresh": GOALS[call]} if call in GOALS else {}
        tables.append(table(f"{call} on Redis", {**plain, **of}, rounds, goals))
    of = {
        name: timed(peers.awaited(cache, runner, TOGETHER), max(count // TOGETHER, 2), TOGETHER)
        for name, cache in caches.items()
    }
    plain = {
        "redis.asyncio GET": timed(
            peers.redis_py_async(url, runner, TOGETHER), max(count // TOGETHER, 2), TOGETHER
        )
    }
    return [*tables, table("aget on Redis", {**plain, **of}, rounds, {"afresh": GOALS["aget"]})]


def elsewhere(memcached: str, folder: Path, rounds: int, count: int) -> list[measure.Table]:
    """A hit on the other stores, beside Django's own."""
    plain = {"pymemcache get": timed(peers.pymemcache(memcached), count)}
    kinds = {
        "get on memcached": (peers.Peer(peers.OURS, memcached), peers.Peer(peers.CORE_MEMCACHED, memcached)),
        "get in memory": (peers.Peer(peers.OURS, "memory://"), peers.Peer(peers.LOCMEM, "bench")),
        "get from files": (
            peers.Peer(peers.OURS, f"sqlite:///{folder}/ours"),
            peers.Peer(peers.FILES, f"{folder}/theirs"),
        ),
    }
    tables = []
    for title, (ours, theirs) in kinds.items():
        of = {
            f"Django's {theirs.backend.rpartition('.')[2]}": timed(peers.calls(theirs.open())["get"], count),
            "afresh": timed(peers.calls(ours.open())["get"], count),
        }
        if "memcached" in title:
            of |= plain
        goals = {"afresh": GOALS[title]} if title in GOALS else {}
        tables.append(table(title, of, rounds, goals))
    return tables


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    if WITHIN not in os.environ:
        python = environments.environment(
            "bench-django-backend", "django==5.2.*", "django-redis", "pymemcache", extras="sql,redis"
        )
        command = [python, "-m", "bench.django_backend", *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, WITHIN: "1"}, check=False).returncode
    return measured(options)


def measured(options: Any) -> int:
    """The same, where all of them are installed."""
    from django.conf import settings

    from afresh.testing.servers import MemcachedServer, RedisServer

    settings.configure(SECRET_KEY="the secret of this benchmark", CACHES={})
    measure.pin()  # the servers inherit it: else a call mostly measures how long a processor takes to wake up
    rounds, count = (7, 200) if options.quick else (31, 1000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="afresh-bench-")))
        os.environ["AFRESH_DIR"] = str(folder / "machine")
        redis = stack.enter_context(RedisServer(folder / "redis"))
        memcached = stack.enter_context(MemcachedServer(folder / "memcached"))
        runner = stack.enter_context(asyncio.Runner())
        tables = [
            *on_redis(redis.url, rounds, count, runner),
            *elsewhere(memcached.address, folder, rounds, count),
        ]
    return measure.finish("Django's cache API", tables, options.json)


if __name__ == "__main__":
    sys.exit(main())
