"""S3-FIFO: a small queue of a tenth, a main queue that is gone around, and a queue of ghosts.

Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP 2023, algorithm 1.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

_MOST = 3  # two bits of frequency


class _Cache:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.small_size = max(1, capacity // 10)
        self.main_size = capacity - self.small_size
        self.small: deque[int] = deque()
        self.main: deque[int] = deque()
        self.ghosts: OrderedDict[int, None] = OrderedDict()
        self.frequency: dict[int, int] = {}

    def store(self, key: int) -> None:
        """Put a key that was missed, into the main queue if its ghost is there."""
        while len(self.frequency) >= self.capacity:
            if len(self.small) >= self.small_size:
                self._evict_small()
            else:
                self._evict_main()
        if key in self.ghosts:
            del self.ghosts[key]
            self.main.append(key)
        else:
            self.small.append(key)
        self.frequency[key] = 0

    def _evict_small(self) -> None:
        while self.small:
            key = self.small.popleft()
            if self.frequency[key] > 1:
                self.frequency[key] = 0
                self.main.append(key)
                if len(self.main) > self.main_size:
                    self._evict_main()
                    return
                continue
            del self.frequency[key]
            self.ghosts[key] = None
            if len(self.ghosts) > self.main_size:
                self.ghosts.popitem(last=False)
            return

    def _evict_main(self) -> None:
        while self.main:
            key = self.main.popleft()
            if not self.frequency[key]:
                del self.frequency[key]
                return
            self.frequency[key] -= 1
            self.main.append(key)


def s3fifo(keys: Sequence[int], capacity: int) -> int:
    """Hits of an S3-FIFO cache."""
    cache = _Cache(capacity)
    frequency, hits = cache.frequency, 0
    for key in keys:
        if key in frequency:
            frequency[key] = min(frequency[key] + 1, _MOST)
            hits += 1
        else:
            cache.store(key)
    return hits
