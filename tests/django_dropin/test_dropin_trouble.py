"""Servers that are away, tags in place of patterns, and parts of the project's own."""

from __future__ import annotations

import logging
import time
import zlib

import pytest
from dropin_own import Upper

from afresh.backends.redis.address import parse
from afresh.backends.redis.raw import raw_client
from afresh.django.dropin import django_redis
from afresh.django.dropin.django_redis import RedisCache, get_redis_connection
from afresh.django.dropin.patterns import Patterns
from afresh.errors import BackendError, ConfigurationError
from afresh.testing.servers import RedisServer

pytestmark = pytest.mark.servers


@pytest.fixture
def own(tmp_path):
    """A server that a test may take away."""
    with RedisServer(tmp_path / "own") as server:
        yield server


def opened(server, **options):
    return RedisCache(server.url, {"OPTIONS": {"OLD_PICKLES": [], **options}})


def test_a_server_that_is_away_is_a_miss_and_no_error(own):
    cache = opened(own)
    cache.set("k", [1])
    own.stop()
    assert (cache.get("k"), cache.get_many(["k"]), cache.get_or_set("k", lambda: [2])) == (None, {}, [2])
    assert (cache.set("k", [3]), cache.delete("k"), cache.ttl("k"), cache.expire("k", 5)) == (
        False,
        False,
        0,
        False,
    )
    assert (cache.sadd("s", 1), cache.smembers("s"), cache.hkeys("h"), cache.zscore("z", "a")) == (
        0,
        set(),
        [],
        None,
    )
    assert cache.has_key("k") is False


def test_where_it_was_said_a_write_that_fails_is_an_error(own):
    cache = opened(own, IGNORE_EXCEPTIONS=False)
    cache.set("k", [1])
    own.stop()
    assert cache.get("k") is None
    for write in (lambda: cache.set("k", 1), lambda: cache.sadd("s", 1), lambda: cache.delete("k")):
        with pytest.raises(BackendError):
            write()


def test_what_could_not_be_removed_is_not_served_when_the_server_is_back(own):
    cache = opened(own)
    raw, made = cache.client.get_client(), cache.client.make_key("k")
    raw.set(made, b"7")
    assert cache.get("k") == 7
    own.pause()
    cache.delete("k")
    own.resume()
    until = time.monotonic() + 60
    while raw.exists(made) and time.monotonic() < until:
        assert cache.get("k") is None
        cache._server.look_after()
    assert (raw.exists(made), cache.get("k")) == (0, None)


def test_a_hung_server_is_waited_for_once(own):
    cache = opened(own, SOCKET_TIMEOUT=1)
    cache.set("k", [1])
    own.pause()
    began = time.monotonic()
    found = [cache.get("k") for _ in range(100)]
    own.resume()
    assert found == [None] * 100
    assert time.monotonic() - began < 30  # a deadline for each would be 100


def test_a_tag_removes_what_belongs_together(url, prefix):
    cache = RedisCache(url, {"KEY_PREFIX": prefix, "OPTIONS": {"SOCKET_TIMEOUT": 5}})
    cache.set("a", [1], tags=["menu"])
    cache.set("b", [2], tags=["menu", "other"])
    cache.set("c", [3])
    cache.delete_tag("menu")
    assert cache.get_many(["a", "b", "c"]) == {"c": [3]}


def test_delete_pattern_says_once_that_a_tag_does_it(url, prefix, caplog, monkeypatch):
    monkeypatch.setattr(Patterns, "_told", False)
    cache = RedisCache(url, {"KEY_PREFIX": prefix, "OPTIONS": {"SOCKET_TIMEOUT": 5}})
    with caplog.at_level(logging.WARNING, "afresh"):
        cache.delete_pattern("a*")
        cache.delete_pattern("b*")
    assert sum("delete_tag" in each.getMessage() for each in caplog.records) == 1


def test_serializers_and_compressors_of_ones_own_are_read(url, prefix):
    options = {"SERIALIZER": "dropin_own.Upper", "COMPRESSOR": "dropin_own.Zipped", "SOCKET_TIMEOUT": 5}
    cache = RedisCache(url, {"KEY_PREFIX": prefix, "OPTIONS": options})
    cache.client.get_client().set(cache.client.make_key("k"), zlib.compress(Upper().dumps("soup")))
    assert cache.get("k") == "soup"
    with pytest.raises(ConfigurationError, match="imported"):
        RedisCache(url, {"OPTIONS": {"SERIALIZER": "dropin_own.Nothing"}})


def test_the_raw_client_is_that_of_the_cache(url, monkeypatch):
    cache = RedisCache(url, {"OPTIONS": {}})
    monkeypatch.setattr("django.core.cache.caches", {"default": cache, "other": object()})
    assert get_redis_connection().ping() is True
    assert django_redis.get_redis_connection("default", write=False) is get_redis_connection()
    with pytest.raises(NotImplementedError):
        get_redis_connection("other")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("redis://user:p@a:7/2", "Redis"),
        ("rediss://a?ssl_cert_reqs=none", "Redis"),
        ("unix:///run/redis.sock?db=2", "Redis"),
        ("redis+sentinel://a,b/main/2?sentinel_password=s", "Redis"),
    ],
)
def test_a_raw_client_for_each_kind_of_address(written, name):
    address = parse(written)
    client = raw_client(address)
    settings = client.connection_pool.connection_kwargs
    assert (type(client).__name__, settings["db"]) == (name, address.db)
    assert (settings["socket_timeout"], settings["username"] or "") == (
        address.write_timeout,
        address.username,
    )
    client.close()


def test_methods_that_need_a_redis_say_so():
    cache = RedisCache(["memory://dropin"], {"OPTIONS": {}})
    cache.set("k", [1])
    assert (cache.get("k"), cache.ttl("k"), cache.has_key("k")) == ([1], 300, True)
    with pytest.raises(ConfigurationError, match="LOCATION"):
        cache.sadd("s", 1)
