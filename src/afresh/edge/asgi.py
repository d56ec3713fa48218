"""Any ASGI application, with what outer caches have to know of its answers. See `outward`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from afresh.cache import Cache
from afresh.core.tags import hashed
from afresh.edge.outward import Outward
from afresh.engine.scope import Scope
from afresh.http.asgi import asked_in
from afresh.http.pages import names_of
from afresh.rfc import Fields, Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
_RULES = Settings()


class OutwardMiddleware:
    """Adds names and lifetimes for outer caches, and keeps from them what was overtaken by a change.

    It collects by itself what the application reads: of databases that are captured, and of cached values.

    Args:
        app: The application. A cache of whole pages stands before it: `CacheMiddleware(OutwardMiddleware(app, …), …)`.
        cache: Whose ledger numbers what is read.
        outward: How names are made.
    """

    def __init__(self, app: App, cache: Cache, outward: Outward | None = None) -> None:
        self._app = app
        self._cache = cache
        self._outward = outward or Outward(cache)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        async with self._cache.aio.scope() as collected:
            answer = _Answer(self._outward, collected, scope, send)
            await self._app(scope, receive, answer.send)


def outward(app: App, cache: Cache) -> App:
    """What `afresh serve --edge` puts around the application; `$AFRESH_EDGE_SECRET` has the secret of names."""
    secret = os.environ.get("AFRESH_EDGE_SECRET", "").encode()
    return OutwardMiddleware(app, cache, Outward(cache, secret=secret))


class _Answer:
    """One answer on its way out. Its head waits for the first part of its body."""

    def __init__(
        self, outward: Outward, collected: Scope, scope: MutableMapping[str, Any], send: Send
    ) -> None:
        self._outward = outward
        self._collected = collected
        self._scope = scope
        self._url = url_of(scope)
        self._send = send
        self._stamp = outward.ledger.position()
        self._head: Message | None = None
        self._named: frozenset[int] = frozenset()  # tags of the page by itself
        self._told: frozenset[int] | None = None  # the tags that the head named

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None and message["type"].startswith("http.response."):
            head, self._head = self._head, None
            await self._send({**head, "headers": self._fields(head)})
        elif self._told is not None and not message.get("more_body", False):
            tags = self._collected.tags | self._named
            if not tags <= self._told or not self._outward.current(tags, self._stamp):
                await self._outward.overtaken(self._url)
        await self._send(message)

    def _fields(self, head: Message) -> list[tuple[bytes, bytes]]:
        given = list(head.get("headers", ()))
        # An unsafe request that afresh sees drops this page behind the edge, so it has to at the edge as well.
        names = names_of(asked_in(self._scope).request, Fields.of(given), _RULES)
        self._named = frozenset(map(hashed, names))
        tags = self._collected.tags | self._named
        stamp = min(self._stamp, self._collected.stamp)
        if self._collected.unsure or not self._outward.current(tags, stamp):
            return self._outward.changed(given)
        fields = self._outward.fields(self._url, head["status"], given, tags, stamp)
        if any(name == b"surrogate-key" for name, _ in fields):
            self._told = tags
        return fields


def url_of(scope: MutableMapping[str, Any]) -> str:
    """The URL that outer caches know a request by."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    path = scope.get("raw_path") or scope["path"].encode()
    query = b"?" + scope["query_string"] if scope.get("query_string") else b""
    return f"{scope.get('scheme', 'http')}://{(host + path + query).decode('latin-1')}"
