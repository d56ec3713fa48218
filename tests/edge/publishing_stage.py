"""An application that publishes its pages, memcached, and nginx that serves them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from edges import nginx, running
from origin import ask

from afresh import Cache, tag
from afresh.edge.follow import Follower
from afresh.edge.published import Published, Publishing, PublishMiddleware
from afresh.testing.servers import MemcachedServer

HTML = (b"content-type", b"text/html; charset=utf-8")


class Stage(NamedTuple):
    """All that publishing needs, running."""

    port: int
    rows: dict[str, int]
    cache: Cache
    follower: Follower
    publishing: Publishing
    memcached: MemcachedServer
    behind: Any

    def change(self, path: str) -> None:
        self.rows[path] = self.rows.get(path, 0) + 1
        self.cache.invalidate(tag(path))


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    chance, rows = random.Random(5), {}

    with (
        Cache(f"sqlite:///{folder}/cache") as cache,
        MemcachedServer(folder / "memcached") as memcached,
        closing(Publishing(cache, memcached.address, folder / "index")) as publishing,
    ):

        async def site(scope: Any, receive: Any, send: Any) -> None:
            cache.depends_on(tag(scope["path"]))
            row = rows.get(scope["path"], 0)
            if scope["path"].startswith("/slow"):
                await asyncio.sleep(chance.uniform(0, 0.2))
            body = b"row %d" % row
            fields = [(b"cache-control", b"s-maxage=600"), HTML, (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": fields})
            await send({"type": "http.response.body", "body": body})

        edge = Published(memcached.address, folder / "index")
        with (
            closing(PublishMiddleware(site, cache, publishing)) as middleware,
            running(middleware) as behind,
            nginx(folder, behind, mode="memcached", memcached=memcached.address) as front,
            Follower(cache, [edge], folder=folder / "edges") as follower,
        ):
            assert follower.settled(10)
            yield Stage(front.port, rows, cache, follower, publishing, memcached, middleware)


def published(port: int, path: str, **fields: str) -> bool:
    return "published" in ask(port, path, fields=fields).fields.get("cache-status", "")
