"""Belady's MIN: the one that will be asked for last goes. It needs to know the future.

Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 1966.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from heapq import heappop, heappush


def belady(keys: Sequence[int], capacity: int) -> int:
    """Hits of the best possible cache that has to store what it loads."""
    never = len(keys)
    following = array("q", [never]) * never
    upcoming: dict[int, int] = {}
    for number in range(never - 1, -1, -1):
        following[number] = upcoming.get(keys[number], never)
        upcoming[keys[number]] = number
    stored: dict[int, int] = {}  # key → when it is asked for next
    latest: list[tuple[int, int]] = []  # the same, farthest first; outdated pairs are skipped
    hits = 0
    for number, key in enumerate(keys):
        if key in stored:
            hits += 1
        elif len(stored) >= capacity:
            while True:
                when, victim = heappop(latest)
                if stored.get(victim) == -when:
                    break
            del stored[victim]
        stored[key] = following[number]
        heappush(latest, (-following[number], key))
    return hits
