"""The queues of the eviction policy: places in the order of their arrival.

A queue holds *places*, a dictionary and an index in it, as two parallel deques (16 bytes for each
place). It does not hold entries: so a value that was replaced or discarded is freed at once, and
what is loaded again finds its old place in the queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import TypeAlias

from afresh.core.entry import Entry

Space: TypeAlias = dict[Hashable, Entry]


class Queue:
    """Places, first in, first out.

    Attributes:
        weight: The sum of the weights of the entries at its places; the policy keeps it.
    """

    __slots__ = ("_indices", "_spaces", "weight")

    def __init__(self) -> None:
        self._spaces: deque[Space] = deque()
        self._indices: deque[Hashable] = deque()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._spaces)

    def push(self, space: Space, index: Hashable) -> None:
        """Add a place at the end."""
        self._spaces.append(space)
        self._indices.append(index)

    def pop(self) -> tuple[Space, Hashable]:
        """Take the place that waited longest."""
        return self._spaces.popleft(), self._indices.popleft()
