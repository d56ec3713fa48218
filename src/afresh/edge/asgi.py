"""Any ASGI application, with what outer caches have to know of its answers. See `outward`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from afresh.cache import Cache
from afresh.edge.leaving import Leaving
from afresh.edge.outward import Outward
from afresh.rfc import Fields, Request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


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
            answer = _Answer(Leaving(self._outward, collected, _request_of(scope)), send)
            await self._app(scope, receive, answer.send)


def outward(app: App, cache: Cache) -> App:
    """What `afresh serve --edge` puts around the application; `$AFRESH_EDGE_SECRET` has the secret of names."""
    secret = os.environ.get("AFRESH_EDGE_SECRET", "").encode()
    return OutwardMiddleware(app, cache, Outward(cache, secret=secret))


class _Answer:
    """One answer on its way out. Its head waits for the first part of its body."""

    def __init__(self, leaving: Leaving, send: Send) -> None:
        self._leaving = leaving
        self._send = send
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None and message["type"].startswith("http.response."):
            head, self._head = self._head, None
            fields = self._leaving.head(head["status"], list(head.get("headers", ())))
            await self._send({**head, "headers": fields})
        elif not message.get("more_body", False):
            await self._leaving.end()
        await self._send(message)


def _request_of(scope: MutableMapping[str, Any]) -> Request:
    """Which page is asked for. A glue that stands before notices what is read of the request: no more than that.

    How its address is spelled is no part of what the page shows, so that is read past the glue.
    """
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    path = _unnoticed(scope, "raw_path") or quote(scope["path"]).encode()
    return Request(
        method=scope["method"],
        scheme=scope.get("scheme", "http"),
        authority=host,
        path=path.partition(b"?")[0],
        query=_unnoticed(scope, "query_string") or b"",
        fields=Fields(()),
        content=None,
    )


def _unnoticed(scope: MutableMapping[str, Any], name: str) -> Any:
    return dict.get(scope, name) if isinstance(scope, dict) else scope.get(name)
