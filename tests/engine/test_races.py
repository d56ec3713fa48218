"""The named races, in every order in which they can happen.

Each scenario ends by reading once more: whatever happened, a read that starts after a write was
announced gets what the write left.
"""

from __future__ import annotations

import asyncio

import pytest
from processes import Machine, actor

from afresh.core.policy import Policy
from afresh.core.ports import Proof
from afresh.core.tags import Tag
from afresh.engine import fill, flights, lead, load, look, lookup
from afresh.engine.engine import Engine
from afresh.engine.plain import Plain
from afresh.engine.site import Call
from afresh.engine.tracker import Tracker
from afresh.engine.transaction import Transaction
from afresh.engine.transaction import current as transaction
from afresh.engine.watched import Watched
from afresh.testing.explorer import ScheduleFailed, explore
from afresh.testing.world import World
from sizes import size

LIMIT = size(800, 200_000)


def run(scenario, **options):
    explored = explore(scenario, **{"limit": LIMIT, "seed": 1} | options)
    assert explored.failed == 0
    return explored


def late_fill():
    """Load, write and invalidate, store."""
    machine = Machine()
    process = machine.process()

    async def writer():
        await process.write("a", 2)
        assert await process.row("a") == 2

    def check():
        assert drive_alone(process.row("a")) == 2

    return World({"reader": actor(process.row("a")), "writer": actor(writer())}, check)


def two_writers():
    """Announcements may overtake each other; the last value is what is read."""
    machine = Machine()
    process = machine.process()
    return World(
        {
            "reader": actor(process.row("a")),
            "one": actor(process.write("a", 2)),
            "other": actor(process.write("a", 3)),
        },
        lambda: same(drive_alone(process.row("a")), machine.rows["a"]),
    )


def joined_flight():
    """Whoever asks after a write must not be given the result of a load begun before it."""
    machine = Machine(reads=False)
    process = machine.process()

    async def writer():
        await process.write("a", 2)
        assert await process.row("a") == 2

    return World(
        {"leader": actor(process.row("a")), "follower": actor(process.row("a")), "writer": actor(writer())},
        lambda: same(drive_alone(process.row("a")), 2),
    )


def nested_child():
    """A page made of rows, one of which changes while it is made."""
    machine = Machine(reads=False)
    process = machine.process()

    async def writer():
        await process.write("b", 2)
        assert await process.page("a", "b") == [1, 2]

    return World(
        {
            "reader": actor(process.page("a", "b")),
            "other": actor(process.row("b")),
            "writer": actor(writer()),
        },
        lambda: same(drive_alone(process.page("a", "b")), [1, 2]),
    )


def nested_hit():
    """The part is a hit, proven at a position; the page must not claim a later one."""
    machine = Machine()
    process = machine.process()
    drive_alone(process.row("a"))

    async def writer():
        await process.write("a", 2)
        assert await process.page("a") == [2]

    return World(
        {"reader": actor(process.page("a")), "writer": actor(writer())},
        lambda: same(drive_alone(process.page("a")), [2]),
    )


def recheck():
    """A hit is proven again after the ledger moved, while it moves once more."""
    machine = Machine()
    process = machine.process()
    drive_alone(process.row("a"))

    async def writer():
        await process.write("b", 2)
        await process.write("a", 2)
        assert process.recall("a") in {None, 2}

    async def reader():
        process.recall("a")
        process.recall("a")

    return World(
        {"reader": actor(reader()), "writer": actor(writer())},
        lambda: same(drive_alone(process.row("a")), 2),
    )


def intent():
    """A transaction writes its intent first: until it is settled nothing of its tags is kept."""
    machine = Machine()
    process = machine.process()

    async def writer():
        await process.write_with_intent("a", 2)
        assert await process.row("a") == 2

    return World(
        {"reader": actor(process.row("a")), "writer": actor(writer())},
        lambda: same(drive_alone(process.row("a")), 2),
    )


def strict_intent():
    """`strict` serves nothing that an unfinished write names: once committed, the old value is gone."""
    machine = Machine(reads=False)
    process = machine.process(consistency="strict")
    drive_alone(process.row("a"))

    async def reader():
        before = machine.rows["a"]
        assert await process.row("a") >= before

    return World(
        {
            "reader": actor(reader()),
            "again": actor(reader()),
            "writer": actor(process.write_with_intent("a", 2)),
        },
        lambda: same(drive_alone(process.row("a")), 2),
    )


def reads_own_writes():
    """Inside a transaction that wrote, reads go through and are kept nowhere."""
    machine = Machine(reads=False)
    process = machine.process()
    drive_alone(process.row("a"))

    async def writer():
        own = Transaction(process.engine)
        own.writes(Tag("a").marked())
        token = transaction.set(own)
        rows, machine.rows = machine.rows, {"a": 5, "b": 1}
        assert await process.row("a") == 5
        machine.rows = rows
        transaction.reset(token)
        await own.rollback()

    return World({"writer": writer()}, lambda: same(drive_alone(process.row("a")), 1))


def cancelled_leader():
    """A leader that is cancelled hurts nobody: another takes over."""
    machine = Machine(reads=False)
    process = machine.process()

    async def cancelling():
        async def load():
            raise asyncio.CancelledError

        call = Call(process.site, "a", ":row(a)", Policy(), load, lambda: [Tag("a")])
        try:
            await lookup.obtain(process.engine, process.runtime, call)
        except asyncio.CancelledError:
            return

    async def follower():
        assert await process.row("a") == 1

    return World(
        {"leader": actor(cancelling()), "follower": actor(follower()), "third": actor(follower())},
        lambda: same(process.engine.flights.__contains__(":row(a)"), False),
    )


def two_processes():
    """One reads, one writes; they share the store. Nobody finds there what is no longer true."""
    machine = Machine(shared=True, reads=False)
    one, other = machine.process(), machine.process()

    async def writer():
        await other.write("a", 2)
        assert await other.row("a") == 2

    def check():
        assert drive_alone(one.row("a")) == drive_alone(other.row("a")) == 2
        assert drive_alone(machine.process().row("a")) == 2

    return World({"reader": actor(one.row("a")), "writer": actor(writer())}, check)


def one_load_in_two_processes():
    """Both miss at once: one of them loads."""
    machine = Machine(shared=True, reads=False)
    readers = {name: machine.process() for name in ("one", "other")}
    return World(
        {name: actor(process.row("a")) for name, process in readers.items()},
        lambda: same(machine.loads, 1),
    )


def killed_reader():
    """Whoever holds the lease is killed somewhere: the other one gets its value all the same."""
    machine = Machine(shared=True, reads=False)
    processes = {"one": machine.process(), "other": machine.process()}

    def check():
        assert drive_alone(machine.process().row("a")) == 1
        assert machine.loads <= 2

    return World(
        {name: actor(process.row("a")) for name, process in processes.items()},
        check,
        on_kill=lambda name: processes[name].die(),
    )


def killed_writer():
    """A writer is killed between its intent and its announcement: what it changed is not hidden."""
    machine = Machine(reads=False)
    reader, writer = machine.process(), machine.process()
    return World(
        {"reader": actor(reader.row("a")), "writer": actor(writer.write_with_intent("a", 2))},
        lambda: same(drive_alone(reader.row("a")), machine.rows["a"]),
        on_kill=lambda name: {"reader": reader, "writer": writer}[name].die(),
    )


def value_set_and_whole_made_from_it():
    """`set` writes the cell, then marks the key: what was made from the old value is dropped."""
    machine = Machine(shared=True, reads=False)
    one, other = machine.process(), machine.process()
    drive_alone(other.plain.set_many({"k": 1}, 1e18, ()))

    async def writer():
        await other.plain.set_many({"k": 2}, 1e18, ())
        assert await other.plain.get("k", None) == 2

    def check():
        assert drive_alone(one.greeting()) == 2
        assert drive_alone(other.greeting()) == 2

    return World({"reader": actor(one.greeting()), "writer": actor(writer())}, check)


def value_set_while_it_is_loaded():
    """`set` and a load of the same key: what was set stays, whichever ends first."""
    machine = Machine(shared=True)
    one, other = machine.process(), machine.process()

    async def writer():
        await other.plain.set_many({"k": 2}, 1e18, ())
        assert await other.plain.get("k", None) == 2

    def check():
        assert drive_alone(one.plain.get("k", None)) in {2, None}
        assert drive_alone(one.loaded("k", 2)) == 2

    return World({"loader": actor(one.loaded("k", 1)), "writer": actor(writer())}, check)


def value_set_and_taken_by_get_or_load():
    """What `get_or_load` found because another process had set it is not kept beyond the next `set`."""
    machine = Machine(shared=True, reads=False)
    one, other = machine.process(), machine.process()
    drive_alone(other.plain.set_many({"k": 2}, 1e18, ()))

    async def writer():
        await other.plain.set_many({"k": 3}, 1e18, ())

    def check():
        assert drive_alone(one.loaded("k", 1)) == 3
        assert drive_alone(one.plain.get("k", None)) == 3

    return World({"reader": actor(one.loaded("k", 1)), "writer": actor(writer())}, check)


def value_set_in_memory_while_it_is_loaded():
    """The same where nothing leaves the process, and keys that nobody watches aren't marked."""
    machine = Machine(in_memory=True)
    process = machine.process()

    async def writer():
        await process.plain.set_many({"k": 2}, 1e18, ())
        assert await process.plain.get("k", None) == 2

    return World(
        {"loader": actor(process.loaded("k", 1)), "writer": actor(writer())},
        lambda: same(drive_alone(process.loaded("k", 2)), 2),
    )


def value_deleted_in_memory_while_it_is_loaded():
    """Changed, then deleted: a load that began before doesn't bring the old value back."""
    machine = Machine(in_memory=True)
    process = machine.process()

    async def writer():
        machine.rows["a"] = 2
        await process.plain.delete_many(["k"])

    return World(
        {"loader": actor(process.loaded("k")), "writer": actor(writer())},
        lambda: same(drive_alone(process.loaded("k")), 2),
    )


def refresh_in_the_background():
    """An old value is served and refreshed, while it is also invalidated."""
    machine = Machine(reads=False)
    process = machine.process()
    process.site.policy = Policy.of(ttl=10, stale_while_revalidate=100)
    drive_alone(process.row("a"))
    machine.clock.advance(20)

    async def writer():
        await process.write("a", 2)
        assert await process.row("a") == 2

    return World(
        {"reader": actor(process.row("a")), "writer": actor(writer())},
        lambda: same(drive_alone(process.row("a")), 2),
    )


KILLS = {killed_reader, killed_writer}
SCENARIOS = [
    late_fill,
    two_processes,
    one_load_in_two_processes,
    killed_reader,
    killed_writer,
    value_set_and_whole_made_from_it,
    value_set_while_it_is_loaded,
    value_set_in_memory_while_it_is_loaded,
    value_set_and_taken_by_get_or_load,
    value_deleted_in_memory_while_it_is_loaded,
    refresh_in_the_background,
    two_writers,
    joined_flight,
    nested_child,
    nested_hit,
    recheck,
    intent,
    strict_intent,
    reads_own_writes,
    cancelled_leader,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_order_is_stale(scenario):
    run(scenario, kills=scenario in KILLS)


def same(one, other):
    assert one == other


def drive_alone(coroutine):
    """Run a coroutine of the model with nobody else there."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value


# -- each defect put back ---------------------------------------------------------------------------


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
    monkeypatch.setattr(lookup, "_new_enough", lambda engine, made, asked_at: True)


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
