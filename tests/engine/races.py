"""The named races as scenarios, small enough to run in every order.

Each ends by reading once more: whatever happened, a read that starts after a write was announced
gets what the write left. `SCENARIOS` are run by `test_races`, and with defects put back by
`test_race_defects`.
"""

from __future__ import annotations

import asyncio

from processes import Machine, actor

from afresh.core.policy import Policy
from afresh.core.tags import Tag
from afresh.engine.changes.transaction import Transaction
from afresh.engine.changes.transaction import current as transaction
from afresh.engine.loading import lookup
from afresh.engine.site import Call
from afresh.testing.world import World


def same(one, other):
    assert one == other


def drive_alone(coroutine):
    """Run a coroutine of the model with nobody else there."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value


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
    began = machine.clock.now()  # nobody's patience may run out over it
    began = machine.clock.now()  # nobody's patience may run out over it

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
        lambda: same((":row(a)" in process.engine.flights, machine.clock.now()), (False, began)),
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
