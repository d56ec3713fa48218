"""What the eviction policy learns while it runs: how large the small queue is, and whom to trust.

All answers compare marginal gains, the hits that one more unit of room brings: the currency of
ARC (Megiddo and Modha, FAST 2003) and of hit density (Beckmann, Chen, Cidon, NSDI 2018). Room is
measured in weights (bytes, or entries that weigh 1), so both kinds of limit share the rules.
"""

from __future__ import annotations

from afresh.backends.memory.ghosts import SMALL

_FIRST, _LEAST, _MOST = 0.10, 0.01, 0.50
"""The small queue's share of the capacity: at first, and its bounds."""
_STEP = 0.005
"""How much of the capacity one ghost moves from one queue to the other."""
_NEAR = 0.10
"""A ghost counts for its queue if so much more capacity would have kept it."""
_EXPLORE = 8
"""Every so many refusals trust is given all the same, to learn whether it pays by now."""


class Trial:
    """Entries that get room in the main queue on trust, and how many were then read.

    Args:
        patience: How good the room's other use has to be to end the trust; 1 is break-even.
    """

    __slots__ = ("_patience", "_read", "_refused", "_results", "_room")

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._read = 1.0
        self._room = 1.0
        self._results = 0
        self._refused = 0

    def result(self, weight: int, read: bool, entries: int) -> None:
        """An entry on trial was looked at again, in a cache of `entries` entries."""
        self._room += weight
        self._read += read
        self._results += 1
        if self._results > max(50, entries // 4):
            self._results //= 2
            self._room /= 2
            self._read /= 2

    def pays(self, otherwise: float) -> bool:
        """Whether to trust one more, when a unit of room is worth `otherwise` without that."""
        if self._read / self._room > otherwise * self._patience:
            return True
        self._refused += 1
        return self._refused % _EXPLORE == 0


class Balance:
    """The settings of an eviction policy that follow the workload.

    Attributes:
        small: Weight that the small queue may have.
        credit: The trial of entries that are spared for their former hits.
        returns: The trial of entries whose ghosts were there.
    """

    __slots__ = ("_capacity", "_far", "_looked", "_near", "_reach", "credit", "returns", "small")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._reach = max(1.0, capacity * _NEAR)
        self.small = max(1.0, capacity * _FIRST)
        self.credit = Trial(1.0)
        self.returns = Trial(0.7)
        self._near = 0.0  # ghosts of the main queue that came back soon,
        self._far = 0.0  # or at all,
        self._looked = 1.0  # while so much weight of it was looked at

    def returned(self, queue: int, age: int) -> None:
        """A ghost of `queue` came back after `age` more weight had left that queue."""
        near = age < self._reach
        step = self._capacity * _STEP if near else 0.0
        if queue == SMALL:
            self.small = min(self.small + step, max(1.0, self._capacity * _MOST))
        else:
            self.small = max(self.small - step, self._capacity * _LEAST, 1.0)
            self._near += near
            self._far += 1

    def looked(self, weight: int) -> None:
        """An entry of the main queue was looked at."""
        self._looked += weight
        if self._looked > 2 * self._capacity:
            self._looked /= 2
            self._near /= 2
            self._far /= 2

    def worth(self, main: int) -> float:
        """Hits that a unit of additional room would bring to a main queue of weight `main`.

        Counted for one round of looks: the ghosts that came back, per unit of the room that
        would have kept them; a little room or a whole capacity more, whichever is better.
        """
        gain = max(self._near / self._reach, self._far / self._capacity)
        return gain * main / self._looked
