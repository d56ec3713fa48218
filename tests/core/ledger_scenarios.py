"""Small concurrent scenarios around one ledger, built from parts that a defect can exchange."""

from __future__ import annotations

from collections.abc import Callable

from ledger_models import START, B, Database, Disk, Memory, T

from afresh.core.intents import Intents
from afresh.core.log import Log
from afresh.core.words import Layout
from afresh.testing.world import World


class Parts:
    """What a scenario is built from."""

    log: type[Log] = Log
    intents: type[Intents] = Intents
    memory: type[Memory] = Memory
    locked = True


Scenario = Callable[[Parts], Callable[[], World]]


def proofs(
    *writers: list[int],
    tags: frozenset[int],
    before: list[int],
    since: int = 0,
    slots: int = 2,
    ring: int = 4,
) -> Scenario:
    """One reader proves `tags` while each writer marks its list. What was marked is never proven."""

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            disk = Disk(Layout(slots, ring, 1), before=before, log=parts.log, locked=parts.locked)

            def write(name: str, some: list[int]) -> None:
                with disk.lock(name):
                    disk.writing.mark(some)

            def read() -> None:
                at = disk.reading.prove(tags, START + since)
                assert at is None or not disk.truly_marked(tags, START + since, at), f"proven up to {at}"

            named = {f"writer {index}": some for index, some in enumerate(writers)}
            actors = {name: lambda name=name, some=some: write(name, some) for name, some in named.items()}
            return World({"reader": read, **actors}, read, disk.on_kill)

        return world

    return scenario


def memories(
    *,
    reads: int = 2,
    writers: int = 1,
    bystanders: int = 0,
    noise: int = 0,
    ring: int = 4,
    filled: bool = True,
    moved: bool = False,
) -> Scenario:
    """A process reads while others commit, mark and acknowledge. No read is older than what was acknowledged.

    `noise` marks other tags behind; `moved` marked one before, so that the first hit is rechecked.
    """

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            disk = Disk(Layout(2, ring, 1), before=[B] * moved, log=parts.log, intents=parts.intents)
            database = Database()
            memory = parts.memory(disk, database, bystanders=bystanders, filled=filled)

            def write(name: str) -> None:
                version = database.commit()
                with disk.lock(name):
                    disk.writing.mark([T] + [B] * noise)
                database.acknowledged = max(database.acknowledged, version)

            def check() -> None:
                memory.read()

            named = [f"writer {index}" for index in range(writers)]
            actors = {name: lambda name=name: write(name) for name in named}
            return World({"reader": lambda: memory.read_often(reads), **actors}, check, disk.on_kill)

        return world

    return scenario


def all_or_nothing(*, ring: int, noise: int = 0) -> Scenario:
    """Two entries of one write: once one of them is seen to be dropped, the other is dropped as well."""

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            # In slots of their own: a neighbour that is blamed wrongly would look like half a write.
            disk = Disk(Layout(8, ring, 1), before=[4] * 3, log=parts.log)
            database = Database()
            first, second = (parts.memory(disk, database, filled=True) for _ in "ab")
            first.tags, second.tags = frozenset([1]), frozenset([2])
            second.checked_at = START + 3

            def write(name: str, tags: list[int]) -> None:
                with disk.lock(name):
                    disk.writing.mark(tags)

            def usable(memory: Memory) -> bool:
                return memory.checked_at == memory.position() or memory.recheck()

            def read() -> None:
                if not usable(first):
                    assert not usable(second), "half of a write is seen"

            actors = {"reader": read, "writer": lambda: write("writer", [1, 2])}
            if noise:
                actors["other"] = lambda: write("other", [4] * noise)
            return World(actors, on_kill=disk.on_kill)

        return world

    return scenario


def transactions(
    *,
    reads: int = 2,
    filled: bool = True,
    bystanders: int = 0,
    ring: int = 4,
    reaper: bool = False,
    moved: bool = False,
) -> Scenario:
    """Intent, COMMIT, announce and clear, against a strict reader: nothing older than the database was then."""

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            disk = Disk(Layout(2, ring, 1), before=[B] * moved, log=parts.log, intents=parts.intents)
            database = Database()
            memory = parts.memory(disk, database, strict=True, bystanders=bystanders, filled=filled)

            def transact() -> None:
                with disk.lock("writer"):
                    number = disk.writing_intents.open(7, [T])
                database.commit()
                with disk.lock("writer"):
                    disk.writing_intents.settle(7, number, [T])

            def reap() -> None:
                if "writer" in disk.dead and disk.reading_intents.owners():
                    with disk.lock("reaper"):
                        disk.writing_intents.bequeath({7})

            def check() -> None:
                reap()
                assert memory.read() == database.version

            actors = {"reader": lambda: memory.read_often(reads), "writer": transact}
            return World(actors | ({"reaper": reap} if reaper else {}), check, disk.on_kill)

        return world

    return scenario
