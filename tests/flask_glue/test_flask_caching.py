"""What was written for Flask-Caching works by one import, and doesn't mix up visitors."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string, request, session

from afresh import ConfigurationError, UnkeyableArgument
from afresh.flask.caching import Cache, make_template_fragment_key
from afresh.flask.caching.settings import url_of


@pytest.fixture
def cache():
    """The extension as it is used everywhere: made first, given its application later."""
    cache = Cache(config={"CACHE_TYPE": "SimpleCache"})
    cache.ran = []
    yield cache
    if cache._last is not None:
        cache.cache.close()


@pytest.fixture
def app(cache):
    app = Flask("old")
    app.config.update(SECRET_KEY="s", CACHE_DEFAULT_TIMEOUT=300)
    cache.init_app(app)

    @app.post("/login/<name>")
    def login(name):
        session["name"] = name
        return ""

    return app


def texts(app, *paths):
    client = app.test_client()
    return [client.get(path).text for path in paths]


def test_values(cache, app):
    assert cache.get("a") is None
    assert cache.set("a", 1, timeout=5)
    assert not cache.add("a", 2)
    assert (cache.get("a"), cache.has("a"), cache.has("b")) == (1, True, False)
    assert cache.set_many({"b": 2, "c": None}) == ["b", "c"]
    assert cache.get_many("a", "x", "b") == [1, None, 2]
    assert cache.get_dict("a", "x") == {"a": 1, "x": None}
    assert cache.delete("a")
    assert not cache.delete("a")
    assert cache.delete_many("b", "x") == ["b"]
    assert cache.clear()
    assert not cache.has("c")


def test_views(cache, app):
    @app.get("/<path:rest>")
    @cache.cached(timeout=50)
    def show(rest):
        cache.ran.append(rest)
        return f"{rest} {request.args.get('page')} {session.get('name')}"

    assert texts(app, "/a", "/a", "/b", "/a?page=2") == [
        "a None None",
        "a None None",
        "b None None",
        "a 2 None",
    ]
    assert cache.ran == ["a", "b", "a"]
    ann = app.test_client()
    ann.post("/login/ann")
    assert ann.get("/a").text == "a None ann"
    assert texts(app, "/a") == ["a None None"]
    cache.delete("view//a")
    assert texts(app, "/a", "/b") == ["a None None", "b None None"]
    assert cache.ran == ["a", "b", "a", "a", "a"]
    with app.test_request_context():
        assert cache.delete_cached(show, path="/b") is False
    assert texts(app, "/b") == ["b None None"]
    assert cache.ran[-1] == "b"


def test_functions_under_a_key(cache, app):
    @cache.cached(timeout=50, key_prefix="numbers")
    def numbers():
        cache.ran.append(1)
        return [1, 2, len(cache.ran)]

    assert numbers() == numbers() == [1, 2, 1]
    cache.delete("numbers")
    assert numbers() == [1, 2, 2]
    assert numbers.uncached() == [1, 2, 3]
    numbers.cache_timeout = 0
    assert numbers.make_cache_key() == "numbers"


def test_when_to_keep(cache, app):
    choices = {"unless": False, "forced": False}

    @cache.cached(
        key_prefix="x",
        unless=lambda: choices["unless"],
        forced_update=lambda: choices["forced"],
        response_filter=lambda value: value != 2,
    )
    def count():
        cache.ran.append(1)
        return len(cache.ran)

    assert [count(), count()] == [1, 1]
    choices["unless"] = True
    assert count() == 2
    choices.update(unless=False, forced=True)
    assert count() == 3
    choices["forced"] = False
    assert count() == 3
    cache.ran[:] = [1]
    cache.clear()
    assert [count(), count()] == [2, 3]


def test_none_is_kept_if_it_is_said(cache, app):
    for keep, runs in ((False, 2), (True, 1)):
        cache.ran.clear()

        @cache.memoize(cache_none=keep, make_name=lambda name, keep=keep: f"{name}{keep}")
        def nothing():
            cache.ran.append(1)

        nothing(), nothing()
        assert len(cache.ran) == runs


def test_memoized_functions(cache, app):
    @cache.memoize(timeout=50, args_to_ignore=["log"])
    def add(a, b=0, log=None):
        cache.ran.append((a, b))
        return a + b

    @app.get("/")
    def home():
        return str(add(1))

    assert [add(1), add(1, 0), add(a=1, log=object()), add(2, 3)] == [1, 1, 1, 5]
    assert texts(app, "/") == ["1"]
    assert cache.ran == [(1, 0), (2, 3)]
    cache.delete_memoized(add, 1)
    add(1), add(2, 3)
    assert cache.ran == [(1, 0), (2, 3), (1, 0)]
    cache.delete_memoized(add)
    add(1), add(2, 3)
    assert len(cache.ran) == 5
    cache.delete_memoized_verhash(add)
    add(1)
    assert len(cache.ran) == 6


def test_memoized_methods(cache, app):
    class Adder:
        def __init__(self, initial):
            self.initial = initial

        def __repr__(self):
            return f"Adder({self.initial})"

        @cache.memoize()
        def add(self, b):
            cache.ran.append((self.initial, b))
            return self.initial + b

    one, two = Adder(1), Adder(2)
    assert [one.add(1), two.add(1), one.add(1), Adder(1).add(1)] == [2, 3, 2, 2]
    assert cache.ran == [(1, 1), (2, 1)]
    cache.delete_memoized(one.add)
    one.add(1), two.add(1)
    assert cache.ran[2:] == [(1, 1)]
    one.add(2)
    cache.delete_memoized(Adder.add, one, 2)
    one.add(1), one.add(2)
    assert cache.ran[3:] == [(1, 2), (1, 2)]
    cache.delete_memoized(Adder.add)
    one.add(1), two.add(1)
    assert cache.ran[5:] == [(1, 1), (2, 1)]


def test_an_address_is_no_key(cache, app):
    class Thing:
        pass

    @cache.memoize()
    def of(thing):
        return 1

    with pytest.raises(UnkeyableArgument, match="__caching_id__"):
        of(Thing())


def test_fragments(cache, app):
    @app.get("/")
    def home():
        return render_template_string(
            "{% cache 60, 'shelf' %}{{ run() }}{% endcache %}",
            run=lambda: cache.ran.append(1) or len(cache.ran),
        )

    assert texts(app, "/", "/") == ["1", "1"]
    assert cache.delete(make_template_fragment_key("shelf"))
    assert texts(app, "/") == ["2"]


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "memory://"),
        ({"CACHE_TYPE": "flask_caching.backends.SimpleCache"}, "memory://"),
        ({"CACHE_TYPE": "null"}, "null://"),
        ({"CACHE_TYPE": "RedisCache"}, "redis://localhost:6379/0"),
        ({"CACHE_TYPE": "redis", "CACHE_REDIS_URL": "redis://h/3"}, "redis://h/3"),
        (
            {
                "CACHE_TYPE": "RedisCache",
                "CACHE_REDIS_HOST": "h",
                "CACHE_REDIS_DB": 2,
                "CACHE_REDIS_PASSWORD": "p@",
            },
            "redis://:p%40@h:6379/2",
        ),
        (
            {"CACHE_TYPE": "RedisSentinelCache", "CACHE_REDIS_SENTINELS": [("a", 1), ("b", 2)]},
            "redis+sentinel://a:1,b:2/mymaster/0",
        ),
        ({"CACHE_TYPE": "RedisClusterCache", "CACHE_REDIS_CLUSTER": "a:1, b:2"}, "redis+cluster://a:1,b:2"),
        ({"CACHE_TYPE": "memcached", "CACHE_MEMCACHED_SERVERS": ["a:1", ("b", 2)]}, "memcached://a:1,b:2"),
    ],
)
def test_settings(config, url):
    assert url_of(config)["url"] == url


def test_a_folder(tmp_path):
    given = url_of({"CACHE_TYPE": "FileSystemCache", "CACHE_DIR": tmp_path / "c", "CACHE_KEY_PREFIX": "a:b:"})
    assert given["url"] == f"sqlite:///{tmp_path}/c/afresh.sqlite3"
    assert (given["namespace"], given["ttl"]) == ("a-b", 300)
    assert (tmp_path / "c").is_dir()


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"CACHE_TYPE": "uwsgi"}, "SimpleCache"),
        ({"CACHE_TYPE": "FileSystemCache"}, "CACHE_DIR"),
        ({"CACHE_TYPE": "memcached", "CACHE_MEMCACHED_SERVERS": "a"}, "a list"),
        ({"CACHE_OPTIONS": {"a": 1}}, "CACHE_REDIS_URL"),
        ({"CACHE_SERIALIZER": object()}, "AFRESH_CODEC"),
        ({"CACHE_MEMCACHED_USERNAME": "u"}, "password"),
        ({"CACHE_TYPO": 1}, "CACHE_TYPO"),
    ],
)
def test_what_has_no_counterpart_is_refused(config, advice):
    with pytest.raises(ConfigurationError, match=advice):
        Cache(Flask("x"), config=config)


def test_is_stale_is_refused(cache):
    with pytest.raises(ConfigurationError, match="depends_on"):
        cache.cached(is_stale=lambda value: True)
