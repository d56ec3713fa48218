"""Pages of FastAPI, and what its path operations may depend on."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import pytest
from fastapi import APIRouter, BackgroundTasks, Cookie, Depends, FastAPI, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from http_world import ask

from afresh import Cache, tag
from afresh.errors import ConfigurationError
from afresh.fastapi import CacheDep, CacheMiddleware, ScopeDep, expires, the_cache
from afresh.testing.clock import FakeClock

NOW = 1_800_000_000.0
runs: list[str] = []


@pytest.fixture
def clock():
    runs.clear()
    return FakeClock(NOW)


@pytest.fixture
def cache(clock):
    with Cache("memory://", clock=clock) as opened:
        yield opened


@pytest.fixture
def app(cache):
    made = FastAPI()
    made.state.cache = cache
    made.add_middleware(CacheMiddleware, cache=cache)
    return made


def got(app, path="/", **asked):
    return asyncio.run(ask(app, path, **asked))


def test_parameters_are_reads(app):
    @app.get("/{id}")
    async def view(
        id: int, accept_language: Annotated[str, Header()] = "en", theme: Annotated[str, Cookie()] = "light"
    ) -> str:
        runs.append(theme)
        return f"{id} {accept_language} {theme}"

    @app.get("/nothing/")
    async def nothing(q: str = "") -> str:
        runs.append(q)
        return q

    visitors = [
        ({}, "1 en light"),
        ({"accept_language": "de"}, "1 de light"),
        ({"cookie": "theme=dark; id=1"}, "1 en dark"),
        ({"cookie": "theme=dark; id=2"}, "1 en dark"),
        ({"user_agent": "other"}, "1 en light"),
    ]
    for _ in range(2):
        for asked, text in visitors:
            assert got(app, "/1", **asked).text == f'"{text}"'
            assert got(app, "/nothing/", **asked).text == '""'
    assert sorted(runs) == ["", "dark", "light", "light"]


def test_who_signs_in_by_a_token_has_pages_of_his_own_until_it_expires(app, cache, clock):
    rights = {"a": ("ann", NOW + 30), "b": ("bob", NOW + 1000)}

    def user(sent: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
        name, until = rights[sent.credentials]
        cache.depends_on(tag("user", name))
        expires(until)
        return name if until > clock.now() else "nobody"

    @app.get("/")
    def view(name: Annotated[str, Depends(user)]) -> str:
        runs.append(name)
        return f"hello {name}"

    for _ in range(2):
        for token in "ab":
            answered = got(app, authorization=f"Bearer {token}")
            assert answered.text == f'"hello {rights[token][0]}"'
        assert got(app).status in {401, 403}
    assert runs == ["ann", "bob"]
    clock.advance(31)
    assert got(app, authorization="Bearer a").text == '"hello nobody"'
    assert got(app, authorization="Bearer b").text == '"hello bob"'
    assert runs == ["ann", "bob", "nobody"]


def test_a_moment_has_a_time_zone(clock):
    expires(datetime.now(UTC))
    with pytest.raises(ConfigurationError, match="time zone"):
        expires(datetime(2026, 1, 1))


@pytest.mark.parametrize("is_async", [True, False])
def test_the_cache_and_a_scope_are_dependencies(app, cache, is_async):
    def view(found: CacheDep, scope: ScopeDep) -> list[bool]:
        runs.append("x")
        found.depends_on(tag("menu"))
        return [found is cache, scope.token is not None]

    async def view_async(found: CacheDep, scope: ScopeDep) -> list[bool]:
        return view(found, scope)

    app.get("/")(view_async if is_async else view)
    assert [got(app).text for _ in range(2)] == ["[true,true]"] * 2
    cache.invalidate(tag("menu"))
    got(app)
    assert len(runs) == 2, "what is read within the scope is read by the page"


def test_a_test_may_give_another_cache(app, cache):
    @app.get("/")
    async def view(found: CacheDep) -> str:
        return found.mode

    with Cache("memory://", mode="off") as other:
        app.dependency_overrides[the_cache] = lambda: other
        assert got(app).text == '"off"'


def test_an_application_without_a_cache(clock):
    app = FastAPI()

    @app.get("/")
    async def view(cache: CacheDep) -> str:
        return "x"

    with pytest.raises(ConfigurationError, match=r"app\.state\.cache = Cache"):
        got(app)


@pytest.mark.parametrize("how", ["by parameter", "by response"])
def test_a_page_that_leaves_a_task_is_not_kept(app, how):
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse

    if how == "by parameter":

        @app.get("/")
        async def view(tasks: BackgroundTasks) -> str:
            tasks.add_task(runs.append, "task")
            return "x"
    else:

        @app.get("/")
        async def view_too():
            return PlainTextResponse("x", background=BackgroundTask(runs.append, "task"))

    answers = [got(app) for _ in range(2)]
    assert runs == ["task", "task"]
    assert "task" in answers[0].get("cache-status")


def test_what_fastapi_looks_for_in_the_scope_is_no_read_of_the_page(app):
    async def given():
        yield 1

    part = FastAPI()
    router = APIRouter(prefix="/router")

    @part.get("/")
    @app.get("/")
    @router.get("/")
    async def view(one: Annotated[int, Depends(given)], request: Request) -> str:
        runs.append(request.method)
        return str(one)

    app.include_router(router)
    app.mount("/part", part)
    for path in ("/", "/router/", "/part/", "/openapi.json"):
        got(app, path)
        answered = got(app, path)
        assert "hit" in answered.get("cache-status")
        assert (answered.get("cache-control"), answered.get("vary")) == (None, None), path
    assert len(runs) == 3


def test_who_is_nobody_is_told_from_who_is_somebody(app):
    class Tenants:
        def __init__(self, inner):
            self.inner = inner

        async def __call__(self, scope, receive, send):
            if (name := dict(scope.get("headers", ())).get(b"x-user")) is not None:
                scope["tenant"] = name.decode()
                scope.setdefault("state", {})["user"] = name.decode()
            await self.inner(scope, receive, send)

    app.add_middleware(Tenants)

    def user(request: Request) -> str:
        return getattr(request.state, "user", "nobody")

    @app.get("/state")
    async def by_state(name: Annotated[str, Depends(user)]) -> str:
        runs.append(name)
        return name

    @app.get("/scope")
    async def by_scope(request: Request) -> bool:
        runs.append("x")
        return "tenant" in request.scope

    for _ in range(2):
        assert [got(app, "/state", **who).text for who in ({}, {"x_user": "ann"})] == ['"nobody"', '"ann"']
        assert [got(app, "/scope", **who).text for who in ({"x_user": "ann"}, {})] == ["true", "false"]
    assert runs == ["nobody", "ann", "x", "x"]
