"""A load whose result arrives in parts, in the hands of whoever runs it: an answer that is being sent.

`load` calls a function and has its value. An application that answers a request is called by its
server, sends its answer piece by piece, and may go on working after the last one. So here the one
who runs it says when collecting begins and ends. The rest is as with every load: the stamp is read
before it begins, what it reads is recorded, and `fill` decides whether the result is kept.

What it reads is also read by whoever asked for it: by a page that has a cached part, by a cache of
pages before this one, by the scope of a publisher. Each of them ends after it, or takes what it has.

Those who wait for the flight needn't wait for the end: as soon as the head of an answer shows that
nobody can share it, `release` lets them all go, at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Token as ContextToken
from typing import Any

from afresh.core.events import Event, Kind
from afresh.core.ports import Lease, Runtime
from afresh.core.tags import hashed
from afresh.core.verdict import Lives
from afresh.engine.asking.contexts import leave
from afresh.engine.asking.tracker import Tracker, asking, current
from afresh.engine.changes.invalidate import mark
from afresh.engine.engine import Engine
from afresh.engine.loading.fill import fill
from afresh.engine.loading.flights import Flight
from afresh.engine.loading.made import Made
from afresh.engine.site import Call
from afresh.runtime.gate import track, untrack


class Gathering:
    """One run of what makes a value in parts.

    Attributes:
        tracker: What it has read so far.
        began: When it began, in seconds since 1970.
    """

    def __init__(
        self,
        engine: Engine,
        runtime: Runtime,
        call: Call,
        flight: Flight | None = None,
        lease: Lease | None = None,
    ) -> None:
        self.engine = engine
        self.call = call
        self.began = runtime.now()
        self._runtime = runtime
        self._flight = flight
        self._lease = lease
        # The stamp, before anything is read: see `load`.
        self.tracker = Tracker(engine.ledger, engine.ledger.position(), asking(), flight)
        self._around = self.tracker.parent
        self._before: ContextToken[Tracker | None] | None = None
        self._tracked = False
        self._announced: frozenset[int] | None = None

    async def announce(self, names: Sequence[str]) -> None:
        """Mark tags that it will carry itself: its own mark doesn't overtake it, anybody else's does.

        That can be told where nothing that it was made from is marked until then, nothing at all is marked
        between that look and its own mark, and nothing more is read afterwards: a snapshot may be older.
        """
        tags = self.tracker.tags() | {hashed(name) for name in names}
        before = self.engine.ledger.prove(tags, self.tracker.stamp)
        last = await mark(self.engine, names)
        if before is not None and not before.held and last is not None and last - len(names) == before.at:
            self.tracker.stamp, self._announced = last, tags

    def begin(self) -> None:
        """Collect what is read from here on, in this context and in those that come of it."""
        self._before = current.set(self.tracker)
        track(self.tracker)
        self._tracked = True
        if self._around is not None:
            self._around.scopes.append(self.tracker)

    def end(self) -> None:
        """Collect no more: what is read now is no part of the result. Safe to call twice."""
        if not self.tracker.ended:
            self.tracker.take_open_scopes()
            if self._announced is not None and not self.tracker.tags() <= self._announced:
                self.tracker.refuse("it reads after it has announced a change")
        self.tracker.ended = True
        if self._tracked:
            self._tracked = False
            untrack(self.tracker)
            if self._around is not None:
                self._around.merge(self.tracker)
                self._around.scopes.remove(self.tracker)

    def leave(self) -> None:
        """It is over, however it ended. To be called where `begin` was.

        Whoever still waits takes over: without a result nothing is known of the next run.
        """
        self.end()
        if self._before is not None:
            leave(current, self._before)
            self._before = None
        if self._flight is not None and not self._flight.done:
            self.engine.flights.abandon(self._flight)
        self._let_others()

    def release(self, reason: str) -> None:
        """What comes can be shared with nobody: let go all who wait."""
        self.call.site.refused += 1
        self.engine.not_kept(self.call.key, reason)
        if self.engine.events:
            self.engine.events.emit(Event(Kind.FILL_REFUSED, "l1", self.call.key, reason))
        if self._flight is not None and not self._flight.done:
            self.engine.flights.release(self._flight)
        self._let_others()

    async def keep(
        self, value: Any, *, soft: float, stale_until: float, error_until: float, call: Call | None = None
    ) -> Made:
        """The whole value is there: keep it, if nothing that it was made from has changed meanwhile.

        It outlives no part that it was made from.

        Args:
            value: What was made.
            soft: When it is no longer fresh, in seconds since 1970.
            stale_until: Until when it may be served while it is refreshed.
            error_until: Until when it may be served when a load fails.
            call: Where it belongs, if that came out only now.
        """
        self.end()
        engine, call = self.engine, call or self.call
        self.tracker.depends_on(engine.ledger, engine.names.of_call(call))
        lives = Lives(soft, stale_until, error_until)
        cost = max(self._runtime.now() - self.began, 0.0)
        call.site.loaded(cost)
        if engine.events:
            engine.events.emit(Event(Kind.LOAD, "loader", call.key, seconds=cost))
        try:
            made = Made.under(self.tracker, value, key=call.key, began=self.began, cost=cost, lives=lives)
            made = await fill(engine, call, made)
            if self._around is not None and not self._around.ended:
                self._around.saw(engine.ledger, made.facts, made.at)
            if self._flight is not None and not self._flight.done:
                engine.flights.land(self._flight, made)
        finally:
            self._let_others()
        return made

    @property
    def unchanged(self) -> bool:
        """Whether nothing that was read so far has changed since it was."""
        tracker = self.tracker
        return self.engine.ledger.prove(tracker.tags(), tracker.stamp) is not None

    @property
    def doubt(self) -> str:
        """Why what was made isn't kept, where it isn't `unchanged`."""
        if self.engine.backend.proven():
            return "invalidated while it was made"
        return "the cache's server doesn't answer"

    def _let_others(self) -> None:
        if self._lease is not None:
            self._lease.release()
            self._lease = None
