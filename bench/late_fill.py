"""`python -m bench.late_fill [--json FILE]`: load, write and invalidate, store. Who is stale for good?

A load reads a value. Before it returns, the value changes, and the change is announced the way the
package's documentation says. Then the load returns what it read. What does the next call give?
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from afresh import Cache, tag
from bench import measure
from bench.hit_cost import peers

Drop = Callable[[], Any]
Prepared = tuple[Callable[[], Any], Drop]

FRESH = measure.Goal("stale", 0)


def afresh_memory(load: Any, stack: ExitStack) -> Prepared:
    """A tag."""
    cache = stack.enter_context(Cache("memory://"))
    return cache.cached(ttl=60, prefix="price", tags=[tag("price")])(load), lambda: cache.invalidate(
        tag("price")
    )


def afresh_machine(load: Any, stack: ExitStack) -> Prepared:
    """A tag, in the ledger of the machine."""
    cache = peers.machine_cache(stack)
    return cache.cached(ttl=60, prefix="price", tags=[tag("price")])(load), lambda: cache.invalidate(
        tag("price")
    )


def lru_cache(load: Any, stack: ExitStack) -> Prepared:
    """`cache_clear`."""
    cached = functools.lru_cache(load)
    return cached, cached.cache_clear


def cachetools(load: Any, stack: ExitStack) -> Prepared:
    """`cache_clear`."""
    from cachetools import TTLCache
    from cachetools import cached as decorate

    cached = decorate(TTLCache(100, 60))(load)
    return cached, cached.cache_clear


def cachebox(load: Any, stack: ExitStack) -> Prepared:
    """Clearing the cache."""
    import cachebox as package

    cache: Any = package.TTLCache(100, 60)
    return package.cached(cache)(load), cache.clear


def dogpile(load: Any, stack: ExitStack) -> Prepared:
    """`invalidate` of the function."""
    from dogpile.cache import make_region

    region = make_region().configure("dogpile.cache.memory", expiration_time=60)
    cached = region.cache_on_arguments()(load)
    return cached, cached.invalidate


def dogpile_region(load: Any, stack: ExitStack) -> Prepared:
    """`invalidate` of the whole region, which remembers when."""
    from dogpile.cache import make_region

    region = make_region().configure("dogpile.cache.memory", expiration_time=60)
    return region.cache_on_arguments()(load), region.invalidate


def diskcache(load: Any, stack: ExitStack) -> Prepared:
    """Deleting the key."""
    import diskcache as package

    cache = stack.enter_context(package.Cache(str(peers.folder(stack))))
    cached: Any = cache.memoize(expire=60)(load)
    return cached, lambda: cache.delete(cached.__cache_key__())


def async_lru(load: Any, stack: ExitStack) -> Prepared:
    """`cache_invalidate`."""
    from async_lru import alru_cache

    cached = alru_cache(maxsize=100, ttl=60)(load)
    return cached, cached.cache_invalidate


def aiocache(load: Any, stack: ExitStack) -> Prepared:
    """Deleting the key."""
    from aiocache import cached as decorate

    cached = decorate(ttl=60, key="price")(load)
    return cached, lambda: cached.cache.delete("price")


def cashews(load: Any, stack: ExitStack) -> Prepared:
    """Deleting the key."""
    from cashews import Cache as Package

    cache = Package()
    cache.setup("mem://")
    return cache(ttl=60, key="price")(load), lambda: cache.delete("price")


SYNC = {
    "afresh memory://": afresh_memory,
    "afresh Cache()": afresh_machine,
    "functools.lru_cache": lru_cache,
    "cachetools": cachetools,
    "cachebox": cachebox,
    "dogpile.cache": dogpile,
    "dogpile.cache region": dogpile_region,
    "diskcache": diskcache,
}
ASYNC = {"async-lru": async_lru, "aiocache": aiocache, "cashews": cashews}


async def stale(prepare: Any, *, asynchronous: bool) -> bool:
    """Whether the next call gives what was read before the change."""
    price = [1]
    drop: Drop = lambda: None  # noqa: E731  known only when the function is decorated

    async def result(value: Any) -> Any:
        return await value if inspect.isawaitable(value) else value

    def load() -> int:
        read = price[0]
        if read == 1:
            price[0] = 2
            drop()
        return read

    async def load_async() -> int:
        read = price[0]
        if read == 1:
            price[0] = 2
            await result(drop())
        return read

    with ExitStack() as stack:
        call, drop = prepare(load_async if asynchronous else load, stack)
        await result(call())
        return await result(call()) != 2


def main() -> int:
    """Ask everyone, and judge ourselves."""
    options = measure.parser(__doc__).parse_args()
    table = measure.Table("A load that a change overtakes: 1 is stale from then on, for good")
    for subjects, asynchronous in ((SYNC, False), (ASYNC, True)):
        for name, prepare in peers.installed(subjects).items():
            answer = asyncio.run(stale(prepare, asynchronous=asynchronous))
            table.add(name, {"stale": int(answer)}, *([FRESH] if name.startswith("afresh") else []))
    return measure.finish("late fill", [table], options.json)


if __name__ == "__main__":
    sys.exit(main())
