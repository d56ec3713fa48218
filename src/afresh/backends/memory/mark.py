"""What the eviction policy remembers of an entry, in the one slot that it has: `Entry.seen`.

One integer holds it all, since an object more for each entry would cost more than the dictionary
does. From the lowest bit:

====== ==================================================================================
bits   what
====== ==================================================================================
0      the entry is in the main queue
1      it was spared at the last look though nobody had used it: it lives on credit
2-4    credit: how many more times it may be spared (0 to 7)
5-63   `hits` at the last look, plus 7 (an entry takes over up to 7 hits of the one it replaces)
64-    its weight in bytes; 0 where entries are only counted
====== ==================================================================================

A new entry's mark is at most 255, an integer that Python shares, so that it takes no memory.
"""

from __future__ import annotations

from afresh.core.entry import Entry

MAIN = 1
ON_CREDIT = 2
MOST_CREDIT = 7

_CREDIT_AT = 2
_LOOKED_AT = 5
_LOOKED_BITS = (1 << 59) - 1
_WEIGHT_AT = 64


def write(entry: Entry, flags: int, credit: int, weight: int, *, unseen: int = 0) -> None:
    """Note that the policy looked at `entry` just now.

    Args:
        entry: The entry.
        flags: `MAIN` and `ON_CREDIT`.
        credit: 0 to `MOST_CREDIT`.
        weight: In bytes; 0 where entries are counted.
        unseen: How many hits the next look shall find beside the new ones, 0 to `MOST_CREDIT`.
    """
    looked = entry.hits + MOST_CREDIT - unseen
    entry.seen = weight << _WEIGHT_AT | looked << _LOOKED_AT | credit << _CREDIT_AT | flags


def used(entry: Entry) -> int:
    """How often `entry` was read since the last look."""
    hits = entry.hits
    since = hits - ((entry.seen >> _LOOKED_AT & _LOOKED_BITS) - MOST_CREDIT)
    return since if since >= 0 else hits  # negative: its counter was begun anew


def credit(entry: Entry) -> int:
    """How many more times it may be spared."""
    return entry.seen >> _CREDIT_AT & MOST_CREDIT


def in_main(entry: Entry) -> bool:
    """Whether it is in the main queue."""
    return entry.seen & MAIN != 0


def on_credit(entry: Entry) -> bool:
    """Whether it was spared at the last look without a hit."""
    return entry.seen & ON_CREDIT != 0


def weighed(entry: Entry) -> int:
    """Its weight as it is stored: bytes, or 0 where entries are counted."""
    return entry.seen >> _WEIGHT_AT


def weight(entry: Entry) -> int:
    """What it counts against the limit: bytes, or 1."""
    return entry.seen >> _WEIGHT_AT or 1
