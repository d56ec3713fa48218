"""A framework's glue behind an edge: one visitor's pages stay out, whatever they say, and what changes is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from edges import FRONTS, running
from origin import ask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache, tag
from afresh.edge.asgi import OutwardMiddleware
from afresh.edge.follow import Follower
from afresh.http.starlette import CacheMiddleware
from afresh.testing.servers.process import wait_until

pytestmark = pytest.mark.servers


@pytest.mark.parametrize(("kind", "place"), [("varnish", "within"), ("nginx", "within"), ("nginx", "around")])
def test_an_edge_keeps_what_is_for_all_and_drops_what_changes(kind: str, place: str, tmp_path: Path) -> None:
    async def view(request: Request) -> PlainTextResponse:
        seen = "all"
        if request.url.path == "/client":
            seen = str(request.client)
        elif request.url.path == "/language":
            seen = request.headers.get("accept-language", "")
        cache.depends_on(tag("row"))
        return PlainTextResponse(seen, headers={"Cache-Control": "public, s-maxage=600"})

    with Cache(f"sqlite:///{tmp_path}/cache") as cache:
        glue, names = Middleware(CacheMiddleware, cache=cache), Middleware(OutwardMiddleware, cache=cache)
        middleware = [glue, names] if place == "within" else [names, glue]
        app = Starlette(routes=[Route("/{rest}", view)], middleware=middleware)
        with (
            running(app) as behind,
            FRONTS[kind](tmp_path, behind) as front,
            Follower(cache, [front.edge], folder=tmp_path / "edges") as follower,
        ):
            front.edge.repeats = ()
            assert follower.settled(20)

            def hit(path: str, language: str = "de") -> bool:
                got = ask(front.port, path, fields={"Accept-Language": language})
                return f"{kind}; hit" in got.fields["cache-status"]

            wait_until(lambda: hit("/all"), "a page for all")
            wait_until(lambda: hit("/language"), "a page for those who read this language")
            assert not hit("/language", "en")
            assert not any(hit("/client") for _ in range(5))
            assert ask(behind, "/client").fields["cache-control"] == "private"
            cache.invalidate(tag("row"))
            assert follower.settled(20)
            assert not hit("/all")
