"""Litestar: whole pages, by what a handler reads of the request, and a store for what Litestar keeps itself.

::

    app = Litestar(
        route_handlers=[…],
        middleware=[sessions.middleware, auth.middleware, DefineMiddleware(CacheMiddleware, cache=cache)],
        stores={"response_cache": CacheStore(cache)},
    )
"""

from afresh.litestar.middleware import CacheMiddleware
from afresh.litestar.store import CacheStore

__all__ = ["CacheMiddleware", "CacheStore"]
