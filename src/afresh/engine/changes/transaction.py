"""Writes that are not committed yet: intents before, invalidation after, and reading through meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from afresh.core.events import Event, Kind
from afresh.core.tags import hashed
from afresh.engine.asking.tracker import same_ledger
from afresh.runtime.fork import forks

if TYPE_CHECKING:
    from afresh.engine.engine import Engine


class Unfinished(Protocol):
    """A change that is not committed yet: of a block, or of a transaction of a database's connection."""

    @property
    def outer(self) -> Unfinished | None:
        """The one that was open when this one began."""

    @property
    def open(self) -> bool:
        """It is under way, and in this process: a task or a child that it started outlives it."""

    @property
    def wrote(self) -> bool:
        """It has changed something: what others cached may be older than what it reads."""

    def concerns(self, engine: Engine) -> bool:
        """Whether this cache is told of what it writes."""

    def writes(self, names: Iterable[str]) -> bool:
        """Note tags to announce at its end; `False` when they have to be announced at once all the same."""


current: ContextVar[Unfinished | None] = ContextVar("afresh.transaction", default=None)
"""The innermost open transaction of this thread or task."""


class Transaction:
    """What one database transaction has written so far.

    While it is open its own reads go through to the loader and are kept nowhere, and invalidations
    are kept back. `prepare` is called before COMMIT, then `commit` or `rollback` once the database
    has answered.

    Attributes:
        names: Names of the tags of what it writes.
        outer: The transaction within which this one was begun.
    """

    __slots__ = ("_ended", "_forks", "_intended", "_intent", "engine", "names", "outer")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names: dict[str, None] = {}
        self.outer: Unfinished | None = current.get()
        self._ended = False
        self._forks = forks()
        self._intended: frozenset[str] = frozenset()
        self._intent: int | None = None

    @property
    def open(self) -> bool:
        """It is under way, and in this process: a task or a child that it started outlives it."""
        return not self._ended and self._forks == forks()

    @property
    def wrote(self) -> bool:
        """It has changed something."""
        return bool(self.names)

    def concerns(self, engine: Engine) -> bool:
        """Whether its writes are numbered by this cache's ledger."""
        return same_ledger(self.engine.ledger, engine.ledger)

    def writes(self, names: Iterable[str]) -> bool:
        """Note tags of something that this transaction changes; `False` when it is over."""
        self.names.update(dict.fromkeys(names))
        return self.open  # asked after noting, as `commit` says so before it reads the names

    async def prepare(self) -> None:
        """Write the intent: from here on a crash of this process loses no invalidation."""
        self.engine.awake()
        if self.names:
            self._intended = frozenset(self.names)
            self._intent = await self.engine.ledger.intend([hashed(name) for name in self.names])

    async def commit(self) -> None:
        """The change is made: announce it. When this returns no reader gets an older value."""
        self._ended = True
        names = list(self.names)
        later = [hashed(name) for name in names if name not in self._intended]
        if later:
            await self.engine.ledger.announce(later)
        await self._settle(announce=True)
        outer = None if self.outer is None else open_on(self.engine, self.outer)
        if outer is not None:
            # What this block did becomes visible to others with the outer one, and must be said then.
            outer.writes(names)
        self.engine.counters.invalidations += len(names)
        self._tell("committed")

    async def rollback(self) -> None:
        """Nothing was changed."""
        self._ended = True
        await self._settle(announce=False)
        self._tell("rolled back")

    async def _settle(self, *, announce: bool) -> None:
        if self._intent is not None:
            intent, self._intent = self._intent, None
            await self.engine.ledger.settle(intent, announce=announce)

    def _tell(self, reason: str) -> None:
        if self.engine.events:
            detail = {"names": tuple(self.names)}
            self.engine.events.emit(Event(Kind.INVALIDATE, "ledger", reason=reason, detail=detail))


def open_ones(engine: Engine, innermost: Unfinished | None = None) -> Iterator[Unfinished]:
    """The caller's open transactions that concern a cache, the innermost first.

    Args:
        engine: The cache.
        innermost: Where to begin; by default with the innermost of the caller.
    """
    transaction = innermost if innermost is not None else current.get()
    while transaction is not None:
        if transaction.open and transaction.concerns(engine):
            yield transaction
        transaction = transaction.outer


def open_on(engine: Engine, innermost: Unfinished | None = None) -> Unfinished | None:
    """The innermost of `open_ones`, if there is one."""
    return next(open_ones(engine, innermost), None)


def reads_through(engine: Engine) -> bool:
    """Whether the caller's own transaction has written: what others cached may be older than that."""
    return any(transaction.wrote for transaction in open_ones(engine))
