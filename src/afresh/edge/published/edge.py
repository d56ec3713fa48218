"""Published pages as an edge: what is marked in the ledger is taken away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from afresh.edge.port import Purge, Undelivered
from afresh.edge.published.index import Index
from afresh.edge.published.pages import Pages, key_of

_LATE = 1.0  # seconds in which a memcached that answers has taken what was sent to it before


class Published:
    """The pages in one memcached.

    No purge is repeated: whoever publishes looks again when its page is there. But a memcached that hangs
    may take a page when it goes on, after it was taken away: where that can be, it is taken away once more.

    Args:
        address: Host and port of memcached.
        index: The file in which pages are entered; that of `Publishing`.
        prefix: What keys begin with; that of `Publishing`, and of nginx.
        name: Tells it from others.
    """

    batch = 10_000
    pace = 0.0
    repeats: tuple[float, ...] = ()

    def __init__(self, address: str, index: Path | str, *, prefix: str = "page:", name: str = "") -> None:
        self.name = name or f"published {address}"
        self._prefix = prefix
        self._pages = Pages(address)
        self._index = Index(index)
        self._dropped: dict[bytes, float] = {}  # doubted pages, and when they were first taken away

    def purge(self, purges: Sequence[Purge]) -> None:
        """Take these away.

        Raises:
            Undelivered: Some may still be there.
        """
        # Those that have expired too: no entry goes before its page does, whatever the clock says.
        entries = dict(self._index.expired(time.time()))
        for each in purges:
            entries.update(self._entries(each))
        for key in entries:
            self._pages.drop(key)
        late = {key for key in self._index.doubted() & entries.keys() if not self._dropped_before(key)}
        self._index.remove([each for each in entries.items() if each[0] not in late])
        if late:
            raise Undelivered(f"{self.name}: it hung while pages were put there, so once more", after=_LATE)

    def _dropped_before(self, key: bytes) -> bool:
        """Whether it was taken away long enough ago that what was under way then has arrived."""
        now = time.monotonic()
        if now - self._dropped.setdefault(key, now) < _LATE:
            return False
        del self._dropped[key]
        return True

    def _entries(self, purge: Purge) -> list[tuple[bytes, int]]:
        if purge.kind == "all":
            return self._index.everything()
        if purge.kind == "key":
            return self._index.named(purge.value)
        key = key_of(self._prefix, purge.value)
        return [] if key is None else self._index.entry(key)

    def close(self) -> None:
        """Close the connection and the file."""
        self._pages.close()
        self._index.close()
