"""A scope of the application's own that is open while its answer is sent: the page depends on what was read in it."""

from __future__ import annotations

import asyncio
from typing import Any

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware


def test_what_is_read_in_a_scope_around_the_answer_is_a_part_of_it() -> None:
    runs = 0
    bodies = []

    async def view(scope: Any, receive: Any, send: Any) -> None:
        nonlocal runs
        runs += 1
        cache.depends_on(tag("row"))
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=60")]}
        )
        await send({"type": "http.response.body", "body": b"%d" % runs})

    async def scoped(scope: Any, receive: Any, send: Any) -> None:
        async with cache.aio.scope(), cache.aio.scope():
            await view(scope, receive, send)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            bodies.append(message["body"])

    async def asked() -> None:
        scope = {
            "type": "http", "method": "GET", "scheme": "http", "path": "/", "raw_path": b"/",
            "query_string": b"", "headers": [(b"host", b"x")], "http_version": "1.1",
        }  # fmt: skip
        for change in (False, False, True, False):
            if change:
                await cache.aio.invalidate(tag("row"))
            await app(dict(scope), None, send)  # type: ignore[arg-type]

    with Cache("memory://") as cache:
        app = CacheMiddleware(scoped, cache)
        asyncio.run(asked())
    assert bodies == [b"1", b"1", b"2", b"2"]
