"""Early hints and trailers, of an application's own and of another server's, and who doesn't get them."""

from __future__ import annotations

from typing import Any

import pytest
from serving_tools import Wire, running
from test_serve_upstream import OK, origin, saying

from afresh import Cache
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve.extending import Extended
from afresh.http.serve.upstream import Upstream

HINT = b"</style.css>; rel=preload; as=style"
TRAILED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nCache-Control: no-store\r\n\r\n"
    b"2\r\nok\r\n0\r\nX-Sum: 7\r\nCache-Control: max-age=60\r\nSet-Cookie: a=1\r\n\r\n"
)


async def hinting(scope: Any, receive: Any, send: Any) -> None:
    assert "http.response.early_hint" in scope["extensions"]
    await send({"type": "http.response.early_hint", "links": [HINT, b"</a>; rel=next"]})
    fields = [(b"content-length", b"2"), (b"cache-control", b"max-age=60")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


async def trailing(scope: Any, receive: Any, send: Any) -> None:
    assert "http.response.trailers" in scope["extensions"]
    fields = [(b"cache-control", b"max-age=60")]
    if scope["path"] == "/counted":
        fields.append((b"content-length", b"4"))
    await send({"type": "http.response.start", "status": 200, "headers": fields, "trailers": True})
    for piece, more in ((b"ok", True), (b"ay", False)):
        await send({"type": "http.response.body", "body": piece, "more_body": more})
    for name, more in ((b"x-none", True), (b"X-Sum", False)):
        await send({"type": "http.response.trailers", "headers": [(name, b"7")], "more_trailers": more})


def heard(
    app: Any, *asked: str, path: str = "/", version: str = "1.1", times: int = 1, **settings: Any
) -> list[bytes]:
    """All bytes of each answer on one connection."""
    found = []
    with running(app, **settings) as port, Wire(port) as wire:
        for _ in range(times):
            wire.say("\r\n".join([f"GET {path} HTTP/{version}", "Host: x", *asked, "", ""]).encode())
            raw = b""
            while not (raw.endswith((b"ok", b"okay")) or (b"\r\n0\r\n" in raw and raw.endswith(b"\r\n\r\n"))):
                raw += wire.socket.recv(65_536)
            found.append(raw)
    return found


@pytest.mark.parametrize("cached", [False, True])
def test_hints_come_before_the_answer_and_a_hit_needs_none(cached: bool) -> None:
    with Cache("memory://") as cache:
        first, *later = heard(CacheMiddleware(hinting, cache) if cached else hinting, times=3)
    assert first.startswith(
        b"HTTP/1.1 103 Early Hints\r\nlink: " + HINT + b"\r\nlink: </a>; rel=next\r\n\r\nHTTP/1.1 200"
    )
    assert all(each.startswith(b"HTTP/1.1 200" if cached else b"HTTP/1.1 103") for each in later)


def test_who_speaks_http_1_0_gets_no_hints() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert not scope.get("extensions")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    (raw,) = heard(app, version="1.0")
    assert raw.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("cached", [False, True])
def test_trailers_come_after_the_answer_to_who_takes_them(cached: bool) -> None:
    with Cache("memory://") as cache:
        app = CacheMiddleware(trailing, cache) if cached else trailing
        for raw in heard(app, "TE: trailers", times=2):
            assert raw.endswith(b"2\r\nok\r\n2\r\nay\r\n0\r\nx-sum: 7\r\n\r\n")
            assert b"; hit" not in raw
        (raw,) = heard(app)
        assert raw.endswith(b"2\r\nok\r\n2\r\nay\r\n0\r\n\r\n"), "nobody asked for them"
        (raw,) = heard(app, "TE: trailers", path="/counted")
        assert raw.endswith(b"\r\n\r\nokay"), "there are no chunks to put them behind"


def test_another_servers_hints_and_trailers_pass() -> None:
    with Cache("memory://") as cache:
        hinted = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Other: 1\r\n\r\n"
        with origin(saying(hinted + OK)) as url:
            (raw,) = heard(CacheMiddleware(Upstream(url), cache), lifespan="on")
        assert raw.startswith(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200")
        seen: list[list[bytes]] = []
        with origin(saying(TRAILED, seen=seen)) as url:
            (raw,) = heard(CacheMiddleware(Upstream(url), cache), "TE: trailers", lifespan="on")
            (plain,) = heard(CacheMiddleware(Upstream(url), cache), lifespan="on")
        assert raw.endswith(b"2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n"), (
            "what decides who may have it comes too late"
        )
        assert plain.endswith(b"2\r\nok\r\n0\r\n\r\n")
        assert b"te: trailers" in seen[0]
        assert b"te: trailers" not in seen[1]


def test_trailers_are_never_taken_for_the_head() -> None:
    """They come in one piece with it; were they merged, `max-age` would make it a page for everybody."""
    trailed = TRAILED.replace(b"Cache-Control: no-store\r\n", b"")
    with Cache("memory://") as cache, origin(saying(trailed)) as url:
        for raw in heard(CacheMiddleware(Upstream(url), cache), times=2, lifespan="on"):
            assert b"max-age" not in raw
            assert b"set-cookie" not in raw
            assert b"; hit" not in raw


@pytest.mark.parametrize("links", [[b"</a>\r\nset-cookie: a=1"], [b"a\0"]])
def test_what_is_no_field_is_refused(links: list[bytes]) -> None:
    class Cycle:
        disconnected = response_started = False

        async def send(self, message: Any) -> None: ...

    with pytest.raises(ValueError, match="no part of a field"):
        Extended(Cycle()).__call__({"type": "http.response.early_hint", "links": links}).send(None)
