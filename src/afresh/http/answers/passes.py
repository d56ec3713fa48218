"""URLs whose last answer nobody could share: nobody waits for the next one (hit-for-miss).

Without it, those who ask for such a page would queue up behind one another, each waiting for an
answer that turns out to be another's. The answer after next may be stored all the same: then the
URL leaves this list.
"""

from __future__ import annotations

from collections.abc import Callable

_MOST = 10_000


class Passes:
    """The keys, each for some seconds."""

    __slots__ = ("_lasts", "_now", "_until")

    def __init__(self, lasts: float, now: Callable[[], float]) -> None:
        self._lasts = lasts
        self._now = now
        self._until: dict[str, float] = {}

    def __contains__(self, key: str) -> bool:
        until = self._until.get(key)
        return until is not None and self._now() < until

    def add(self, key: str) -> None:
        """Let requests for this key pass for a while."""
        self._until.pop(key, None)  # the oldest come first
        self._until[key] = self._now() + self._lasts
        while len(self._until) > _MOST:
            self._until.pop(next(iter(self._until)), None)

    def discard(self, key: str) -> None:
        """It can be shared after all."""
        self._until.pop(key, None)
