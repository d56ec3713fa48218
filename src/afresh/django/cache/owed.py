"""Keys whose old value could not be removed, since the server did not answer.

Until that is made up for, this process takes them for absent, and tries again with each call: while
the server's breaker is open that takes microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from afresh.engine.changes.invalidate import clear
from afresh.engine.engine import Engine
from afresh.engine.values.plain import Plain
from afresh.errors import BackendError

_MOST = 10_000  # beyond so many, everything is cleared instead


class Owed:
    """What one process owes its store.

    Args:
        engine: The cache.
        plain: Its values.
    """

    def __init__(self, engine: Engine, plain: Plain) -> None:
        self._engine = engine
        self._plain = plain
        self._keys: set[str] = set()
        self._everything = False

    def __bool__(self) -> bool:
        return self._everything or bool(self._keys)

    def add(self, keys: Iterable[str]) -> None:
        """What is at these keys must not be served."""
        self._keys.update(keys)
        if len(self._keys) > _MOST:
            self.add_all()

    def add_all(self) -> None:
        """Nothing that is there may be served."""
        self._everything = True
        self._keys.clear()

    def concerns(self, key: str) -> bool:
        """Whether a key has to be taken for absent."""
        return self._everything or key in self._keys

    async def pay(self) -> None:
        """Make up for it, if the server answers."""
        keys = list(self._keys)
        try:
            if self._everything:
                await clear(self._engine)
                self._everything = False
            elif keys:
                await self._plain.delete_many(keys)
                self._keys.difference_update(keys)
        except BackendError:
            return
