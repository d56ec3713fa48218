"""One call for one key: what is stored, else another's load, else one of our own."""

from __future__ import annotations

import copy
from typing import Any

from afresh.core.entry import NEVER
from afresh.core.events import Event, Kind
from afresh.core.ports import UNASKED, Runtime, Unasked
from afresh.engine.asking.confirm import assure
from afresh.engine.asking.tracker import asking
from afresh.engine.changes.transaction import reads_through
from afresh.engine.engine import Engine
from afresh.engine.loading.failures import again
from afresh.engine.loading.flights import Flight
from afresh.engine.loading.join import join
from afresh.engine.loading.lead import lead, load_if_still_missing, refresh, spared
from afresh.engine.loading.load import load, load_bare
from afresh.engine.loading.look import Found, look
from afresh.engine.loading.made import Made
from afresh.engine.site import Call


async def obtain(
    engine: Engine, runtime: Runtime, call: Call, asked: bytes | Unasked | None = UNASKED
) -> Any:
    """Answer a call: from memory, from the store, from another's load, or by loading.

    Args:
        engine: The cache.
        runtime: The caller's world.
        call: What is asked for.
        asked: What the store has, where it was looked at just now: `None` is nothing.

    Raises:
        Exception: What the loader raised, unchanged.
        LoadTimeout: The policy's hard deadline passed.
    """
    mode = "on" if engine.mode.plain else engine.mode.draw(runtime.random())
    engine.check_open()
    engine.awake()
    if mode == "off" or reads_through(engine) or not await assure(engine):
        return deliver(engine, call, await load_bare(engine, runtime, call))
    if mode == "shadow":
        return await _shadow(engine, runtime, call)
    if call.site is engine.values:
        engine.watched.add(engine.names.of_key(call.key))
    # What was announced before this call, and waits to be delivered, has no number that could be compared.
    asked_at = NEVER if engine.backend.waiting() else engine.ledger.position()
    found = await look(engine, runtime, call, asked)
    if found.fresh or found.stale:
        return _serve(engine, runtime, call, found)
    call.site.misses += 1
    if engine.events:
        engine.events.emit(Event(Kind.MISS, "l1", call.key, found.verdict.reason))
    return deliver(engine, call, await _load_once(engine, runtime, call, found, asked_at))


def deliver(engine: Engine, call: Call, made: Made) -> Any:
    """Hand a result out: tell whoever collects dependencies, raise an exception, copy if asked."""
    tracker = asking()
    if tracker is not None:
        tracker.foreign = tracker.foreign or made.foreign
        tracker.refuse(made.refused)
        tracker.saw(engine.ledger, made.facts, made.at)
    if made.facts.failed:
        raise made.value if made.raised else again(made.value)
    return copy.deepcopy(made.value) if call.policy.copy else made.value


def _serve(engine: Engine, runtime: Runtime, call: Call, found: Found) -> Any:
    entry = found.entry
    assert entry is not None
    entry.hits += 1
    if engine.l1 is None:
        call.site.retire(entry)  # nobody else keeps it, nor its count
    if found.stale:
        call.site.stale += 1
        if call.key not in engine.flights:
            runtime.spawn(lambda world: refresh(engine, world, call, entry))
    if engine.events:
        kind = Kind.STALE if found.stale else Kind.HIT
        engine.events.emit(Event(kind, "l1", call.key, found.verdict.reason))
    return deliver(engine, call, Made.of(entry))


async def _load_once(engine: Engine, runtime: Runtime, call: Call, found: Found, asked_at: float) -> Made:
    """Join the load that is under way, or lead one."""
    joined = await join(engine, runtime, call, asked_at)
    if isinstance(joined, Flight):
        return await lead(engine, runtime, call, joined, found.spare)
    if joined is None:
        joined = await load_if_still_missing(engine, runtime, call, None, found.spare)
    return spared(engine, call, joined, found.spare)


async def _shadow(engine: Engine, runtime: Runtime, call: Call) -> Any:
    """Load, keep, and compare with what would have been served."""
    found = await look(engine, runtime, call)
    made = await load(engine, runtime, call)
    entry = found.entry
    if not found.fresh or entry is None or made.facts.failed or engine.same(entry.value, made.value):
        return deliver(engine, call, made)
    if engine.prove(entry, engine.now()):  # else it was changed while it was loaded, and no hit serves it
        engine.counters.mismatches += 1
        if engine.events:
            detail = {"names": entry.facts.names}
            engine.events.emit(Event(Kind.MISMATCH, "l1", call.key, "shadow", detail=detail))
    return deliver(engine, call, made)
