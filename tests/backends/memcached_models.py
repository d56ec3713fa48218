"""A small world for the explorer: a memcached server, the real log on it, two machines, a database.

Every command that reaches the server is a stop where others may go first: no two are atomic.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.log.holes import Holes
from afresh.backends.memcached.log.log import MemcachedLog
from afresh.backends.memcached.log.reading import Reader
from afresh.backends.replica.remote import NOWHERE, Position, Record, What
from afresh.testing.actors import block_until, pause
from afresh.testing.clock import FakeClock
from afresh.testing.world import World

PATIENCE = 1.0
T = 77
EPOCH_KEY = b"afresh:log:ledger:epoch"


class ModelServer:
    """memcached: what each command does, at once. Items can vanish at any moment (`lose`)."""

    def __init__(self) -> None:
        self.items: dict[bytes, tuple[bytes, int]] = {}
        self._cas = 0

    def answer(self, request: Request) -> Response:
        return getattr(self, f"_{request.command}")(request)

    def lose(self, key: bytes) -> None:
        self.items.pop(key, None)

    def _put(self, key: bytes, value: bytes) -> None:
        self._cas += 1
        self.items[key] = value, self._cas

    def _mg(self, request: Request) -> Response:
        there = self.items.get(request.key)
        return Response("EN") if there is None else Response("VA", (f"c{there[1]}",), there[0])

    def _ms(self, request: Request) -> Response:
        there = self.items.get(request.key)
        guard = request.flags[0]
        if guard == "ME" and there is not None:
            return Response("NS")
        if guard[0] == "C" and there is None:
            return Response("NF")
        if guard[0] == "C" and there is not None and guard != f"C{there[1]}":
            return Response("EX")
        self._put(request.key, request.value or b"")
        return Response("HD")

    def _md(self, request: Request) -> Response:
        return Response("NF" if self.items.pop(request.key, None) is None else "HD")

    def _ma(self, request: Request) -> Response:
        there = self.items.get(request.key)
        if there is None:
            return Response("NF")
        number = b"%d" % (int(there[0]) + int(request.flags[1][1:]))
        self._put(request.key, number)
        return Response("VA", (), number)


class ModelClient:
    """The part of the port that the log uses."""

    servers = ("model",)

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.stops = True

    async def run(self, *requests: Request, timeout: float | None = None) -> list[Response]:  # noqa: ASYNC109  a port
        answers = []
        for request in requests:
            if self.stops:
                name = request.key.rpartition(b":")[2].decode()
                await pause(f"{request.command} {name}")
            answers.append(self.server.answer(request))
        return answers

    def submit(self, *requests: Request) -> None:
        for request in requests:
            self.server.answer(request)

    def server_of(self, key: bytes) -> int:
        return 0


class Parts:
    """What the world is made of; a defect exchanges one."""

    log: type[MemcachedLog] = MemcachedLog
    reader: type[Reader] = Reader
    patch: Callable[[MemcachedLog], None] | None = None


class Machine:
    """One machine: its log, its copy of it, and one value that it keeps with its stamp."""

    def __init__(self, world: Scene) -> None:
        self.world = world
        self.client = ModelClient(world.server)
        draws = iter(range(world.draws, world.draws + 50))
        world.draws += 50
        parts = world.parts
        self.log = parts.log(
            self.client,  # type: ignore[arg-type]
            now=world.clock.now,
            draw=lambda: next(draws),
            patience=PATIENCE,
        )
        self.log._reader = parts.reader(self.log._commands, Holes(world.clock.now, PATIENCE), (2, 2))
        if parts.patch is not None:
            parts.patch(self.log)
        self.at = NOWHERE
        self.floor = 0
        self.marks: list[tuple[int, int]] = []
        self.intents: dict[int, Record] = {}
        self.kept: tuple[int, Position] | None = None

    # -- its copy -------------------------------------------------------------------------------

    async def load(self) -> None:
        snapshot = await self.log.load(self.at)
        assert snapshot.to.at >= self.at.at, "the numbers went back"
        self.at, self.floor, self.marks = snapshot.to, snapshot.floor, []
        self.intents = {record.first: record for record in snapshot.intents}

    async def catch_up(self, to: Position) -> None:
        """Apply the log up to a position, waiting for holes as long as it takes."""
        if not self.at.epoch:
            await self.load()
        while self.at.epoch != to.epoch or self.at.at < to.at:
            passage = await self.log.read(self.at)
            first = passage.records[0].first if passage.records else self.at.at + 1
            if passage.to.epoch != self.at.epoch or first != self.at.at + 1:
                await self.load()
                return  # wherever it is now, it is not before `to`
            for record in passage.records:
                self.apply(record)
            if not passage.records and self.at.at < to.at:
                clock = self.world.clock
                deadline = clock.now() + PATIENCE
                if not await block_until(lambda: False, "a hole", deadline=deadline, hasty=True):
                    clock.reach(max(deadline, clock.now()))

    def apply(self, record: Record) -> None:
        if record.what is What.EVERYTHING:
            self.floor = record.last
        elif record.what is What.INTENT:
            self.intents[record.first] = record
        elif record.what is What.SETTLE:
            self.intents.pop(record.intent, None)
        if record.what in (What.MARK, What.SETTLE):
            self.marks += [(record.first + index, tag) for index, tag in enumerate(record.tags)]
        self.at = Position(self.at.epoch, record.last)

    @property
    def held(self) -> bool:
        return any(T in record.tags for record in self.intents.values())

    def current(self, stamp: Position) -> bool:
        return (
            stamp.epoch == self.at.epoch
            and stamp.at >= self.floor
            and not any(number > stamp.at and tag == T for number, tag in self.marks)
        )

    # -- what a strict read and a write do --------------------------------------------------------

    async def read(self, *, committed: bool = False) -> None:
        """One strict read: never older than what was acknowledged (or `committed`) before it."""
        await pause("a read begins")
        least = self.world.version if committed else self.world.acknowledged
        await self.catch_up(await self.log.confirm(self.at))
        value = await self.value()
        assert value >= least, f"read version {value} after {least}"

    async def value(self) -> int:
        if self.kept is not None and self.current(self.kept[1]) and not self.held:
            return self.kept[0]
        stamp = self.at
        await pause("read the database")
        value = self.world.version
        if not self.held and self.current(stamp):
            self.kept = value, stamp
        return value

    async def change(self) -> None:
        """Commit, then announce."""
        await pause("commit")
        self.world.version += 1
        version = self.world.version
        await self.log.append(What.MARK, (T,), known=self.at)
        self.world.acknowledged = max(self.world.acknowledged, version)

    async def transact(self, *, commits: bool = True) -> None:
        """Intend, commit, settle; `commits=False`: roll back."""
        _, intent = await self.log.append(What.INTENT, (T,), known=self.at, owner=5)
        await pause("commit")
        self.world.version += commits
        tags = (T,) if commits else ()
        await self.log.append(What.SETTLE, tags, known=self.at, intent=intent.first, owner=5)
        self.world.acknowledged = self.world.version


class Scene:
    """Everything that machines share."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.server = ModelServer()
        self.clock = FakeClock(5.0)
        self.version = 0
        self.acknowledged = 0
        self.draws = 1_000

    def machine(self, *, loaded: bool = True, filled: bool = False) -> Machine:
        """One machine, which has read the log up to now."""
        machine = Machine(self)
        if loaded:
            machine.client.stops = False
            _at_once(machine.load())
            machine.client.stops = True
        if filled:
            machine.kept = (self.version, machine.at)
        return machine

    async def time(self) -> None:
        """So much time passes, at any moment, that every hole is overdue."""
        await pause("time passes")
        self.clock.reach(self.clock.now() + PATIENCE)

    async def loses(self, *keys: Callable[[bytes], bool]) -> None:
        """The server loses the items that are chosen, one after the other."""
        for chosen in keys:
            await pause("an item is lost")
            for key in [key for key in self.server.items if chosen(key)]:
                self.server.lose(key)


Scenario = Callable[[], World]


def ending(key: bytes) -> Callable[[bytes], bool]:
    return lambda each: each.endswith(key)


def anything(_: bytes) -> bool:
    return True


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it stopped")


async def reads(machine: Machine, times: int = 2, *, committed: bool = False) -> None:
    for _ in range(times):
        await machine.read(committed=committed)
