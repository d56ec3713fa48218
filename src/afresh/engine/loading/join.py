"""Join the load of a key that is under way, or lead one."""

from __future__ import annotations

from afresh.core.events import Event, Kind
from afresh.core.ports import Runtime
from afresh.engine.asking.tracker import held_flights
from afresh.engine.engine import Engine
from afresh.engine.loading.flights import Flight, wait_for
from afresh.engine.loading.made import Made
from afresh.engine.site import Call

_JOINS = 2  # flights to join that turn out to be older than the call, before loading alone
_HELD_PATIENCE = 1.0  # seconds that whoever holds a flight waits for another's, at most
_LEAST_PATIENCE = 10.0  # seconds that others wait at least, and
_MANY_TIMES = 10  # usual loads


async def join(engine: Engine, runtime: Runtime, call: Call, asked_at: float) -> Flight | Made | None:
    """The flight that the caller leads from now on, or what another made, or `None`: load alone.

    Args:
        engine: The cache.
        runtime: The caller's world.
        call: What is asked for.
        asked_at: The ledger's position when it was.
    """
    held = held_flights()
    too_old = 0
    while too_old < _JOINS:
        flight, leading = engine.flights.enter(call.key, runtime)
        if leading:
            return flight
        if flight in held or runtime.on_loop_of(flight.loop_thread):
            return None  # waiting for ourselves would be for ever
        call.site.joined += 1
        if engine.events:
            engine.events.emit(Event(Kind.JOINED, "loader", call.key))
        if not await wait_for(flight, runtime, held, _patience(call, held)):
            if held:
                return None
            # Its loop was closed in the middle, or it waits for something of ours: one of us takes
            # over, and the others join that one.
            engine.flights.give_up(flight)
        elif flight.released:
            return None
        elif flight.made is not None:
            # A second flight began when the first had ended, so after the call; but what was read for it
            # outside of its load (what a page's view read, for a fragment) may be older.
            begun_later = too_old and flight.made.facts.stamp >= asked_at
            if begun_later or _new_enough(engine, flight.made, asked_at):
                return flight.made
            too_old += 1
    return None


def _patience(call: Call, held: list[Flight]) -> float:
    """Seconds to wait for another's load of the same key: many times a usual one."""
    usual = call.site.cost
    if held:
        patience = min(usual or _HELD_PATIENCE, _HELD_PATIENCE)
    else:
        patience = max(_LEAST_PATIENCE, _MANY_TIMES * usual)
    deadline = call.policy.hard_deadline
    return patience if deadline is None else min(patience, deadline)


def _new_enough(engine: Engine, made: Made, asked_at: float) -> bool:
    """Whether another's result is as good as a load begun when the caller asked.

    A stamp as late as the call is enough, but not for `strict`: between an intent and its end a
    change is committed without a number. What nobody may keep is nobody else's either.
    """
    if made.refused:
        return False
    if engine.consistency != "strict" and made.facts.stamp >= asked_at:
        return True
    return engine.provable(made.facts) is not None
