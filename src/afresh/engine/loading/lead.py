"""Lead a flight: load one key for everyone who waits, in this process and in the others."""

from __future__ import annotations

from afresh.core.entry import Entry
from afresh.core.events import Event, Kind
from afresh.core.ports import UNASKED, Lease, Runtime, Unasked
from afresh.engine.asking.tracker import held_flights
from afresh.engine.engine import Engine
from afresh.engine.loading.flights import Flight
from afresh.engine.loading.load import load
from afresh.engine.loading.look import look, look_in_memory
from afresh.engine.loading.made import Made
from afresh.engine.site import Call
from afresh.errors import BackendError

_HELD_PATIENCE = 1.0  # seconds that whoever holds a lease waits for another's, at most
_FIRST_PATIENCE = 3.0  # seconds to wait for another process, while no load of this kind was ever seen
_LONGEST_PATIENCE = 30.0


async def lead(engine: Engine, runtime: Runtime, call: Call, flight: Flight, spare: Entry | None) -> Made:
    """Load for everyone who waits for `flight`. Whatever happens, the flight ends."""
    made: Made | None = None
    try:
        made = await _across_processes(engine, runtime, call, flight, spare)
        return spared(engine, call, made, spare)
    finally:
        # Without a result (cancelled, or the interpreter ends) one of those who wait takes over.
        engine.flights.end(flight, made)


async def refresh(engine: Engine, runtime: Runtime, call: Call, old: Entry) -> None:
    """Load in the background what replaces `old`, unless somebody does or did, here or elsewhere."""
    flight, leading = engine.flights.enter(call.key, runtime)
    if not leading:
        return
    made: Made | None = None
    lease: Lease | None = None
    try:
        newer = call.site.space.get(call.index)
        if newer is not None and newer is not old:
            made = Made.of(newer)
            return
        if engine.leases is not None:
            lease = await engine.leases.take(engine.stored_key(call.site, call.key), 0.0, runtime)
        if lease is not None or engine.leases is None:
            made = await load(engine, runtime, call, flight, stale=True)
            if engine.events:
                engine.events.emit(Event(Kind.REFRESH, "loader", call.key))
    except BackendError as error:
        engine.bypassed(call.key, error)
    finally:
        if lease is not None:
            lease.release()
        engine.flights.end(flight, made)


def spared(engine: Engine, call: Call, made: Made, spare: Entry | None) -> Made:
    """What a load made; in place of its exception the old value, where the policy allows it."""
    if not made.raised or spare is None:
        return made
    call.site.stale += 1
    spare.hits += 1
    if engine.events:
        engine.events.emit(Event(Kind.STALE, "l1", call.key, "the load failed"))
    return Made.of(spare)


async def _across_processes(
    engine: Engine, runtime: Runtime, call: Call, flight: Flight, spare: Entry | None
) -> Made:
    if engine.leases is None:
        return await load_if_still_missing(engine, runtime, call, flight, spare)
    # Another flight of this key may have landed since the caller looked.
    found = look_in_memory(engine, runtime, call)
    if found.fresh and found.entry is not None:
        return Made.of(found.entry)
    stamp = engine.ledger.position()
    lease = await take_lease(engine, runtime, call)
    # What was found with the lease is a look like any other, if the stamp is from before it: after a
    # long wait, or a mark, we look once more.
    unmoved = lease is not None and engine.ledger.position() == stamp
    asked = lease.found if lease is not None and unmoved else UNASKED
    try:
        return await load_if_still_missing(engine, runtime, call, flight, spare, asked)
    finally:
        if lease is not None:
            lease.release()


async def load_if_still_missing(
    engine: Engine,
    runtime: Runtime,
    call: Call,
    flight: Flight | None,
    spare: Entry | None,
    asked: bytes | Unasked | None = UNASKED,
) -> Made:
    """Look once more (or at what was `asked` of the store at this position), then load.

    Since the caller looked, somebody may have stored a value: another flight, another process that
    had the lease, or a `set`. The stamp is read before this look. So a value that is put later is
    also marked later, and what is loaded here won't replace it.
    """
    stamp = engine.ledger.position()
    found = await look(engine, runtime, call, asked)
    if found.fresh and found.entry is not None:
        return Made.of(found.entry)
    return await load(engine, runtime, call, flight, stamp=stamp, spare=spare is not None)


async def take_lease(engine: Engine, runtime: Runtime, call: Call) -> Lease | None:
    """The right to load among all processes, after a fair wait; `None` where nobody gives it."""
    if engine.leases is None:
        return None
    try:
        key = engine.stored_key(call.site, call.key)
        return await engine.leases.take(key, _patience(call), runtime)
    except BackendError as error:
        engine.bypassed(call.key, error)
        return None


def _patience(call: Call) -> float:
    """Seconds to wait for another process that loads the same key: some times a usual load.

    That process may be stopped, so nobody waits for ever. Whoever holds a flight already waits
    less: two processes that wait for each other can't see it.
    """
    usual = call.site.cost
    if held_flights():
        return min(usual or _HELD_PATIENCE, _HELD_PATIENCE)
    return min(max(_HELD_PATIENCE, 3 * usual), _LONGEST_PATIENCE) if call.site.loads else _FIRST_PATIENCE
