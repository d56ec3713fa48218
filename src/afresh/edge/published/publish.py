"""Publishes finished pages to memcached, from where nginx serves them (`afresh edge nginx --mode memcached`)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from afresh.cache import Cache
from afresh.core.entry import NEVER
from afresh.edge.asgi import App, Message, Receive, Send
from afresh.edge.keys import page_tag
from afresh.edge.leaving import url_of
from afresh.edge.outward import OURS, Outward
from afresh.edge.port import Undelivered
from afresh.edge.published.index import Index
from afresh.edge.published.pages import Pages, key_of
from afresh.http.asgi import asked_in

_log = logging.getLogger("afresh")
_LARGEST = 1_000_000  # memcached's default limit of an item, with room for its head
_MOST_RECENT = 10_000
_AGAIN = 1.0  # seconds in which a page isn't published twice
_REST = 5.0  # seconds in which a memcached that doesn't answer isn't asked
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
    ) -> None:
        self.outward = Outward(cache, secret=secret)
        self.published = 0
        self.refused: Counter[str] = Counter()
        self._pages = Pages(address)
        self._index = Index(index)
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
        if key is None or len(body) > _LARGEST:
            self.refused["memcached can't have it"] += 1
            return
        when, before = self._recent.get(key, (0.0, 0))
        if now - when < _AGAIN and self._index.stands(key, before):
            return
        version = self._index.enter(key, self.outward.names(url, tags), now + seconds)
        self._pages.put(key, body, seconds)
        # Whatever came in between: what isn't entered, or is overtaken, must not stay.
        if not self._index.stands(key, version) or not self.outward.current(tags, stamp):
            self._pages.drop(key)
            self.refused["invalidated while it was made"] += 1
            return
        self.published += 1
        if len(self._recent) > _MOST_RECENT:
            self._recent.clear()
        self._recent[key] = (now, version)

    def close(self) -> None:
        """Close the connection and the file."""
        self._pages.close()
        self._index.close()


class PublishMiddleware:
    """Publishes what an application answers to visitors who are nobody in particular.

    Args:
        app: The application, with its cache.
        cache: Whose ledger numbers what is read.
        publishing: Where pages go.
    """

    def __init__(self, app: App, cache: Cache, publishing: Publishing) -> None:
        self._app = app
        self._cache = cache
        self._publishing = publishing
        self._thread = ThreadPoolExecutor(1, "afresh publishing")
        self._trouble = ""
        self._rests_until = 0.0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http" or scope["method"] != "GET" or _says_who(scope):
            await self._app(scope, receive, send)
            return
        heard = _Heard(send)
        async with self._cache.aio.scope() as collected:
            stamp = self._publishing.outward.ledger.position()
            await self._app(scope, receive, heard.send)
            tags, unsure, stamp = collected.tags, collected.unsure, min(stamp, collected.stamp)
            until = collected.until
        if not heard.whole or unsure:
            return
        reason = self._publishing.refusal(heard.status, heard.fields, until)
        if reason:
            self._publishing.refused[reason] += 1
            return
        lifetime, url = self._publishing.outward.lifetime(heard.status, heard.fields, until), _url_of(scope)
        arguments = url, b"".join(heard.pieces), lifetime, tags | {page_tag(url)}, stamp
        await asyncio.get_running_loop().run_in_executor(self._thread, self._publish, *arguments)

    def _publish(self, *arguments: Any) -> None:
        if time.monotonic() < self._rests_until:
            self._publishing.refused["memcached doesn't take it"] += 1
            return
        try:
            self._publishing.publish(*arguments)
            self._trouble = ""
        except Undelivered as error:
            self._publishing.refused["memcached doesn't take it"] += 1
            self._rests_until = time.monotonic() + _REST
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.warning("pages are not published: %s", error)

    def close(self) -> None:
        """End its thread."""
        self._thread.shutdown()


class _Heard:
    """An answer as it goes by."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.fields = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            if sum(map(len, self.pieces)) <= _LARGEST:
                self.pieces.append(message.get("body", b""))
            self.whole = not message.get("more_body", False)
        else:
            self.status = 0
        await self._send(message)


def _url_of(scope: MutableMapping[str, Any]) -> str:
    return url_of(asked_in(scope).request)


def _says_who(scope: MutableMapping[str, Any]) -> bool:
    return any(name in {b"cookie", b"authorization", b"range"} for name, _ in scope["headers"])
