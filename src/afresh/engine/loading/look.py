"""What is stored for a key, and what may be done with it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from afresh.codecs.opened import Damaged, Opened
from afresh.core.entry import Entry
from afresh.core.ports import UNASKED, Proof, Runtime, Unasked
from afresh.core.tags import hashed
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


async def look(
    engine: Engine, runtime: Runtime, call: Call, asked: bytes | Unasked | None = UNASKED
) -> Found:
    """Find the best that is stored: in memory, else in the store, or in what it was `asked` for already."""
    here = look_in_memory(engine, runtime, call)
    if here.fresh or here.stale or engine.store is None:
        return here
    there = await _look_in_store(engine, runtime, call, asked)
    return here if there.entry is None else there


def look_in_memory(engine: Engine, runtime: Runtime, call: Call) -> Found:
    """Find what is in this process's memory."""
    call.found = entry = call.site.space.get(call.index)
    if entry is None:
        return NOTHING
    return Found(engine.judged(entry, call.policy, runtime.random()), entry)


async def _look_in_store(
    engine: Engine, runtime: Runtime, call: Call, asked: bytes | Unasked | None
) -> Found:
    assert engine.sealer is not None
    position = engine.ledger.position()
    envelope = await _read(engine, call) if asked is UNASKED else asked
    if envelope is None:
        return NOTHING
    opened = engine.sealer.open(envelope, call.key, call.site.type, negative=call.policy.negative)
    if isinstance(opened, Damaged):
        engine.damaged(call.key, opened.reason)
        return NOTHING
    await catch_up(engine, opened)
    if opened.epoch != engine.ledger.epoch and not free(opened):
        return Found(Verdict(Answer.MISS, "another epoch"), None)
    proof = Proof(position, held=False) if free(opened) else engine.provable(opened.facts)
    since = None if proof else opened.facts.stamp
    verdict = engine.verdict(opened.facts, call.policy, runtime.random(), since=since)
    if verdict.answer is Answer.MISS:
        return Found(verdict, None)
    engine.counters.store_hits += 1
    if opened.pinned:
        return Found(verdict, _pinned(engine, call, opened, position))
    at = opened.facts.stamp if proof is None else proof.at
    entry = engine.entry(call, opened.value, opened.facts, at)
    engine.admit(call, entry)
    return Found(verdict, entry)


def _pinned(engine: Engine, call: Call, opened: Opened, position: int) -> Entry:
    """An entry for a value that was put by hand. It stays out of this process's memory.

    It carries no tag of its key, so nothing would tell when it is put anew. Whoever makes something
    from it depends on the key, from the position that was read before the value was.
    """
    name = engine.names.of_key(call.key)
    facts = replace(
        opened.facts,
        stamp=position,
        tags=opened.facts.tags | {hashed(name)},
        names=(*opened.facts.names, name),
    )
    return engine.entry(call, opened.value, facts, position)


def free(opened: Opened) -> bool:
    """Whether a value depends on nothing that a ledger numbers: it was put by hand, without tags."""
    return opened.pinned and not opened.facts.tags


async def catch_up(engine: Engine, opened: Opened) -> None:
    """Read the ledger up to where a value was made: another machine may be further than this one."""
    ledger = engine.ledger
    behind = opened.epoch != ledger.epoch or opened.facts.stamp > ledger.position()
    if behind and engine.backend.remote and not free(opened):
        await ledger.reach(opened.facts.stamp)


async def _read(engine: Engine, call: Call) -> bytes | None:
    assert engine.store is not None
    try:
        return await engine.store.get(engine.stored_key(call.site, call.key))
    except BackendError as error:
        engine.bypassed(call.key, error)
        return None
