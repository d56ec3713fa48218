"""Values set by hand, over real servers: how many trips it takes to remove them."""

from __future__ import annotations

import asyncio

import pytest

from afresh import Cache
from afresh.backends.memcached.connect import MemcachedClient
from afresh.testing.servers import MemcachedServer, RedisServer

pytestmark = pytest.mark.servers
KEYS = [f"k{number}" for number in range(40)]
PATIENT = "?timeout=30&connect_timeout=30"


@pytest.fixture(params=["sync", "async"])
def remove(request):
    """`delete_many` of a cache, in one of the worlds."""

    def removed(cache, keys):
        if request.param == "sync":
            return cache.delete_many(keys)
        return asyncio.run(cache.aio.delete_many(keys))

    return removed


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))


def test_redis_is_told_once_to_remove_many(tmp_path, remove):
    with RedisServer(tmp_path / "redis") as server, Cache(server.url + PATIENT, l1=None) as cache:
        cache.set_many(dict.fromkeys(KEYS, 1))
        with server.client() as client:
            client.config_resetstat()
            assert remove(cache, [*KEYS, KEYS[0], "none"]) == 40
            assert client.info("commandstats")["cmdstat_unlink"]["calls"] == 1
        assert cache.get_many(KEYS) == {}
        assert remove(cache, []) == 0


def test_memcached_is_told_once_to_remove_many(tmp_path, remove, monkeypatch):
    with MemcachedServer(tmp_path / "memcached") as server, Cache(server.url + PATIENT, l1=None) as cache:
        cache.set_many(dict.fromkeys(KEYS, 1))
        trips = []
        run = MemcachedClient.run

        async def counted(client, *requests, **more):
            trips.append([each.command for each in requests])
            return await run(client, *requests, **more)

        monkeypatch.setattr(MemcachedClient, "run", counted)
        assert remove(cache, [*KEYS, KEYS[0], "none"]) == 40
        assert [commands.count("md") for commands in trips if "md" in commands] == [41]
        assert cache.get_many(KEYS) == {}
