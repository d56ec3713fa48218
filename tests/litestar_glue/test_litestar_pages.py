"""Litestar: what a handler reads of a request decides with whom its answer is shared."""

import asyncio
from typing import Annotated, Any

import pytest
from http_world import ask
from litestar import Litestar, Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult, DefineMiddleware
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import CookieParameter, FromPath, FromQuery, HeaderParameter
from litestar.stores.memory import MemoryStore

from afresh import Cache, tag
from afresh.litestar import CacheMiddleware
from afresh.testing.clock import FakeClock

runs: list[Any] = []


@pytest.fixture
def cache():
    runs.clear()
    with Cache("memory://", clock=FakeClock(1_800_000_000.0)) as opened:
        yield opened


def built(cache, *handlers, before=(), **options):
    middleware = [*before, DefineMiddleware(CacheMiddleware, cache=cache)]
    return Litestar(route_handlers=list(handlers), middleware=middleware, openapi_config=None, **options)


def answers(app, *asked):
    async def all_of_them():
        return [(await ask(app, **each)).text for each in asked]

    return asyncio.run(all_of_them())


@get("/nothing")
async def nothing() -> str:
    runs.append(1)
    return "x"


@get("/header")
async def header(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return request.headers.get("x-flag", "none")


@get("/no-header")
async def no_header(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return str("x-flag" in request.headers)


@get("/parameters")
async def parameters(
    flag: Annotated[str, HeaderParameter(name="x-flag")] = "none",
    theme: Annotated[str, CookieParameter(name="theme")] = "none",
) -> str:
    runs.append(1)
    return f"{flag} {theme}"


@get("/cookie")
async def cookie(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return request.cookies.get("theme", "none")


@get("/sync", sync_to_thread=True)
def in_a_thread(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return request.cookies.get("theme", "none")


@get("/client")
async def client(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    assert request.client is not None
    return request.client.host


HANDLERS = [nothing, header, no_header, parameters, cookie, in_a_thread, client]
DIFFERENT = {
    "/nothing": 1,
    "/client": 1,
    "/header": 2,
    "/no-header": 2,
    "/cookie": 2,
    "/sync": 2,
    "/parameters": 4,
}
VISITORS = [
    {},
    {"x_flag": "1"},
    {"cookie": "theme=dark"},
    {"cookie": "theme=dark; other=1"},
    {"cookie": "other=2; theme=dark", "x_flag": "1"},
    {"user_agent": "a"},
]


@pytest.mark.parametrize("path", DIFFERENT)
def test_everybody_gets_what_the_uncached_handler_says(cache, path):
    app = built(cache, *HANDLERS)
    asked = [{"path": path, **visitor} for visitor in VISITORS]
    expected = answers(Litestar(HANDLERS, openapi_config=None), *asked)
    runs.clear()
    assert answers(app, *asked, *asked) == expected * 2
    assert len(runs) == DIFFERENT[path]


def test_who_reads_all_fields_is_not_shared(cache):
    @get("/")
    async def view(request: Request[Any, Any, State]) -> str:
        runs.append(1)
        return str(len(dict(request.headers.items())))

    app = built(cache, view)
    assert answers(app, {}, {"x_more": "1"}, {}) == ["1", "2", "1"]
    assert len(runs) == 3


class ByHeader(AbstractAuthenticationMiddleware):
    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        name = connection.headers.get("x-user")
        if name == "out":
            raise NotAuthorizedException
        return AuthenticationResult(user=name, auth=None)


def staff(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    if connection.user != "ann":
        raise NotAuthorizedException


def test_a_user_is_in_the_key_and_who_is_not_let_in_is_not_served(cache):
    @get("/")
    async def view(request: Request[Any, Any, State]) -> str:
        runs.append(request.user)
        return f"hello {request.user}"

    @get("/staff", guards=[staff])
    async def behind() -> str:
        runs.append("staff")
        return "for staff"

    async def name(request: Request[Any, Any, State]) -> str:
        return str(request.user)

    @get("/dependency", dependencies={"name": Provide(name)})
    async def by_dependency(name: NamedDependency[str]) -> str:
        runs.append(name)
        return name

    app = built(cache, view, behind, by_dependency, before=[ByHeader])
    for _ in range(2):
        assert answers(app, {"x_user": "ann"}, {"x_user": "bob"}) == ["hello ann", "hello bob"]
        assert "Unauthorized" in answers(app, {"x_user": "out"})[0]
        assert answers(app, {"path": "/staff", "x_user": "ann"}) == ["for staff"]
        assert "Unauthorized" in answers(app, {"path": "/staff", "x_user": "bob"})[0]
        assert answers(app, *({"path": "/dependency", "x_user": each} for each in ("ann", "bob"))) == [
            "ann",
            "bob",
        ]
    assert sorted(runs) == ["ann", "ann", "bob", "bob", "staff"]


@post("/in")
async def sign_in(request: Request[Any, Any, State], name: FromQuery[str]) -> str:
    request.set_session({"name": name})
    return "in"


@get("/")
async def hello(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return f"hello {request.session.get('name', 'you')}"


@get("/again")
async def again(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    request.set_session({"name": "other"})
    return "changed"


def test_a_session_is_its_visitors(cache):
    sessions = ServerSideSessionConfig()
    app = built(
        cache, sign_in, hello, again, before=[sessions.middleware], stores={"sessions": MemoryStore()}
    )

    async def visits():
        cookies = {}
        for name in ("ann", "bob"):
            signed = await ask(app, "/in", method="POST", query=f"name={name}")
            cookies[name] = signed.get("set-cookie").partition(";")[0]
        for _ in range(2):
            assert (await ask(app)).text == "hello you"
            for name, sent in cookies.items():
                answered = await ask(app, cookie=sent)
                assert answered.text == f"hello {name}"
                assert "private" in answered.get("cache-control")
        assert len(runs) == 3
        for _ in range(2):
            await ask(app, "/again", cookie=cookies["ann"])
        assert len(runs) == 5, "who puts another session in the place of one is asked each time"
        assert (await ask(app, cookie=cookies["ann"])).text == "hello other"

    asyncio.run(visits())


def test_a_token_against_forged_forms_is_its_visitors(cache):
    from litestar.utils.scope.state import ScopeState

    @get("/")
    async def form(request: Request[Any, Any, State]) -> str:
        runs.append(1)
        return str(ScopeState.from_scope(request.scope).csrf_token)

    app = built(cache, form, csrf_config=CSRFConfig(secret="s" * 32))

    async def visits():
        first = await ask(app)
        mine = first.get("set-cookie").partition(";")[0]
        assert first.text == mine.partition("=")[2]
        for _ in range(2):
            assert (await ask(app, cookie=mine)).text == first.text
        assert (await ask(app)).text != first.text

    asyncio.run(visits())
    assert len(runs) == 4


def test_a_page_is_dropped_by_what_it_was_made_from(cache):
    @get("/{id:int}")
    async def view(id: FromPath[int]) -> dict[str, int]:
        cache.depends_on(tag("product", id))
        runs.append(id)
        return {"id": id}

    app = built(cache, view)
    assert answers(app, *[{"path": f"/{n}"} for n in (1, 2, 1, 2)]) == ['{"id":1}', '{"id":2}'] * 2
    cache.invalidate(tag("product", 1))
    answers(app, {"path": "/1"}, {"path": "/2"})
    assert runs == [1, 2, 1]


def test_a_page_that_leaves_a_task_is_not_kept(cache):
    @get("/")
    async def view() -> Response[str]:
        return Response("x", background=BackgroundTask(runs.append, "task"))

    app = built(cache, view)
    assert answers(app, {}, {}) == ["x", "x"]
    assert runs == ["task", "task"]


def test_the_middlewares_of_all_routes_are_one(cache):
    """What hits have left to do is one queue, and a page of a route is another's to find at once."""
    counted: list[str] = []

    def count(effects):
        counted.extend(each.path for each in effects)

    given: Any = {
        "replay": {"count": count},
        "rules": [{"path": "/*", "side_effects": "replay", "replay": "count"}],
    }

    def route(path):
        @get(path)
        async def view() -> str:
            runs.append(path)
            return path

        return view

    defined = DefineMiddleware(CacheMiddleware, cache=cache, **given)
    app = Litestar([route("/a"), route("/b")], middleware=[defined], openapi_config=None)
    assert answers(app, {"path": "/a"}, {"path": "/b"}, {"path": "/a"}, {"path": "/b"}) == ["/a", "/b"] * 2
    assert runs == ["/a", "/b"]
    one, two = defined(app=app), defined(app=route)
    assert isinstance(one, CacheMiddleware)
    assert isinstance(two, CacheMiddleware)
    assert (one.app, two.app) == (app, route)
    assert one._quick is two._quick
    asyncio.run(one.flush())
    assert counted == ["/a", "/b"]
    other = CacheMiddleware(app, cache, **given, max_body=9)
    with Cache("memory://") as second:
        elsewhere = CacheMiddleware(app, second, **given)
    assert len({each._flow for each in (one, two, other, elsewhere)}) == 3


class Leaves:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        tenant = dict(scope["headers"]).get(b"x-tenant", b"none").decode()
        scope["tenant"] = tenant
        scope["state"]["tenant"] = tenant
        await self.app(scope, receive, send)


LOOKS = {
    "scope": lambda request: request.scope["tenant"],
    "state": lambda request: request.state.tenant,
    "item": lambda request: request.state["tenant"],
    "copy": lambda request: request.state.copy().tenant,
    "accept": lambda request: str(request.accept.best_match(["text/html", "text/plain"])),
    "fields": lambda request: str(request.headers.dict().get("x-tenant")),
    "raw": lambda request: str(dict(request.scope["headers"]).get(b"x-tenant")),
    "nothing": lambda request: "x",
}


@pytest.mark.parametrize("how", LOOKS)
def test_what_an_earlier_middleware_leaves_is_seen(cache, how):
    @get("/")
    async def view(request: Request[Any, Any, State]) -> str:
        runs.append(1)
        return LOOKS[how](request)

    app = built(cache, view, before=[Leaves])
    asked = [{"x_tenant": each, "accept": f"text/{kind}"} for each, kind in (("a", "html"), ("b", "plain"))]
    expected = answers(Litestar([view], middleware=[Leaves], openapi_config=None), *asked)
    assert len(set(expected)) == (1 if how == "nothing" else 2)
    runs.clear()
    assert answers(app, *asked, *asked) == expected * 2
    assert len(runs) == {"nothing": 1, "fields": 4, "raw": 4}.get(how, 2)


class Tenants:
    """Puts something into the scope and the state of some requests."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if (name := dict(scope["headers"]).get(b"x-user")) is not None:
            scope["tenant"] = scope["state"]["tenant"] = name.decode()
        await self.app(scope, receive, send)


@get("/state")
async def by_state(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return getattr(request.state, "tenant", "nobody")


@get("/any")
async def any_state(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return request.state.dict().get("tenant", "nobody")


@get("/scope")
async def by_scope(request: Request[Any, Any, State]) -> str:
    runs.append(1)
    return str("tenant" in request.scope)


@pytest.mark.parametrize(
    ("path", "texts"),
    [("/state", ["nobody", "ann"]), ("/any", ["nobody", "ann"]), ("/scope", ["False", "True"])],
)
@pytest.mark.parametrize("order", [1, -1])
def test_who_is_nobody_is_told_from_who_is_somebody(cache, path, texts, order):
    app = built(cache, by_state, any_state, by_scope, before=[DefineMiddleware(Tenants)])
    asked = [{"path": path}, {"path": path, "x_user": "ann"}][::order]
    assert answers(app, *asked, *asked) == texts[::order] * 2
    assert len(runs) == 2


def test_what_litestar_looks_for_in_the_scope_is_no_read_of_the_page(cache):
    app = built(cache, nothing)
    first, second = asyncio.run(ask(app, "/nothing")), asyncio.run(ask(app, "/nothing"))
    assert (first.hit, second.hit) == (False, True)
    assert (second.get("cache-control"), second.get("vary")) == (None, None)
