"""Who is told: the ledgers of some caches, or of all that take captured writes in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from afresh.cache import Cache
from afresh.core.tags import hashed
from afresh.engine.changes import capturing
from afresh.engine.engine import Engine
from afresh.runtime.drive import drive


class Target:
    """The caches of one ledger.

    Args:
        engines: Their engines.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = engines

    @property
    def key(self) -> str:
        """Stands for the ledger, as long as it lives."""
        return f"{self._engines[0].ledger.epoch:x}"

    def announce(self, names: Sequence[str]) -> None:
        """Announce that these changed, at once, whatever transaction is open here.

        Raises:
            NotInvalidated: It could not be written.
        """
        drive(self._engines[0].ledger.announce([hashed(name) for name in names]))
        for engine in self._engines:
            engine.announced(names, "watched")


class Targets:
    """All of them.

    Args:
        caches: Those that are told; none: all that are open and take captured writes.
    """

    def __init__(self, caches: Iterable[Cache]) -> None:
        self._given = [place.engine for cache in caches for place in cache._opened.places()]

    def engines(self) -> list[Engine]:
        """Their engines, as far as they are open."""
        given = self._given or capturing.engines()
        return [engine for engine in given if not engine.closed]

    def all(self) -> Iterator[Target]:
        """One for each ledger."""
        yield from map(Target, capturing.by_ledger(self.engines()))
