"""Loader races invalidation over real servers, which are stopped, killed, emptied and restored meanwhile.

`strict` gives nobody less than was acknowledged before it asked; `bounded` nobody what has been old for
longer than the bound.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chaos import MemcachedTrouble, RedisTrouble, WorkerTrouble, wreak
from history import ROWS
from server_crew import ServerCrew, outcome, ready, total

from afresh import Cache, Row
from afresh.testing.servers import MemcachedServer, RedisSentinels, RedisServer
from sizes import seed, size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

BOUND = 1.0 + 0.1  # max_stale, and what a busy machine takes to look at its clock


@contextmanager
def trouble(kind: str, folder: Path) -> Iterator[RedisTrouble | MemcachedTrouble]:
    if kind == "memcached":
        with MemcachedServer(folder) as memcached:
            yield MemcachedTrouble(memcached)
    else:
        with RedisServer(folder, flavour=kind) as redis:  # type: ignore[arg-type]
            yield RedisTrouble(redis)


@pytest.mark.parametrize("consistency", ["strict", "bounded"])
@pytest.mark.parametrize("kind", ["redis7", "valkey9", "memcached"])
def test_trouble_makes_nothing_stale(kind: str, consistency: str, tmp_path: Path) -> None:
    seconds, readers, callers = size((9, 3, 6), (240, 8, 16))
    chance = random.Random(seed())
    with trouble(kind, tmp_path / "server") as server:
        crew = ServerCrew(tmp_path, server.server.url, seed(), consistency=consistency, callers=callers)
        counts = run(crew, server.acts(), seconds, readers, chance)
        settled(crew, server.server.url)
    report(kind, consistency, counts)
    assert counts["wrong"] == counts["damaged"] == 0
    assert counts["oldest_ms"] <= (0 if consistency == "strict" else BOUND * 1000)
    assert counts["reads"] > size(200, 1_000_000)
    assert counts["writes"] > size(10, 2_000)


@pytest.mark.parametrize("consistency", ["strict", "bounded"])
def test_a_failover_makes_nothing_stale(consistency: str, tmp_path: Path) -> None:
    rounds, readers, callers = size((1, 2, 6), (8, 8, 16))
    # A primary without replicas may have been deposed, or just been born: `strict` must not believe it.
    least = "1" if consistency == "strict" else "0"
    options = ("--min-replicas-to-write", least, "--min-replicas-max-lag", "2")
    with RedisSentinels(tmp_path / "servers", options=options) as sentinels:
        crew = ServerCrew(tmp_path, sentinels.url, seed(), consistency=consistency, callers=callers)

        def fail_over() -> None:
            old = sentinels.primary()
            old.kill()
            sentinels.wait_for_another(old)
            time.sleep(1.0)
            old.start()
            time.sleep(1.5)  # it has to be known to the sentinels, and in step, to be the next

        counts = run(crew, [fail_over], rounds * 6.0, readers, random.Random(seed()))
        settled(crew, sentinels.url)
    report("sentinels", consistency, counts)
    assert counts["wrong"] == counts["damaged"] == 0
    assert counts["oldest_ms"] <= (0 if consistency == "strict" else BOUND * 1000)


def run(
    crew: ServerCrew, acts: list[Any], seconds: float, count: int, chance: random.Random
) -> dict[str, Any]:
    """Readers on two machines, writers on both, and trouble for all."""
    readers = [crew.start("reader", seconds + 2, machine=number % 2) for number in range(count)]
    writers = [crew.start("writer", seconds + 1, machine=number % 2, number=number) for number in range(2)]
    ready([*readers, *writers])
    written = []

    def another(number: int) -> subprocess.Popen[str]:
        process = crew.start("writer", seconds + 1, machine=number % 2, number=number)
        written.append(process)
        return process

    people = WorkerTrouble(readers, writers, another, chance)
    done = wreak([*acts, *people.acts()], seconds, chance)
    for process in written:  # they were given the whole time, so they go on
        process.kill()
    counts = [outcome(process, seconds + 90) for process in readers]
    counts += [outcome(process, seconds + 90) for process in writers if process not in written]
    for process in written:
        process.communicate()
    return {**total(counts), "writes": sum(crew.history.versions), "done": done}


def settled(crew: ServerCrew, url: str) -> None:
    """When all is over, everybody soon gets what is there: nothing is stuck."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFRESH_DIR", str(crew.folder / "machine0"))
        cache = Cache(url)

        @cache.cached(ttl=60, tags=lambda i: [Row("row", i)], prefix="row")
        def row(i: int) -> dict[str, int]:
            return {"row": i, "version": crew.history.versions[i]}

        end = time.monotonic() + 15
        while any(row(i)["version"] < crew.history.versions[i] for i in range(ROWS)):
            assert time.monotonic() < end, "what a dead writer changed stays hidden"
            time.sleep(0.05)
        cache.close()


def report(kind: str, consistency: str, counts: dict[str, Any]) -> None:
    print(f"\n{kind}, {consistency}: {counts}")
