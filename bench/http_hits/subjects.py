"""`python -m bench.http_hits.subjects NAME PORT`: one server in Python, on one processor, until it is ended.

All serve the same page of 1 KB, with uvloop and httptools where they are uvicorn's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import uvicorn

BODY = b"x" * 1024
FIELDS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-length", b"1024"),
    (b"cache-control", b"public, max-age=3600"),
]


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The application: as little as an ASGI application can be."""
    await send({"type": "http.response.start", "status": 200, "headers": FIELDS})
    await send({"type": "http.response.body", "body": BODY})


def uvicorn_bare() -> tuple[Any, str]:
    """Without a cache: what a hit in a middleware costs at least."""
    return bare, "httptools"


def afresh_middleware() -> tuple[Any, str]:
    """`CacheMiddleware` under uvicorn's own protocol."""
    from afresh import Cache
    from afresh.asgi import CacheMiddleware

    return CacheMiddleware(bare, Cache()), "httptools"


def afresh_serve() -> tuple[Any, str]:
    """The same under ours."""
    from afresh import Cache
    from afresh.asgi import CacheMiddleware

    return CacheMiddleware(bare, Cache()), "afresh.http.serve:Protocol"


def starlette_caches() -> tuple[Any, str]:
    """starlette-caches, in memory."""
    from aiocache import Cache
    from starlette_caches.middleware import CacheMiddleware
    from starlette_caches.rules import Rule

    return CacheMiddleware(bare, cache=Cache(Cache.MEMORY), rules=[Rule("*", ttl=3600)]), "httptools"


def fastapi_cache() -> tuple[Any, str]:
    """fastapi-cache2, in memory. It keeps what a route returns as JSON: here a string, with its two quotes."""
    from fastapi import FastAPI
    from fastapi_cache import FastAPICache
    from fastapi_cache.backends.inmemory import InMemoryBackend
    from fastapi_cache.decorator import cache

    FastAPICache.init(InMemoryBackend())
    app = FastAPI()

    @app.get("/")
    @cache(expire=3600)
    async def page() -> str:
        return BODY[2:].decode()

    return app, "httptools"


def django_cache_page() -> tuple[Any, str]:
    """Django's `cache_page`, in memory."""
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import path
    from django.views.decorators.cache import cache_page

    settings.configure(ROOT_URLCONF="bench.http_hits.subjects", ALLOWED_HOSTS=["*"], SECRET_KEY="bench")

    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(BODY)

    globals()["urlpatterns"] = [path("", cache_page(3600)(page))]
    sys.modules["bench.http_hits.subjects"] = sys.modules["__main__"]
    return get_asgi_application(), "httptools"


SUBJECTS: dict[str, Callable[[], tuple[Any, str]]] = {
    "uvicorn, no cache": uvicorn_bare,
    "afresh middleware": afresh_middleware,
    "afresh serve": afresh_serve,
    "starlette-caches": starlette_caches,
    "fastapi-cache2": fastapi_cache,
    "Django cache_page": django_cache_page,
}


def main() -> None:
    """Serve."""
    app, protocol = SUBJECTS[sys.argv[1]]()
    uvicorn.run(
        app,
        http=protocol,  # type: ignore[arg-type]
        loop="uvloop",
        port=int(sys.argv[2]),
        access_log=False,
        log_level="warning",
        lifespan="off",
    )


if __name__ == "__main__":
    main()
