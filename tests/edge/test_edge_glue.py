"""What a framework's glue finds out to be one visitor's, is kept by no edge, whatever the page says itself."""

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

from afresh import Cache
from afresh.edge.asgi import OutwardMiddleware
from afresh.http.starlette import CacheMiddleware
from afresh.testing.servers.process import wait_until

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("kind", FRONTS)
def test_a_page_that_reads_who_asks_is_not_kept(kind: str, tmp_path: Path) -> None:
    async def view(request: Request) -> PlainTextResponse:
        if request.url.path == "/client":
            seen = str(request.client)
        else:
            seen = request.headers.get("accept-language", "") if request.url.path == "/language" else "all"
        return PlainTextResponse(seen, headers={"Cache-Control": "public, s-maxage=600"})

    with Cache("memory://") as cache:
        middleware = [Middleware(CacheMiddleware, cache=cache), Middleware(OutwardMiddleware, cache=cache)]
        app = Starlette(routes=[Route("/{rest}", view)], middleware=middleware)
        with running(app) as behind, FRONTS[kind](tmp_path, behind) as front:

            def hit(path: str, language: str = "de") -> bool:
                got = ask(front.port, path, fields={"Accept-Language": language})
                return f"{kind}; hit" in got.fields["cache-status"]

            wait_until(lambda: hit("/all"), "a page for all")
            wait_until(lambda: hit("/language"), "a page for those who read this language")
            assert not hit("/language", "en")
            assert not any(hit("/client") for _ in range(5))
            assert ask(behind, "/client").fields["cache-control"] == "private"
