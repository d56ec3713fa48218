"""What one cache was told of the table of versions, by whichever of its processes."""

from __future__ import annotations

from collections.abc import Sequence

from afresh.cache import Cache
from afresh.db.watch.asking import Server
from afresh.db.watch.targets import tell
from afresh.db.watch.versions.snapshot import Snapshot


class ToldCache:
    """A cache, which keeps in itself how far it was told: what one process has announced, others need not.

    Args:
        cache: It.
        database: The database's name in tags.
    """

    def __init__(self, cache: Cache, database: str) -> None:
        self.cache = cache
        self._key = f"afresh:versions:{database}"

    def seen(self, server: Server | None) -> Snapshot | None:
        """What was announced here of this life of the server; None if that isn't known."""
        told = self.cache.get(self._key)
        if server is None or not isinstance(told, dict) or told.get("server") != list(server):
            return None
        try:
            return Snapshot.of(str(told.get("snapshot")))
        except ValueError:
            return None

    def epochs(self) -> frozenset[int]:
        """Of its ledgers, as they are now."""
        return frozenset(place.engine.ledger.epoch for place in self.cache._opened.places())

    def tell(self, names: Sequence[str]) -> None:
        """Announce that these changed.

        Raises:
            AfreshError: It couldn't be announced.
        """
        tell(self.cache, names)

    def remember(self, server: Server | None, snapshot: Snapshot) -> None:
        """Keep that all that this snapshot sees is announced."""
        if server is not None:
            self.cache.set(self._key, {"server": list(server), "snapshot": str(snapshot)}, ttl=None)
