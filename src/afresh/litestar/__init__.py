"""Litestar: whole pages, what handlers return, and a store for what Litestar keeps itself.

::

    cached = RouteCache(cache, ttl="5m")

    @get("/dishes/{id:int}")
    @cached
    async def dish(id: FromPath[int]) -> Dish: ...

    app = Litestar(
        route_handlers=[…],
        middleware=[sessions.middleware, auth.middleware, DefineMiddleware(CacheMiddleware, cache=cache)],
        stores={"response_cache": CacheStore(cache)},
    )
"""

from afresh.litestar.middleware import CacheMiddleware
from afresh.litestar.routes import RouteCache
from afresh.litestar.store import CacheStore

__all__ = ["CacheMiddleware", "CacheStore", "RouteCache"]
