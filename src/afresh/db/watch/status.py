"""What a watcher does, for people and for metrics."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from afresh.db.watch.slot import SlotState

_log = logging.getLogger("afresh")
_LAST = 1000


@dataclass(slots=True)
class Status:
    """Counters since the start, and how it is now.

    Attributes:
        state: `starting`, `following`, `waiting` (another watcher has the slot), `away` (the server,
            or a cache, doesn't answer: changes are kept until it does), `stopped`.
        reason: Why it is `waiting` or `away`.
        transactions: Announced, and
        known: those among them that whoever made them announces.
        rows: Changed in them.
        tags: Announced.
        everything: How many times all tables were announced.
        lags: Seconds from commits to their announcement, by the two machines' clocks; the last ones.
        slot: How the slot was when it was last looked at.
        said: What was worth saying, the last lines.
        tell: Who is told of it, beside the logger.
    """

    state: str = "starting"
    reason: str = ""
    transactions: int = 0
    known: int = 0
    rows: int = 0
    tags: int = 0
    everything: int = 0
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST))
    slot: SlotState | None = None
    said: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    tell: Callable[[str], object] | None = None

    def lag(self, share: float = 0.5) -> float:
        """Of the last lags, the one that so great a share doesn't exceed; 0 if there are none."""
        ordered = sorted(self.lags)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0

    def say(self, what: str) -> None:
        """Say something, to the log and to whoever listens."""
        self.said.append(what)
        _log.warning("watch: %s", what)
        if self.tell is not None:
            self.tell(what)
