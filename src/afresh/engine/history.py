"""At what time the ledger stood where: numbers are no times."""

from __future__ import annotations

from collections import deque

_REMEMBERED = 512  # ten seconds of ticks


class History:
    """The positions of the last ticks."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)

    def note(self, position: int, now: float) -> None:
        """The ledger stood at `position` at `now` or after it."""
        self._seen.append((position, now))

    def known_at(self, position: int) -> float:
        """The last time known at which nothing after `position` had happened; else minus infinity."""
        for seen, when in reversed(self._seen):
            if seen <= position:
                return when
        return float("-inf")
