"""Every package that is compared over a server, set up as its documentation says, with an expiry of an hour.

An adapter is given a URL and a stack for what it opens, and returns a function of one argument that
answers from the server; it has been called once, so that the value is there.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from afresh import Cache, Row

Hit = Callable[[int], Any]
AsyncHit = Callable[[int], Awaitable[Any]]
Adapter = Callable[[str, ExitStack], Any]

TTL = 3600
KEYS = 100
VALUE = {"id": 7, "name": "soup", "tags": ["warm", "salty"], "price": 250}


def load(number: int) -> dict[str, Any]:
    """What is cached: a small row."""
    return {**VALUE, "id": number}


async def load_async(number: int) -> dict[str, Any]:
    """The same, awaited."""
    return load(number)


def opened(url: Any, stack: ExitStack) -> Cache:
    """A cache that keeps nothing in this process's memory, so that each hit comes from the server."""
    before = os.environ.get("AFRESH_DIR")
    os.environ["AFRESH_DIR"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="afresh-bench-"))
    try:
        return stack.enter_context(Cache(url, l1=None))
    finally:
        if before is None:
            del os.environ["AFRESH_DIR"]
        else:
            os.environ["AFRESH_DIR"] = before


def afresh(url: str, stack: ExitStack) -> Hit:
    """Ours, with an expiry and tags, checked, counted."""
    cache = opened(url, stack)
    return cache.cached(ttl=TTL, tags=lambda number: [Row("product", number)], prefix="p")(load)


def own_client(url: str, stack: ExitStack) -> Hit:
    """Ours, given a client of redis-py instead of a URL."""
    import redis

    client = redis.Redis.from_url(url)
    stack.callback(client.close)
    cache = opened(client, stack)
    return cache.cached(ttl=TTL, tags=lambda number: [Row("product", number)], prefix="own")(load)


def afresh_async(url: str, stack: ExitStack) -> AsyncHit:
    """Ours, awaited."""
    cache = opened(url, stack)
    return cache.cached(ttl=TTL, tags=lambda number: [Row("product", number)], prefix="p")(load_async)


def _key(number: int) -> str:
    return f"bench:p:{number}"


def redis_py(url: str, stack: ExitStack) -> Hit:
    """A plain GET: no expiry is judged, nothing is decoded."""
    import redis

    client = redis.Redis.from_url(url)
    stack.callback(client.close)
    for number in range(KEYS):
        client.set(_key(number), b"x" * 180, ex=TTL)
    return lambda number: client.get(_key(number))


def redis_py_async(url: str, stack: ExitStack) -> AsyncHit:
    """A plain GET, awaited."""
    import redis
    from redis.asyncio import Redis

    with redis.Redis.from_url(url) as client:
        for number in range(KEYS):
            client.set(_key(number), b"x" * 180, ex=TTL)
    made = Redis.from_url(url)
    return lambda number: made.get(_key(number))


def bare(url: str, stack: ExitStack) -> Hit:
    """A blocking socket and hiredis, with commands made beforehand: the floor."""
    from hiredis import Reader

    connection, commands = _connected(url, stack)
    reader = Reader()

    def get(number: int) -> Any:
        connection.sendall(commands[number])
        reader.feed(connection.recv(65_536))
        return reader.gets()

    return get


def bare_async(url: str, stack: ExitStack) -> AsyncHit:
    """The same with a future and the loop's own watching of sockets; for one caller."""
    from hiredis import Reader

    connection, commands = _connected(url, stack)
    connection.setblocking(False)
    reader, watched = Reader(), False
    waiting: asyncio.Future[Any]

    def readable() -> None:
        reader.feed(connection.recv(65_536))
        waiting.set_result(reader.gets())

    async def get(number: int) -> Any:
        nonlocal waiting, watched
        loop = asyncio.get_running_loop()
        if not watched:
            watched = True
            loop.add_reader(connection, readable)
            stack.callback(loop.remove_reader, connection)
        waiting = loop.create_future()
        connection.send(commands[number])
        return await waiting

    return get


def _connected(url: str, stack: ExitStack) -> tuple[socket.socket, list[bytes]]:
    from afresh.backends.redis.wire.resp import pack

    redis_py(url, stack)  # which puts the values there
    host, _, port = url.removeprefix("redis://").partition("/")[0].partition(":")
    connection = stack.enter_context(socket.create_connection((host, int(port))))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection, [pack(("GET", _key(number))) for number in range(KEYS)]


def dogpile(url: str, stack: ExitStack) -> Hit:
    """A region over redis-py."""
    from dogpile.cache import make_region

    region = make_region().configure(
        "dogpile.cache.redis", expiration_time=TTL, arguments={"url": url, "distributed_lock": False}
    )
    return region.cache_on_arguments()(load)


def _django(backend: str, url: str) -> Hit:
    from django.conf import settings

    if not settings.configured:
        settings.configure(CACHES={})
    from django.utils.module_loading import import_string

    cache = import_string(backend)(url, {})
    return lambda number: cache.get_or_set(_key(number), lambda: load(number), TTL)


def django_core(url: str, stack: ExitStack) -> Hit:
    """Django's own Redis backend."""
    return _django("django.core.cache.backends.redis.RedisCache", url)


def django_redis(url: str, stack: ExitStack) -> Hit:
    """django-redis."""
    return _django("django_redis.cache.RedisCache", url)


def cashews(url: str, stack: ExitStack) -> AsyncHit:
    """Over redis.asyncio, without its client-side copy."""
    from cashews import Cache as Theirs

    made = Theirs()
    made.setup(url)
    return made(ttl=TTL, key="p:{number}")(load_async)


def aiocache(url: str, stack: ExitStack) -> AsyncHit:
    """Over redis.asyncio, with its pickle serializer."""
    from aiocache import Cache as Theirs
    from aiocache import cached
    from aiocache.serializers import PickleSerializer

    host, _, port = url.removeprefix("redis://").partition("/")[0].partition(":")
    return cached(ttl=TTL, cache=Theirs.REDIS, endpoint=host, port=int(port), serializer=PickleSerializer())(
        load_async
    )


def pymemcache(url: str, stack: ExitStack) -> Hit:
    """A plain get."""
    from pymemcache.client.base import Client

    client = Client(url.removeprefix("memcached://"), no_delay=True)
    stack.callback(client.close)
    for number in range(KEYS):
        client.set(_key(number), b"x" * 180, expire=TTL)
    return lambda number: client.get(_key(number))


def pylibmc(url: str, stack: ExitStack) -> Hit:
    """A plain get, in C."""
    import pylibmc as package

    client = package.Client([url.removeprefix("memcached://")], behaviors={"tcp_nodelay": True})
    for number in range(KEYS):
        client.set(_key(number), b"x" * 180, time=TTL)
    return lambda number: client.get(_key(number))


REDIS: Mapping[str, Adapter] = {
    "redis-py GET": redis_py,
    "afresh": afresh,
    "afresh, Cache(client)": own_client,
    "a bare socket": bare,
    "django-redis": django_redis,
    "dogpile.cache": dogpile,
    "Django core": django_core,
}
REDIS_ASYNC: Mapping[str, Adapter] = {
    "redis.asyncio GET": redis_py_async,
    "afresh": afresh_async,
    "cashews": cashews,
    "aiocache": aiocache,
}
MEMCACHED: Mapping[str, Adapter] = {
    "pymemcache get": pymemcache,
    "afresh": afresh,
    "pylibmc get": pylibmc,
}
_PACKAGES = {
    "django-redis": "django_redis",
    "dogpile.cache": "dogpile",
    "Django core": "django",
    "cashews": "cashews",
    "aiocache": "aiocache",
    "pymemcache get": "pymemcache",
    "pylibmc get": "pylibmc",
}


def missing(names: Mapping[str, Adapter]) -> list[str]:
    """Those that can't be measured, because their package isn't installed."""
    return [name for name in names if find_spec(_PACKAGES.get(name, "afresh")) is None]
