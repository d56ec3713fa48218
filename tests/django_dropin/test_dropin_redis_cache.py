"""What django-redis-cache has besides, and what it gets wrong: the real one is asked by `bench.dropin`."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from dropin_methods import CACHE_METHODS, METHODS

from afresh.django.dropin.redis_cache import RedisCache, RedisDummyCache, ShardedRedisCache

pytestmark = pytest.mark.servers


@pytest.fixture
def cache(url, prefix):
    return RedisCache(url, {"KEY_PREFIX": prefix, "OPTIONS": {"SOCKET_TIMEOUT": 5, "OLD_PICKLES": []}})


def test_each_method_is_there():
    assert not {name for name in CACHE_METHODS if not callable(getattr(RedisCache, name, None))}
    assert set(CACHE_METHODS) - set(METHODS) == {"reinsert_keys"}


@pytest.mark.parametrize("kind", [RedisCache, ShardedRedisCache])
def test_it_is_a_cache(kind, url, prefix):
    cache = kind(url, {"KEY_PREFIX": prefix, "OPTIONS": {"SOCKET_TIMEOUT": 5}})
    cache.set_many({"a": [1], "n": 5}, 60)
    assert (cache.get_many(["a", "n"]), cache.incr("n"), cache.ttl("n")) == ({"a": [1], "n": 5}, 6, 60)
    assert (cache.persist("n"), cache.ttl("n"), cache.ttl("no"), cache.touch("n", 9)) == (True, None, 0, True)
    assert (cache.incr_version("a"), cache.get("a", version=2), cache.has_key("a")) == (2, [1], False)


def test_one_version_is_cleared(cache):
    cache.set("k", 1)
    cache.set("k", 2, version=2)
    cache.clear(version=2)
    assert (cache.get("k"), cache.get("k", version=2)) == (1, None)


def test_twenty_threads_on_a_cold_key_are_one_load(cache):
    loads, together = [], threading.Barrier(20)

    def load():
        loads.append(1)
        return ["made"]

    def ask(_):
        together.wait()
        return cache.get_or_set("k", load, 60, lock_timeout=5, stale_cache_timeout=10)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [["made"]] * 20
    assert len(loads) == 1


def test_what_their_get_or_set_has_stored_counts_while_it_is_fresh(cache):
    raw, made = cache.client.get_client(), cache.make_key("k")
    raw.set(made, pickle.dumps(["theirs"]))
    raw.set(f"__fresh__{made}", 1, ex=60)
    assert cache.get_or_set("k", lambda: ["ours"]) == ["theirs"]
    raw.delete(f"__fresh__{made}")
    assert cache.get_or_set("k", lambda: ["ours"]) == ["ours"]


def test_all_that_they_have_stored_is_taken_over(cache):
    raw = cache.client.get_client()
    for number in range(5):
        raw.set(cache.make_key(f"k{number}"), pickle.dumps([number]), ex=50)
    raw.set(cache.make_key("bad"), b"no pickle")
    assert cache.reinsert_keys() == 5
    assert (raw.exists(cache.make_key("k3")), cache.get("k3"), cache.ttl("k3")) == (0, [3], 50)


def test_a_lock_has_the_key_that_they_give_it(cache):
    with cache.lock("their lock", timeout=5):
        assert cache.client.get_client().exists("their lock")


def test_the_dummy_keeps_nothing():
    cache = RedisDummyCache("", {})
    cache.set("k", 1)
    assert (cache.get("k"), cache.ttl("k"), cache.get_or_set("k", lambda: 2), cache.persist("k")) == (
        None,
        0,
        2,
        True,
    )
    assert (cache.expire("k", 1), cache.delete_pattern("*"), cache.reinsert_keys()) == (True, None, None)
