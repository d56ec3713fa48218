"""`python -m bench.hit_cost [--quick] [--json FILE]`: what a hit costs in one process.

A function of two arguments is called over 1,000 keys in a plain `for` loop; the loop's own cost is
in every figure alike. Time is this process's processor time, so other processes disturb it little.
"""

from __future__ import annotations

import asyncio
import sys
import time
import types
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from bench import measure
from bench.hit_cost.peers import ASYNC, NO_KEYWORDS, SYNC, Adapter, installed, missing

CALLS = [(number, f"shop {number % 10}") for number in range(1000)]
_ROUND = 0.008  # seconds that one of a round takes about

GOALS = {
    "f(a, b)": {"afresh memory://": 2.0, "afresh Cache()": 2.4},
    "f(a=a, b=b)": {"afresh memory://": 1.1, "afresh Cache()": 1.1},
    "await f(a, b)": {"afresh memory://": 1.8, "afresh Cache()": 1.8},
}


def load(a: int, b: str) -> int:
    """What is cached."""
    return a


async def load_async(a: int, b: str) -> int:
    """What is cached."""
    return a


def positional(function: Callable[..., Any], passes: int) -> float:
    """Seconds of so many passes over the keys."""
    clock = time.process_time
    began = clock()
    for _ in range(passes):
        for a, b in CALLS:
            function(a, b)
    return clock() - began


def by_keyword(function: Callable[..., Any], passes: int) -> float:
    """The same, called with keyword arguments."""
    clock = time.process_time
    began = clock()
    for _ in range(passes):
        for a, b in CALLS:
            function(a=a, b=b)
    return clock() - began


async def awaited(function: Callable[..., Any], passes: int) -> float:
    """The same, awaited."""
    clock = time.process_time
    began = clock()
    for _ in range(passes):
        for a, b in CALLS:
            await function(a, b)
    return clock() - began


def own(loop: Callable[..., Any]) -> Any:
    """A copy of a timing loop with bytecode of its own.

    The interpreter specialises a call for the function that it has seen there. One loop for all
    would be specialised for the one measured before.
    """
    return types.FunctionType(loop.__code__.replace(), globals())


def timed(loop: Callable[..., Any], function: Any, run: Callable[[Any], float]) -> measure.Timed:
    """Nanoseconds of a call, with as many passes a round as fit its time."""
    mine = own(loop)
    run(mine(function, 1))  # the misses
    passes = max(1, int(_ROUND / max(run(mine(function, 1)), 1e-6)))
    return lambda: run(mine(function, passes)) / passes / len(CALLS) * 1e9


def table(
    call: str,
    adapters: Mapping[str, Adapter],
    loop: Callable[..., Any],
    function: Any,
    run: Callable[[Any], float],
    rounds: int,
) -> measure.Table:
    """Measure all adapters by turns; the first one is 1.0."""
    with ExitStack() as stack:
        samples = measure.interleave(
            {name: timed(loop, make(function, stack), run) for name, make in installed(adapters).items()},
            rounds,
        )
    reference = next(iter(samples))
    made = measure.Table(f"Cost of a hit, {call}: {reference} is 1.0")
    for name in samples:
        limit = GOALS[call].get(name)
        goals = [] if limit is None else [measure.Goal("ratio", limit)]
        ns = measure.percentile(samples[name], 0.5)
        made.add(name, {"ns": ns, "ratio": measure.ratio(samples, name, reference)}, *goals)
    made.remarks += [f"{name}: not installed" for name in missing(adapters)]
    return made


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    measure.pin()
    rounds = 15 if options.quick else 99
    keywords = {name: make for name, make in SYNC.items() if name not in NO_KEYWORDS}
    with asyncio.Runner() as runner:
        tables = [
            table("f(a, b)", SYNC, positional, load, float, rounds),
            table("f(a=a, b=b)", keywords, by_keyword, load, float, rounds),
            table("await f(a, b)", ASYNC, awaited, load_async, runner.run, rounds),
        ]
    return measure.finish("cost of a hit", tables, options.json)


if __name__ == "__main__":
    sys.exit(main())
