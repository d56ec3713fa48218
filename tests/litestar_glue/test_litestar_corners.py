"""Where applications do what they do elsewhere than in a handler: everybody sees what he would without us."""

import asyncio
import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from http_world import ask
from litestar import Controller, Litestar, MediaType, Request, Response, Router, get, head, post
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.handlers import asgi
from litestar.middleware import DefineMiddleware
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import FromPath, FromQuery
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Stream, Template
from litestar.stores.memory import MemoryStore
from litestar.template.config import TemplateConfig

from afresh import Cache
from afresh.litestar import CacheMiddleware

Made = dict[str, Any]
SITES: dict[str, tuple[Callable[[], Made], tuple[str, ...]]] = {}


def site(*paths: str) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    def decorate(made: Callable[[], Made]) -> Callable[[], Made]:
        SITES[made.__name__] = made, paths or ("/",)
        return made

    return decorate


def name(request: Any) -> str:
    return str(request.session.get("name", "nobody"))


@site()
def after() -> Made:
    async def add(response: Response[Any]) -> Response[Any]:
        response.headers["x-theme"] = "from after"
        return response

    @get("/", after_request=add)
    async def page(request: Request[Any, Any, Any]) -> str:
        return f"hello {name(request)}"

    return {"route_handlers": [page]}


@site()
def before() -> Made:
    async def gate(request: Request[Any, Any, Any]) -> str | None:
        return "who are you?" if name(request) == "nobody" else None

    @get("/", before_request=gate)
    async def page() -> str:
        return "for all who are in"

    return {"route_handlers": [page]}


@site("/", "/missing", "/forbidden", "/5")
def errors() -> Made:
    def failed(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        return Response(
            f"{type(error).__name__} for {request.cookies.get('theme')}", status_code=error.status_code
        )  # type: ignore[attr-defined]

    async def gate(connection: ASGIConnection[Any, Any, Any, Any], handler: Any) -> None:
        if "theme" not in connection.cookies:
            raise PermissionDeniedException

    @get("/forbidden", guards=[gate])
    async def forbidden() -> str:
        return "x"

    @get("/{id:int}")
    async def one(id: FromPath[int]) -> str:
        raise NotFoundException

    return {
        "route_handlers": [forbidden, one],
        "exception_handlers": {NotFoundException: failed, PermissionDeniedException: failed},
    }


@site()
def streamed() -> Made:
    @get("/", media_type=MediaType.TEXT)
    async def page(request: Request[Any, Any, Any]) -> Stream:
        async def pieces() -> Any:
            yield "hello "
            yield name(request)
            yield request.cookies.get("theme", "none")

        return Stream(pieces())

    return {"route_handlers": [page]}


@site()
def template() -> Made:
    @get("/")
    async def page() -> Template:
        return Template(
            template_str="hello {{ request.cookies.theme }} {{ request.session.name }}",
            media_type="text/html",
        )

    return {
        "route_handlers": [page],
        "template_config": TemplateConfig(engine=JinjaTemplateEngine(directory=".")),
    }


@site("/", "/inner", "/other")
def cookies() -> Made:
    @get("/", response_cookies=[Cookie(key="seen", value="yes")])
    async def page() -> str:
        return "sets one"

    @get("/other")
    async def other(request: Request[Any, Any, Any]) -> Response[str]:
        made = Response(f"hello {name(request)}")
        made.set_cookie("seen", name(request))
        return made

    @get("/inner")
    async def inner(request: Request[Any, Any, Any]) -> Redirect:
        return Redirect(f"/of/{name(request)}")

    return {"route_handlers": [page, other, inner]}


@site("/", "/?theme=light")
def methods() -> Made:
    class Page(Controller):
        path = "/"

        @get()
        async def page(self, request: Request[Any, Any, Any], theme: FromQuery[str] = "none") -> str:
            return f"{theme} {request.method} {request.url} {request.base_url}"

        @head()
        async def only(self) -> None: ...

    return {"route_handlers": [Router("/", route_handlers=[Page])]}


@site("/outer/", "/outer/deep", "/")
def mounted() -> Made:
    @asgi("/outer", is_mount=True, copy_scope=True)
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        cookies = dict(scope["headers"]).get(b"cookie", b"none").decode()
        await Response(f"{scope['path']} {'dark' in cookies}").to_asgi_response(
            app=None, request=Request(scope)
        )(scope, receive, send)

    @get("/")
    async def page(request: Request[Any, Any, Any]) -> str:
        return f"{request.scope.get('root_path')} {name(request)}"

    return {"route_handlers": [inner, page]}


@site()
def dependency() -> Made:
    async def who(request: Request[Any, Any, Any]) -> Any:
        yield f"{name(request)} {request.cookies.get('theme')}"

    @get("/", dependencies={"who": Provide(who)})
    async def page(who: NamedDependency[str]) -> dict[str, str]:
        return {"who": who}

    return {"route_handlers": [page]}


@site()
def session_id() -> Made:
    @get("/")
    async def page(request: Request[Any, Any, Any]) -> str:
        return f"basket {request.get_session_id()}"

    return {"route_handlers": [page]}


@post("/in/{who:str}")
async def sign_in(request: Request[Any, Any, Any], who: FromPath[str]) -> str:
    request.set_session({"name": who})
    return ""


def built(made: Callable[[], Made], cache: Cache | None) -> Litestar:
    sessions = ServerSideSessionConfig()
    more = [] if cache is None else [DefineMiddleware(CacheMiddleware, cache=cache)]
    given = made()
    handlers = [*given.pop("route_handlers"), sign_in]
    return Litestar(
        handlers,
        middleware=[sessions.middleware, *more],
        stores={"sessions": MemoryStore()},
        openapi_config=None,
        **given,
    )


ID = re.compile("[0-9a-f]{64}")
"""Of a session: who has none gets a new one with each answer."""

FIELDS = ("x-theme", "location", "allow", "set-cookie")
WAYS: list[dict[str, Any]] = [
    {},
    {"x_forwarded_for": "10.0.0.7"},
    {"host": "b.example"},
    {"accept": "text/plain"},
    {"method": "HEAD"},
    {"method": "OPTIONS"},
]


async def answers(app: Litestar, paths: tuple[str, ...]) -> tuple[list[Any], int]:
    """All answers, and how many of them were hits."""
    jars = []
    for who in ("ann", "bob"):
        signed = await ask(app, f"/in/{who}", method="POST")
        jars.append(signed.get("set-cookie").partition(";")[0])
    jars += ["theme=dark"]
    sent, hits = [], 0
    given = {each[8:] for each in jars[:2]}
    for path, way, number in product(paths, [*WAYS, *WAYS[:2]], range(3)):
        plain, _, query = path.partition("?")
        got = await ask(app, plain, query=query, cookie=jars[number], **way)
        hits += got.hit
        seen = ["" if way.get("method") == "HEAD" else got.text, *(got.get(field) or "" for field in FIELDS)]
        mine = jars[number].partition("session=")[2]
        ids = set(ID.findall(" ".join(seen))) - {mine}
        assert ids.isdisjoint(given), "another's session"
        given |= ids
        spelled = [ID.sub("new", each.replace(mine or "no session", "mine")) for each in seen]
        sent.append((path, way, number, got.status, spelled))
    return sent, hits


@pytest.mark.parametrize("which", SITES)
def test_it_is_as_without_a_cache(which):
    made, paths = SITES[which]
    expected, _ = asyncio.run(answers(built(made, None), paths))
    with Cache("memory://") as cache:
        found, hits = asyncio.run(answers(built(made, cache), paths))
    for one, other in zip(expected, found, strict=True):
        assert other == one
    assert (hits > 0) == (which not in {"session_id", "cookies"})
