"""One way to call both faces of a backend: `face.get(…)` is `get`, or `aget` run to its end."""

from __future__ import annotations

import asyncio

from afresh.django import CacheBackend


def backend(location, *, options=None, **params):
    return CacheBackend(location, {"OPTIONS": options or {}, **params})


class Face:
    def __init__(self, cache, *, is_async):
        self.cache = cache
        self.is_async = is_async

    def __getattr__(self, name):
        if not self.is_async:
            return getattr(self.cache, name)
        method = getattr(self.cache, f"a{name}")
        return lambda *args, **kwargs: asyncio.run(method(*args, **kwargs))
