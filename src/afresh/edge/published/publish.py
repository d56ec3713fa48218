"""Publishes finished pages to memcached, from where nginx serves them (`afresh edge nginx --mode memcached`)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from afresh.cache import Cache
from afresh.core.entry import NEVER
from afresh.edge.outward import OURS, Outward
from afresh.edge.port import Undelivered
from afresh.edge.published.index import Index
from afresh.edge.published.pages import Pages, key_of
from afresh.runtime.drive import drive

LARGEST = 1_000_000  # memcached's default limit of an item, with room for its head
_MOST_RECENT = 10_000
_AGAIN = 1.0  # seconds in which a page isn't published twice
_DROPPED = OURS | frozenset(
    [
        b"age", b"accept-ranges", b"cache-control", b"cache-status", b"content-length", b"date", b"etag",
        b"expires", b"last-modified", b"server",
    ]
)  # fmt: skip
"""Fields that a published page doesn't need. It is served without any others that nginx doesn't add."""


class Publishing:
    """Where finished pages go.

    Args:
        cache: Whose ledger numbers what pages are made from.
        address: Host and port of memcached.
        index: The file in which pages are entered, for `Published`.
        prefix: What keys begin with; nginx's configuration has the same.
        content_type: Of published pages: what nginx sends for all of them.
        headers: Other fields that nginx adds to published pages.
        secret: Of outward names: that of the `Follower`.
        most: About so many pages are entered at a time. Addresses are made up by whoever asks (`?x=1`, `?x=2`).

    Attributes:
        published: How many pages were.
        refused: Why others were not, and how often.
    """

    def __init__(
        self,
        cache: Cache,
        address: str,
        index: Path | str,
        *,
        prefix: str = "page:",
        content_type: str = "text/html; charset=utf-8",
        headers: Sequence[tuple[str, str]] = (),
        secret: bytes = b"",
        most: int = 100_000,
    ) -> None:
        self.outward = Outward(cache, secret=secret)
        self.published = 0
        self.refused: Counter[str] = Counter()
        self._pages = Pages(address)
        self._index = Index(index)
        self._most = most
        self._room = 0  # pages that may be entered before they are counted again
        self._prefix = prefix
        self._added = {(name.lower().encode(), value.encode()) for name, value in headers}
        self._added.add((b"content-type", content_type.encode()))
        self._recent: dict[bytes, tuple[float, int]] = {}  # when, and its entry's version

    def refusal(self, status: int, fields: Sequence[tuple[bytes, bytes]], until: float = NEVER) -> str:
        """Why an answer can't be published that is right until then at most; empty if it can."""
        if status != 200:
            return "its status isn't 200"
        if self.outward.lifetime(status, fields, until) <= 0:
            return "no outer cache may keep it"
        kept = {(name.lower(), value) for name, value in fields if name.lower() not in _DROPPED}
        kept.discard((b"vary", b"Accept-Encoding"))
        if lost := sorted(name.decode("latin-1") for name, value in kept - self._added):
            return f"nginx would serve it without its {lost[0]}"
        if missing := self._added - kept:
            return f"nginx would serve it with a {min(missing)[0].decode()} that it hasn't"
        return ""

    def publish(self, url: str, body: bytes, seconds: int, tags: frozenset[int], stamp: int) -> None:
        """Publish a page; takes it away again when it turns out to be overtaken. For one thread at a time.

        Raises:
            Undelivered: memcached doesn't take it.
        """
        key, now = key_of(self._prefix, url), time.time()
        if key is None or len(body) > LARGEST:
            self.refused["memcached can't have it"] += 1
            return
        when, before = self._recent.get(key, (0.0, 0))
        if now - when < _AGAIN and self._index.stands(key, before):
            return
        if not self._has_room(now):
            self.refused["there are too many"] += 1
            return
        names = self.outward.names(url, tags)
        version = self._index.enter(key, names, now + seconds)
        try:
            self._pages.put(key, body, seconds)
            # Whatever came in between: what isn't entered, or is overtaken, must not stay.
            overtaken = not self._index.stands(key, version) or not self.outward.current(tags, stamp)
            if overtaken:
                self._pages.drop(key)
        except Undelivered:
            self._index.doubt(key)  # it may be there, now or soon
            if not self._index.stands(key, version):  # whoever took it away has gone on
                self._index.enter(key, names, now + seconds)
                drive(self.outward.overtaken(url))
            raise
        if overtaken:
            self.refused["invalidated while it was made"] += 1
            return
        self.published += 1
        if len(self._recent) > _MOST_RECENT:
            self._recent.clear()
        self._recent[key] = (now, version)

    def _has_room(self, now: float) -> bool:
        """Whether one more may be entered. Others enter pages too, so they are counted now and then."""
        if self._room <= 0:
            gone = self._index.expired(now)
            for key, _ in gone:
                self._pages.drop(key)
            self._index.remove(gone)
            self._room = (self._most - self._index.count() + 9) // 10
        self._room -= 1
        return self._room >= 0

    def close(self) -> None:
        """Close the connection and the file."""
        self._pages.close()
        self._index.close()
