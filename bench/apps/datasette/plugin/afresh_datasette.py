"""datasette with a cache: copy this file into its folder of plugins, `datasette shop.db --plugins-dir plugins`.

What a page was made from is a database file: SQLite says by `PRAGMA data_version`, in a few µs, whether anybody
has written to it. That is asked before each request is answered. What no write announces (`now()` in a query)
may be as old as datasette itself says of its pages: `default_cache_ttl`, five seconds.

Who has a cookie, or says who he is, is answered by datasette.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from datasette import hookimpl

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[Any], Any]:
    """Called by datasette."""
    return lambda app: _Cached(app, datasette)


class _Cached:
    """Answers what is in the cache, if no database was written to since."""

    def __init__(self, app: Any, datasette: Any) -> None:
        self._datasette = datasette
        self._app = app
        self._cache = Cache("memory://", namespace="datasette")
        self._cached = CacheMiddleware(self._made, self._cache)
        self._files: dict[str, _File] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not self._look():
            await self._app(scope, receive, send)
        else:
            await self._cached(scope, receive, send)

    async def _made(self, scope: Any, receive: Any, send: Any) -> None:
        """What a page depends on: all files, since a query may join them."""
        self._cache.depends_on(tag("datasette"))
        await self._app(scope, receive, send)

    def _look(self) -> bool:
        """Whether all databases can be watched; announces what was written to them."""
        databases = [each for each in self._datasette.databases.values() if each.is_mutable]
        if any(each.path is None and each.name not in {"_internal", "_memory"} for each in databases):
            return False  # in memory, where nobody can be asked what was changed
        paths = {each.path for each in databases if each.path is not None}
        changed = paths != self._files.keys()
        for path in self._files.keys() - paths:
            self._files.pop(path).close()
        for path in paths:
            if path not in self._files:
                self._files[path] = _File(path)
            changed |= self._files[path].was_written()
        if changed:
            self._cache.invalidate(tag("datasette"))
        return True


class _File:
    """One database file."""

    def __init__(self, path: str) -> None:
        self._asks = sqlite3.connect(
            f"file:{quote(path)}?mode=ro", uri=True, timeout=0, check_same_thread=False
        )
        self._version: Any = None

    def was_written(self) -> bool:
        """Whether anybody has written to it since the last call; yes, where it can't be told now."""
        before = self._version
        try:
            self._version = self._asks.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            self._version = None
        return self._version is None or self._version != before

    def close(self) -> None:
        """Give it back."""
        self._asks.close()
