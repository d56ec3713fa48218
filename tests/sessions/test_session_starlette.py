"""Server-side sessions of Starlette, alone and around the cache of pages."""

from __future__ import annotations

import asyncio
import json

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from afresh import Cache, ConfigurationError
from afresh.errors import BackendError
from afresh.http.starlette import CacheMiddleware
from afresh.sessions import Sessions
from afresh.sessions.starlette import SessionMiddleware


class Client:
    """A browser with its one cookie."""

    def __init__(self, app, sid) -> None:
        self.app = app
        self.sid = sid

    def get(self, path, method="GET"):
        cookies = {} if self.sid is None else {"cookie": f"session={self.sid}"}
        answered = asyncio.run(ask(self.app, path, method=method, **cookies))
        cookie = answered.get("set-cookie")
        if cookie is not None:
            self.sid = cookie.partition("=")[2].partition(";")[0] or None
        return answered

    def post(self, path):
        return self.get(path, "POST")


def held(client):
    return json.loads(client.get("/").body)


class Site:
    """An application, and how often its greeting was made."""

    def __init__(self, place, cache) -> None:
        self.sessions = Sessions(place)
        self.made = 0
        self.meanwhile = lambda: None
        routes = [
            Route("/", self.show),
            Route("/hello", self.hello),
            Route("/put/{name}/{value}", self.put, methods=["POST"]),
            Route("/append", self.append, methods=["POST"]),
            Route("/login/{name}", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
        ]
        middleware = [
            Middleware(SessionMiddleware, secret_key="s", place=self.sessions),
            Middleware(CacheMiddleware, cache=cache),
        ]
        self.app = Starlette(routes=routes, middleware=middleware)

    def client(self, sid=None):
        return Client(self.app, sid)

    async def show(self, request):
        return JSONResponse(dict(request.session))

    async def hello(self, request):
        self.made += 1
        return PlainTextResponse(f"hello {request.session.get('name', 'nobody')}")

    async def put(self, request):
        request.session[request.path_params["name"]] = request.path_params["value"]
        self.meanwhile()
        return PlainTextResponse("")

    async def append(self, request):
        request.session.setdefault("list", []).append(1)
        return PlainTextResponse("")

    async def login(self, request):
        request.session["name"] = request.path_params["name"]
        request.session.cycle()
        return PlainTextResponse("")

    async def logout(self, request):
        request.session.clear()
        return PlainTextResponse("")


@pytest.fixture
def site(shared):
    with Cache("memory://") as cache:
        site = Site(shared, cache)
        yield site
        site.sessions.close()


def test_from_login_to_logout(site):
    client = site.client()
    assert held(client) == {}
    assert client.sid is None
    client.post("/put/a/1")
    before = client.sid
    client.post("/login/ann")
    assert client.sid not in {None, before}
    assert held(client) == {"a": "1", "name": "ann"}
    assert held(site.client(before)) == {}
    thief = site.client(client.sid)
    assert held(thief)["name"] == "ann"
    client.post("/logout")
    assert held(thief) == {}
    assert client.sid is None


def test_a_list_that_grows_in_place_is_a_change(site):
    client = site.client()
    client.post("/append"), client.post("/append")
    assert held(client) == {"list": [1, 1]}


def test_a_slow_request_brings_nothing_back_and_loses_nothing(site):
    client = site.client()
    client.post("/put/a/1")
    sid = client.sid
    site.meanwhile = lambda: site.sessions.mutate(sid, lambda old: b'{"a": "1", "quick": true}')
    client.post("/put/b/2")
    assert held(client) == {"a": "1", "b": "2", "quick": True}
    site.meanwhile = lambda: site.sessions.delete(sid)
    client.post("/put/c/3")
    assert held(site.client(sid)) == {}


def test_pages_are_kept_for_those_whose_they_are(site):
    ann, bob, crawler = site.client(), site.client(), site.client()
    ann.post("/login/ann"), bob.post("/login/bob")
    for _ in range(2):
        assert [each.get("/hello").text for each in (ann, bob, crawler)] == [
            "hello ann", "hello bob", "hello nobody",
        ]  # fmt: skip
    assert site.made == 3
    site.sessions.delete(ann.sid)
    assert ann.get("/hello").text == "hello nobody"
    assert site.made == 3


def test_a_place_that_is_away(site, monkeypatch):
    client = site.client()
    client.post("/login/ann")

    async def away(*_):
        raise BackendError("away")

    with monkeypatch.context() as patched:
        patched.setattr(site.sessions.aio, "use", away)
        assert client.get("/hello").text == "hello nobody"
        with pytest.raises(BackendError):
            client.post("/put/a/1")
    assert client.get("/hello").text == "hello ann"


def test_a_secret_is_needed():
    with pytest.raises(ConfigurationError, match="secret_key"):
        SessionMiddleware(None, secret_key="")
