"""Run a loader, and find out what its value was made from."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Any

from afresh.core.events import Event, Kind
from afresh.core.ports import Runtime
from afresh.core.verdict import lives
from afresh.engine.asking.contexts import leave
from afresh.engine.asking.tracker import Tracker, asking, current, within_a_load
from afresh.engine.engine import Engine
from afresh.engine.loading.fill import fill
from afresh.engine.loading.flights import Flight
from afresh.engine.loading.made import Made
from afresh.engine.names import carried_names
from afresh.engine.site import Call
from afresh.errors import LoadTimeout, UncacheableValue
from afresh.runtime.gate import track, untrack


async def load(
    engine: Engine,
    runtime: Runtime,
    call: Call,
    flight: Flight | None = None,
    *,
    stamp: int | None = None,
    spare: bool = False,
    stale: bool = False,
) -> Made:
    """Load a value and keep it.

    Args:
        engine: The cache.
        runtime: The caller's world.
        call: What to load.
        flight: The flight that this load leads, if any.
        stamp: The ledger's position before anything of this load was done; by default, now.
        spare: An old value would do, so the soft deadline counts, and
        stale: one is served meanwhile: a failure is remembered in the place of neither.
    """
    policy = call.policy
    deadlines = [policy.soft_deadline if spare else None, policy.hard_deadline]
    deadline = min((each for each in deadlines if each is not None), default=None)
    stamp = engine.ledger.position() if stamp is None else stamp
    made = await _limited(engine, runtime, call, flight, stamp, deadline)
    if made.facts.failed and (spare or stale):
        return made._replace(raised=True)
    return made if made.raised else await fill(engine, call, made)


async def load_bare(engine: Engine, runtime: Runtime, call: Call) -> Made:
    """Load a value and keep it nowhere."""
    stamp = engine.ledger.position()
    return await _limited(engine, runtime, call, None, stamp, call.policy.hard_deadline)


async def _limited(
    engine: Engine, runtime: Runtime, call: Call, flight: Flight | None, stamp: int, deadline: float | None
) -> Made:
    """Run the loader when there is a place for it."""
    # A load within another has its place already; waiting for a second one could be for ever.
    begun = not within_a_load() and await engine.limit.begin(runtime)
    try:
        return await _Loading(engine, runtime, call, flight, stamp).run(deadline)
    finally:
        if begun:
            engine.limit.end()


class _Loading:
    """One run of a loader under a tracker of its own."""

    def __init__(
        self, engine: Engine, runtime: Runtime, call: Call, flight: Flight | None, stamp: int
    ) -> None:
        self.engine = engine
        self.runtime = runtime
        self.call = call
        self.began = runtime.now()
        self.ended = False
        # The stamp was read before the loader does anything, or a change made during the load would be lost.
        self.tracker = Tracker(engine.ledger, stamp, asking(), flight, loading=True)
        self.tracker.depends_on(engine.ledger, engine.names.of_call(call))
        if call.tags is not None:
            declared = carried_names(call.tags(), engine.names)
            engine.watched.add_keys(declared)
            self.tracker.depends_on(engine.ledger, declared)

    async def run(self, deadline: float | None) -> Made:
        """Run the loader. What it raises is a result too: its dependencies count just the same."""
        token = current.set(self.tracker)
        track(self.tracker)
        goes_on = False
        try:
            if deadline is None:
                return self._made(await self.runtime.call(self.call.load))
            return self._made(await self.runtime.call_within(self._loader, deadline, self._late))
        except LoadTimeout as error:
            goes_on = deadline is not None and not self.ended
            return self._failed(error)
        except Exception as error:
            return self._failed(error)
        finally:
            if not goes_on:
                self._end()
            leave(current, token)

    def _loader(self) -> Any:
        """The loader, noting its end: it may raise a `LoadTimeout` of its own, from another load."""
        try:
            value = self.call.load()
        except BaseException:
            self.ended = True
            raise
        if inspect.isawaitable(value):
            return self._awaited(value)
        self.ended = True
        return value

    async def _awaited(self, value: Awaitable[Any]) -> Any:
        try:
            return await value
        finally:
            self.ended = True

    def _end(self) -> None:
        self.tracker.ended = True
        untrack(self.tracker)

    def _late(self, value: Any, error: BaseException | None) -> None:
        """The loader ended after its deadline: what it made is still worth keeping."""
        self._end()
        if error is None:
            made = self._made(value)
            self.runtime.spawn(lambda _: fill(self.engine, self.call, made))

    def _failed(self, error: Exception) -> Made:
        self.call.site.failures += 1
        if self.engine.events:
            reason = f"{type(error).__name__}: {error}"
            self.engine.events.emit(Event(Kind.LOAD_FAILED, "loader", self.call.key, reason))
        policy = self.call.policy
        remembered = policy.negative_ttl is not None and isinstance(error, policy.negative)
        return self._made(error, failed=True)._replace(raised=not remembered)

    def _made(self, value: Any, *, failed: bool = False) -> Made:
        call = self.call
        if hasattr(value, "__next__") or hasattr(value, "__anext__"):
            return self._failed(
                UncacheableValue(
                    f"{call.site.name} returned an iterator, which can be read only once: return a list."
                )
            )
        now = self.runtime.now()
        cost = max(now - self.began, 0.0)
        if not failed:
            call.site.loaded(cost)
            if self.engine.events:
                self.engine.events.emit(Event(Kind.LOAD, "loader", call.key, seconds=cost))
        life = lives(call.policy, now=now, draw=self.runtime.random(), failed=failed)
        return Made.under(
            self.tracker, value, key=call.key, began=self.began, cost=cost, lives=life, failed=failed
        )
