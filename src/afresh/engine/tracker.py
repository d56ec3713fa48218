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

_NAMED = 64

current: ContextVar[Tracker | None] = ContextVar("afresh.tracker", default=None)
"""The innermost load or scope of this thread or task."""


class Tracker:
    """What one load, or one scope, was made from so far.

    A read only notes the part that it was given; adding up is for the end of the load.

    Attributes:
        ledger: The ledger that this load's result will be checked against.
        stamp: The least position at which a part of it was proven.
        named: Names of tags that it depends on by itself.
        parts: What is known of the cached values that it was given, by identity.
        foreign: Something was read that another ledger numbers: the result can't be checked.
        flight: The flight that this load holds, if any.
        parent: The load within which this one happens.
    """

    __slots__ = ("flight", "foreign", "ledger", "named", "parent", "parts", "stamp")

    def __init__(
        self, ledger: Ledger, stamp: int, parent: Tracker | None, flight: Flight | None = None
    ) -> None:
        self.ledger = ledger
        self.stamp = stamp
        self.parent = parent
        self.flight = flight
        self.named: set[str] = set()
        self.parts: dict[int, Facts] = {}
        self.foreign = False

    def saw(self, ledger: Ledger, facts: Facts, at: int) -> None:
        """Record a cached value that was given to this load, proven at position `at`."""
        if ledger is not self.ledger:
            self.foreign = True
            return
        if at < self.stamp:  # noqa: PLR1730  min() takes longer, and every hit in a scope comes here
            self.stamp = at
        self.parts[id(facts)] = facts

    def depends_on(self, ledger: Ledger, names: Iterable[str]) -> None:
        """Record tags by name."""
        if ledger is not self.ledger:
            self.foreign = True
            return
        self.named.update(names)

    def tags(self) -> frozenset[int]:
        """The hashes of all tags that it depends on."""
        return frozenset(map(hashed, self.named)).union(*(part.tags for part in self._parts()))

    def names(self) -> tuple[str, ...]:
        """The names of tags that it depends on: its own first, and no more than people would read."""
        names = dict.fromkeys(sorted(self.named))
        for part in self._parts():
            if len(names) >= _NAMED:
                break
            names.update(dict.fromkeys(part.names))
        return tuple(names)[:_NAMED]

    def lives(self) -> Lives:
        """The expiries of its shortest-lived part."""
        lives = FOREVER
        for part in self._parts():
            if part.soft != NEVER:
                lives = lives.capped(Lives(part.soft, part.stale_until, part.error_until))
        return lives

    def _parts(self) -> list[Facts]:
        return list(self.parts.values())  # at once: a thread that the load left behind may still add

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
