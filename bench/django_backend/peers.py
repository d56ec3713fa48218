"""The backends that are compared: what `CACHES` says of each, and the calls that are timed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

KEYS = 100
TTL = 3600
VALUE = {"id": 7, "name": "soup", "tags": ["warm", "salty"], "price": 250}

OURS = "afresh.django.CacheBackend"
CORE_REDIS = "django.core.cache.backends.redis.RedisCache"
CORE_MEMCACHED = "django.core.cache.backends.memcached.PyMemcacheCache"
DJANGO_REDIS = "django_redis.cache.RedisCache"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
PATIENT = {"socket_timeout": 5}  # ours gives up sooner than the others would
FILES = "django.core.cache.backends.filebased.FileBasedCache"


class Peer(NamedTuple):
    """A backend: its dotted path, its LOCATION, its OPTIONS."""

    backend: str
    location: str
    options: Mapping[str, Any] = {}

    def open(self) -> Any:
        """As Django does it, with a hundred values of a small row."""
        from django.utils.module_loading import import_string

        cache = import_string(self.backend)(self.location, {"OPTIONS": dict(self.options)})
        for number in range(KEYS):
            cache.set(key(number), VALUE, TTL)
            cache.set(f"n:{number}", 1, TTL)
        return cache


def key(number: int) -> str:
    """The key of a row."""
    return f"product:{number}"


def calls(cache: Any) -> dict[str, Callable[[int], Any]]:
    """What is timed, of one backend."""
    return {
        "get": lambda number: cache.get(key(number)),
        "get_or_set": lambda number: cache.get_or_set(key(number), dict, TTL),
        "set": lambda number: cache.set(key(number), VALUE, TTL),
        "incr": lambda number: cache.incr(f"n:{number}"),
    }


def awaited(cache: Any, runner: asyncio.Runner, together: int) -> Callable[[int], Any]:
    """So many `aget` one after the other, on one event loop."""

    async def some(first: int) -> None:
        for number in range(first, first + together):
            await cache.aget(key(number % KEYS))

    return lambda number: runner.run(some(number))


def redis_py(url: str) -> Callable[[int], Any]:
    """A plain GET of as many bytes: no key is made, nothing is decoded."""
    import redis

    client = redis.Redis.from_url(url)
    for number in range(KEYS):
        client.set(f"plain:{number}", b"x" * 180, ex=TTL)
    return lambda number: client.get(f"plain:{number}")


def redis_py_async(url: str, runner: asyncio.Runner, together: int) -> Callable[[int], Any]:
    """So many plain GETs one after the other, on one event loop."""
    from redis.asyncio import Redis

    redis_py(url)
    client = Redis.from_url(url)

    async def some(first: int) -> None:
        for number in range(first, first + together):
            await client.get(f"plain:{number % KEYS}")

    return lambda number: runner.run(some(number))


def pymemcache(address: str) -> Callable[[int], Any]:
    """A plain get of as many bytes."""
    from pymemcache.client.base import Client

    client = Client(address, no_delay=True)
    for number in range(KEYS):
        client.set(f"plain:{number}", b"x" * 180, expire=TTL)
    return lambda number: client.get(f"plain:{number}")


def redis_backends(url: str) -> Mapping[str, Peer]:
    """Those on Redis."""
    return {
        "afresh": Peer(OURS, url, PATIENT),
        "afresh, announced": Peer(OURS, url, {**PATIENT, "ANNOUNCE": True, "NAMESPACE": "announced"}),
        "Django's RedisCache": Peer(CORE_REDIS, url),
        "django-redis": Peer(DJANGO_REDIS, url),
    }
