"""Writes that are not committed yet: intents before, invalidation after, and reading through meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING

from afresh.core.events import Event, Kind
from afresh.core.tags import hashed

if TYPE_CHECKING:
    from afresh.engine.engine import Engine

current: ContextVar[Transaction | None] = ContextVar("afresh.transaction", default=None)
"""The innermost open transaction of this thread or task."""


class Transaction:
    """What one database transaction has written so far.

    While it is open its own reads go through to the loader and are kept nowhere, and invalidations
    are kept back. `prepare` is called before COMMIT, then `commit` or `rollback` once the database
    has answered.
    """

    __slots__ = ("_intended", "_intent", "engine", "names")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names: dict[str, None] = {}
        self._intended: frozenset[str] = frozenset()
        self._intent: int | None = None

    def writes(self, names: Iterable[str]) -> None:
        """Note tags of something that this transaction changes."""
        self.names.update(dict.fromkeys(names))

    async def prepare(self) -> None:
        """Write the intent: from here on a crash of this process loses no invalidation."""
        if self.names:
            self._intended = frozenset(self.names)
            self._intent = await self.engine.ledger.intend([hashed(name) for name in self.names])

    async def commit(self) -> None:
        """The change is made: announce it. When this returns no reader gets an older value."""
        later = [hashed(name) for name in self.names if name not in self._intended]
        if later:
            await self.engine.ledger.announce(later)
        await self._settle(announce=True)
        self.engine.counters.invalidations += len(self.names)
        self._tell("committed")

    async def rollback(self) -> None:
        """Nothing was changed."""
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


def open_on(engine: Engine) -> Transaction | None:
    """The caller's open transaction, if its writes are numbered by this cache's ledger."""
    transaction = current.get()
    return transaction if transaction is not None and transaction.engine.ledger is engine.ledger else None


def reads_through(engine: Engine) -> bool:
    """Whether the caller's own transaction has written: what others cached may be older than that."""
    transaction = open_on(engine)
    return transaction is not None and bool(transaction.names)
