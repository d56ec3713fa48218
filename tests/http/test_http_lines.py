"""Who reads a field sees its text: lists that mean the same are no reason to share his answer."""

from __future__ import annotations

import asyncio

import pytest
from flask import Flask
from flask import request as flask_request
from http_world import ask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache
from afresh.flask import Afresh
from afresh.http.starlette import CacheMiddleware

LINES = [
    [],
    [b""],
    [b"Hello , world"],
    [b"Hello,world"],
    [b"x,,y"],
    [b"x,y"],
    [b"x, y"],
    [b"x", b"y"],
    [b"y", b"x"],
    [b"EN"],
    [b"en"],
    [b"en;q=1"],
    [b"de;q=0.5, en"],
    [b"en, de;q=0.5"],
]
FIELDS = ["x-title", "accept-language", "accept-encoding", "accept", "cookie", "user-agent"]


def starlette(cache, name, vary=""):
    def view(request):
        return PlainTextResponse(
            repr(request.headers.getlist(name)), headers={"vary": vary} if vary else None
        )

    app = Starlette(routes=[Route("/", view)])
    return asgi(app if cache is None else CacheMiddleware(app, cache), name)


def flask(cache, name):
    app = Flask("lines")
    app.add_url_rule("/", "view", lambda: repr(flask_request.headers.get(name)))
    if cache is not None:
        Afresh(app, cache=cache)

    def answered(lines):
        variable = f"HTTP_{name.upper().replace('-', '_')}"
        environ = {variable: b",".join(lines).decode("latin-1")} if lines else {}
        got = app.test_client(use_cookies=False).get("/", environ_overrides=environ)
        return got.data.decode(), "; hit" in got.headers.get("Cache-Status", "")

    return answered


def asgi(app, name):
    def answered(lines):
        async def sent(scope, receive, send):
            fields = [*scope["headers"], *((name.encode(), line) for line in lines)]
            await app({**scope, "headers": fields}, receive, send)

        got = asyncio.run(ask(sent))
        return got.text, got.hit

    return answered


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("framework", [starlette, flask])
def test_who_reads_a_field_gets_what_it_says(framework, order, name):
    plain = framework(None, name)
    with Cache("memory://") as cache:
        cached = framework(cache, name)
        for lines in LINES[::order]:
            assert cached(lines)[0] == plain(lines)[0], lines
        assert [cached(lines) for lines in LINES[::order]] == [
            (plain(lines)[0], True) for lines in LINES[::order]
        ]


def test_what_an_answer_says_itself_that_it_depends_on_is_a_list():
    with Cache("memory://") as cache:
        cached = starlette(cache, "accept-language", vary="Accept-Language")
        assert [cached([line])[1] for line in (b"de , en", b"DE,en;q=1", b"en, de")] == [False, True, False]
