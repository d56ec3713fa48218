"""Small reference policies and request sequences for the tests of the memory store's eviction."""

from __future__ import annotations

import random
from bisect import bisect
from collections import OrderedDict, deque
from collections.abc import Sequence
from itertools import accumulate

from afresh.backends.memory.limit import Limit
from afresh.backends.memory.store import MemoryStore
from afresh.core.entry import NEVER, Entry, Facts

FACTS = Facts("", 0)


def entry_at(space: dict, index: object, value: object = None) -> Entry:
    return Entry(value, FACTS, space, index, fresh_until=NEVER, checked_at=0)


def store_ratio(keys: Sequence[int], capacity: int, value_bytes: int = 0) -> float:
    """Hit ratio of the memory store; with `value_bytes`, bounded by what `capacity` such entries take."""
    value = b"x" * value_bytes
    if value_bytes:
        probe = MemoryStore(Limit(10**9, in_bytes=True))
        probe.admit(entry_at(probe.space(), 1, value))
        store = MemoryStore(Limit(capacity * probe.bytes, in_bytes=True))
    else:
        store = MemoryStore(Limit(capacity))
    space, hits = store.space(), 0
    for key in keys:
        entry = space.get(key)
        if entry is None:
            store.admit(entry_at(space, key, value))
        else:
            entry.hits += 1
            hits += 1
    return hits / len(keys)


def lru_ratio(keys: Sequence[int], capacity: int) -> float:
    order: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for key in keys:
        if key in order:
            order.move_to_end(key)
            hits += 1
            continue
        order[key] = None
        if len(order) > capacity:
            order.popitem(last=False)
    return hits / len(keys)


def s3fifo_ratio(keys: Sequence[int], capacity: int) -> float:
    small: deque[int] = deque()
    main: deque[int] = deque()
    ghosts: OrderedDict[int, None] = OrderedDict()
    uses: dict[int, int] = {}
    small_size, hits = max(1, capacity // 10), 0
    for key in keys:
        if key in uses:
            uses[key] = min(3, uses[key] + 1)
            hits += 1
            continue
        while len(uses) >= capacity:
            if len(small) >= small_size:
                victim = small.popleft()
                if uses[victim] > 1:
                    uses[victim] = 0
                    main.append(victim)
                    continue
                ghosts[victim] = None
                if len(ghosts) > capacity - small_size:
                    ghosts.popitem(last=False)
            else:
                victim = main.popleft()
                if uses[victim]:
                    uses[victim] -= 1
                    main.append(victim)
                    continue
            del uses[victim]
        (main if key in ghosts else small).append(key)
        ghosts.pop(key, None)
        uses[key] = 0
    return hits / len(keys)


def zipf(seed: int, objects: int, alpha: float, requests: int) -> list[int]:
    dice = random.Random(seed)
    sums = list(accumulate((rank + 1) ** -alpha for rank in range(objects)))
    return [bisect(sums, dice.random() * sums[-1]) for _ in range(requests)]


def drift(seed: int, requests: int) -> list[int]:
    """Popularity that moves on: the home of LRU."""
    return [rank + number // 40 for number, rank in enumerate(zipf(seed, 2000, 0.9, requests))]


def with_scans(seed: int, objects: int, requests: int) -> list[int]:
    """Lasting popularity with runs of objects that are never asked for again: the ruin of LRU."""
    keys: list[int] = []
    fresh = objects
    for start, key in enumerate(zipf(seed, objects, 1.0, requests)):
        if start % 1000 == 0:
            keys.extend(range(fresh, fresh + 400))
            fresh += 400
        keys.append(key)
    return keys
