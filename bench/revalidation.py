"""`python -m bench.revalidation [--quick] [--json FILE]`: what invalidations cost those who read, and how soon they are seen.

1. A hit on an entry with 2,000 tags, while unrelated tags are marked between one hit and the next.
2. One tag on a million entries is invalidated, against one tag on one entry.
3. An invalidation in one process is seen by another that reads all the time.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized

from afresh import Cache, tag
from bench import measure
from bench.hit_cost.peers import machine_cache

TAGS = 2000
HITS_A_SECOND = 1000
_clock = time.perf_counter


def many_tags(rounds: int) -> measure.Table:
    """Hits on entries with one tag and with 2,000, after as many marks as come between two hits."""
    made = measure.Table(f"A hit after unrelated marks, {HITS_A_SECOND:,} hits a second: one tag is 1.0")
    for name, open_cache in (
        ("memory://", lambda stack: stack.enter_context(Cache("memory://"))),
        ("Cache()", machine_cache),
    ):
        for marks in (0, 1000, 10_000):
            with ExitStack() as stack:
                made.rows.append(_after_marks(name, open_cache(stack), marks, rounds))
    return made


def _after_marks(name: str, cache: Cache, marks: int, rounds: int) -> measure.Row:
    loads: list[int] = []
    numbers = itertools.count()

    def timed(tags: int) -> measure.Timed:
        parts = [tag("part", number) for number in range(tags)]

        @cache.cached(ttl="1h", prefix=f"page of {tags}", tags=parts)
        def page(number: int) -> int:
            loads.append(number)
            return number

        def one() -> float:
            for _ in range(marks // HITS_A_SECOND):
                cache.invalidate(tag("another", next(numbers)))
            began = _clock()
            page(7)
            return _clock() - began

        one()  # the load
        return lambda: statistics.median(one() for _ in range(50))

    samples = measure.interleave({"one": timed(1), "many": timed(TAGS)}, rounds)
    goals = [measure.Goal("loads", 2)]
    if marks:
        goals.append(measure.Goal("ratio", 1.5))
    micros = {name: statistics.median(values) * 1e6 for name, values in samples.items()}
    return measure.Row(
        f"{name}, {marks:,} marks a second",
        {
            "us, 1 tag": micros["one"],
            f"us, {TAGS:,} tags": micros["many"],
            "ratio": measure.ratio(samples, "many", "one"),
            "loads": len(loads),
        },
        goals,
    )


def one_tag(entries: int, rounds: int) -> measure.Table:
    """Invalidate one tag that is on all entries of a large cache, or on the one entry of a small one."""
    made = measure.Table("One tag invalidated, memory://: on one entry is 1.0")
    with Cache("memory://", l1=2 * entries) as large, Cache("memory://", l1=2 * entries) as small:
        large.set_many({number: number for number in range(entries)}, tags=[tag("all")])
        small.set("only", 1, tags=[tag("all")])

        def timed(cache: Cache) -> measure.Timed:
            def one() -> float:
                began = _clock()
                cache.invalidate(tag("all"))
                return _clock() - began

            return lambda: statistics.median(one() for _ in range(20))

        first = _clock()
        large.invalidate(tag("all"))
        first = _clock() - first
        left = sum(large.get(number) is not None for number in range(0, entries, max(1, entries // 1000)))
        samples = measure.interleave({"one": timed(small), "all": timed(large)}, rounds)
    made.add(
        f"{entries:,} entries",
        {
            "us, first": first * 1e6,
            "us, median": statistics.median(samples["all"]) * 1e6,
            "us, one entry": statistics.median(samples["one"]) * 1e6,
            "ratio": measure.ratio(samples, "all", "one"),
            "still served": left,
        },
        measure.Goal("ratio", 1.5),
        measure.Goal("still served", 0),
    )
    return made


def across_processes(invalidations: int) -> measure.Table:
    """How long after the call of `invalidate` another process begins to load anew."""
    context = multiprocessing.get_context("spawn")
    written, announced = context.Value("Q", 0, lock=False), context.Value("Q", 0, lock=False)
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="afresh-bench-") as folder:
        reader = context.Process(target=_read, args=(folder, theirs, written, announced), daemon=True)
        reader.start()
        ours.recv()
        os.environ["AFRESH_DIR"] = folder
        seen: list[float] = []
        with Cache() as cache:
            for version in range(1, invalidations + 1):
                written.value = version
                began = _clock()
                cache.invalidate(tag("row"))
                announced.value = version
                seen.append((ours.recv() - began) * 1e3)
        del os.environ["AFRESH_DIR"]
        announced.value = 2**63
        stale = ours.recv()
        reader.join()
    made = measure.Table("An invalidation in one process, seen by the next hit in another")
    made.add(
        f"Cache(), {invalidations:,} invalidations",
        {
            "p50 ms": measure.percentile(seen, 0.5),
            "p99 ms": measure.percentile(seen, 0.99),
            "most ms": max(seen),
            "stale answers": stale,
        },
        measure.Goal("p99 ms", 1.0),
        measure.Goal("stale answers", 0),
    )
    made.remarks.append(
        "from the call of invalidate() to the start of the load, one clock for both processes"
    )
    return made


def _read(folder: str, pipe: Connection, written: Synchronized[int], announced: Synchronized[int]) -> None:
    """Read without a pause; tell when each load began, and at the end how many answers were too old."""
    os.environ["AFRESH_DIR"] = folder
    stale = 0
    with Cache() as cache:

        @cache.cached(ttl="1h", prefix="row", tags=[tag("row")])
        def row(number: int) -> int:
            pipe.send(_clock())
            return written.value

        row(1)
        while (least := announced.value) < 2**63:
            stale += row(1) < least
    pipe.send(stale)


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    quick = options.quick
    tables = [across_processes(200 if quick else 5000)]
    measure.pin()
    tables.append(many_tags(9 if quick else 51))
    tables.append(one_tag(100_000 if quick else 1_000_000, 9 if quick else 51))
    return measure.finish("revalidation", tables, options.json)


if __name__ == "__main__":
    sys.exit(main())
