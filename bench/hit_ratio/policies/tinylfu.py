"""Adaptive W-TinyLFU: a window in front of a segmented LRU that admits by estimated popularity.

Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM TOS 2017; the
window is sized by hill climbing: Einziger, Eytan, Friedman, Manes, "Adaptive Software Cache
Management", Middleware 2018, with the parameters that the Caffeine library uses.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Sequence

from bench.hit_ratio.policies.sketch import FrequencySketch

_WINDOW = 0.01  # of the capacity, at first
_PROTECTED = 0.80  # of what isn't window
_STEP = 0.0625  # of the capacity
_DECAY = 0.98
_RESTART = 0.05  # a change of the hit ratio after which the steps are large again
_SAMPLE = 10  # capacities of requests between two steps
_WARM = 5  # a candidate more popular than this gets in by chance one time of 128


class _Cache:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.sketch = FrequencySketch(capacity)
        self.window: OrderedDict[int, None] = OrderedDict()
        self.probation: OrderedDict[int, None] = OrderedDict()
        self.protected: OrderedDict[int, None] = OrderedDict()
        self.window_size = max(1.0, capacity * _WINDOW)
        self.protected_size = _PROTECTED * (capacity - self.window_size)
        self._step = -_STEP * capacity
        self._ratio = 0.0
        self._dice = random.Random(capacity)

    def hit(self, key: int) -> bool:
        """Look a key up."""
        if key in self.window:
            self.window.move_to_end(key)
        elif key in self.protected:
            self.protected.move_to_end(key)
        elif key in self.probation:
            del self.probation[key]
            self.protected[key] = None
            self._demote()
        else:
            return False
        return True

    def store(self, key: int) -> None:
        """Put a key into the window; what leaves the window has to compete."""
        self.window[key] = None
        while len(self.window) > self.window_size:
            candidate, _ = self.window.popitem(last=False)
            main = len(self.probation) + len(self.protected)
            if len(self.window) + main + 1 > self.capacity and main:
                victims = self.probation or self.protected
                if not self._admits(candidate, next(iter(victims))):
                    continue
                victims.popitem(last=False)
            self.probation[candidate] = None
        while len(self.window) + len(self.probation) + len(self.protected) > self.capacity:
            (self.probation or self.protected or self.window).popitem(last=False)

    def climb(self, ratio: float) -> None:
        """Move the window's size on, or back if the hit ratio fell."""
        change, self._ratio = ratio - self._ratio, ratio
        amount = self._step if change >= 0 else -self._step
        large = _STEP * self.capacity
        self._step = (large if amount >= 0 else -large) if abs(change) >= _RESTART else _DECAY * amount
        size = max(1.0, self.window_size + min(amount, self.protected_size))
        self.protected_size = max(0.0, self.protected_size - (size - self.window_size))
        self.window_size = size
        self._demote()
        while len(self.window) < int(size) and self.probation:
            self.window[self.probation.popitem(last=False)[0]] = None
        while len(self.window) > size:
            self.probation[self.window.popitem(last=False)[0]] = None

    def _admits(self, candidate: int, victim: int) -> bool:
        asked = self.sketch.frequency(candidate)
        if asked > self.sketch.frequency(victim):
            return True
        return asked > _WARM and self._dice.randrange(128) == 0

    def _demote(self) -> None:
        while len(self.protected) > self.protected_size:
            self.probation[self.protected.popitem(last=False)[0]] = None


def tinylfu(keys: Sequence[int], capacity: int) -> int:
    """Hits of an adaptive W-TinyLFU cache."""
    cache = _Cache(capacity)
    increment, sample = cache.sketch.increment, _SAMPLE * capacity
    hits = since = hits_before = 0
    for key in keys:
        increment(key)
        if cache.hit(key):
            hits += 1
        else:
            cache.store(key)
        since += 1
        if since >= sample:
            cache.climb((hits - hits_before) / since)
            since, hits_before = 0, hits
    return hits
