"""Fifty ask at once for a page that no cache has: the view runs once, whichever cache they ask."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from edge_shop import wsgi_running
from edges import nginx, running, varnish

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.edge.asgi import OutwardMiddleware
from afresh.http.serve import Protocol
from afresh.wsgi import CacheMiddleware as WsgiMiddleware
from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

TOGETHER = 50
FIELDS = [("Cache-Control", "s-maxage=600"), ("Content-Type", "text/plain")]


class Site:
    """A view that goes on when everybody has asked; its runs are counted by path."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.everybody = threading.Event()

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        self.runs[scope["path"]] += 1
        await asyncio.to_thread(self.everybody.wait, 20)
        fields = [(name.lower().encode(), value.encode()) for name, value in FIELDS]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"page"})

    def wsgi(self, environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        self.runs[environ["PATH_INFO"]] += 1
        self.everybody.wait(20)
        start_response("200 OK", FIELDS)
        return [b"page"]


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


@pytest.fixture(scope="module")
def ports(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    folder: Path = tmp_path_factory.mktemp("misses")
    with ExitStack() as stack:
        caches = [stack.enter_context(Cache(f"sqlite:///{folder}/cache{number}")) for number in range(3)]
        whole = CacheMiddleware(OutwardMiddleware(site.asgi, caches[2]), caches[2])
        behind = stack.enter_context(running(whole, http=Protocol))
        yield {
            "asgi": stack.enter_context(running(CacheMiddleware(site.asgi, caches[0]))),
            "wsgi": stack.enter_context(wsgi_running(WsgiMiddleware(site.wsgi, caches[1]))),
            "serve": behind,
            "varnish": stack.enter_context(varnish(folder, behind)).port,
            "nginx": stack.enter_context(nginx(folder, behind)).port,
        }


@pytest.mark.parametrize("front", ["asgi", "wsgi", "serve", "varnish", "nginx"])
def test_fifty_who_miss_at_once_are_one_run(front: str, site: Site, ports: dict[str, int]) -> None:
    for number in range(size(1, 100)):
        path = f"/{front}-{number}"
        site.everybody.clear()
        asked = threading.Barrier(TOGETHER, site.everybody.set, timeout=20)

        def ask(_: int, path: str = path, asked: threading.Barrier = asked) -> bytes:
            connection = HTTPConnection("127.0.0.1", ports[front], timeout=30)
            connection.request("GET", path)
            asked.wait()
            body = connection.getresponse().read()
            connection.close()
            return body

        with ThreadPoolExecutor(TOGETHER) as pool:
            assert set(pool.map(ask, range(TOGETHER))) == {b"page"}
        assert site.runs[path] == 1
