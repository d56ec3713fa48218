"""LRU: the one that was not used for the longest time goes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


def lru(keys: Sequence[int], capacity: int) -> int:
    """Hits of an LRU cache."""
    order: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for key in keys:
        if key in order:
            order.move_to_end(key)
            hits += 1
            continue
        if len(order) >= capacity:
            order.popitem(last=False)
        order[key] = None
    return hits
