"""One worker process: `python -m afresh.demo.drive.worker DATABASE VARIANT SOCKET…`.

VARIANT is `module:function`, what to put in front of the catalogue: a context manager that gives a
function for the counters. SOCKETs are inherited file descriptors that listen already. The secret for
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
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from afresh.demo.catalogue.web import create_site

SECRET = "CATALOGUE_SECRET"  # noqa: S105  the name of the variable
Counters = Callable[[], dict[str, float]]


@contextmanager
def plain() -> Iterator[Counters]:
    """The catalogue as it is."""
    yield dict


@contextmanager
def afresh() -> Iterator[Counters]:
    """The catalogue with a cache that all workers of this machine share, strict: never older than the database."""
    from afresh import Cache
    from afresh.demo.cached import with_afresh

    with Cache(consistency="strict") as cache, with_afresh(cache):
        yield lambda: _counters(cache.stats())


def serve(database: Path, variant: AbstractContextManager[Counters], sockets: list[socket.socket]) -> None:
    """Answer requests until standard input ends."""
    site = create_site(database, os.environ[SECRET])
    server = uvicorn.Server(
        uvicorn.Config(
            site, http="httptools", loop="asyncio", log_level="warning", access_log=False, lifespan="off"
        )
    )
    threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
    with variant as counters:

        def counted(request: Request) -> Response:
            return JSONResponse(counters())

        site.router.routes.append(Route("/demo/counters", counted))
        server.run(sockets=sockets)


def _stop_with_parent(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


def _counters(stats: Any) -> dict[str, float]:
    pages = [site for site in stats.sites if ".pages." in site.name]
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
    made = getattr(import_module(module), function)()
    serve(Path(database), made, [socket.socket(fileno=int(each)) for each in sockets])


if __name__ == "__main__":
    main(*sys.argv[1:])
