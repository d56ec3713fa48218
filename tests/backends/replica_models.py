"""Small worlds for the explorer: a server, machines with processes, their memories, a database and a clock.

Every call of the server is two stops (before it is done, and before its answer arrives), and so is every
access to a word of a copy's header that several look at: in between others may go first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from replica_server import Server

from afresh.backends.replica.channel import Channel
from afresh.backends.replica.copies import PrivateCopies
from afresh.backends.replica.copy import Copy
from afresh.backends.replica.follower import Follower
from afresh.backends.replica.header import HEARD, HIT, PENDING
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.owners import ReplicaOwners
from afresh.backends.replica.remote import Snapshot
from afresh.backends.replica.seats import OnlySeat
from afresh.backends.replica.spool import MemorySpool
from afresh.core import words as w
from afresh.core.events import Events
from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.drive import drive
from afresh.testing.actors import block_here, pause_here
from afresh.testing.clock import FakeClock
from afresh.testing.world import World as Explored

TAG = 5
MAX_STALE = 1.0
NAMES = {w.LIFE: "LIFE", w.BEGIN: "BEGIN", HIT: "HIT", HEARD: "HEARD", PENDING: "PENDING"}


class Watched:
    """Words of a copy; whoever reads or writes one that others look at stops there first."""

    def __init__(self, words: memoryview) -> None:
        self.words = words

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice) and index in NAMES:
            pause_here(f"read {NAMES[index]}")
        return self.words[index]

    def __setitem__(self, index: Any, word: Any) -> None:
        if not isinstance(index, slice) and index in NAMES:
            pause_here(f"write {NAMES[index]}")
        self.words[index] = word


actor: ContextVar[str] = ContextVar("actor", default="")


class ExploredLock:
    """A file lock: it ends with whoever holds it, however that ends."""

    def __init__(self) -> None:
        self.holder: str | None = None

    @contextmanager
    def held(self, patience: float, moved: Callable[[], object]) -> Iterator[None]:
        block_here(lambda: self.holder is None, "lock")
        self.holder = actor.get()
        try:
            yield
        finally:
            self.holder = None

    def after_fork(self) -> None:
        pass

    def close(self) -> None:
        pass


class MachineCopies(PrivateCopies):
    """The copies of one machine: what one process puts there, the others find."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self.put_there: dict[int, tuple[Any, ExploredLock]] = {}

    def newest(self) -> tuple[int, Copy | None]:
        pause_here("look for a copy")
        number = max(self.put_there, default=0)
        return number, self._opened(number) if number else None

    def put(self, number: int, snapshot: Snapshot, heard: float) -> Copy | None:
        made = super().put(number, snapshot, heard)
        assert made is not None
        pause_here("link the copy")
        if number in self.put_there:
            return None
        self.put_there[number] = Watched(made.words), ExploredLock()
        return self._opened(number)

    def _opened(self, number: int) -> Copy:
        words, lock = self.put_there[number]
        return Copy(words, number, lock)


class Parts:
    """What a world is made of; a test of a defect replaces one."""

    ledger: type[ReplicaLedger] = ReplicaLedger
    channel: type[Channel] = Channel

    def memory(self) -> type[Memory]:
        return Memory


class Database:
    """One value with a version, and when each version was acknowledged."""

    def __init__(self, clock: FakeClock) -> None:
        self.version = 0
        self.clock = clock
        self.acknowledged: list[tuple[float, str, int]] = []

    def read(self) -> int:
        pause_here("read the database")
        return self.version

    def least(self, machine: str, strict: bool) -> int:
        """The oldest version that a read on a machine may return which begins now."""
        oldest = self.clock.now() - MAX_STALE
        seen = (
            version
            for when, where, version in self.acknowledged
            if strict or where == machine or when < oldest
        )
        return max(seen, default=0)


class World:
    """A server, a database, a clock and machines by name."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.clock = FakeClock(5_000.0)
        self.server = Server(slots=8)
        self.database = Database(self.clock)
        self.machines: dict[str, tuple[MachineCopies, MemorySpool]] = {}

    def process(self, machine: str, *, strict: bool = False) -> Process:
        copies, spool = self.machines.setdefault(machine, (MachineCopies(self.server.slots), MemorySpool()))
        return Process(self, machine, copies, spool, strict)

    def explored(self, check: Callable[[], object], **actors: Callable[[], object]) -> Explored:
        """This world with its actors."""

        def named(name: str, run: Callable[[], object]) -> Callable[[], object]:
            def act() -> None:
                actor.set(name)
                run()

            return act

        acting = {name: named(name, run) for name, run in actors.items()}
        return Explored(acting, check, on_kill=self._killed)

    def _killed(self, name: str) -> None:
        for copies, _ in self.machines.values():
            for _, lock in copies.put_there.values():
                if lock.holder == name:
                    lock.holder = None

    def later(self, seconds: float = 3.0) -> None:
        """An actor: time passes."""
        pause_here("time passes")
        self.clock.advance(seconds)


class Process:
    """One process: a ledger, and a memory with at most one entry."""

    def __init__(
        self, world: World, machine: str, copies: MachineCopies, spool: MemorySpool, strict: bool
    ) -> None:
        now, events, parts = world.clock.now, Events(), world.parts
        self.world, self.machine, self.strict = world, machine, strict
        self.log = world.server.connect()
        self.log.waits = False
        self.channel = parts.channel(
            self.log, copies, spool, now=now, events=events, rest=lambda _: pause_here("rest")
        )
        owners = ReplicaOwners(None, now)
        self.follower = Follower(
            self.log, self.channel, spool, owners, OnlySeat(), now=now, max_stale=MAX_STALE, threads=False
        )
        self.ledger = parts.ledger(
            self.log,
            self.channel,
            spool,
            owners,
            self.follower,
            now=now,
            strict=strict,
            max_stale=MAX_STALE,
        )
        with suppress(BackendError):
            drive(self.channel.catch_up())
        self.memory = parts.memory()(self)

    def write(self) -> None:
        """An actor: commit, and announce."""
        pause_here("commit")
        self.world.database.version += 1
        version = self.world.database.version
        try:
            drive(self.ledger.announce([TAG]))
        except NotInvalidated:
            return
        database = self.world.database
        database.acknowledged.append((database.clock.now(), self.machine, version))

    def noise(self) -> None:
        """An actor: announce something else."""
        drive(self.ledger.announce([TAG + 1]))

    def hear(self, times: int = 1) -> None:
        """An actor: some rounds of the follower's thread."""
        for _ in range(times):
            with suppress(BackendError):
                self.follower.listen()
                self.follower.tidy()

    def read(self, times: int = 1) -> None:
        """An actor: reads, each of which is judged."""
        for _ in range(times):
            pause_here("a read begins")
            least = self.world.database.least(self.machine, self.strict)
            value = self.memory.read()
            assert value >= least, f"read version {value} after {least}"


class Memory:
    """What the engine does with an entry."""

    tags = frozenset([TAG])

    def __init__(self, process: Process) -> None:
        self.process = process
        self.ledger = process.ledger
        self.database = process.world.database
        self.value: int | None = None
        self.checked_at = 0

    def filled(self) -> None:
        """Begin with an entry."""
        self.value, self.checked_at = self.database.version, self.ledger.position()

    def read(self) -> int:
        if self.process.strict:
            try:
                drive(self.ledger.confirm())
            except BackendError:
                return self.database.read()
        if self.value is not None and (self.hit() or self.recheck()):
            return self.value
        return self.load()

    def hit(self) -> bool:
        """The comparison of the decorated function, behind the gate."""
        if self.process.strict or not self.gate():
            return False
        return bool(self.ledger.cell.cell_contents[HIT] == self.checked_at)

    def gate(self) -> bool:
        """It is opened and shut by ticks, so it knows nothing of what was kept just now."""
        copy = self.process.channel.copy()
        return copy is not None and self.ledger._heard(copy)

    def recheck(self) -> bool:
        proof = self.ledger.prove(self.tags, self.checked_at)
        if proof is None:
            return False
        if not proof.held:
            self.checked_at = proof.at
        return not (proof.held and self.process.strict)

    def load(self) -> int:
        stamp = self.ledger.position()
        value = self.database.read()
        proof = self.ledger.prove(self.tags, stamp)
        if proof is not None and not proof.held:
            self.value, self.checked_at = value, stamp
        return value
