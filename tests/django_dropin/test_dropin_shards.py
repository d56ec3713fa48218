"""Keys that theirs has spread over several servers are found where it put them."""

from __future__ import annotations

import pickle

import pytest
import redis
from django_redis.cache import RedisCache as TheirCache

from afresh.django.dropin.django_redis import RedisCache
from afresh.django.dropin.redis_cache import ShardedRedisCache
from afresh.django.dropin.shards import CacheRing, Ring
from afresh.testing.servers import RedisServer

SHARDED = {"CLIENT_CLASS": "django_redis.client.ShardClient"}
NODES = ["redis://a:1/0", "redis://b:2/0", "redis://c:3/0"]


def test_the_ring_is_theirs():
    from django_redis.hash_ring import HashRing

    theirs, ours = HashRing(NODES), Ring(NODES)
    keys = [f"shop:1:{number}" for number in range(500)]
    assert [theirs.get_node(key) for key in keys] == [ours.node_of(key) for key in keys]
    assert ours.node_of("x{same}y") == ours.node_of("{same}") == theirs.get_node("same")


def test_the_ring_of_django_redis_cache_is_theirs():
    """As theirs answered in the environment of its bench."""
    ring = CacheRing([repr((host, 6379, 1, None)) for host in ("a", "b", "c")])
    assert "".join(ring.node_of(f"shop:1:{number}")[2] for number in range(24)) == "cbbabcaaacbbaabcbbaaacab"


@pytest.fixture(scope="module")
def two(tmp_path_factory, server):
    with RedisServer(tmp_path_factory.mktemp("second")) as second:
        yield [server.url, second.url]


@pytest.mark.servers
def test_shards_of_django_redis(two, prefix):
    theirs = TheirCache(two, {"KEY_PREFIX": prefix, "OPTIONS": SHARDED})
    ours = RedisCache(
        two, {"KEY_PREFIX": prefix, "OPTIONS": {**SHARDED, "SOCKET_TIMEOUT": 5, "OLD_PICKLES": []}}
    )
    numbers = range(40)
    for number in numbers:
        theirs.set(f"k{number}", [number], 50)
    theirs.sadd("set", 1, 2)
    assert ours.get_many([f"k{number}" for number in numbers]) == {
        f"k{number}": [number] for number in numbers
    }
    assert [ours.get(f"k{number}") for number in numbers] == [[number] for number in numbers]
    assert (ours.smembers("set"), len(ours.keys("k*")), ours.ttl("k7")) == ({1, 2}, 40, 50)
    ours.set("k1", ["ours"])
    for number in range(2, 12):
        theirs.set(f"n{number}", number, 50)
        assert (ours.incr(f"n{number}"), ours.ttl(f"n{number}"), theirs.client.get(f"n{number}")) == (
            number + 1,
            50,
            None,
        )
        assert (ours.incr_version(f"k{number}"), ours.get(f"k{number}", version=2)) == (2, [number])
    assert (theirs.client.get("k1"), ours.get("k1"), ours.delete("k20"), theirs.client.get("k20")) == (
        None,
        ["ours"],
        True,
        None,
    )
    ours.clear()
    assert (ours.keys(), [theirs.client.get(f"k{number}") for number in numbers]) == ([], [None] * 40)
    for client in theirs.client._serverdict.values():
        client.close()


@pytest.mark.servers
def test_shards_of_django_redis_cache(two, prefix):
    hosts = [url.split("/")[2] for url in two]
    ours = ShardedRedisCache(
        hosts, {"KEY_PREFIX": prefix, "OPTIONS": {"DB": 0, "SOCKET_TIMEOUT": 5, "OLD_PICKLES": []}}
    )
    nodes = {
        repr((host.split(":")[0], int(host.split(":")[1]), 0, None)): url
        for host, url in zip(hosts, two, strict=True)
    }
    ring = CacheRing(list(nodes))
    for number in range(20):
        made = ours.make_key(f"k{number}")
        with redis.Redis.from_url(nodes[ring.node_of(made)]) as client:
            client.set(made, pickle.dumps([number]))
    assert [ours.get(f"k{number}") for number in range(20)] == [[number] for number in range(20)]
