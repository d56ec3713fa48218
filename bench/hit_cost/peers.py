"""Every package that is compared, set up as its documentation says: an expiry of an hour, safe for threads.

An adapter takes a function and gives it back cached. What it opens, it leaves to an `ExitStack`.
Packages are imported when their adapter runs, and one that isn't installed is left out.
"""

from __future__ import annotations

import functools
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from afresh import Cache, Row

Function = Callable[[int, str], Any]
AsyncFunction = Callable[[int, str], Awaitable[Any]]
Adapter = Callable[[Any, ExitStack], Any]

ROOM = 4096  # entries that each may hold: nothing is evicted
TTL = 3600


def folder(stack: ExitStack) -> Path:
    """A folder that is removed at the end."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="afresh-bench-")))


def machine_cache(stack: ExitStack) -> Cache:
    """`Cache()`, in a folder of its own."""
    before = os.environ.get("AFRESH_DIR")
    os.environ["AFRESH_DIR"] = str(folder(stack))
    try:
        return stack.enter_context(Cache())
    finally:
        if before is None:
            del os.environ["AFRESH_DIR"]
        else:
            os.environ["AFRESH_DIR"] = before


def _decorated(cache: Cache, function: Any) -> Any:
    return cache.cached(ttl="1h", prefix="load", tags=lambda a, b: [Row("product", a), Row("shop", b)])(
        function
    )


def afresh_memory(function: Any, stack: ExitStack) -> Any:
    """Ours in this process alone, with tags."""
    return _decorated(stack.enter_context(Cache("memory://")), function)


def afresh_machine(function: Any, stack: ExitStack) -> Any:
    """Ours with the ledger of the machine, with tags."""
    return _decorated(machine_cache(stack), function)


def lru_cache(function: Function, stack: ExitStack) -> Any:
    """The standard library's, written in C: no expiry, no tags."""
    return functools.lru_cache(maxsize=ROOM)(function)


def cachetools(function: Function, stack: ExitStack) -> Any:
    """With a lock, as its documentation asks for where there are threads."""
    from cachetools import TTLCache, cached

    return cached(TTLCache(ROOM, TTL), lock=threading.Lock())(function)


def cachetools_condition(function: Function, stack: ExitStack) -> Any:
    """With the condition that lets one caller load while the others wait."""
    from cachetools import TTLCache, cached

    return cached(TTLCache(ROOM, TTL), condition=threading.Condition())(function)


def cachebox(function: Any, stack: ExitStack) -> Any:
    """Written in Rust; locks by itself, sync and async."""
    import cachebox as package

    return package.cached(package.TTLCache(ROOM, TTL))(function)


def onecache(function: Function, stack: ExitStack) -> Any:
    """Written in Cython."""
    from onecache import CacheDecorator

    return CacheDecorator(maxsize=ROOM, ttl=TTL * 1000, thread_safe=True)(function)


def onecache_async(function: AsyncFunction, stack: ExitStack) -> Any:
    """An event loop is one thread: no lock."""
    from onecache import AsyncCacheDecorator

    return AsyncCacheDecorator(maxsize=ROOM, ttl=TTL * 1000)(function)


def theine(function: Any, stack: ExitStack) -> Any:
    """With a key function, which it recommends over its automatic keys."""
    from theine import Memoize

    made = Memoize(ROOM, timedelta(seconds=TTL))(function)
    made.key(lambda a, b: (a, b))
    return made


def dogpile(function: Function, stack: ExitStack) -> Any:
    """A region in memory."""
    from dogpile.cache import make_region

    region = make_region().configure("dogpile.cache.memory", expiration_time=TTL)
    return region.cache_on_arguments()(function)


def diskcache(function: Function, stack: ExitStack) -> Any:
    """SQLite, on disk."""
    import diskcache as package

    cache = stack.enter_context(package.Cache(str(folder(stack))))
    return cache.memoize(expire=TTL)(function)


def plain_coroutine(function: AsyncFunction, stack: ExitStack) -> Any:
    """The least that an asynchronous cache can be: a dictionary in a coroutine function."""
    data: dict[tuple[int, str], Any] = {}

    async def wrapper(a: int, b: str) -> Any:
        try:
            return data[a, b]
        except KeyError:
            value = data[a, b] = await function(a, b)
            return value

    return wrapper


def async_lru(function: AsyncFunction, stack: ExitStack) -> Any:
    """`lru_cache` for coroutines."""
    from async_lru import alru_cache

    return alru_cache(maxsize=ROOM, ttl=TTL)(function)


def aiocache(function: AsyncFunction, stack: ExitStack) -> Any:
    """In memory."""
    from aiocache import Cache as Memory
    from aiocache import cached

    return cached(ttl=TTL, cache=Memory.MEMORY)(function)


def aiocache_stampede(function: AsyncFunction, stack: ExitStack) -> Any:
    """With its lock against stampedes."""
    from aiocache import Cache as Memory
    from aiocache import cached_stampede

    return cached_stampede(lease=2, ttl=TTL, cache=Memory.MEMORY)(function)


def cashews(function: AsyncFunction, stack: ExitStack) -> Any:
    """In memory."""
    return _cashews()(ttl=TTL, key="{a}:{b}")(function)


def cashews_lock(function: AsyncFunction, stack: ExitStack) -> Any:
    """With its lock around the load."""
    return _cashews()(ttl=TTL, key="{a}:{b}", lock=True)(function)


def _cashews() -> Any:
    from cashews import Cache as Theirs

    made = Theirs()
    made.setup(f"mem://?size={ROOM}")
    return made


SYNC: Mapping[str, Adapter] = {
    "functools.lru_cache": lru_cache,
    "afresh memory://": afresh_memory,
    "afresh Cache()": afresh_machine,
    "onecache": onecache,
    "cachebox": cachebox,
    "cachetools + lock": cachetools,
    "theine": theine,
    "dogpile.cache": dogpile,
    "diskcache": diskcache,
}
ASYNC: Mapping[str, Adapter] = {
    "plain async def": plain_coroutine,
    "afresh memory://": afresh_memory,
    "afresh Cache()": afresh_machine,
    "onecache": onecache_async,
    "cachebox": cachebox,
    "async-lru": async_lru,
    "theine": theine,
    "aiocache": aiocache,
    "cashews": cashews,
}
NO_KEYWORDS = frozenset({"dogpile.cache"})
"""Those that refuse keyword arguments, as they are set up here."""

_MODULES = {"dogpile.cache": "dogpile", "dogpile.cache region": "dogpile", "async-lru": "async_lru"}
_OURS = frozenset({"functools.lru_cache", "plain async def", "afresh memory://", "afresh Cache()"})


def missing(names: Mapping[str, Adapter]) -> list[str]:
    """Those that can't be measured, because their package isn't installed."""
    packages = {name: _MODULES.get(name, name.split(" ")[0]) for name in names if name not in _OURS}
    return [name for name, package in packages.items() if find_spec(package) is None]


def installed(names: Mapping[str, Adapter]) -> dict[str, Adapter]:
    """Those that can."""
    return {name: make for name, make in names.items() if name not in missing(names)}
