"""Holes: one page for all, and in it for each visitor what is his."""

from __future__ import annotations

import asyncio
import random
from itertools import count

import pytest
from http_world import Application, ask, scope_of
from test_http_wsgi import Application as WsgiApplication
from test_http_wsgi import ask as ask_wsgi

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware
from afresh.errors import ConfigurationError
from afresh.http.holes import Filled, Punch, Refill, hole
from afresh.wsgi import CacheMiddleware as WsgiMiddleware
from sizes import seed


@pytest.fixture(params=["memory", "file"])
def cache(request, tmp_path):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    with Cache(url) as opened:
        yield opened


def who(scope):
    return dict(scope["headers"]).get(b"x-who", b"nobody").decode()


def page(scope, calls):
    """A form with a token, and a policy with a nonce."""
    token, nonce = hole("token", lambda: "unfilled"), hole("nonce", lambda: "unfilled")
    headers = {"content-security-policy": f"script-src 'nonce-{nonce}'"}
    text = f"<p>{calls}<script nonce={nonce}></script><input value={token}>"
    return 200, headers, [text.encode()]


NONCES = count()
HOLES = {
    "token": lambda scope: f"token of {who(scope)}",
    "nonce": lambda scope: f"{next(NONCES)}",
}


def test_each_gets_his_own_and_the_page_is_made_once(cache):
    inner = Application(page, cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache, holes=HOLES)
    seen = set()
    for name in ("ann", "bob", "ann", "cleo"):
        answered = asyncio.run(ask(app, x_who=name))
        assert f"<input value=token of {name}>" in answered.text
        assert answered.text.startswith("<p>1<")
        assert "afreshhole" not in answered.text + str(answered.headers)
        nonce = answered.text.partition("nonce=")[2].partition(">")[0]
        assert answered.get("content-security-policy") == f"script-src 'nonce-{nonce}'"
        assert answered.get("content-length") == str(len(answered.body))
        seen.add(nonce)
    assert (inner.calls, len(seen)) == (1, 4)


def test_conditions_and_ranges_are_about_what_the_visitor_gets(cache):
    holes = {"token": HOLES["token"], "nonce": lambda scope: "n"}
    app = CacheMiddleware(Application(page, cache_control="max-age=60"), cache=cache, holes=holes)
    first = asyncio.run(ask(app, x_who="ann"))
    for _ in range(2):
        whole = asyncio.run(ask(app, x_who="ann"))
        assert whole.get("etag") == first.get("etag")
        assert asyncio.run(ask(app, x_who="ann", if_none_match=whole.get("etag"))).status == 304
        assert asyncio.run(ask(app, x_who="bob", if_none_match=whole.get("etag"))).status == 200
        end = len(whole.body) - 1
        part = asyncio.run(ask(app, x_who="ann", range=f"bytes={end - 3}-{end}"))
        assert (part.status, part.body) == (206, whole.body[-4:])
        head = asyncio.run(ask(app, x_who="ann", method="HEAD"))
        assert (head.body, head.get("content-length")) == (b"", str(len(whole.body)))


def test_what_is_not_stored_is_filled_too(cache):
    app = CacheMiddleware(Application(page, cache_control="private"), cache=cache, holes=HOLES)
    for name in ("ann", "bob"):
        answered = asyncio.run(ask(app, x_who=name))
        assert f"token of {name}" in answered.text
        assert "afreshhole" not in answered.text


@pytest.mark.parametrize("says", ["max-age=60", "private"])
def test_a_stream_is_filled_wherever_it_is_cut(cache, says):
    def view(scope, calls):
        text = f"<p>{hole('token', str)}</p>afreshhol{hole('token', str)}afreshhole".encode()
        chance = random.Random(seed())
        cuts = sorted(chance.sample(range(len(text)), 7))
        return 200, {}, [text[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]

    app = CacheMiddleware(Application(view, cache_control=says), cache=cache, holes=HOLES)
    for name in ("ann", "bob"):
        answered = asyncio.run(ask(app, x_who=name))
        assert answered.text == f"<p>token of {name}</p>afreshholtoken of {name}afreshhole"


def test_a_function_may_be_awaited_and_set_a_cookie(cache):
    async def token(scope):
        return Filled("secret", (("Set-Cookie", f"csrf=secret-of-{who(scope)}"),))

    holes = {"token": token, "nonce": HOLES["nonce"]}
    app = CacheMiddleware(Application(page, cache_control="max-age=60"), cache=cache, holes=holes)
    for name in ("ann", "bob", "ann"):
        assert asyncio.run(ask(app, x_who=name)).get("set-cookie") == f"csrf=secret-of-{name}"


def test_what_fills_a_hole_has_dependencies_of_its_own(cache):
    names = {"ann": "Ann"}

    @cache.cached(ttl="1h", prefix="greeting", tags=lambda name: [tag("person", name)])
    def greeting(name):
        return f"hello {names[name]}"

    inner = Application(page, cache_control="max-age=60")
    holes = {"token": lambda scope: greeting(who(scope)), "nonce": HOLES["nonce"]}
    app = CacheMiddleware(inner, cache=cache, holes=holes)
    assert "hello Ann" in asyncio.run(ask(app, x_who="ann")).text
    names["ann"] = "Anne"
    cache.invalidate(tag("person", "ann"))
    assert "hello Anne" in asyncio.run(ask(app, x_who="ann")).text
    assert inner.calls == 1


def test_a_hole_that_nobody_fills_is_a_part_of_the_page(cache):
    inner = Application(page, cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)
    assert "value=unfilled" in asyncio.run(ask(app)).text
    assert hole("token", lambda: "plain") == "plain"


def test_text_that_looks_like_a_mark_is_text(cache):
    forged = "afreshhole" + "0" * 32
    app = CacheMiddleware(
        Application(
            lambda scope, calls: (200, {}, [f"{forged} {hole('token', str)}".encode()]),
            cache_control="max-age=60",
        ),
        cache=cache,
        holes=HOLES,
    )
    for name in ("ann", "bob"):
        assert asyncio.run(ask(app, x_who=name)).text == f"{forged} token of {name}"


def test_a_page_that_was_compressed_is_said_to_be(cache):
    def view(scope, calls):
        hole("token", str)
        return 200, {"content-encoding": "gzip"}, [b"..."]

    app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache=cache, holes=HOLES)
    with pytest.raises(RuntimeError, match="compress after"):
        asyncio.run(ask(app))


@pytest.mark.parametrize("way", ["list", "generator", "late", "write"])
@pytest.mark.parametrize("says", ["max-age=60", "private"])
def test_wsgi_is_filled_too(cache, way, says):
    def content(calls):
        text = f"<p>{hole('token', lambda: 'x')}</p>".encode()
        return [text[:10], text[10:]]

    inner = WsgiApplication(way, content, Cache_Control=says)
    holes = {"token": lambda environ: environ.get("HTTP_X_WHO", "nobody")}
    app = WsgiMiddleware(inner, cache=cache, holes=holes)
    for name in ("ann", "bob", "ann"):
        assert ask_wsgi(app, x_who=name).text == f"<p>{name}</p>"
    assert inner.calls == (1 if says == "max-age=60" else 3)


def test_every_cut_of_a_mark():
    punch = Punch(["a"])
    mark = punch.mark("a").encode()
    for cut in range(len(mark) + 1):
        refill = Refill()
        sent = refill.piece(b"x" + mark[:cut], punch.marks, {"a": Filled("A")}, last=False)
        sent += refill.piece(mark[cut:] + b"y", punch.marks, {"a": Filled("A")}, last=False)
        assert sent + refill.piece(b"", punch.marks, {"a": Filled("A")}, last=True) == b"xAy"


@pytest.mark.parametrize("holes", [["csrf"], {"csrf": "x"}])
def test_holes_that_make_no_sense(cache, holes):
    with pytest.raises(ConfigurationError, match="functions by name"):
        CacheMiddleware(Application(), cache=cache, holes=holes)


def test_a_head_that_leaves_first_says_no_length(cache):
    """Its length is that of the marks."""
    sent = []

    def view(scope, calls):
        text = hole("token", str).encode()
        return 200, {"content-length": str(len(text) + 1)}, [text, b"!"]

    app = CacheMiddleware(Application(view, cache_control="private"), cache=cache, holes=HOLES)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope_of(), None, send))
    assert b"".join(each.get("body", b"") for each in sent) == b"token of nobody!"
    assert b"content-length" not in dict(sent[0]["headers"])


def test_holes_that_this_program_does_not_know(cache):
    inner = Application(page, cache_control="max-age=60")
    asyncio.run(ask(CacheMiddleware(inner, cache=cache, holes=HOLES)))
    assert "value=unfilled" in asyncio.run(ask(CacheMiddleware(inner, cache=cache))).text
