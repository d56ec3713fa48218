"""QUERY (RFC 10008): its content is a part of the key, and the application still gets all of it."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import pytest
from http_world import ask, scope_of

from afresh import Cache, asgi, wsgi
from afresh.testing.clock import FakeClock


class Echo:
    """Answers with the content of the request, in both worlds."""

    def __init__(self, control: str = "max-age=60") -> None:
        self.calls = 0
        self.headers = [("cache-control", control)]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        content, more = b"", True
        while more:
            message = await receive()
            content += message["body"]
            more = message["more_body"]
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"found " + content})

    def for_wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.calls += 1
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", list(self.headers))
        return [b"found " + content]


def by_asgi(cache: Cache, echo: Echo) -> Any:
    app = asgi.CacheMiddleware(echo, cache)

    def query(content: bytes, **headers: str) -> bytes:
        length = {"content_length": str(len(content))}
        return asyncio.run(ask(app, "/", content=content, method="QUERY", **length, **headers)).body

    return query


def by_wsgi(cache: Cache, echo: Echo) -> Any:
    app = wsgi.CacheMiddleware(echo.for_wsgi, cache)

    def query(content: bytes, **headers: str) -> bytes:
        environ = {
            "REQUEST_METHOD": "QUERY", "SCRIPT_NAME": "", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "example.org", "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(content), "CONTENT_LENGTH": str(len(content)),
            **{name.upper() if name == "content_type" else f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }  # fmt: skip
        return b"".join(app(environ, lambda status, headers, exc_info=None: lambda piece: None))

    return query


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_800_000_000.0)


@pytest.mark.parametrize("world", [by_asgi, by_wsgi])
def test_the_same_query_is_answered_once_and_another_is_another(world: Any, clock: FakeClock) -> None:
    echo = Echo()
    with Cache("memory://", clock=clock) as cache:
        query = world(cache, echo)
        assert [query(content) for content in (b"a", b"b", b"a", b"b")] == [b"found a", b"found b"] * 2
        assert echo.calls == 2
        query(b"a", content_type="x/y")
        assert echo.calls == 3


@pytest.mark.parametrize("world", [by_asgi, by_wsgi])
def test_a_long_query_is_passed_on_whole(world: Any, clock: FakeClock) -> None:
    echo = Echo()
    with Cache("memory://", clock=clock) as cache:
        query = world(cache, echo)
        content = b"x" * 70_000
        assert [query(content), query(content)] == [b"found " + content] * 2
        assert echo.calls == 2


@pytest.mark.parametrize("world", [by_asgi, by_wsgi])
def test_a_stale_query_is_made_anew_with_its_content(world: Any, clock: FakeClock) -> None:
    echo = Echo("max-age=60, stale-while-revalidate=60")
    with Cache("memory://", clock=clock) as cache:
        query = world(cache, echo)
        query(b"a")
        clock.advance(90)
        assert query(b"a") == b"found a"
        assert echo.calls == 2


def test_content_in_pieces_is_one_content(clock: FakeClock) -> None:
    echo = Echo()
    with Cache("memory://", clock=clock) as cache:
        app = asgi.CacheMiddleware(echo, cache)

        async def query(*pieces: bytes) -> bytes:
            parts = [
                {"type": "http.request", "body": piece, "more_body": at + 1 < len(pieces)}
                for at, piece in enumerate(pieces)
            ]
            sent: list[Any] = []

            async def receive() -> Any:
                return parts.pop(0)

            async def send(message: Any) -> None:
                sent.append(message)

            await app(scope_of("/", method="QUERY"), receive, send)
            return b"".join(message.get("body", b"") for message in sent)

        assert asyncio.run(query(b"a", b"b", b"")) == b"found ab"
        assert asyncio.run(query(b"ab")) == b"found ab"
        assert echo.calls == 1


def test_a_client_that_leaves_while_it_asks_is_passed_on(clock: FakeClock) -> None:
    async def gone(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == b"a"
        assert (await receive())["type"] == "http.disconnect"

    parts = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with Cache("memory://", clock=clock) as cache:
        app = asgi.CacheMiddleware(gone, cache)
        asyncio.run(app(scope_of("/", method="QUERY"), receive, send))
