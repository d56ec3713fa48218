"""Any ASGI application, whose finished pages are published."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import time
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from afresh.cache import Cache
from afresh.edge.asgi import App, Message, Receive, Send
from afresh.edge.keys import page_tag
from afresh.edge.leaving import url_of
from afresh.edge.port import Undelivered
from afresh.edge.published.publish import LARGEST, Publishing
from afresh.http.asgi import asked_in
from afresh.rfc.keys import REDIRECTING
from afresh.rfc.requests import OVERRIDES, fat

_log = logging.getLogger("afresh")
_REST = 5.0  # seconds in which a memcached that doesn't answer isn't asked
_APART = REDIRECTING | OVERRIDES | {b"cookie", b"authorization", b"range"}
"""Fields of a request that stand in no key here, and change what an application answers."""


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
        if scope["type"] != "http" or scope["method"] != "GET" or not _like_any_other(scope):
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


def published(app: App, cache: Cache, address: str, index: str) -> App:
    """What `afresh serve --publish` puts before its cache; `$AFRESH_EDGE_SECRET` has the secret of names."""
    secret = os.environ.get("AFRESH_EDGE_SECRET", "").encode()
    publishing = Publishing(cache, address, index, secret=secret)
    atexit.register(publishing.close)
    return PublishMiddleware(app, cache, publishing)


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
            if sum(map(len, self.pieces)) <= LARGEST:
                self.pieces.append(message.get("body", b""))
            self.whole = not message.get("more_body", False)
        else:
            self.status = 0
        await self._send(message)


def _url_of(scope: MutableMapping[str, Any]) -> str:
    return url_of(asked_in(scope).request)


def _like_any_other(scope: MutableMapping[str, Any]) -> bool:
    """Whether what it gets is what nginx may give to anybody who asks for this address."""
    request = asked_in(scope).request
    scheme = str(scope.get("scheme", "http")).encode()
    return not fat(request) and not any(
        name in _APART and (name, value) != (b"x-forwarded-proto", scheme) for name, value in scope["headers"]
    )
