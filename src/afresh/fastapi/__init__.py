"""FastAPI: whole pages, the results of path operations, and a cache to depend on.

::

    cached = RouteCache(cache, ignore=[AsyncSession])

    @app.get("/products/{id}")
    @cached(ttl="5m")
    async def product(id: int, session: SessionDep) -> Product: ...

    app.add_middleware(CacheMiddleware, cache=cache)     # and pages

`CacheMiddleware` is that of `afresh.http.starlette`.
"""

from afresh.fastapi.dependencies import CacheDep, ScopeDep, expires, the_cache, the_scope
from afresh.fastapi.narrowing import install
from afresh.fastapi.routes import RouteCache
from afresh.http.starlette import CacheMiddleware

__all__ = ["CacheDep", "CacheMiddleware", "RouteCache", "ScopeDep", "expires", "the_cache", "the_scope"]

install()
