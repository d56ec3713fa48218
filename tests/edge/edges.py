"""Varnish and nginx with our configurations in front of something, and what tests ask of both."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from afresh.edge.configuration import Nginx, Varnish
from afresh.edge.drivers.nginx import Nginx as NginxEdge
from afresh.edge.drivers.varnish import Varnish as VarnishEdge
from afresh.edge.port import Edge, Purge
from afresh.testing.servers import NginxServer, VarnishServer
from afresh.testing.servers.process import wait_until

TOKEN = "a-token"


class Front(NamedTuple):
    """An edge that runs."""

    port: int
    edge: Edge
    server: Any

    def purge(self, *purges: Purge) -> None:
        self.edge.purge(purges)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def nginx_settings(folder: Path, port: int) -> dict[str, Any]:
    return {
        "listen": f"127.0.0.1:{port}",
        "names": ["localhost", "127.0.0.1"],
        "folder": str(folder / "pages"),
        "temporary": str(folder),
        "pid": str(folder / "nginx.pid"),
        "access_log": "off",
        "user": "root",
    }


@contextmanager
def varnish(folder: Path, port: int, *, soft: bool = False, **settings: Any) -> Iterator[Front]:
    vcl = Varnish(backend=f"127.0.0.1:{port}", token=TOKEN, **settings).vcl()
    with VarnishServer(folder / "varnish", vcl) as server:
        edge = VarnishEdge(server.purge_url, TOKEN, soft=soft)
        try:
            yield Front(server.port, edge, server)
        finally:
            edge.close()


@contextmanager
def nginx(folder: Path, port: int, *, soft: bool = False, **settings: Any) -> Iterator[Front]:
    folder = folder / "nginx"

    def configuration(listen: int) -> str:
        return Nginx(upstream=f"127.0.0.1:{port}", **{**nginx_settings(folder, listen), **settings}).conf()

    with NginxServer(folder, configuration) as server:
        yield Front(server.port, NginxEdge(folder / "pages", soft=soft), server)


FRONTS = {"varnish": varnish, "nginx": nginx}


def marked(seconds: int, names: str = "", control: str = "", stamp: int = 0) -> Sequence[tuple[str, str]]:
    """Fields as `Outward` writes them, for an origin without afresh."""
    fields = [("Cache-Control", control or f"s-maxage={seconds}"), ("X-Accel-Expires", str(seconds))]
    if names:
        fields.append(("Surrogate-Key", names))
    if stamp:
        fields.append(("X-Afresh-Stamp", str(stamp)))
    return fields


@contextmanager
def running(app: Any, **settings: Any) -> Iterator[int]:
    """An ASGI application under uvicorn, in a thread."""
    given = {"port": 0, "log_level": "error", "lifespan": "off", "timeout_graceful_shutdown": 1, **settings}
    server = uvicorn.Server(uvicorn.Config(app, **given))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "uvicorn's start")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


class Counting:
    """Counts the requests that are not over: publishing goes on behind the answer."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.running = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.running -= 1
