"""Rules for paths: times, parameters, cookies, side effects, modes."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from http_world import Application, ask

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.db import dbapi
from afresh.errors import ConfigurationError
from afresh.testing.capture import capture
from afresh.testing.clock import FakeClock

WRITTEN = """
[cache]
l1 = "1MB"

[[http.rule]]
path = "/product/*"
ttl = "5m"
stale_while_revalidate = "1m"
ignore = ["utm_*", "gclid"]
drop_cookies = ["history"]

[[http.rule]]
path = ["/live/*", "/admin"]
mode = "off"

[[http.rule]]
path = "/shadow"
ttl = 60
mode = "shadow"
"""


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000.0)


@pytest.fixture
def cache(clock):
    with Cache("memory://", clock=clock) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "afresh.toml"
    path.write_text(WRITTEN)
    return path


def texts(app, *asked):
    async def all_of_them():
        return [(await ask(app, **each)).text for each in asked]

    return asyncio.run(all_of_them())


def test_a_rule_says_how_long(cache, clock, file):
    app = CacheMiddleware(Application(), cache=cache, rules=file)
    assert texts(app, {"path": "/product/1"}, {"path": "/product/1"}, {"path": "/other"}, {"path": "/other"}) == [
        "1", "1", "2", "3",
    ]  # fmt: skip
    clock.advance(301)
    assert texts(app, {"path": "/product/1"}) == ["1"], "stale, while it is refreshed"
    clock.advance(60)
    assert texts(app, {"path": "/product/1"}) != ["1"]


@pytest.mark.parametrize("says", ["private", "no-store", "max-age=0"])
def test_what_the_application_says_comes_first(cache, file, says):
    app = CacheMiddleware(Application(cache_control=says), cache=cache, rules=file)
    assert texts(app, *[{"path": "/product/1"}] * 2) == ["1", "2"]


def test_a_rule_shares_nothing_with_who_says_who_he_is(cache, file):
    app = CacheMiddleware(Application(), cache=cache, rules=file)
    asked = {"path": "/product/1", "cookie": "session=1"}
    assert texts(app, asked, asked, {"path": "/product/1"}, asked) == ["1", "2", "3", "4"]


def test_parameters_that_change_nothing(cache, file):
    app = CacheMiddleware(Application(), cache=cache, rules=file)
    queries = ["", "utm_source=x", "a=1", "gclid=2&a=1", "a=2"]
    assert texts(app, *[{"path": "/product/1", "query": each} for each in queries]) == [
        "1",
        "1",
        "2",
        "2",
        "3",
    ]


def test_a_cookie_that_hits_do_not_set(cache, file):
    app = CacheMiddleware(Application(set_cookie="history=1; Path=/"), cache=cache, rules=file)

    async def visits():
        return [await ask(app, "/product/1") for _ in range(2)]

    first, second = asyncio.run(visits())
    assert (first.get("set-cookie"), second.get("set-cookie")) == ("history=1; Path=/", None)
    assert second.hit
    app = CacheMiddleware(Application(set_cookie="session=1"), cache=cache, rules=file)
    assert texts(app, *[{"path": "/product/2"}] * 2) == ["1", "2"], "another cookie is not covered"


def test_modes_of_paths(cache, file):
    inner = Application(cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache, rules=file)
    assert texts(app, *[{"path": "/live/x"}] * 2, *[{"path": "/x"}] * 2) == ["1", "2", "3", "3"]


def test_shadow_tells_what_would_have_been_wrong(cache, file):
    app = CacheMiddleware(Application(), cache=cache, rules=file)
    with capture(cache) as events:
        assert texts(app, *[{"path": "/shadow"}] * 3) == ["1", "2", "3"]
    assert [each.kind.value for each in events].count("mismatch") == 2
    same = CacheMiddleware(Application(lambda scope, calls: (200, {}, [b"x"])), cache=cache, rules=file)
    texts(same, {"path": "/shadow", "query": "a"}, {"path": "/shadow", "query": "a"})
    assert cache.stats().mismatches == 2


@pytest.mark.parametrize("declared", [False, True])
def test_a_view_that_writes_is_shared_only_if_a_rule_says_so(cache, tmp_path, declared):
    connection = dbapi.wrap(sqlite3.connect(tmp_path / "shop.db"))
    connection.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, views INTEGER, name TEXT)")
    connection.execute("INSERT INTO product VALUES (1, 0, 'tea')")
    connection.commit()

    def view(scope, calls):
        name = connection.execute("SELECT name FROM product WHERE id = 1").fetchone()[0]
        connection.execute("UPDATE product SET views = views + 1 WHERE id = 1")
        connection.commit()
        return 200, {}, [name.encode()]

    inner = Application(view, cache_control="max-age=60")
    rules = [{"path": "/*", "side_effects": "skip"}] if declared else []
    app = CacheMiddleware(inner, cache=cache, rules=rules)
    assert texts(app, {}, {}) == ["tea", "tea"]
    assert inner.calls == (1 if declared else 2)
    if not declared:
        assert "it writes" in asyncio.run(ask(app)).get("cache-status")
    connection.close()


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"ttl": 5},
        {"path": "/", "tll": 5},
        {"path": "/", "ttl": "soon"},
        {"path": 5},
        "x",
        {"path": "/", "side_effects": "sometimes"},
        {"path": "/", "side_effects": "skip", "replay": ["count"]},
        {"path": "/", "side_effects": "replay", "replay": ["count"]},
        {"path": "/", "side_effects": "replay", "replay": ["no_such_module:count"]},
        {"path": "/", "set_again": ["history"]},
        {"path": "/", "clear_site_data": ["everything"]},
        {"path": "/", "set_again": {"history": "history"}},
        {"path": "/", "set_again": {"history": "json:dumped"}},
        {"path": "/", "mode": "maybe"},
        {"path": ["/", 5]},
    ],
)
def test_rules_that_make_no_sense(cache, rule):
    with pytest.raises(ConfigurationError):
        CacheMiddleware(Application(), cache=cache, rules=[rule])


def test_where_visitors_sign_out_the_browser_forgets_their_pages(cache):
    rules = [{"path": "/logout", "clear_site_data": ["cache", "storage"], "ttl": 60}]
    inner = Application(lambda scope, calls: (302 if scope["method"] == "POST" else 200, {}, [b"bye"]))
    app = CacheMiddleware(inner, cache=cache, rules=rules)

    async def visits():
        asked = [{"method": "POST"}, {}, {}, {"path": "/other"}]
        return [await ask(app, **{"path": "/logout", **each}) for each in asked]

    said = [each.get("clear-site-data") for each in asyncio.run(visits())]
    assert said == ['"cache", "storage"'] * 3 + [None]
    assert inner.calls == 4, "it is not stored"
    inner.view = lambda scope, calls: (403, {}, [b"no"])
    assert asyncio.run(ask(app, "/logout", method="POST")).get("clear-site-data") is None
    inner.view = lambda scope, calls: (200, {"clear-site-data": '"*"'}, [b"bye"])
    assert asyncio.run(ask(app, "/logout", method="POST")).get("clear-site-data") == '"*"'


@pytest.mark.parametrize("written", ["[http", "[http.rule]\npath='/'", "http = 5", None])
def test_files_that_make_no_sense(cache, tmp_path, written):
    path = tmp_path / "afresh.toml"
    if written is not None:
        path.write_text(written)
    with pytest.raises(ConfigurationError):
        CacheMiddleware(Application(), cache=cache, rules=str(path))
