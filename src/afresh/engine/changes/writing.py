"""A block in which something is changed, announced safely even if its process dies in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Token

from afresh.core.tags import Dependency
from afresh.engine.asking.contexts import leave
from afresh.engine.changes.transaction import Transaction, Unfinished, current
from afresh.engine.engine import Engine
from afresh.engine.names import marked_names
from afresh.runtime.gate import track, untrack


class Writing:
    """What `cache.writing(…)` gives: add to it what else turns out to change."""

    def __init__(self, engine: Engine, dependencies: Sequence[Dependency]) -> None:
        self._engine = engine
        self._transaction = Transaction(engine)
        self._transaction.writes(marked_names(dependencies, engine.names))
        self._before: Token[Unfinished | None] | None = None

    def also(self, *dependencies: Dependency) -> None:
        """Something else changes too. An intent is not written for it any more."""
        self._transaction.writes(marked_names(dependencies, self._engine.names))

    async def begin(self) -> None:
        """Write the intent."""
        await self._transaction.prepare()
        self._before = current.set(self._transaction)
        track(self)  # hits look closer: reads in this block must not be answered from the cache

    async def end(self) -> None:
        """Announce. Also after an exception: whether the change was made before it can't be known."""
        if self._before is not None:
            untrack(self)
            leave(current, self._before)
            self._before = None
            await self._transaction.commit()
