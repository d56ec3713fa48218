"""Read replicas: what is read there may be as old as the declared lag, so it is stamped that much earlier."""

from __future__ import annotations

from collections import deque

from afresh.core.ports import Ledger
from afresh.engine.asking.tracker import Tracker

_STEPS = 8  # samples per lag


class Lag:
    """How far a replica may be behind.

    Args:
        seconds: At most so much.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: dict[int, deque[tuple[float, int]]] = {}

    def is_read_by(self, tracker: Tracker, now: float) -> None:
        """A load reads from the replica: it sees what was there that long ago."""
        position = self._before(tracker.ledger, now)
        if position is None:
            tracker.refuse("the replica may not have caught up with what was before this program began")
        elif position < tracker.stamp:
            tracker.stamp = position

    def _before(self, ledger: Ledger, now: float) -> int | None:
        """The last position known to be at least that old."""
        samples = self._samples.setdefault(ledger.epoch, deque())
        if not samples or now - samples[-1][0] >= self._seconds / _STEPS:
            samples.append((now, ledger.position()))
        while len(samples) > 1 and samples[1][0] <= now - self._seconds:
            samples.popleft()
        return samples[0][1] if samples[0][0] <= now - self._seconds else None
