"""What the eviction policy learns while it runs: how large the small queue is, and what credit is worth.

Both answers compare marginal gains, hits that one more unit of room would have brought, which is
the currency of ARC (Megiddo and Modha, FAST 2003) and of hit density (Beckmann et al., NSDI 2018).
The measurements are in weights (bytes, or entries that weigh 1), so both kinds of limit share them.
"""

from __future__ import annotations

from afresh.backends.memory.ghosts import MAIN, SMALL

_FIRST, _LEAST, _MOST = 0.10, 0.01, 0.50
"""The small queue's share of the capacity: at first, and its bounds."""
_STEP = 0.005
"""How much of the capacity one ghost moves from one queue to the other."""
_NEAR = 0.10
"""A ghost counts for its queue if so much more capacity would have kept it."""
_EXPLORE = 8
"""Every so many refusals credit is given all the same, to learn whether it pays by now."""


class Balance:
    """The two settings of an eviction policy that follow the workload.

    Attributes:
        small: Weight that the small queue may have.
        near: Ghosts younger than this weight of evictions speak for a larger queue.
    """

    __slots__ = (
        "_capacity", "_lent", "_loans", "_looked", "_missed", "_refused", "_repaid", "near", "small",
    )  # fmt: skip

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.near = max(1.0, capacity * _NEAR)
        self.small = max(1.0, capacity * _FIRST)
        self._missed = 0.0  # near ghosts of the main queue that came back,
        self._looked = 1.0  # while so much weight of it was looked at
        self._repaid = 1.0  # entries on credit that were used,
        self._lent = 1.0  # of so much weight that lived on credit
        self._loans = 0
        self._refused = 0

    def returned(self, queue: int, age: int) -> None:
        """A ghost of `queue` came back after `age` more weight had left that queue."""
        if age >= self.near:
            return
        step = self._capacity * _STEP
        if queue == SMALL:
            self.small = min(self.small + step, max(1.0, self._capacity * _MOST))
        elif queue == MAIN:
            self.small = max(self.small - step, self._capacity * _LEAST, 1.0)
            self._missed += 1

    def looked(self, weight: int) -> None:
        """An entry of the main queue was looked at."""
        self._looked += weight
        if self._looked > 2 * self._capacity:
            self._looked /= 2
            self._missed /= 2

    def settled(self, weight: int, used: bool, entries: int) -> None:
        """An entry that lived on credit was looked at again."""
        self._lent += weight
        self._repaid += used
        self._loans += 1
        if self._loans > max(50, entries // 4):
            self._loans //= 2
            self._lent /= 2
            self._repaid /= 2

    def lends(self, main: int) -> bool:
        """Whether to spare an entry for its former hits, in a main queue of weight `main`.

        Credit pays when a unit of room given to such an entry, until the next look at it, brings
        more hits than the same unit would as additional room of the main queue: its near ghosts
        that came back, per unit of `near` and per round of looks.
        """
        if self._repaid / self._lent > self._missed / self.near * (main / self._looked):
            return True
        self._refused += 1
        return self._refused % _EXPLORE == 0
