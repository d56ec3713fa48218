"""The caches to which a watcher announces, and what each of them was told.

A cache keeps how far it was told, in itself: so a watcher that comes back knows whether it may go on
where the slot is. One that was told less, or of another life of the server, is told everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from afresh.cache import Cache
from afresh.db.watch.asking import Server
from afresh.engine.changes.invalidate import invalidate
from afresh.errors import AfreshError
from afresh.runtime.drive import drive


class Changed:
    """A dependency that is its marks: what a change in the log means.

    Args:
        names: Of the tags.
    """

    __slots__ = ("names",)

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def carried(self) -> Iterator[str]:
        """Nothing: nobody reads it."""
        yield from ()

    def marked(self) -> Iterator[str]:
        """The tags."""
        yield from self.names


def tell(cache: Cache, names: Sequence[str]) -> None:
    """Announce in a cache that these changed, as a watcher saw.

    Raises:
        AfreshError: It couldn't be announced.
    """
    drive(invalidate(cache._engine, (Changed(names),), source="watched"))


class Targets:
    """Some caches.

    Args:
        caches: Each of them is told of everything.
        slot: Name of the slot whose positions they know.
    """

    def __init__(self, caches: Iterable[Cache], slot: str) -> None:
        self._caches = tuple(caches)
        self._key = f"afresh:watch:{slot}"

    def epochs(self) -> frozenset[int]:
        """Of their ledgers, as they are now."""
        return frozenset(
            place.engine.ledger.epoch for cache in self._caches for place in cache._opened.places()
        )

    def announce(self, names: Sequence[str]) -> None:
        """Announce that these changed.

        Raises:
            AfreshError: One of them could not be told; the others were.
        """
        trouble: AfreshError | None = None
        for cache in self._caches:
            try:
                tell(cache, names)
            except AfreshError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def know(self, server: Server, confirmed: int) -> bool:
        """Whether all of them were told of everything up to a position, in this life of the server."""
        return all(self._told(cache, server) >= confirmed for cache in self._caches)

    def _told(self, cache: Cache, server: Server) -> int:
        try:
            told = cache.get(self._key)
        except AfreshError:
            return -1
        if not isinstance(told, dict) or told.get("server") != list(server):
            return -1
        return int(told.get("position", -1))

    def remember(self, server: Server, position: int) -> None:
        """Keep how far they were told; where that can't be kept, they will be told everything."""
        for cache in self._caches:
            try:
                cache.set(self._key, {"server": list(server), "position": position}, ttl=None)
            except AfreshError:
                continue
