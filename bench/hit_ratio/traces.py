"""Sequences of keys: real ones by path, synthetic ones from a seed."""

from __future__ import annotations

import gzip
import random
from array import array
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Trace:
    """What was asked for, in order.

    Attributes:
        name: For the table.
        keys: One integer for each request.
        objects: How many different ones the *whole* trace has; capacities are parts of this.
    """

    name: str
    keys: array[int]
    objects: int

    def first(self, requests: int) -> Trace:
        """The beginning of this trace, at the capacities of the whole."""
        return Trace(self.name, self.keys[:requests], self.objects)


def read(path: Path) -> Trace:
    """Read a trace: text compressed by gzip, one integer a line."""
    with gzip.open(path, "rt") as lines:
        keys = array("q", map(int, lines))
    return Trace(path.name.removesuffix(".gz").removesuffix(".keys"), keys, len(set(keys)))


def zipf(dice: random.Random, objects: int, alpha: float, requests: int) -> list[int]:
    """Independent draws of 0 … objects-1, where the k-th is drawn in proportion to 1 / k^alpha."""
    sums = list(accumulate((rank + 1) ** -alpha for rank in range(objects)))
    draw, total = dice.random, sums[-1]
    return [bisect(sums, draw() * total) for _ in range(requests)]


def _scans(dice: random.Random, objects: int, requests: int) -> Iterator[int]:
    """Zipf, interrupted every now and then by a run of objects that are never asked for again."""
    fresh = objects
    popular = zipf(dice, objects, 1.0, requests)
    for start in range(0, requests, 2000):
        yield from popular[start : start + 2000]
        if dice.random() < 0.5:
            yield from range(fresh, fresh + 1000)
            fresh += 1000


def _table_scan(dice: random.Random, objects: int, requests: int) -> Iterator[int]:
    """Zipf, with one request of three going through a table of the same size from end to end."""
    popular = zipf(dice, objects, 1.0, requests)
    for start in range(0, requests, 1000):
        yield from popular[start : start + 1000]
        yield from (objects + (start // 2 + step) % objects for step in range(500))


def _shift(dice: random.Random, objects: int, requests: int) -> Iterator[int]:
    """Zipf, where all popularity is dealt anew twelve times."""
    order = list(range(objects))
    for _ in range(12):
        dice.shuffle(order)
        yield from (order[rank] for rank in zipf(dice, objects, 1.0, requests // 12))


def _drift(dice: random.Random, objects: int, requests: int) -> Iterator[int]:
    """Zipf, where the most popular object moves on by one every forty requests."""
    ranks = zipf(dice, objects // 4, 0.9, requests)
    return (rank + number // 40 for number, rank in enumerate(ranks))


def _phases(dice: random.Random, objects: int, requests: int) -> Iterator[int]:
    """Popularity that lasts, then a loop, then drift, then the first again."""
    part = requests // 4
    return chain(
        zipf(dice, objects, 0.8, part),
        (objects + number % (objects * 3 // 20) for number in range(part)),
        (2 * objects + key for key in _drift(dice, objects, part)),
        zipf(dice, objects, 0.8, part),
    )


_KINDS: dict[str, Callable[[random.Random, int, int], Iterator[int] | list[int]]] = {
    "zipf 0.7": lambda dice, objects, requests: zipf(dice, objects, 0.7, requests),
    "zipf 1.0": lambda dice, objects, requests: zipf(dice, objects, 1.0, requests),
    "zipf + new": _scans,
    "zipf + table": _table_scan,
    "loop": lambda _, objects, requests: [number % objects for number in range(requests)],
    "shift": _shift,
    "drift": _drift,
    "phases": _phases,
}


def synthetic(seed: int, objects: int = 20_000, requests: int = 600_000) -> list[Trace]:
    """One trace of each kind."""
    made: list[Trace] = []
    for name, make in _KINDS.items():
        keys = array("q", make(random.Random(f"{seed} {name}"), objects, requests))
        made.append(Trace(name, keys, len(set(keys))))
    return made
