"""`LOCATION` and `OPTIONS`: ours and those of Django's own backends; what can't be honoured is refused with advice."""

from __future__ import annotations

import pytest
from cache_faces import backend
from django.test import override_settings

from afresh.django.cache.location import location
from afresh.django.cache.settings import settings_of
from afresh.errors import ConfigurationError


@pytest.mark.parametrize(
    ("written", "kind", "url"),
    [
        (None, "machine", None),
        ("", "machine", None),
        ([], "machine", None),
        ("memory://", "memory", "memory://"),
        ("memory://named", "memory", "memory://"),
        ("null://", "null", "null://"),
        ("sqlite:////var/cache/it", "file", "sqlite:////var/cache/it"),
        ("redis://a:6379/1", "redis", "redis://a:6379/1"),
        ("redis://a,redis://b", "redis", "redis://a"),
        (["redis://a", "redis://b"], "redis", "redis://a"),
        ("redis+cluster://a,b", "redis", "redis+cluster://a,b"),
        ("unix:///run/redis.sock?db=1", "redis", "unix:///run/redis.sock?db=1"),
        ("memcached://a,b", "memcached", "memcached://a,b"),
        ("127.0.0.1:11211", "memcached", "memcached://127.0.0.1:11211"),
        ("a:1;b:2", "memcached", "memcached://a:1,b:2"),
        (["server1.tld", "server2:11211"], "memcached", "memcached://server1.tld,server2:11211"),
        ("unix:/run/memcached.sock", "memcached", "memcached:///run/memcached.sock"),
        ("/run/memcached.sock", "memcached", "memcached:///run/memcached.sock"),
        ("[::1]:11211", "memcached", "memcached://[::1]:11211"),
    ],
)
def test_where_the_values_are(written, kind, url):
    assert location(written)[:2] == (kind, url)


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("unique-snowflake", "memory://unique-snowflake"),
        ("/var/tmp/django_cache", "sqlite:////var/tmp/django_cache/cache"),
        ("http://a", "redis://host"),
        (7, "memory://"),
        (["redis:a", "b c"], "memcached://host"),
    ],
)
def test_what_names_no_place_is_refused(written, advice):
    with pytest.raises(ConfigurationError, match=advice):
        location(written)


def arguments(where, options, **beside):
    return dict(settings_of(where, {"OPTIONS": options, **beside}).arguments)


@pytest.mark.parametrize(
    ("where", "options", "url"),
    [
        (
            "redis://a",
            {"db": 3, "socket_timeout": 0.5, "retry_on_timeout": True},
            "redis://a?db=3&timeout=0.5",
        ),
        ("redis://a/2", {"db": 3}, "redis://a/2"),
        ("redis://a", {"username": "u", "password": "p@ss"}, "redis://u:p%40ss@a"),
        ("redis://u:p@a", {"password": "other"}, "redis://u:p@a"),
        ("redis://a", {"pool_class": "redis.BlockingConnectionPool", "parser_class": object}, "redis://a"),
        ("redis://a", {"socket_timeout": None}, "redis://a"),
        ("unix:///run/redis.sock", {"db": 3}, "unix:///run/redis.sock?db=3"),
        ("rediss://a", {"ssl_ca_certs": "/ca.pem"}, "rediss://a?ssl_ca_certs=%2Fca.pem"),
        ("a:1", {"no_delay": True, "timeout": 2, "max_pool_size": 4}, "memcached://a:1?timeout=2"),
        ("a:1", {"binary": True, "behaviors": {"tcp_nodelay": True, "ketama": 1}}, "memcached://a:1"),
        ("a:1", {"behaviors": {"receive_timeout": 250_000}}, "memcached://a:1?timeout=0.25"),
        ("a:1", {"tcp_nodelay": True, "ketama": True}, "memcached://a:1"),
        ("a:1", {"username": None, "password": ""}, "memcached://a:1"),
    ],
)
def test_options_of_djangos_own_backends_are_taken_over(where, options, url):
    assert arguments(where, options)["url"] == url


def test_settings_of_django_pylibmc_beside_options_do_nothing_or_are_refused():
    assert arguments("a:1", {"tcp_nodelay": True}, BINARY=True)["url"] == "memcached://a:1"
    with pytest.raises(ConfigurationError, match="memcached knows no users"):
        arguments("a:1", {}, USERNAME="me", PASSWORD="secret")


@pytest.mark.parametrize(
    ("where", "options", "advice"),
    [
        ("memory://", {"SPEED": "high"}, "'SPEED'.* is unknown: there are ANNOUNCE, CODEC"),
        ("redis://a", {"credential_provider": object()}, "give a client of redis-py"),
        ("redis://a", {"pool_class": "my.Pool"}, "give the client that has it as LOCATION"),
        ("redis://a", {"behaviors": {}}, "unknown: there are .*socket_timeout"),
        ("a:1", {"serde": object()}, '"serializer"'),
        ("a:1", {"key_prefix": "x"}, "KEY_PREFIX"),
        ("a:1", {"behaviors": {"speed": 1}}, "no behaviour"),
        ("memory://", {"CODEC": "json"}, "there are pickle and msgpack"),
        ("memory://", {"DEPENDENCIES": "yes"}, "write True or False"),
        ("memory://", {"CONSISTENCY": "eventual"}, "there are bounded"),
        ("memory://", {"L1": "much"}, "much"),
        ("memory://", {"NAMESPACE": "a:b"}, "without a colon"),
    ],
)
def test_what_would_be_lost_silently_is_refused(where, options, advice):
    with pytest.raises(ConfigurationError, match=advice):
        backend(where, options=options)


def test_what_was_asked_for_reaches_the_cache():
    given = arguments("memory://", {"MAX_ENTRIES": 30, "CULL_FREQUENCY": 2, "NAMESPACE": "shop"})
    assert given == {"l1": 30, "url": "memory://", "namespace": "shop"}
    cache = backend("memory://bounded", options={"MAX_ENTRIES": 30})
    for number in range(100):
        cache.set(number, number)
    assert sum(cache.get(number) is not None for number in range(100)) <= 30


def test_backends_of_one_place_share_one_cache_and_others_do_not():
    first, second = backend("memory://shared"), backend("memory://shared", KEY_PREFIX="", VERSION=1)
    first.set("a", 1)
    assert second.get("a") == 1
    assert backend("memory://other").get("a") is None
    assert backend("memory://shared", KEY_PREFIX="mine").get("a") is None


def test_writes_are_announced_where_somebody_could_hear_of_it():
    def announced(**options):
        return settings_of("memory://", {"OPTIONS": options}).announced

    for apps, heard in ((["afresh.django"], True), (["afresh.django.apps.AfreshConfig"], True), ([], False)):
        with override_settings(INSTALLED_APPS=apps):
            assert announced() is heard
            assert announced(ANNOUNCE=False) is False
            assert announced(ANNOUNCE=True) is True
