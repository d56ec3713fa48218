"""Keep what a load made, if nothing it was made from has changed meanwhile or is about to."""

from __future__ import annotations

import warnings

from afresh.core.events import Event, Kind
from afresh.engine.engine import Engine
from afresh.engine.loading.failures import again
from afresh.engine.loading.made import Made
from afresh.engine.site import Call
from afresh.errors import BackendError, UncacheableValue


async def fill(engine: Engine, call: Call, made: Made) -> Made:
    """Put a value into this process's memory and into the store; says at which position it was proven."""
    kept = again(made.value) if made.facts.failed else made.value
    if made.foreign:
        return _refused(engine, call, made, "a part of it is numbered by another ledger")
    if made.refused:
        return _refused(engine, call, made, made.refused)
    proof = engine.ledger.prove(made.facts.tags, made.facts.stamp)
    if proof is None:
        return _refused(engine, call, made, "invalidated while it was loaded")
    if proof.held:
        return _refused(engine, call, made, "what it was made from is about to change")
    engine.admit(call, engine.entry(call, kept, made.facts, proof.at))
    if engine.store is not None:
        await _store(engine, call, made)
    if engine.events:
        engine.events.emit(Event(Kind.FILL, "l1", call.key))
    return made._replace(at=proof.at)


async def _store(engine: Engine, call: Call, made: Made) -> None:
    assert engine.store is not None
    assert engine.sealer is not None
    facts, key = made.facts, engine.stored_key(call.site, call.key)
    try:
        envelope = engine.sealer.seal(
            made.value, facts, engine.ledger.epoch, type=call.site.type, negative=call.policy.negative
        )
        await engine.store.fill(key, envelope, stamp=facts.stamp, expires=facts.hard)
        if engine.leases is not None:
            # Others wait for the lease: what they look for must be there when it ends.
            await engine.store.flush()
    except UncacheableValue as error:
        # The request goes on with its value, this process keeps it, and the developer is told.
        if not call.site.warned:
            call.site.warned = True
            warnings.warn(
                f"{call.site.name}: kept in this process only: {error}", RuntimeWarning, stacklevel=2
            )
    except BackendError as error:
        engine.bypassed(call.key, error)


def _refused(engine: Engine, call: Call, made: Made, reason: str) -> Made:
    call.site.refused += 1
    engine.not_kept(call.key, reason)
    if engine.events:
        engine.events.emit(Event(Kind.FILL_REFUSED, "l1", call.key, reason))
    return made
