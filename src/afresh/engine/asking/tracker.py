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
    from afresh.engine.loading.flights import Flight

_NAMED = 64
_MANY = 4096

current: ContextVar[Tracker | None] = ContextVar("afresh.tracker", default=None)
"""The innermost load or scope of this thread or task."""


class Tracker:
    """What one load, or one scope, was made from so far.

    A read only notes the part that it was given; adding up is for the end of the load, or for when
    there are very many.

    Attributes:
        ledger: The ledger that this load's result will be checked against.
        stamp: The least position at which a part of it was proven.
        named: Names of tags that it depends on by itself.
        foreign: Something was read that another ledger numbers: the result can't be checked.
        refused: Why the result can't be kept for another reason; empty if it can.
        crowded: How many names of its own there may be before somebody should make them fewer.
        ended: The load is over; what a task that it left behind reads is no part of it.
        flight: The flight that this load holds, if any.
        loading: It is a load, not a scope.
        parent: The load within which this one happens.
        scopes: Scopes within it that are still open.
        tolerated: Reasons that refuse nothing here, and
        forgiven: the last of them that there was.
    """

    __slots__ = (
        "_folded", "_lives", "_parts", "crowded", "ended", "flight", "foreign", "forgiven", "ledger", "loading",
        "named", "parent", "refused", "scopes", "stamp", "tolerated",
    )  # fmt: skip

    def __init__(
        self,
        ledger: Ledger,
        stamp: int,
        parent: Tracker | None,
        flight: Flight | None = None,
        *,
        loading: bool = False,
    ) -> None:
        self.ledger = ledger
        self.stamp = stamp
        self.parent = parent
        self.flight = flight
        self.loading = loading
        self.named: set[str] = set()
        self.foreign = False
        self.refused = ""
        self.crowded = 2048
        self.ended = False
        self.tolerated: frozenset[str] = frozenset()
        self.forgiven = ""
        self.scopes: list[Tracker] = []
        self._parts: dict[int, Facts] = {}
        self._folded: set[int] = set()
        self._lives = FOREVER

    def saw(self, ledger: Ledger, facts: Facts, at: int) -> None:
        """Record a cached value that was given to this load, proven at position `at`."""
        if ledger is not self.ledger and not same_ledger(ledger, self.ledger):
            self.foreign = True
            return
        if at < self.stamp:  # noqa: PLR1730  min() takes longer, and every hit in a scope comes here
            self.stamp = at
        self._parts[id(facts)] = facts
        if len(self._parts) > _MANY:
            self._fold()

    def takes_tags_of(self, facts: Facts) -> None:
        """What is made depends on all that an older value did, which was found to be still right."""
        self._folded |= facts.tags

    def depends_on(self, ledger: Ledger, names: Iterable[str]) -> None:
        """Record tags by name."""
        if ledger is not self.ledger and not same_ledger(ledger, self.ledger):
            self.foreign = True
            return
        self.named.update(names)

    def refuse(self, reason: str) -> None:
        """What was read can't be kept by anybody, nor what is made from it; the first reason is told."""
        if reason in self.tolerated:
            self.forgiven = reason
        else:
            self.refused = self.refused or reason

    def cap(self, until: float) -> None:
        """What was read changes with the time, and nobody announces it: the result expires at `until`."""
        self._lives = self._lives.capped(Lives(until, until, until))

    def take_open_scopes(self) -> None:
        """Record what the scopes within it have read so far: it ends before they do."""
        for scope in list(self.scopes):
            scope.take_open_scopes()
            self.merge(scope)

    def merge(self, other: Tracker, *, without: str = "") -> None:
        """Record all that a scope within this load, or one around it, has read.

        Args:
            other: Its tracker.
            without: Leave out cached values whose keys begin so.
        """
        self.refuse(other.refused)
        if not same_ledger(other.ledger, self.ledger):
            self.foreign = self.foreign or bool(other.named or other._parts or other._folded)
            return
        self.named |= other.named
        self._parts.update(
            {number: part for number, part in other._parts.copy().items() if not part.key.startswith(without)}
            if without
            else other._parts
        )
        self.stamp = min(self.stamp, other.stamp)
        self.foreign = self.foreign or other.foreign
        self._folded |= other._folded
        self._lives = self._lives.capped(other._lives)

    def tags(self) -> frozenset[int]:
        """The hashes of all tags that it depends on."""
        own = frozenset(map(hashed, self.named))
        return own.union(self._folded, *(part.tags for part in self._seen()))

    def names(self) -> tuple[str, ...]:
        """The names of tags that it depends on: its own first, and no more than people would read."""
        names = dict.fromkeys(sorted(self.named))
        for part in self._seen():
            if len(names) >= _NAMED:
                break
            names.update(dict.fromkeys(part.names))
        return tuple(names)[:_NAMED]

    def lives(self) -> Lives:
        """The expiries of its shortest-lived part."""
        lives = self._lives
        for part in self._seen():
            if part.soft != NEVER:
                lives = lives.capped(Lives(part.soft, part.stale_until, part.error_until))
        return lives

    def _seen(self) -> list[Facts]:
        return list(self._parts.values())  # at once: another thread of this load may still add

    def _fold(self) -> None:
        """Add up so far, and let the parts go: a script may read millions in one scope."""
        parts, self._parts = self._parts, {}
        for part in list(parts.values()):
            self._folded |= part.tags
            if part.soft != NEVER:
                self._lives = self._lives.capped(Lives(part.soft, part.stale_until, part.error_until))

    def flights(self) -> Iterator[Flight]:
        """The flights that this load and those around it hold."""
        tracker: Tracker | None = self
        while tracker is not None:
            if tracker.flight is not None:
                yield tracker.flight
            tracker = tracker.parent


def asking() -> Tracker | None:
    """The innermost load or scope that still collects."""
    tracker = current.get()
    while tracker is not None and tracker.ended:
        tracker = tracker.parent
    return tracker


def within_a_load() -> bool:
    """Whether whoever is asking is a loader."""
    tracker = asking()
    while tracker is not None and not tracker.loading:
        tracker = tracker.parent
    return tracker is not None


def same_ledger(one: Ledger, other: Ledger) -> bool:
    """Whether two caches are numbered alike: two that share a folder each have a ledger object."""
    return one is other or one.epoch == other.epoch


def held_flights() -> list[Flight]:
    """The flights held by whoever is asking."""
    tracker = asking()
    return [] if tracker is None else list(tracker.flights())
