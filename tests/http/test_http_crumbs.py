"""What every framework reads alike in `Cookie`, and a visitor whose `Cookie` each reads in its own way."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest
from fastapi import Cookie, FastAPI
from flask import Flask
from flask import request as flask_request
from http_world import ask
from litestar import Litestar, Request, get
from litestar.middleware import DefineMiddleware
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import afresh.litestar
from afresh import Cache
from afresh.flask import Afresh
from afresh.http.requests.crumbs import crumbs
from afresh.http.starlette import CacheMiddleware

PLAIN = [
    ([], {}),
    ([b"a=1"], {b"a": b"1"}),
    ([b"a=1; b=x=y;c="], {b"a": b"1", b"b": b"x=y", b"c": b""}),
    ([b"a=1; b=2", b"c=%22,\\"], {b"a": b"1", b"b": b"2", b"c": b"%22,\\"}),
]
DOUBTFUL = [
    [b""],
    [b"a"],
    [b"=1"],
    [b"a=1;"],
    [b"a=1;;b=2"],
    [b"a=1;  b=2"],
    [b"a=1; a=1"],
    [b"a=1", b"a=1"],
    [b"a=1", b"b"],
    [b"a =1"],
    [b"a= 1"],
    [b"a=1 2"],
    [b"a=1\tb=2"],
    [b'a="1"'],
    [b'a="1;b=2'],
    [b"a=1;\xa0b=2"],
    [b"a=1;\x85b=2"],
    [b"a=1;\x0bb=2"],
    [b"a=1\n"],
    [b"\xc3\xa9=1"],
    [b"a=\x7f"],
    [b"a=\x00"],
]


@pytest.mark.parametrize(("lines", "expected"), PLAIN)
def test_what_all_read_alike_is_taken_apart(lines, expected):
    assert crumbs(lines) == expected


@pytest.mark.parametrize("lines", DOUBTFUL)
def test_what_may_be_read_differently_is_not(lines):
    assert crumbs(lines) is None


VISITORS = [
    [],
    [b"lang=dark"],
    [b"b=2"],
    [b"b=2; lang=dark"],
    [b"lang=dark;b=2"],
    [b"lang="],
    [b"lang"],
    [b"dark"],
    [b"lang=lang"],
    [b"lang=%64ark"],
    [b'lang="dark"'],
    [b'lang="d\\141rk"'],
    [b"lang=dark; lang=light"],
    [b"lang=light; lang=dark"],
    [b"lang=light"],
    [b"a=1;\xa0lang=evil"],
    [b"a=1;\x85lang=evil"],
    [b"a=1;\x0blang=evil"],
    [b"a=1;\tlang=evil"],
    [b"a=1; \xc3\xa9=1"],
    [b"lang =dark"],
    [b"lang= dark"],
    [b"lang=dark mode"],
    [b"lang=dark,b=2"],
    [b'x="a;lang=dark;b"'],
    [b'x="a'],
    [b"a=1;;lang=dark;"],
    [b"=lang; =dark"],
    [b"LANG=dark"],
]
LINES = [
    [b"a=1", b"lang=dark"],
    [b"lang=dark", b"lang=light"],
    [b"lang=light", b"lang=dark"],
    [b"a=1, lang=dark"],
]


def starlette(cache):
    def lang(request):
        return PlainTextResponse(repr(request.cookies.get("lang")))

    def there(request):
        return PlainTextResponse(repr("lang" in request.cookies))

    app = Starlette(routes=[Route("/lang", lang), Route("/there", there)])
    return asgi(app if cache is None else CacheMiddleware(app, cache))


def fastapi(cache):
    app = FastAPI(openapi_url=None)

    @app.get("/lang")
    async def lang(lang: Annotated[str | None, Cookie()] = None) -> str:
        return repr(lang)

    @app.get("/there")
    async def there(lang: Annotated[str | None, Cookie()] = None) -> bool:
        return lang is not None

    if cache is not None:
        app.add_middleware(CacheMiddleware, cache=cache)
    return asgi(app)


def litestar(cache):
    @get("/lang")
    async def lang(request: Request) -> str:
        return repr(request.cookies.get("lang"))

    @get("/there")
    async def there(request: Request) -> bool:
        return "lang" in request.cookies

    middleware = [] if cache is None else [DefineMiddleware(afresh.litestar.CacheMiddleware, cache=cache)]
    return asgi(Litestar([lang, there], middleware=middleware, openapi_config=None))


def flask(cache):
    app = Flask("crumbs")
    app.add_url_rule("/lang", "lang", lambda: repr(flask_request.cookies.getlist("lang")))
    app.add_url_rule("/there", "there", lambda: repr("lang" in flask_request.cookies))
    if cache is not None:
        Afresh(app, cache=cache)

    def answered(path, lines):
        environ = {"HTTP_COOKIE": lines[0].decode("latin-1")} if lines else {}
        got = app.test_client(use_cookies=False).get(path, environ_overrides=environ)
        return got.status_code, got.data, "; hit" in got.headers.get("Cache-Status", "")

    return answered


def asgi(app):
    def answered(path, lines):
        async def sent(scope, receive, send):
            fields = [*scope["headers"], *((b"cookie", line) for line in lines)]
            await app({**scope, "headers": fields}, receive, send)

        got = asyncio.run(ask(sent, path))
        return got.status, got.body, got.hit

    return answered


@pytest.mark.parametrize("path", ["/lang", "/there"])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("framework", [starlette, fastapi, litestar, flask])
def test_nobody_gets_the_page_of_another_reading(framework, order, path):
    """Each after all others, in both orders: what comes is what comes without a cache, the second time too."""
    visitors = VISITORS + (LINES if framework in {starlette, fastapi} else [])
    plain = framework(None)
    with Cache("memory://") as cache:
        cached = framework(cache)
        for lines in (visitors * 2)[::order]:
            assert cached(path, lines)[:2] == plain(path, lines)[:2], lines


@pytest.mark.parametrize("framework", [starlette, fastapi, litestar, flask])
def test_who_has_the_same_cookie_shares_its_page_whatever_else_he_sends(framework):
    with Cache("memory://") as cache:
        cached = framework(cache)
        assert [cached("/lang", [each])[2] for each in (b"lang=de", b"b=2; lang=de", b"lang=de;c=,x")] == [
            False,
            True,
            True,
        ]
        assert [cached("/lang", each)[2] for each in ([], [b"b=2"])] == [False, True]
