"""One worker process: `python -m afresh.demo.drive.worker DATABASE VARIANT SOCKET…`.

VARIANT is `module:function`, what to put in front of the catalogue: a context manager that takes the
site and gives what is `Served`. SOCKETs are inherited file descriptors that listen already. The secret for
cookies comes from the environment. The worker ends when its standard input does, hence with its parent.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from afresh.demo.catalogue.web import create_site

SECRET = "CATALOGUE_SECRET"  # noqa: S105  the name of the variable


class Served(NamedTuple):
    """What a worker serves.

    Attributes:
        app: The application.
        counters: Says what its cache has counted.
        protocol: Who speaks HTTP, as uvicorn names it.
    """

    app: Any
    counters: Callable[[], dict[str, float]] = dict
    protocol: Any = "httptools"


Variant = Callable[[Starlette], AbstractContextManager[Served]]


@contextmanager
def plain(site: Starlette) -> Iterator[Served]:
    """The catalogue as it is."""
    yield Served(site)


@contextmanager
def afresh(site: Starlette) -> Iterator[Served]:
    """The catalogue with a cache that all workers of this machine share, strict: never older than the database."""
    from afresh import Cache
    from afresh.demo.cached import with_afresh, with_pages

    # 568 pages, and what they were made from: the 64 MB that are meant for functions would hold half of them.
    with Cache(consistency="strict", l1="256MB") as cache, with_afresh(cache):
        yield Served(with_pages(site, cache), lambda: _counters(cache.stats()), "afresh.http.serve:Protocol")


def serve(database: Path, variant: Variant, sockets: list[socket.socket]) -> None:
    """Answer requests until standard input ends."""
    site = create_site(database, os.environ[SECRET])
    with variant(site) as served:

        def counted(request: Request) -> Response:
            return JSONResponse(served.counters(), headers={"Cache-Control": "no-store"})

        site.router.routes.append(Route("/demo/counters", counted))
        server = uvicorn.Server(
            uvicorn.Config(
                served.app,
                http=served.protocol,
                loop="asyncio",
                log_level="warning",
                access_log=False,
                lifespan="off",
            )
        )
        threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
        server.run(sockets=sockets)


def _stop_with_parent(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


def _counters(stats: Any) -> dict[str, float]:
    pages = [site for site in stats.sites if site.name == "page"]
    return {
        "hits": sum(site.hits for site in pages),
        "misses": sum(site.misses for site in pages),
        "loads": stats.loads,
        "saved": stats.hits,
        "invalidations": stats.invalidations,
    }


def main(database: str, variant: str, *sockets: str) -> None:
    """Run from the command line."""
    module, _, function = variant.partition(":")
    found = getattr(import_module(module), function)
    serve(Path(database), found, [socket.socket(fileno=int(each)) for each in sockets])


if __name__ == "__main__":
    main(*sys.argv[1:])
