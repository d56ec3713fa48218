"""What somebody sends who wants another's answer, or wants us in two minds: to a proxy, and from a broken upstream."""

from __future__ import annotations

from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from serving_tools import Wire, running
from test_serve_upstream import OK, head_of, origin, proxied, saying

from afresh import Cache
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve.running import Serving, _behind
from afresh.http.serve.upstream import Upstream


@pytest.mark.parametrize("protocol", ["afresh.http.serve:Protocol", "httptools"])
@pytest.mark.parametrize(
    "named",
    ["Content-Length", "close,Host", "keep-alive, \taccept-language"],
)
def test_no_request_has_a_field_for_everybody_taken_away(protocol: str, named: str) -> None:
    seen: list[list[bytes]] = []
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    lines = [f"Connection: {named}", "Accept-Language: de"]
    head = "\r\n".join(["POST / HTTP/1.1", "Host: x", *lines, f"Content-Length: {len(smuggled)}", "", ""])
    with (
        origin(saying(OK, OK, seen=seen)) as url,
        running(Upstream(url), lifespan="on", http=protocol) as port,
    ):
        with Wire(port) as wire:
            wire.ask("/before")
            wire.say(head.encode() + smuggled)
            status, _, text = wire.hear()
            assert (status, text.startswith(b"Connection names ")) == (400, True)
        with Wire(port) as wire:
            wire.ask("/after")
    assert [each[0] for each in seen] == [b"GET /before HTTP/1.1", b"GET /after HTTP/1.1"]


@pytest.mark.parametrize("cached", [False, True])
def test_what_comes_behind_the_content_is_never_taken_for_the_head(cached: bool) -> None:
    seen: list[list[bytes]] = []
    body = b"3\r\nabc\r\n0\r\nHost: evil\r\nAuthorization: me\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n"
    request = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    last = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with origin(saying(last, seen=seen)) as url, Cache("memory://") as cache:
        app: Any = Upstream(url)
        with running(CacheMiddleware(app, cache) if cached else app, lifespan="on") as port:
            for at in (len(request), len(request) - len(body), len(request) - 30):
                with Wire(port) as wire:
                    wire.say(request[:at])
                    wire.say(request[at:])
                    assert wire.hear()[0] == 200
    for lines in seen:
        names = [line.partition(b":")[0] for line in lines[1:]]
        assert sorted(names) == [
            b"host",
            b"transfer-encoding",
            b"via",
            b"x-forwarded-for",
            b"x-forwarded-proto",
        ]
        assert b"x-forwarded-for: 127.0.0.1" in lines


def test_an_applications_head_has_no_field_from_behind_the_content() -> None:
    found: list[list[bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body", False):
            pass
        found.append([name for name, _ in scope["headers"]])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    with running(app) as port, Wire(port) as wire:
        wire.say(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: y\r\nA: b\r\n\r\n"
        )
        assert wire.hear()[0] == 200
        assert wire.ask("/", "A: b")[0] == 200, "the next request has its fields"
    assert found == [[b"host", b"transfer-encoding"], [b"host", b"a"]]


def test_no_underscore_is_read_as_a_hyphen() -> None:
    """Else `X_Forwarded_Host` would change the links of a page in whose key it isn't."""
    seen: list[list[bytes]] = []
    asked = ["X_Forwarded_Host: evil", "X-Mine: 1", "Content_Length: 5"]
    with origin(saying(OK, seen=seen)) as url, proxied(url) as wire:
        wire.ask("/", *asked)
    assert not [line for line in seen[0] if b"_" in line.partition(b":")[0]]
    assert b"x-mine: 1" in seen[0]

    with Cache("memory://") as cache:
        with (
            running(CacheMiddleware(_behind(Serving(app=f"{__name__}:links")), cache)) as port,
            Wire(port) as wire,
        ):
            assert [wire.ask("/", *asked)[2], wire.ask("/")[2]] == [b"http://x/", b"http://x/"]
        with running(CacheMiddleware(WSGIMiddleware(links), cache)) as port, Wire(port) as wire:
            assert wire.ask("/other", *asked)[2] == b"http://evil/", "so without it"


def links(environ: Any, start_response: Any) -> Any:
    """A WSGI application that believes who says where it is."""
    start_response("200 OK", [("Cache-Control", "max-age=60"), ("Content-Type", "text/plain")])
    return [f"http://{environ.get('HTTP_X_FORWARDED_HOST', environ['HTTP_HOST'])}/".encode()]


def test_who_names_no_host_asks_the_upstream_itself() -> None:
    seen: list[list[bytes]] = []
    with origin(saying(OK, seen=seen)) as url, proxied(url) as wire:
        wire.say(b"GET / HTTP/1.0\r\n\r\n")
        assert wire.hear()[0] == 200
    assert seen[0][:2] == [b"GET / HTTP/1.1", b"host: " + url.removeprefix("http://").encode()]


@pytest.mark.parametrize("status", [99, 600])
def test_a_status_that_is_none_is_502(status: int) -> None:
    raw = b"HTTP/1.1 %03d What\r\nContent-Length: 0\r\n\r\n" % status
    with origin(saying(raw)) as url, proxied(url) as wire:
        assert [wire.ask("/")[0] for _ in range(2)] == [502, 502]


@pytest.mark.parametrize("status", [204, 304])
def test_the_length_of_what_does_not_come_is_not_waited_for(status: int) -> None:
    """A 304 may say how long a 200 would be (RFC 9110 §8.6)."""
    raw = b'HTTP/1.1 %d So\r\nETag: "1"\r\nContent-Length: 20\r\n\r\n' % status
    with origin(saying(raw, raw)) as url, proxied(url) as wire:
        for _ in range(2):  # each over its own connection: the content might come after all
            got, fields, _ = wire.ask("/", 'If-None-Match: "1"')
            assert (got, fields[b"etag"]) == (status, b'"1"')


def test_a_slow_client_gets_all_and_keeps_nobody_waiting() -> None:
    """What it doesn't read is not read from the upstream either: no more than buffers hold."""
    piece, pieces, written = b"x" * 65_536, 500, 0

    def much(file: Any) -> None:
        nonlocal written
        if head_of(file)[0].startswith(b"GET /little"):
            file.write(OK)
            return
        file.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * pieces))
        for _ in range(pieces):
            file.write(piece)
            file.flush()
            written += 1

    with origin(much) as url, running(Upstream(url), lifespan="on") as port, Wire(port) as slow:
        slow.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with Wire(port) as other:
            assert other.ask("/little")[2] == b"ok"
        assert written < pieces
        left = len(piece) * pieces
        while left > 0:
            left -= len(slow.socket.recv(1_000_000))
