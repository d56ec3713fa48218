"""What is stored for a key, and what may be done with it."""

from __future__ import annotations

from typing import NamedTuple

from afresh.codecs.sealer import Damaged
from afresh.core.entry import Entry
from afresh.core.ports import Runtime
from afresh.core.verdict import ABSENT, Answer, Verdict
from afresh.engine.engine import Engine
from afresh.engine.site import Call
from afresh.errors import BackendError


class Found(NamedTuple):
    """An entry and the verdict on it."""

    verdict: Verdict
    entry: Entry | None

    @property
    def fresh(self) -> bool:
        """It may be served as it is."""
        return self.verdict.answer is Answer.FRESH

    @property
    def stale(self) -> bool:
        """It may be served while it is refreshed."""
        return self.verdict.answer is Answer.STALE

    @property
    def spare(self) -> Entry | None:
        """What may be served if the load fails."""
        return self.entry if self.verdict.answer is Answer.RESERVE else None


NOTHING = Found(ABSENT, None)


async def look(engine: Engine, runtime: Runtime, call: Call) -> Found:
    """Find the best that is stored: in memory, else in the store."""
    here = look_in_memory(engine, runtime, call)
    if here.fresh or here.stale or engine.store is None:
        return here
    there = await look_in_store(engine, runtime, call)
    return here if there.entry is None else there


def look_in_memory(engine: Engine, runtime: Runtime, call: Call) -> Found:
    """Find what is in this process's memory."""
    entry = call.site.space.get(call.index)
    if entry is None:
        return NOTHING
    return Found(engine.judged(entry, call.policy, runtime.random()), entry)


async def look_in_store(engine: Engine, runtime: Runtime, call: Call) -> Found:
    """Find what is in the store, and take it into this process's memory."""
    assert engine.store is not None
    assert engine.sealer is not None
    try:
        envelope = await engine.store.get(call.key)
    except BackendError as error:
        engine.bypassed(call.key, error)
        return NOTHING
    if envelope is None:
        return NOTHING
    opened = engine.sealer.open(envelope, call.key, call.site.type, negative=call.policy.negative)
    if isinstance(opened, Damaged):
        engine.damaged(call.key, opened.reason)
        return NOTHING
    if opened.epoch != engine.ledger.epoch:
        return Found(Verdict(Answer.MISS, "another epoch"), None)
    facts = opened.facts
    proof = engine.provable(facts)
    verdict = engine.verdict(facts, call.policy, runtime.random(), since=None if proof else facts.stamp)
    if verdict.answer is Answer.MISS:
        return Found(verdict, None)
    engine.counters.store_hits += 1
    at = facts.stamp if proof is None else proof.at
    return Found(verdict, engine.admit(call.site, call.index, opened.value, facts, call.policy, at))
