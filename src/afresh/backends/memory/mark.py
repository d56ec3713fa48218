"""What the eviction policy remembers of an entry, in the one slot that it has: `Entry.seen`.

One integer holds it all, since an object more for each entry would cost more than the dictionary
does. From the lowest bit:

====== ==================================================================================
bits   what
====== ==================================================================================
0-1    the state: `SMALL`, `MAIN`, `ON_CREDIT` or `RETURNED`
2-4    credit: how many more times it may be spared unread (0 to 7)
5-63   `hits` at the last look, plus 7 (an entry takes over up to 7 hits of the one it replaces)
64-    its weight in bytes; 0 where entries are only counted
====== ==================================================================================

A new entry's mark is at most 255, an integer that Python shares, so that it takes no memory.
"""

from __future__ import annotations

from afresh.core.entry import Entry

SMALL = 0
"""It is in the small queue. The other states are those of entries in the main queue."""
MAIN = 1
"""It was read before the last look."""
ON_CREDIT = 2
"""It was spared at the last look though nobody had read it."""
RETURNED = 3
"""It came to the main queue because its ghost was there, and was not looked at yet."""

MOST_CREDIT = 7

_CREDIT_AT = 2
_LOOKED_AT = 5
_LOOKED_BITS = (1 << 59) - 1
_WEIGHT_AT = 64


def write(entry: Entry, state: int, credit: int, weighed: int, *, unseen: int = 0) -> None:
    """Note that the policy looked at `entry` just now.

    Args:
        entry: The entry.
        state: One of the four.
        credit: 0 to `MOST_CREDIT`.
        weighed: Its weight in bytes; 0 where entries are counted.
        unseen: How many hits the next look shall find beside the new ones, 0 to `MOST_CREDIT`.
    """
    looked = entry.hits + MOST_CREDIT - unseen
    entry.seen = weighed << _WEIGHT_AT | looked << _LOOKED_AT | credit << _CREDIT_AT | state


def used(entry: Entry) -> int:
    """How often `entry` was read since the last look."""
    hits = entry.hits
    since = hits - ((entry.seen >> _LOOKED_AT & _LOOKED_BITS) - MOST_CREDIT)
    return since if since >= 0 else hits  # negative: its counter was begun anew


def state(entry: Entry) -> int:
    """`SMALL`, `MAIN`, `ON_CREDIT` or `RETURNED`."""
    return entry.seen & 3


def credit(entry: Entry) -> int:
    """How many more times it may be spared unread."""
    return entry.seen >> _CREDIT_AT & MOST_CREDIT


def weighed(entry: Entry) -> int:
    """Its weight as it is stored: bytes, or 0 where entries are counted."""
    return entry.seen >> _WEIGHT_AT


def weight(entry: Entry) -> int:
    """What it counts against the limit: bytes, or 1."""
    return entry.seen >> _WEIGHT_AT or 1
