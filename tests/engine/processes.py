"""A machine with a database and some processes, small enough to run in every order."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from afresh.backends import Backend
from afresh.backends.memory.store import Limit, MemoryStore
from afresh.codecs.sealer import Sealer
from afresh.core.events import Events
from afresh.core.policy import Policy
from afresh.core.tags import Tag
from afresh.engine.changes.invalidate import invalidate
from afresh.engine.changes.transaction import Transaction
from afresh.engine.engine import Engine
from afresh.engine.loading.lookup import obtain
from afresh.engine.site import Call
from afresh.engine.values.plain import Plain
from afresh.runtime.gate import Gate
from afresh.testing.actors import driven, pause
from afresh.testing.clock import FakeClock
from afresh.testing.exploring import ExplorerRuntime
from afresh.testing.intercept import paused
from afresh.testing.reference import ReferenceLeases, ReferenceLedger, ReferenceStore


class Machine:
    """A database of named numbers, and what its processes share."""

    def __init__(self, *, shared: bool = False, reads: bool = True, in_memory: bool = False) -> None:
        """Make a machine.

        Args:
            shared: Processes also share a store, and lease its keys.
            reads: Others may come between any two looks at the ledger; without, as tasks of one
                loop do, between operations that wait only.
            in_memory: The ledger is one process's own.
        """
        self.rows = {"a": 1, "b": 1}
        self.loads = 0
        self.clock = FakeClock()
        self.ledger = ReferenceLedger()
        self.store = ReferenceStore(self.clock.now) if shared else None
        self.leases = ReferenceLeases() if shared else None
        self.reads = reads
        self.in_memory = in_memory

    def process(self, **options: Any) -> Process:
        """A process with memory of its own."""
        return Process(self, **options)


class Process:
    """One process: an engine with its own memory over the machine's ledger and store."""

    def __init__(self, machine: Machine, *, consistency: Any = "bounded") -> None:
        self.machine = machine
        self.runtime = ExplorerRuntime(machine.clock)
        self.ledger = machine.ledger.another()
        self.leases = None if machine.leases is None else machine.leases.another()
        self.engine = Engine(
            namespace="",
            backend=Backend(
                "model",
                paused(self.ledger, "ledger", reads=machine.reads),
                None if machine.store is None else paused(machine.store.another(), "store", reads=False),
                None if self.leases is None else paused(self.leases, "leases", reads=False),
                in_memory=machine.in_memory,
            ),
            l1=MemoryStore(Limit.of(100)),
            sealer=Sealer(),
            consistency=consistency,
            gate=Gate(),
            events=Events(),
            clock=machine.clock,
        )
        self.plain = Plain(self.engine)
        self.site = self.engine.site("row", Policy())
        self.pages = self.engine.site("page", Policy())

    async def row(self, name: str) -> Any:
        """Read a row through the cache."""

        async def load() -> Any:
            self.machine.loads += 1
            value = self.machine.rows[name]
            await pause("row read")
            return value

        call = Call(self.site, name, f":row({name})", self.site.policy, load, lambda: [Tag(name)])
        return await obtain(self.engine, self.runtime, call)

    async def page(self, *names: str) -> Any:
        """Read several rows as one cached value."""

        async def load() -> Any:
            return [await self.row(name) for name in names]

        call = Call(self.pages, names, f":page{names}", self.pages.policy, load)
        return await obtain(self.engine, self.runtime, call)

    async def greeting(self) -> Any:
        """A cached value that is made from one set by hand."""

        async def load() -> Any:
            value = await self.plain.get("k", None)
            await pause("greeting read")
            return value

        call = Call(self.pages, "greeting", ":greeting", self.pages.policy, load)
        return await obtain(self.engine, self.runtime, call)

    async def loaded(self, key: str, value: int | None = None) -> Any:
        """`get_or_load` of a key that others set; without a value, of row `a`."""

        async def load() -> Any:
            result = self.machine.rows["a"] if value is None else value
            await pause("loading")
            return result

        call = Call(self.engine.values, key, self.engine.names.full(key), Policy(), load)
        return await obtain(self.engine, self.runtime, call)

    async def write(self, name: str, value: int) -> None:
        """Change a row, then say so; what is read afterwards must be new."""
        await pause("before commit")
        self.machine.rows[name] = value
        await pause("committed")
        await invalidate(self.engine, [Tag(name)])

    async def write_with_intent(self, name: str, value: int) -> None:
        """The same as a database's hooks do it."""
        transaction = Transaction(self.engine)
        transaction.writes(Tag(name).marked())
        await transaction.prepare()
        await pause("before commit")
        self.machine.rows[name] = value
        await pause("committed")
        await transaction.commit()

    def die(self) -> None:
        """Others notice that this process was killed: its leases end, its intents are announced."""
        self.runtime.over = True
        self.ledger.die()
        if self.leases is not None:
            self.leases.die()

    def recall(self, name: str) -> Any:
        """What a hit would give right now, without loading; `None` for a miss."""
        entry = self.site.space.get(name)
        return entry.value if entry is not None and self.engine.recall(entry) else None


def actor(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """An actor that can be stopped inside of plain functions too."""
    return driven(coroutine)
