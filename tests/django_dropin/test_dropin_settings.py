"""Settings of both libraries, and what they become; what can't be honoured is refused with advice."""

from __future__ import annotations

import bz2
import sys

import pytest
from django.test import override_settings

from afresh.django.cache.settings import settings_of
from afresh.django.dropin import of_django_redis, of_redis_cache
from afresh.django.dropin.formats import format_of
from afresh.django.dropin.patterns import reverse_of
from afresh.errors import ConfigurationError


def became(translate, location, options, **beside):
    """Our URL, the rest of our arguments, and the translation."""
    found = translate(location, {"OPTIONS": options, **beside})
    settings = settings_of(found.location, found.params)
    return dict(settings.arguments)["url"], settings, found


SENTINELS = {"SENTINELS": [("a", 26379), ("b", 26380)], "CLIENT_CLASS": "django_redis.client.SentinelClient"}


@pytest.mark.parametrize(
    ("location", "options", "url"),
    [
        ("redis://a:6379/1", {}, "redis://a:6379/1"),
        ("redis://a?db=3", {}, "redis://a?db=3"),
        ("redis://a/1,redis://b/1", {}, "redis://a/1"),
        (["redis://a/1", "redis://b/1"], {"REPLICA_READ_ONLY": False}, "redis://a/1"),
        ("rediss://u:p@a/1", {}, "rediss://u:p@a/1"),
        ("unix:///run/redis.sock?db=2", {}, "unix:///run/redis.sock?db=2"),
        ("redis://a/1", {"PASSWORD": "p@ss", "USERNAME": "u"}, "redis://u:p%40ss@a/1"),
        ("redis://a/1", {"SOCKET_TIMEOUT": 5, "SOCKET_CONNECT_TIMEOUT": 2}, "redis://a/1?timeout=5&connect_timeout=2"),
        ("redis://a/1?socket_timeout=3&timeout=20&health_check_interval=30", {}, "redis://a/1?timeout=3"),
        ("redis://a/1", {"CONNECTION_POOL_KWARGS": {"max_connections": 9, "retry_on_timeout": True}}, "redis://a/1"),
        ("redis://a/1", {"REDIS_CLIENT_KWARGS": {"ssl": True, "ssl_cert_reqs": None}}, "rediss://a/1?ssl_cert_reqs=none"),
        ("redis://a/1", {"CONNECTION_POOL_CLASS": "redis.connection.BlockingConnectionPool"}, "redis://a/1"),
        ("redis://a/1", {"PARSER_CLASS": "redis.connection._HiredisParser", "CLOSE_CONNECTION": True}, "redis://a/1"),
        ("redis://main/2", SENTINELS, "redis+sentinel://a:26379,b:26380/main/2"),
        (
            "redis://main/2",
            {**SENTINELS, "PASSWORD": "p", "SENTINEL_KWARGS": {"password": "s"}},
            "redis+sentinel://:p@a:26379,b:26380/main/2?sentinel_password=s",
        ),
        (
            "redis://main/0",
            {**SENTINELS, "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory"},
            "redis+sentinel://a:26379,b:26380/main/0",
        ),
    ],
)  # fmt: skip
def test_settings_of_django_redis(location, options, url):
    assert became(of_django_redis.translate, location, options)[0] == url


@pytest.mark.parametrize(
    ("location", "options", "url"),
    [
        ("a:6379", {}, "redis://a:6379/1"),
        ("a:6379", {"DB": 3, "PASSWORD": "p"}, "redis://:p@a:6379/3"),
        (["a:6379", "b:6379"], {"MASTER_CACHE": "b:6379"}, "redis://b:6379/1"),
        ("/run/redis.sock", {"DB": 2}, "unix:///run/redis.sock?db=2"),
        ("redis://a/4", {"DB": 2}, "redis://a/4"),
        ("redis://a", {"DB": 2}, "redis://a?db=2"),
        ("redis://a", {}, "redis://a?db=1"),
        ("a:1", {"SOCKET_TIMEOUT": 5, "CONNECTION_POOL_CLASS_KWARGS": {"max_connections": 5, "timeout": 20}}, "redis://a:1/1?timeout=5"),
        ("a:1", {"CONNECTION_POOL_CLASS": "redis.BlockingConnectionPool", "MAX_CONNECTIONS": 9}, "redis://a:1/1"),
        ("a:1", {"PARSER_CLASS": "redis.connection.HiredisParser", "PICKLE_VERSION": 2}, "redis://a:1/1"),
    ],
)  # fmt: skip
def test_settings_of_django_redis_cache(location, options, url):
    assert became(of_redis_cache.translate, location, options)[0] == url


def test_they_can_stand_beside_options():
    assert became(of_redis_cache.translate, "a:1", {}, db="5", password="p")[0] == "redis://:p@a:1/5"


@pytest.mark.parametrize("translate", [of_django_redis.translate, of_redis_cache.translate])
@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"NONSENSE": 1}, "there are"),
        ({"CONNECTION_POOL_CLASS": "shop.Pool"}, "LOCATION"),
        ({"PARSER_CLASS": "shop.Parser"}, "PARSER_CLASS"),
        ({"OLD_PICKLES": True}, "shop.models.Product"),
        ({"OLD_PICKLES": "nodots"}, "shop.models.Product"),
        ({"OLD_VALUES": "yes"}, "True or False"),
    ],
)
def test_what_cannot_be_honoured_is_refused(translate, options, advice):
    with pytest.raises(ConfigurationError, match=advice):
        translate("redis://a/1", {"OPTIONS": options})


@pytest.mark.parametrize(
    ("location", "options", "advice"),
    [
        ("", {}, "redis://host"),
        ("redis://a/1", {"CLIENT_CLASS": "shop.Client"}, "afresh.django.dropin.django_redis.RedisCache"),
        ("redis://a/1", {"CONNECTION_FACTORY": "shop.Factory"}, "LOCATION"),
        ("redis://a/1", {"REDIS_CLIENT_CLASS": "shop.Redis"}, "LOCATION"),
        ("redis://a/1", {"CLIENT_CLASS": "django_redis.client.SentinelClient"}, "SENTINELS"),
        (
            "redis://a/1",
            {"CLIENT_CLASS": "django_redis.client.SentinelClient", "SENTINELS": ["a"]},
            "SENTINELS",
        ),
    ],
)
def test_what_django_redis_has_and_cannot_be_honoured_is_refused(location, options, advice):
    with pytest.raises(ConfigurationError, match=advice):
        of_django_redis.translate(location, {"OPTIONS": options})


@pytest.mark.parametrize(("db", "location"), [("x", "a:1"), (None, "a:1"), (1, "")])
def test_what_django_redis_cache_would_not_take_is_refused(db, location):
    with pytest.raises(ConfigurationError):
        of_redis_cache.translate(location, {"OPTIONS": {"DB": db}})


def quiet(options):
    return became(of_django_redis.translate, "redis://a", options)[1].quiet


def test_trouble_is_an_error_where_they_said_so():
    assert (quiet({}), quiet({"IGNORE_EXCEPTIONS": False}), quiet({"IGNORE_EXCEPTIONS": True})) == (
        True,
        False,
        True,
    )
    with override_settings(DJANGO_REDIS_IGNORE_EXCEPTIONS=False):
        assert (quiet({}), quiet({"IGNORE_EXCEPTIONS": True})) == (False, True)


@pytest.mark.parametrize(
    ("serializer", "codec"),
    [
        ("pickle.PickleSerializer", "pickle"),
        ("json.JSONSerializer", "msgpack"),
        ("msgpack.MSGPackSerializer", "msgpack"),
    ],
)
def test_who_wanted_no_pickles_gets_none(serializer, codec):
    options = {"SERIALIZER": f"django_redis.serializers.{serializer}"}
    assert became(of_django_redis.translate, "redis://a", options)[1].codec == codec
    assert became(of_django_redis.translate, "redis://a", {**options, "CODEC": "pickle"})[1].codec == "pickle"


def test_a_factory_of_the_whole_project_is_refused():
    with (
        override_settings(DJANGO_REDIS_CONNECTION_FACTORY="shop.Factory"),
        pytest.raises(ConfigurationError, match="LOCATION"),
    ):
        of_django_redis.translate("redis://a", {})


IDLE = {"MAX_ENTRIES": 9, "CULL_FREQUENCY": 2, "PICKLE_VERSION": 4}


def test_what_does_nothing_changes_nothing():
    theirs = of_django_redis.translate(
        "redis://a", {"OPTIONS": {**IDLE, "REPLICA_READ_ONLY": False, "CLOSE_CONNECTION": True}}
    )
    assert theirs == of_django_redis.translate("redis://a", {"OPTIONS": {}})
    idle = {
        **IDLE,
        "MAX_CONNECTIONS": 9,
        "SERIALIZER_CLASS_KWARGS": {},
        "COMPRESSOR_CLASS_KWARGS": {"level": 1},
    }
    assert of_redis_cache.translate("a:1", {"OPTIONS": idle}) == of_redis_cache.translate(
        "a:1", {"OPTIONS": {}}
    )


def test_what_does_nothing_among_the_projects_settings_changes_nothing():
    before = of_django_redis.translate("redis://a", {"OPTIONS": {}})
    with override_settings(
        DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS=True,
        DJANGO_REDIS_LOGGER="shop",
        DJANGO_REDIS_CLOSE_CONNECTION=True,
        DJANGO_REDIS_SCAN_ITERSIZE=7,
    ):
        assert of_django_redis.translate("redis://a", {"OPTIONS": {}}) == before


def test_herd_and_shards_are_told_apart():
    herd = {"CLIENT_CLASS": "django_redis.client.HerdClient"}
    with override_settings(CACHE_HERD_TIMEOUT=7):
        assert of_django_redis.translate("redis://a", {"OPTIONS": herd}).herd == 7
    shard = {"CLIENT_CLASS": "django_redis.client.ShardClient"}
    spread = of_django_redis.translate(["redis://a", "redis://b/2?db=3"], {"OPTIONS": shard}).shards
    assert spread == (("redis://a", "redis://a"), ("redis://b/2?db=3", "redis://b/2?db=3"))
    spread = of_redis_cache.translate(["a:1", "redis://b"], {}, sharded=True).shards
    assert spread == (("('a', 1, 1, None)", "redis://a:1/1"), ("('b', 6379, 1, '')", "redis://b?db=1"))


def test_formats_of_django_redis_cache():
    options = {
        "SERIALIZER_CLASS": "redis_cache.serializers.JSONSerializer",
        "COMPRESSOR_CLASS": "redis_cache.compressors.BZip2Compressor",
    }
    found = of_redis_cache.translate("a:1", {"OPTIONS": {**options, "IGNORE_EXCEPTIONS": False}})
    form = format_of(found.serializer, found.compressor, options, None)
    assert form.decode(bz2.compress(b'{"a": [1]}')) == {"a": [1]}
    assert (
        settings_of(found.location, found.params).codec,
        found.params["OPTIONS"]["IGNORE_EXCEPTIONS"],
    ) == ("msgpack", False)


def test_keys_are_reversed_by_their_function():
    assert (
        reverse_of(None)("prefix:1:a:b")
        == reverse_of("django_redis.util.default_reverse_key")("p:1:a:b")
        == "a:b"
    )
    assert reverse_of(lambda key: key.upper())("k") == "K"  # REVERSE_KEY_FUNCTION


def test_what_is_missing_for_a_compressor_is_said_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(ConfigurationError, match="pip install lz4"):
        format_of(
            "django_redis.serializers.json.JSONSerializer",
            "django_redis.compressors.lz4.Lz4Compressor",
            {},
            None,
        )
    for name in ("compression.zstd", "backports.zstd", "pyzstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigurationError, match="zstd"):
        format_of(
            "django_redis.serializers.json.JSONSerializer",
            "django_redis.compressors.zstd.ZStdCompressor",
            {},
            None,
        )
