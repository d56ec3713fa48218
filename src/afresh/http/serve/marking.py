"""Marks in the access log what the cache has answered."""

from __future__ import annotations

from typing import Any

from afresh.http.asgi import Application, Receive, Scope
from afresh.http.gateways.sending import Message, Send

MARK = " hit"


class HitsMarked:
    """Stands before a cache. uvicorn writes the version that the scope has: `"GET / HTTP/1.1 hit" 200`.

    Args:
        app: A cache, and the application behind it.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at the head of what comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def marking(message: Message) -> None:
            if message["type"] == "http.response.start" and _was_hit(message.get("headers", ())):
                scope["http_version"] += MARK
            await send(message)

        await self.app(dict(scope), receive, marking)


def _was_hit(headers: Any) -> bool:
    # The last member is ours: caches further away write theirs first.
    said = [value for name, value in headers if name == b"cache-status"]
    return bool(said) and b"; hit" in said[-1].rpartition(b",")[2]
