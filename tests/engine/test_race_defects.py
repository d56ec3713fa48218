"""Each defect put back, one at a time: the scenarios of `races` find it."""

from __future__ import annotations

import pytest
from races import (
    KILLS,
    cancelled_leader,
    joined_flight,
    killed_writer,
    late_fill,
    nested_hit,
    one_load_in_two_processes,
    reads_own_writes,
    recheck,
    strict_intent,
    two_processes,
    value_deleted_in_memory_while_it_is_loaded,
    value_set_and_taken_by_get_or_load,
    value_set_and_whole_made_from_it,
    value_set_in_memory_while_it_is_loaded,
    value_set_while_it_is_loaded,
)

from afresh.core.ports import Proof
from afresh.engine.asking.tracker import Tracker
from afresh.engine.changes.transaction import Transaction
from afresh.engine.engine import Engine
from afresh.engine.loading import fill, flights, join, lead, load, look, lookup
from afresh.engine.values.plain import Plain
from afresh.engine.values.watched import Watched
from afresh.testing.explorer import ScheduleFailed, explore

pytestmark = pytest.mark.orders


def stamp_after_the_load(monkeypatch):
    """The stamp is taken when the load has ended."""
    original = load._Loading._made

    def made(self, value, *, failed=False):
        self.tracker.stamp = self.engine.ledger.position()
        return original(self, value, failed=failed)

    monkeypatch.setattr(load._Loading, "_made", made)


def fill_with_the_present_position(monkeypatch):
    """A fill claims to be proven at the present position, without looking."""

    def prove(self, entry, now):
        entry.checked_at = self.ledger.position()
        return True

    monkeypatch.setattr(Engine, "prove", prove)


def position_read_after_the_proof(monkeypatch):
    """The proof is read first, the position that it is kept under afterwards."""

    def prove(self, entry, now):
        if self.ledger.prove(entry.facts.tags, abs(entry.checked_at)) is None:
            return False
        entry.checked_at = self.ledger.position()
        return True

    monkeypatch.setattr(Engine, "prove", prove)


def whole_forgets_when_its_parts_were_proven(monkeypatch):
    """What a whole was given is no part of it: neither tags nor positions travel up."""

    def saw(self, ledger, facts, at):
        return

    monkeypatch.setattr(Tracker, "saw", saw)


def part_is_taken_as_new(monkeypatch):
    """A part that was being loaded before a write counts as if it were proven now."""
    original = Tracker.saw

    def saw(self, ledger, facts, at):
        stamp = self.stamp
        original(self, ledger, facts, at)
        self.stamp = max(stamp, ledger.position())

    monkeypatch.setattr(Tracker, "saw", saw)


def any_flight_will_do(monkeypatch):
    """A follower takes what its flight brings, however long ago that began."""
    monkeypatch.setattr(join, "_new_enough", lambda engine, made, asked_at: True)


def intents_are_ignored(monkeypatch):
    """`strict` serves what a standing intent names."""
    original = Engine.prove

    def prove(self, entry, now):
        consistency, self.consistency = self.consistency, "bounded"
        try:
            return original(self, entry, now)
        finally:
            self.consistency = consistency

    monkeypatch.setattr(Engine, "prove", prove)


def own_transaction_is_ignored(monkeypatch):
    """A caller whose transaction has written is answered from the cache, and fills it."""
    monkeypatch.setattr(lookup, "reads_through", lambda engine: False)


def cancelled_flights_stay(monkeypatch):
    """A flight without a result is forgotten: those who wait are not told."""
    monkeypatch.setattr(flights.Flights, "abandon", lambda self, flight: None)


def fill_without_a_look(monkeypatch):
    """What was invalidated while it was loaded is kept as if it were current."""

    async def keep(engine, call, made):
        engine.admit(call, engine.entry(call, made.value, made.facts, engine.ledger.position()))
        return made

    monkeypatch.setattr(load, "fill", keep)
    monkeypatch.setattr(fill, "fill", keep)


def marked_before_it_is_set(monkeypatch):
    """`set` marks the key first and writes the cell afterwards."""

    async def set_many(self, values, until, tags):
        facts = self._facts(tags)
        await self._mark(values)
        await self._cells.write(values, facts, until)

    monkeypatch.setattr(Plain, "set_many", set_many)


def no_intent(monkeypatch):
    """A transaction announces after its commit and says nothing before."""

    async def prepare(self):
        return

    monkeypatch.setattr(Transaction, "prepare", prepare)


def lease_without_a_second_look(monkeypatch):
    """Whoever waited for a lease loads, without looking whether its holder has stored something."""

    async def only_here(engine, runtime, call):
        return look.look_in_memory(engine, runtime, call)

    monkeypatch.setattr(lead, "look", only_here)


def store_is_believed(monkeypatch):
    """What is found in the store is served without a proof."""
    monkeypatch.setattr(Engine, "provable", lambda self, facts: Proof(self.ledger.position(), False))


def stamp_after_the_last_look(monkeypatch):
    """Looked, found nothing, and only then noted the position."""
    original = lead.load

    async def load_now(engine, runtime, call, flight=None, *, stamp=None, spare=False):
        return await original(engine, runtime, call, flight, spare=spare)

    monkeypatch.setattr(lead, "load", load_now)


def keys_are_not_watched(monkeypatch):
    """A write in memory marks nothing, although a load of that key is under way."""
    monkeypatch.setattr(Watched, "add", lambda self, name: None)


def values_set_by_hand_are_kept(monkeypatch):
    """What another process set is taken into memory like a loaded value."""

    def pinned(engine, call, opened, position):
        entry = engine.entry(call, opened.value, opened.facts, position)
        engine.admit(call, entry)
        return entry

    monkeypatch.setattr(look, "_pinned", pinned)


def fill_replaces_what_was_set(monkeypatch):
    """A load that ends late replaces what was put by hand meanwhile."""

    def admit(self, call, entry):
        self.prove(entry, self.now())
        self.l1.admit(entry)

    monkeypatch.setattr(Engine, "admit", admit)


DEFECTS = [
    (values_set_by_hand_are_kept, value_set_and_taken_by_get_or_load),
    (fill_replaces_what_was_set, value_set_in_memory_while_it_is_loaded),
    (stamp_after_the_last_look, value_set_while_it_is_loaded),
    (keys_are_not_watched, value_deleted_in_memory_while_it_is_loaded),
    (marked_before_it_is_set, value_set_and_whole_made_from_it),
    (no_intent, killed_writer),
    (lease_without_a_second_look, one_load_in_two_processes),
    (store_is_believed, two_processes),
    (stamp_after_the_load, late_fill),
    (fill_with_the_present_position, late_fill),
    (position_read_after_the_proof, recheck),
    (whole_forgets_when_its_parts_were_proven, nested_hit),
    (part_is_taken_as_new, nested_hit),
    (any_flight_will_do, joined_flight),
    (intents_are_ignored, strict_intent),
    (own_transaction_is_ignored, reads_own_writes),
    (cancelled_flights_stay, cancelled_leader),
    (fill_without_a_look, late_fill),
]


@pytest.mark.parametrize(("defect", "scenario"), DEFECTS, ids=[defect.__name__ for defect, _ in DEFECTS])
def test_defect_is_caught(monkeypatch, defect, scenario):
    defect(monkeypatch)
    with pytest.raises(ScheduleFailed):
        explore(scenario, limit=20_000, seed=1, kills=scenario in KILLS)
