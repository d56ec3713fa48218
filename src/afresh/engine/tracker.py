"""Who is asking: the chain of loads in whose course a read happens.

Every load runs with a tracker in its context. What is read under it, other cached values above
all, is recorded there, so dependencies travel up, and with them how old the parts are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from afresh.core.entry import NEVER, Facts
from afresh.core.ports import Ledger
from afresh.core.tags import hashed
from afresh.core.verdict import FOREVER, Lives

if TYPE_CHECKING:
    from afresh.engine.flights import Flight

current: ContextVar[Tracker | None] = ContextVar("afresh.tracker", default=None)
"""The innermost load or scope of this thread or task."""


class Tracker:
    """What one load, or one scope, was made from so far.

    Attributes:
        ledger: The ledger that this load's result will be checked against.
        stamp: The least position at which a part of it was proven.
        tags: Hashes of what was read.
        names: Their names.
        lives: Expiries of the shortest-lived part.
        foreign: Something was read that another ledger numbers: the result can't be checked.
        flight: The flight that this load holds, if any.
        parent: The load within which this one happens.
    """

    __slots__ = ("flight", "foreign", "ledger", "lives", "names", "parent", "stamp", "tags")

    def __init__(
        self, ledger: Ledger, stamp: int, parent: Tracker | None, flight: Flight | None = None
    ) -> None:
        self.ledger = ledger
        self.stamp = stamp
        self.parent = parent
        self.flight = flight
        self.tags: set[int] = set()
        self.names: set[str] = set()
        self.lives: Lives = FOREVER
        self.foreign = False

    def saw(self, ledger: Ledger, facts: Facts, at: int) -> None:
        """Record a cached value that was given to this load, proven at position `at`."""
        if ledger is not self.ledger:
            self.foreign = True
            return
        self.tags |= facts.tags
        self.names.update(facts.names)
        self.stamp = min(self.stamp, at)
        if facts.soft != NEVER:
            self.lives = self.lives.capped(Lives(facts.soft, facts.stale_until, facts.error_until))

    def depends_on(self, ledger: Ledger, names: Iterable[str]) -> None:
        """Record tags by name."""
        if ledger is not self.ledger:
            self.foreign = True
            return
        for name in names:
            self.names.add(name)
            self.tags.add(hashed(name))

    def flights(self) -> Iterator[Flight]:
        """The flights that this load and those around it hold."""
        tracker: Tracker | None = self
        while tracker is not None:
            if tracker.flight is not None:
                yield tracker.flight
            tracker = tracker.parent


def held_flights() -> list[Flight]:
    """The flights held by whoever is asking."""
    tracker = current.get()
    return [] if tracker is None else list(tracker.flights())
