"""The log on memcached in every order of its commands, with what a server may lose; and without each rule."""

from __future__ import annotations

from contextlib import suppress
from types import MethodType

import pytest
from memcached_models import (
    EPOCH_KEY,
    Parts,
    Scenario,
    Scene,
    anything,
    ending,
    reads,
)

from afresh.backends.memcached.log.intents import EMPTY, Intents
from afresh.backends.memcached.log.keys import Commands
from afresh.backends.memcached.log.log import MemcachedLog
from afresh.backends.memcached.log.reading import Reader
from afresh.backends.memcached.log.records import packed
from afresh.backends.replica.remote import Passage, Position, Record, What
from afresh.testing.explorer import ScheduleFailed, explore, replay
from afresh.testing.world import World
from sizes import seed, size

pytestmark = pytest.mark.orders

PREEMPTIONS = size(2, 3)
LIMIT = size(1_500, 60_000)


def marks(parts: Parts) -> Scenario:
    """Two writers, a reader, and time that passes."""

    def scenario() -> World:
        scene = Scene(parts)
        one, two, reader = scene.machine(), scene.machine(), scene.machine(filled=True)
        return World({"one": one.change(), "two": two.change(), "reader": reads(reader)})

    return scenario


def losses(parts: Parts, *lost: object) -> Scenario:
    """A writer, a reader, and a server that loses items."""

    def scenario() -> World:
        scene = Scene(parts)
        writer, reader = scene.machine(), scene.machine(filled=True)
        return World(
            {
                "writer": writer.change(),
                "reader": reads(reader),
                "server": scene.loses(*lost),  # type: ignore[arg-type]
            }
        )

    return scenario


def transaction(
    parts: Parts, *, newcomer: bool = False, commits: bool = True, lost: object = None
) -> Scenario:
    """A writer with an intent; a reader that follows, or one that loads the log just then."""

    def scenario() -> World:
        scene = Scene(parts)
        writer = scene.machine()
        reader = scene.machine(loaded=not newcomer, filled=not newcomer)
        actors = {
            "writer": writer.transact(commits=commits),
            "reader": reads(reader, 2, committed=True),
        }
        if lost is not None:
            actors["server"] = scene.loses(lost)  # type: ignore[arg-type]
        return World(actors, lambda: None)

    return scenario


def beginning(parts: Parts) -> Scenario:
    """Two machines come to a server that has nothing yet."""

    def scenario() -> World:
        scene = Scene(parts)
        machines = [scene.machine(loaded=False) for _ in range(2)]

        def check() -> None:
            assert machines[0].at.epoch == machines[1].at.epoch != 0
            assert len([key for key in scene.server.items if key.endswith(b":at")]) == 1

        return World({str(index): each.load() for index, each in enumerate(machines)}, check)

    return scenario


def leaves_nothing(parts: Parts) -> Scenario:
    """When a transaction is over, no copy knows an intent, whenever it was loaded."""

    def scenario() -> World:
        scene = Scene(parts)
        writer, newcomer = scene.machine(), scene.machine(loaded=False)

        async def load() -> None:
            await newcomer.load()

        def check() -> None:
            newcomer.client.stops = False
            catching = newcomer.catch_up(Position(newcomer.at.epoch, newcomer.at.at + 1))
            with suppress(StopIteration):
                catching.send(None)
            catching.close()
            assert newcomer.intents == {}

        return World({"writer": writer.transact(), "newcomer": load()}, check)

    return scenario


SCENARIOS = {
    "two writers": marks(Parts()),
    "the epoch is evicted": losses(Parts(), lambda key: key == EPOCH_KEY),
    "the counter is evicted": losses(Parts(), ending(b":at")),
    "the list of intents is evicted": losses(Parts(), ending(b":intents")),
    "records are evicted": losses(Parts(), lambda key: key[-1:].isdigit()),
    "restart": losses(Parts(), anything),
    "two restarts": losses(Parts(), anything, anything),
    "transaction": transaction(Parts()),
    "rollback": transaction(Parts(), commits=False),
    "transaction, a newcomer": transaction(Parts(), newcomer=True),
    "transaction, records are evicted": transaction(Parts(), lost=lambda key: key[-1:].isdigit()),
    "transaction, the counter is evicted": transaction(Parts(), lost=ending(b":at")),
    "transaction, the epoch is evicted": transaction(Parts(), lost=lambda key: key == EPOCH_KEY),
    "two begin": beginning(Parts()),
    "intents end": leaves_nothing(Parts()),
}


@pytest.mark.parametrize("kills", [0, 1])
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_read_is_stale_in_any_order(name: str, kills: int) -> None:
    if kills and name in ("two begin", "intents end"):
        kills = 0  # they say what is so when all have ended
    explored = explore(SCENARIOS[name], kills=kills, preemptions=PREEMPTIONS, limit=LIMIT, seed=seed())
    assert explored.schedules > 10


# -- what each rule is for ----------------------------------------------------------------------


class SkipsHoles(Reader):
    """A record behind a hole is read; what the hole would have said never is."""

    async def read(self, ask, after):  # type: ignore[no-untyped-def]
        named, counter, found = await self._ask(ask, after.epoch, after.at, 6)
        if named != after.epoch or counter is None or counter < after.at:
            return Passage(Position(0, after.at))
        records = [found[number] for number in sorted(found)]
        if records:
            records[0] = records[0]._replace(first=after.at + 1)
        elif counter > after.at:
            records = [Record(after.at + 1, counter, What.MARK)]
        return Passage(Position(after.epoch, counter), tuple(records))


class OnlyRevalidates(Reader):
    """An overdue hole is passed as if everything had changed, and nothing is loaded."""

    async def read(self, ask, after):  # type: ignore[no-untyped-def]
        passage = await super().read(ask, after)
        if passage.records and passage.records[0].first != after.at + 1:
            passed = Record(after.at + 1, passage.to.at, What.EVERYTHING)
            return passage._replace(records=(passed,))
        return passage


def does_not_look_whether_its_life_goes_on(log: MemcachedLog) -> None:
    """A record that was written counts, whatever life is named by now. (A former life is not dropped.)"""

    whole = log._take

    async def take(self, epoch, count):  # type: ignore[no-untyped-def]
        if not count:
            return await whole(epoch, count)
        (taken,) = await self._ask(self._commands.take(epoch, count))
        number = None if taken.value is None else int(taken.value)
        return number, None if number is None else Position(epoch, number)

    async def write(self, epoch, record):  # type: ignore[no-untyped-def]
        (added,) = await self._ask(self._commands.add_record(epoch, record.first, packed(record)))
        return Position(epoch, record.last) if added.status == "HD" else None

    log._commands.drop = lambda epoch: []  # type: ignore[method-assign]
    log._take = MethodType(take, log)  # type: ignore[method-assign]
    log._write = MethodType(write, log)  # type: ignore[method-assign]


class EntersUnseen(Intents):
    async def enter(self, ask, epoch, record):  # type: ignore[no-untyped-def]
        there = await self._read(ask, epoch)
        return await self._write(ask, epoch, there, there.seen, (*there.records, record))


class LoadsUnseen(Intents):
    async def load(self, ask, epoch, at):  # type: ignore[no-untyped-def]
        there = await self._read(ask, epoch)
        return tuple(record for record in there.records if record.first <= at)


class Stays(Intents):
    async def leave(self, ask, epoch, number):  # type: ignore[no-untyped-def]
        return None


def enters_whoever_has_loaded(log: MemcachedLog) -> None:
    log._intents.__class__ = EntersUnseen


def loads_without_a_trace(log: MemcachedLog) -> None:
    log._intents.__class__ = LoadsUnseen


def never_leaves_the_list(log: MemcachedLog) -> None:
    log._intents.__class__ = Stays


class Forgets(Intents):
    async def inherit(self, ask, former):  # type: ignore[no-untyped-def]
        return EMPTY


def inherits_nothing(log: MemcachedLog) -> None:
    """A life begins without the intents of the one before."""
    log._intents.__class__ = Forgets


class BeginsOver(Commands):
    def write_epoch(self, epoch, cas):  # type: ignore[no-untyped-def]
        return super().write_epoch(epoch, cas)._replace(flags=("MS", "T0"))


def begins_over_another(log: MemcachedLog) -> None:
    """The name of a life is set, whatever is there."""
    log._commands.__class__ = BeginsOver


DEFECTS = {
    "holes are skipped": ({"reader": SkipsHoles}, marks),
    "a hole is only revalidated": ({"reader": OnlyRevalidates}, transaction),
    "the life is not looked at": (
        {"patch": staticmethod(does_not_look_whether_its_life_goes_on)},
        lambda parts: losses(parts, lambda key: key == EPOCH_KEY),
    ),
    "intents enter whoever has loaded": (
        {"patch": staticmethod(enters_whoever_has_loaded)},
        lambda parts: transaction(parts, newcomer=True),
    ),
    "whoever loads leaves no trace": (
        {"patch": staticmethod(loads_without_a_trace)},
        lambda parts: transaction(parts, newcomer=True),
    ),
    "intents stay in the list": ({"patch": staticmethod(never_leaves_the_list)}, leaves_nothing),
    "a life inherits nothing": (
        {"patch": staticmethod(inherits_nothing)},
        lambda parts: transaction(parts, lost=ending(b":at")),
    ),
    "a life begins over another": ({"patch": staticmethod(begins_over_another)}, beginning),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_without_a_rule_it_goes_wrong(defect: str) -> None:
    changed, scenario = DEFECTS[defect]
    defective = type("Defective", (Parts,), changed)()
    with pytest.raises(ScheduleFailed) as caught:
        explore(scenario(defective), preemptions=3)  # type: ignore[operator]
    with suppress(ValueError):
        replay(scenario(Parts()), caught.value.schedule)  # type: ignore[operator]
