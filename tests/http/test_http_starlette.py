"""Starlette: what a view reads of a request decides with whom its answer is shared."""

from __future__ import annotations

import asyncio

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from afresh import Cache, tag
from afresh.http.starlette import CacheMiddleware
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000.0)


@pytest.fixture
def cache(clock):
    with Cache("memory://", clock=clock) as opened:
        yield opened


class ByHeader(AuthenticationBackend):
    async def authenticate(self, conn):
        name = conn.headers.get("x-user")
        return None if name is None else (AuthCredentials(["authenticated"]), SimpleUser(name))


def built(cache, view, *before, mounted=False, **options):
    """An application with one view, and how often it ran."""
    ran = []

    def counted(request):
        ran.append(1)
        answered = view(request)
        return answered if hasattr(answered, "status_code") else PlainTextResponse(str(answered))

    routes = [Route("/{rest:path}", counted, methods=["GET", "POST"], name="page")]
    if mounted:
        routes = [Mount("/", routes=routes)]
    inner = Middleware(CacheMiddleware, cache=cache, **options)
    return Starlette(routes=routes, middleware=[*before, inner]), ran


def answers(app, *asked):
    """The texts that these requests get, one after the other."""

    async def all_of_them():
        return [(await ask(app, **each)).text for each in asked]

    return asyncio.run(all_of_them())


READS = {
    "nothing": (lambda request: "x", []),
    "a header": (lambda request: request.headers.get("x-flag", "none"), ["x-flag"]),
    "a header that isn't there": (lambda request: "x-flag" in request.headers, ["x-flag"]),
    "a cookie": (lambda request: request.cookies.get("theme", "none"), ["cookie"]),
    "all cookies": (lambda request: sorted(request.cookies.items()), ["cookie"]),
    "the client": (lambda request: request.client.host, []),
}
VISITORS = [
    {},
    {"x_flag": "1"},
    {"cookie": "theme=dark"},
    {"cookie": "theme=dark; other=1"},
    {"cookie": "other=2", "x_flag": "1"},
    {"user_agent": "a"},
]


@pytest.mark.parametrize("mounted", [False, True])
@pytest.mark.parametrize("reads", READS)
def test_everybody_gets_what_the_uncached_view_says(cache, reads, mounted):
    view, vary = READS[reads]
    app, ran = built(cache, view, mounted=mounted)
    oracle = Starlette(routes=[Route("/", lambda request: PlainTextResponse(str(view(request))))])
    expected = answers(oracle, *VISITORS)
    assert answers(app, *VISITORS) == expected
    before = len(ran)
    assert answers(app, *VISITORS) == expected
    assert len(ran) == before, "the second time nobody had to be asked"
    assert before == {"nothing": 1, "the client": 1, "all cookies": 4}.get(reads, len(set(expected)))
    head = asyncio.run(ask(app))
    assert [name for name in (head.get("vary") or "").split(", ") if name] == vary
    private = reads in {"a cookie", "the client"}
    assert ("private" in (head.get("cache-control") or "")) == private


SESSIONS = Middleware(SessionMiddleware, secret_key="not a secret")
USERS = Middleware(AuthenticationMiddleware, backend=ByHeader())


def shop(request):
    """A page with a basket that is in the session, a sign-in, and a page for all."""
    session = request.session if not request.url.path.startswith("/public") else {}
    if request.method == "POST":
        session["name"] = request.query_params["name"]
        return "signed in"
    if request.url.path == "/out":
        session.clear()
        return "signed out"
    return f"hello {session.get('name', 'you')}"


def test_a_session_is_its_visitors(cache):
    app, ran = built(cache, shop, SESSIONS)

    async def visits():
        cookies = {}
        for name in ("ann", "bob"):
            signed = await ask(app, "/in", method="POST", query=f"name={name}")
            cookies[name] = signed.get("set-cookie").partition(";")[0]
        for _ in range(3):
            assert (await ask(app, "/")).text == "hello you"
            for name, cookie in cookies.items():
                answered = await ask(app, "/", cookie=cookie)
                assert answered.text == f"hello {name}"
                assert set(answered.get("vary").lower().split(", ")) == {"cookie"}
                assert answered.get("cache-control") == "private"
                assert (await ask(app, "/public", cookie=cookie)).text == "hello you"
        assert len(ran) == 2 + 3 + 1
        gone = await ask(app, "/out", cookie=cookies["ann"])
        assert gone.get("set-cookie").startswith("session=null")
        assert (await ask(app, "/out", cookie=cookies["ann"])).get("set-cookie") == gone.get("set-cookie")

    asyncio.run(visits())


class Basket(dict):
    """A session of which its id is an attribute."""

    def __init__(self, session_id):
        super().__init__(theme="dark")
        self.session_id = session_id
        self.loaded_at = object()


class Baskets:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            scope["session"] = Basket(dict(scope["headers"])[b"cookie"].decode())
        await self.app(scope, receive, send)


def test_what_a_session_is_tells_it_from_one_that_holds_the_same(cache):
    app, ran = built(cache, lambda request: f"basket {request.session.session_id}", Middleware(Baskets))
    asked = [{"cookie": "id=1"}, {"cookie": "id=2"}]
    assert answers(app, *asked, *asked) == ["basket id=1", "basket id=2"] * 2
    assert len(ran) == 2


def test_a_user_and_his_rights_are_in_the_key(cache):
    known = {"ann": ["authenticated", "staff"], "bob": ["authenticated"]}

    class Rights(AuthenticationBackend):
        async def authenticate(self, conn):
            name = conn.headers.get("x-user")
            return (AuthCredentials(known[name]), SimpleUser(name)) if name in known else None

    @requires("staff")
    def view(request):
        return PlainTextResponse(f"for {request.user.display_name}")

    app, ran = built(cache, view, Middleware(AuthenticationMiddleware, backend=Rights()))
    asked = [{"x_user": "ann"}, {"x_user": "bob"}, {}]
    expected = ["for ann", "Forbidden", "Forbidden"]
    assert answers(app, *asked) == answers(app, *asked) == expected
    assert len(ran) == 1 + 2 * 2, "a page was shared with its own reader, a refusal is asked for each time"
    known["ann"].remove("staff")
    assert answers(app, *asked) == ["Forbidden"] * 3
    known.pop("ann")
    assert answers(app, *asked) == ["Forbidden"] * 3


def test_what_an_earlier_middleware_leaves_is_seen(cache):
    class Leaves:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            tenant = dict(scope["headers"]).get(b"x-tenant", b"none").decode()
            scope["tenant"] = tenant
            scope.setdefault("state", {})["tenant"] = tenant
            scope["state"]["handle"] = object()
            await self.app(scope, receive, send)

    def view(request):
        how = request.url.path
        if how == "/scope":
            return request.scope["tenant"]
        if how == "/state":
            return request.state.tenant
        if how == "/copy":
            return {**request.scope}["tenant"]
        if how == "/handle":
            return type(request.state.handle).__name__
        return "nothing"

    app, ran = built(cache, view, Middleware(Leaves))
    for how in ("/scope", "/state", "/copy", "/nothing", "/handle"):
        asked = [{"path": how, "x_tenant": tenant} for tenant in ("a", "b")]
        before = len(ran)
        first = answers(app, *asked)
        assert answers(app, *asked) == first
        assert first == {"/nothing": ["nothing"] * 2, "/handle": ["object"] * 2}.get(how, ["a", "b"])
        assert len(ran) - before == {"/nothing": 1, "/handle": 4}.get(how, 2)


def test_who_reads_all_fields_is_not_shared(cache):
    app, ran = built(cache, lambda request: len(request.headers.items()))
    assert answers(app, {}, {"x_more": "1"}, {}) == ["1", "2", "1"]
    assert len(ran) == 3
    assert "all fields" in asyncio.run(ask(app)).get("cache-status")


def test_a_field_that_makes_no_difference(cache):
    app, ran = built(cache, lambda request: request.headers.get("user-agent") and "x", unkeyed=["User-Agent"])
    assert answers(app, *[{"user_agent": f"browser {n}"} for n in range(5)]) == ["x"] * 5
    assert len(ran) == 1


def test_a_stream_reads_until_its_end(cache):
    def view(request):
        async def pieces():
            yield "hello "
            yield request.headers.get("x-name", "you")

        return StreamingResponse(pieces())

    app, ran = built(cache, view)
    asked = [{"x_name": "ann"}, {}, {"x_name": "bob"}]
    assert answers(app, *asked, *asked) == ["hello ann", "hello you", "hello bob"] * 2
    assert len(ran) == 3


def test_pages_that_say_nothing_live_for_the_time_that_is_given(cache, clock):
    app, ran = built(cache, lambda request: "x", auto="10s")
    answers(app, {}, {})
    clock.advance(11)
    answers(app, {}, {})
    assert len(ran) == 2
    app, ran = built(cache, lambda request: "x", auto=None)
    answers(app, {"path": "/b"}, {"path": "/b"})
    assert len(ran) == 2


def test_links_are_made_without_reading_who_asks(cache):
    def view(request):
        return str(request.url_for("page", rest="x")) + str(request.base_url)

    app, ran = built(cache, view, USERS)
    assert len(set(answers(app, {"x_user": "ann"}, {"x_user": "bob"}))) == 1
    assert len(ran) == 1


def test_what_the_view_was_made_from_counts_beside_what_it_read(cache):
    rows = {"ann": 1, "bob": 1}

    def view(request):
        name = request.headers["x-user"]
        cache.depends_on(tag("user", name))
        return f"{name} {rows[name]}"

    app, ran = built(cache, view, USERS)
    asked = [{"x_user": "ann"}, {"x_user": "bob"}]
    assert answers(app, *asked, *asked) == ["ann 1", "bob 1"] * 2
    rows["ann"] = 2
    cache.invalidate(tag("user", "ann"))
    assert answers(app, *asked) == ["ann 2", "bob 1"]
    assert len(ran) == 3


def test_what_the_application_leaves_is_found_by_who_stands_before(cache):
    found = []

    class Looks:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            scope.setdefault("state", {})["before"] = 1
            await self.app(scope, receive, send)
            found.append((scope["state"].get("mine"), "endpoint" in scope, scope["state"]["before"]))

    def view(request):
        request.state.mine = 5
        request.state.before = 2
        return request.state.before

    app, ran = built(cache, view, Middleware(Looks), mounted=False)
    assert answers(app, {}, {}) == ["2", "2"]
    assert found == [(5, True, 2), (None, False, 1)]
    assert len(ran) == 1, "what it has put there itself is no part of the request"


def test_who_confirms_a_page_may_read_less_than_who_made_it(cache, clock):
    def view(request):
        if request.headers.get("if-none-match") == '"a"':
            return PlainTextResponse("", status_code=304)
        return PlainTextResponse(request.headers.get("accept-language", "none"), headers=says)

    says = {"etag": '"a"', "cache-control": "max-age=10"}
    app, ran = built(cache, view, unkeyed=["if-none-match"])
    assert answers(app, {"accept_language": "de"}) == ["de"]
    clock.advance(11)
    assert answers(app, {"accept_language": "de"}) == ["de"]
    assert len(ran) == 2
    assert answers(app, {"accept_language": "en"}) == ["en"]


def test_a_middleware_that_runs_the_rest_in_a_task_of_its_own(cache):
    class Around(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            response = await call_next(request)
            response.headers["x-around"] = "1"
            return response

    def view(request):
        cache.depends_on(tag("menu"))
        return f"{request.cookies.get('theme')} {request.headers.get('x-flag')}"

    app, ran = built(cache, view)
    app.add_middleware(Around)  # the outermost
    inner, ran_within = built(cache, view)
    inner.user_middleware.append(Middleware(Around))  # the innermost
    for each, runs in ((app, ran), (inner, ran_within)):
        asked = [{"path": f"/{id(each)}", "cookie": f"theme={theme}; n={n}"} for n in "12" for theme in "ab"]
        assert answers(each, *asked) == ["a None", "b None"] * 2
        assert len(runs) == 2
        cache.invalidate(tag("menu"))
        assert answers(each, *asked) == ["a None", "b None"] * 2
        assert len(runs) == 4
        assert asyncio.run(ask(each, **asked[0])).get("x-around") == "1"


def test_a_scope_that_is_open_in_another_task_when_the_answer_ends(cache):
    class Scoped:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            async with cache.aio.scope():
                await self.app(scope, receive, send)
                await asyncio.sleep(0.001)  # the answer has left

    def view(request):
        cache.depends_on(tag("menu"))
        return "x"

    class Around(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            return await call_next(request)

    app, ran = built(cache, view)
    app.user_middleware += [Middleware(Around), Middleware(Scoped)]
    assert answers(app, {}, {}) == ["x", "x"]
    assert len(ran) == 1
    cache.invalidate(tag("menu"))
    answers(app, {}, {})
    assert len(ran) == 2
