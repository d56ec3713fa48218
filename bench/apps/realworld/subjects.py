"""`python -m bench.apps.realworld.subjects NAME PORT URL FOLDER`: the application with one cache, or none.

The application itself is in `conduit`, where nothing knows of a cache. What each of these adds is in its
function, whole.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.apps.realworld.conduit.main import ROUTERS, create_app, engine_for


def place(folder: Path) -> str:
    """Where the processes of one run have their cache."""
    return f"sqlite:///{folder / 'pages.sqlite3'}"


def uncached(engine: AsyncEngine, folder: Path) -> FastAPI:
    """The application."""
    return create_app(engine)


def two_lines(engine: AsyncEngine, folder: Path) -> FastAPI:
    """Whole pages: what they read of the database, and of the request, is found out."""
    import afresh.db.sqlalchemy
    from afresh import Cache
    from afresh.fastapi import CacheMiddleware

    app = create_app(engine)
    afresh.db.sqlalchemy.instrument(engine)
    app.state.cache = Cache(place(folder))
    app.add_middleware(CacheMiddleware, cache=app.state.cache)
    return app


def operations(engine: AsyncEngine, folder: Path) -> FastAPI:
    """The results of path operations: who is asking is found out for hits too, by one query."""
    from sqlalchemy.ext.asyncio import AsyncSession

    import afresh.db.sqlalchemy
    from afresh import Cache
    from afresh.fastapi import RouteCache

    afresh.db.sqlalchemy.instrument(engine)

    def by_user(**arguments: Any) -> Any:
        arguments.pop("session", None)
        for name in {"visitor", "me", "user"} & arguments.keys():
            user = arguments[name]  # a dependency has read him, so all that is used of him is in the key
            arguments[name] = user and (user.id, user.username, user.email, user.bio, user.image)
        return arguments

    cache = Cache(place(folder))
    app = create_app(engine, decorated(RouteCache(cache, ignore=[AsyncSession], ttl="60s", key=by_user)))
    app.state.cache = cache
    return app


def fastapi_cache(engine: AsyncEngine, folder: Path) -> FastAPI:
    """fastapi-cache2, by its living fork: 60 seconds; its key with a user in it, as its documentation does."""
    from fastapi_cache import FastAPICache
    from fastapi_cache.backends.inmemory import InMemoryBackend
    from fastapi_cache.decorator import cache

    def key(function: Any, namespace: str = "", *, request: Any, **_: Any) -> str:
        asked = f"{request.method} {request.url} {request.headers.get('authorization')}"
        return f"{namespace}:{hashlib.md5(asked.encode()).hexdigest()}"

    FastAPICache.init(InMemoryBackend())
    return create_app(engine, decorated(cache(expire=60, key_builder=key)))


def decorated(decorate: Callable[[Any], Any]) -> list[APIRouter]:
    """The application's routers, with the path operations that read decorated, as if that stood above each."""
    made = []
    for router in ROUTERS:
        made.append(APIRouter())
        for route in router.routes:
            assert isinstance(route, APIRoute)
            reads = route.methods == {"GET"}
            made[-1].add_api_route(
                route.path,
                decorate(route.endpoint) if reads else route.endpoint,
                methods=route.methods,
                response_model=route.response_model,
                status_code=route.status_code,
            )
    return made


SUBJECTS: dict[str, Callable[[AsyncEngine, Path], FastAPI]] = {
    "uncached": uncached,
    "fastapi-cache": fastapi_cache,
    "afresh, operations": operations,
    "afresh, pages": two_lines,
}


def main() -> None:
    """Serve."""
    import uvicorn

    name, port, url, folder = sys.argv[1:]
    app = SUBJECTS[name](engine_for(url), Path(folder))
    uvicorn.run(app, port=int(port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
