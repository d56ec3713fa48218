"""Ghosts: who was evicted lately, and how much was evicted since.

A table of integers, 8 bytes for each ghost, however large the keys are. A ghost lives in one of
the four slots that its hash names, as 20 bits of that hash (a stranger is taken for it about
once in 260,000 times), the queue that it left, and the reading of that queue's clock, which
counts what has left it. A full set of four drops the ghost that is nearest to its end.
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
        number, name = divmod(place, self._sets)
        first, mark = name * _WAYS, (number & _PRINTS) << _PRINT_AT
        table = self._table
        chosen, oldest = first, -1
        for slot in range(first, first + _WAYS):
            held = table[slot]
            if held == 0 or held >> _PRINT_AT << _PRINT_AT == mark:
                chosen = slot
                break
            age = self._age(held, held >> _STAMP_BITS & 1)
            if age > oldest:
                chosen, oldest = slot, age
        stamp = self._clocks[queue] // self._unit + 1 & _STAMPS
        table[chosen] = mark | (_QUEUE_BIT if queue else 0) | stamp

    def take(self, place: int) -> tuple[int, int] | None:
        """Find and forget a ghost.

        Returns:
            The queue it left and the weight that left that queue since, or `None`.
        """
        if not self._sets:
            return None
        number, name = divmod(place, self._sets)
        first, sought = name * _WAYS, number & _PRINTS
        for slot in range(first, first + _WAYS):
            held = self._table[slot]
            if held and held >> _PRINT_AT == sought:
                self._table[slot] = 0
                queue = held >> _STAMP_BITS & 1
                age = self._age(held, queue)
                return (queue, age) if age < self._horizon else None
        return None

    def _age(self, held: int, queue: int) -> int:
        return max(0, self._clocks[queue] - ((held & _STAMPS) - 1) * self._unit)
