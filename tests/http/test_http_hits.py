"""What is done for each hit: what always runs, cookies that are set again. It may refuse the hit."""

from __future__ import annotations

import asyncio

import pytest
from http_world import Application, ask
from test_http_wsgi import Application as WsgiApplication
from test_http_wsgi import ask as ask_wsgi

from afresh.asgi import CacheMiddleware
from afresh.errors import ConfigurationError
from afresh.testing.capture import capture
from afresh.wsgi import CacheMiddleware as WsgiMiddleware


def asked(app, *requests):
    async def all_of_them():
        return [await ask(app, **each) for each in requests]

    return asyncio.run(all_of_them())


def test_what_always_runs_sees_each_hit_and_adds_fields(cache):
    seen = []

    def secure(hit):
        seen.append((hit.scope["path"], hit.request.method, hit.client, hit.status))
        hit.add("X-Frame-Options", "DENY")

    async def audit(hit):
        await asyncio.sleep(0)
        hit.add("x-audit", str(len(seen)))

    inner = Application(cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache, always=[secure, audit])
    first, second, third = asked(app, {}, {}, {"method": "HEAD"})
    assert (first.get("x-frame-options"), second.get("x-frame-options")) == (None, "DENY")
    assert (second.hit, third.hit, inner.calls) == (True, True, 1)
    assert (second.get("x-audit"), third.get("x-audit")) == ("1", "2")
    assert seen == [("/", "GET", "192.0.2.1", 200), ("/", "HEAD", "192.0.2.1", 200)]


def test_a_refused_hit_is_answered_by_the_application(cache):
    def limit(hit):
        if hit.request.fields.get(b"x-name") == b"many":
            hit.refuse("too many requests")

    inner = Application(cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache, always=[limit])
    with capture(cache) as events:
        got = asked(app, {}, {}, {"x_name": "many"}, {"x_name": "many"}, {})
    assert [each.text for each in got] == ["1", "1", "2", "3", "1"]
    assert 'detail="too many requests"' in got[2].get("cache-status")
    assert [each.reason for each in events if each.kind.value == "bypass"] == ["too many requests"] * 2


@pytest.mark.parametrize(
    "field",
    [
        None,
        ("x-bad", "a\r\nset-cookie: b=1"),
        ("x bad", "a"),
        ("", "a"),
        ("x", "\u2603"),
        ("Content-Length", "1"),
    ],
)
def test_what_fails_on_a_hit_leaves_it_to_the_application(cache, field):
    def broken(hit):
        if field is None:
            raise KeyError("no")
        hit.add(*field)

    inner = Application(cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache, always=[broken])
    assert [each.text for each in asked(app, {}, {}, {})] == ["1", "2", "3"]


def history_of(hit):
    """The pages that a visitor has seen, the last of them first."""
    before = (hit.request.fields.get(b"cookie") or b"").decode().partition("history=")[2]
    if before == "none":
        return None
    here = hit.request.path.decode().removeprefix("/product/")
    return f"history={'.'.join([here, *[each for each in before.split('.') if each]])}; Path=/"


@pytest.mark.parametrize("where", ["middleware", "rule"])
def test_a_cookie_is_set_again_for_each_visitor(cache, where):
    inner = Application(cache_control="public, max-age=60", set_cookie="history=1; Path=/")
    given = {"set_again": {"history": history_of}}
    if where == "rule":
        given = {"rules": [{"path": "/product/*", "set_again": {"history": f"{__name__}:history_of"}}]}
    app = CacheMiddleware(inner, cache=cache, **given)
    first, second, other, without = asked(
        app,
        *[{"path": "/product/1", "cookie": f"history={each}"} for each in ("", "7.8", "9", "none")],
    )
    assert first.get("set-cookie") == "history=1; Path=/"
    assert second.get("set-cookie") == "history=1.7.8; Path=/"
    assert other.get("set-cookie") == "history=1.9; Path=/"
    assert (without.get("set-cookie"), without.hit) == (None, True)
    assert inner.calls == 1
    assert "private" in second.get("cache-control"), "no cache before this one may give it to another"
    assert "private" not in without.get("cache-control")


def test_another_cookie_is_still_nobody_elses(cache):
    inner = Application(cache_control="public, max-age=60", set_cookie="session=1")
    app = CacheMiddleware(inner, cache=cache, set_again={"history": history_of})
    assert [each.text for each in asked(app, {}, {})] == ["1", "2"]


def test_who_asks_with_a_condition_gets_his_cookie_too(cache, clock):
    """The application didn't see his condition, since others wait for its answer; it did set his cookie."""
    inner = Application(cache_control="max-age=60", set_cookie="history=1", etag='"x"')
    app = CacheMiddleware(inner, cache=cache, set_again={"history": lambda hit: "history=again"})
    (got,) = asked(app, {"if_none_match": '"x"'})
    assert (got.status, got.get("set-cookie")) == (304, "history=1")
    clock.advance(61)
    confirming = Application(lambda scope, calls: (304, {}, [b""]), set_cookie="history=2", etag='"x"')
    app.app = confirming
    (confirmed,) = asked(app, {})
    assert (confirmed.status, confirmed.get("set-cookie"), confirmed.text) == (200, "history=2", "1")


def test_under_wsgi(cache):
    inner = WsgiApplication("list", None, Cache_Control="public, max-age=60", Set_Cookie="history=0")
    refused = []

    def always(hit):
        hit.add("x-method", hit.scope["REQUEST_METHOD"])
        if refused:
            hit.refuse("enough")

    app = WsgiMiddleware(inner, cache=cache, always=[always], set_again={"history": lambda hit: "history=1"})
    got = [ask_wsgi(app) for _ in range(2)]
    refused.append(True)
    got.append(ask_wsgi(app))
    assert [(each.text, each.get("set-cookie"), each.get("x-method")) for each in got] == [
        ("a1", "history=0", None),
        ("a1", "history=1", "GET"),
        ("a2", "history=0", None),
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"always": "x"},
        {"always": ["x"]},
        {"always": len},
        {"set_again": ["history"]},
        {"set_again": {"history": "x"}},
        {"replay": {"count": 5}},
        {"replay": {1: len}},
    ],
)
def test_functions_that_are_none(cache, given):
    with pytest.raises(ConfigurationError):
        CacheMiddleware(Application(), cache=cache, **given)
