"""SIEVE: a hand walks from the oldest to the newest and takes the first that was not used.

Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024.
"""

from __future__ import annotations

from collections.abc import Sequence


def sieve(keys: Sequence[int], capacity: int) -> int:
    """Hits of a SIEVE cache."""
    newer: dict[int | None, int | None] = {None: None}  # a ring; None lies between newest and oldest
    older: dict[int | None, int | None] = {None: None}
    visited: dict[int, bool] = {}
    hand: int | None = None
    hits = 0
    for key in keys:
        if key in visited:
            visited[key] = True
            hits += 1
            continue
        if len(visited) >= capacity:
            if hand is None:
                hand = newer[None]
            while hand is None or visited[hand]:
                if hand is not None:
                    visited[hand] = False
                hand = newer[hand]
            before, after = older.pop(hand), newer.pop(hand)
            newer[before], older[after] = after, before
            del visited[hand]
            hand = after
        newest = older[None]
        newer[newest], older[key], newer[key], older[None] = key, newest, None, key
        visited[key] = False
    return hits
