"""Ghosts: who was evicted lately, and how much was evicted since.

A table of integers, 8 bytes for each ghost, however large the keys are. A ghost lives in one of
the eight slots that its hash names (two sets of four), as 20 bits of that hash (a stranger is
taken for it about once in 130,000 times), the queue that it left, and the reading of that queue's
clock, which counts what has left it. Of eight, the one that is nearest to its end makes room. With
one set of four, every fifth ghost died early; in a loop always the same ones, which never hit.
"""

from __future__ import annotations

from array import array

SMALL, MAIN = 0, 1

_WAYS = 4
_STAMP_BITS = 43
_STAMPS = (1 << _STAMP_BITS) - 1
_QUEUE_BIT = 1 << _STAMP_BITS
_PRINT_AT = _STAMP_BITS + 1
_PRINTS = (1 << 20) - 1
_FINEST = 1 << 20
"""A clock ticks at most so often per capacity, so that in bytes too it never runs out of bits."""


class Ghosts:
    """The places that were evicted lately.

    Args:
        horizon: The weight that may leave a queue after a ghost before it is forgotten.
    """

    __slots__ = ("_clocks", "_horizon", "_sets", "_table", "_unit")

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon
        self._unit = max(1, horizon // _FINEST)
        self._clocks = [0, 0]
        self._table = array("Q")
        self._sets = 0

    def fit(self, entries: int) -> None:
        """Make sure that there is room for the ghosts of a cache of `entries` entries.

        A larger table begins empty; that happens once, or a few times while entries get smaller.
        """
        wanted = entries * 3 // 2
        if wanted > self._sets * _WAYS:
            self._sets = max(4, (wanted if not self._sets else wanted * 3 // 2) // _WAYS + 1)
            self._table = array("Q", bytes(8 * _WAYS * self._sets))

    def add(self, place: int, queue: int, weight: int) -> None:
        """Remember that the entry with this hash of its place left `queue`."""
        self._clocks[queue] += weight
        mark, slots = self._slots(place)
        table, clocks = self._table, self._clocks
        chosen, oldest = slots[0], -1
        for slot in slots:
            held = table[slot]
            if held == 0 or held >> _PRINT_AT == mark:
                chosen = slot
                break
            # As `_age`, spelled out: this runs eight times for every eviction.
            age = clocks[held >> _STAMP_BITS & 1] - ((held & _STAMPS) - 1) * self._unit
            if age > oldest:
                chosen, oldest = slot, age
        stamp = clocks[queue] // self._unit + 1 & _STAMPS
        table[chosen] = mark << _PRINT_AT | (_QUEUE_BIT if queue == MAIN else 0) | stamp

    def take(self, place: int) -> tuple[int, int] | None:
        """Find and forget a ghost.

        Returns:
            The queue it left and the weight that left that queue since, or `None`.
        """
        if not self._sets:
            return None
        sought, slots = self._slots(place)
        for slot in slots:
            held = self._table[slot]
            if held and held >> _PRINT_AT == sought:
                self._table[slot] = 0
                queue = held >> _STAMP_BITS & 1
                age = self._age(held, queue)
                return (queue, age) if age < self._horizon else None
        return None

    def _slots(self, place: int) -> tuple[int, tuple[int, ...]]:
        """The bits that a ghost is known by, and where it may be."""
        number, first = divmod(place, self._sets)
        one, other = first * _WAYS, (number >> 20) % self._sets * _WAYS
        return number & _PRINTS, (one, one + 1, one + 2, one + 3, other, other + 1, other + 2, other + 3)

    def _age(self, held: int, queue: int) -> int:
        return max(0, self._clocks[queue] - ((held & _STAMPS) - 1) * self._unit)
