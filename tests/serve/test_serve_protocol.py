"""One connection: hits before ASGI, all else by uvicorn, in order, and never more than a client reads."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from serving_tools import Wire, running

from afresh import Cache, tag
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve.marking import HitsMarked
from afresh.testing.servers.process import wait_until


class Site:
    """Answers with what it was asked, keeps count, and says by the path what may be cached."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.runs: Counter[str] = Counter()
        self.text = b"text"
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.runs[path] += 1
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        fields = []
        if path.startswith("/page"):
            self.cache.depends_on(tag("page"))
            fields.append((b"cache-control", b"max-age=60"))
        if path.startswith("/slow"):
            await asyncio.sleep(0.05)
        text = {"/large": b"x" * 300_000, "/page-large": b"y" * 300_000}.get(path, self.text + body)
        if path != "/stream":
            fields.append((b"content-length", b"%d" % len(text)))
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        if path == "/stream":
            await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        await send({"type": "http.response.body", "body": text})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Cache("memory://") as cache:
        yield Site(cache)


@pytest.fixture(scope="module")
def calls() -> Counter[str]:
    return Counter()


@pytest.fixture(scope="module")
def port(site: Site, calls: Counter[str]) -> Iterator[int]:
    middleware = CacheMiddleware(site, site.cache)
    called = CacheMiddleware.__call__

    async def counting(self: Any, scope: Any, receive: Any, send: Any) -> None:
        calls[scope["path"]] += 1
        await called(self, scope, receive, send)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CacheMiddleware, "__call__", counting)
        with running(middleware) as port:
            yield port


def test_a_hit_is_answered_before_asgi(port: int, site: Site, calls: Counter[str]) -> None:
    with Wire(port) as wire:
        first = wire.ask("/page")
        second = wire.ask("/page")
        before = calls["/page"]
        third = wire.ask("/page")
        again = wire.ask("/page", "Accept: text/html")
        assert calls["/page"] == before, "no scope was made"
    assert [each[0] for each in (first, second, third, again)] == [200] * 4
    assert {each[2] for each in (first, second, third, again)} == {b"text"}
    assert site.runs["/page"] == 1
    assert b"hit" in third[1][b"cache-status"]
    assert {b"age", b"date", b"server", b"content-length"} <= third[1].keys()


def test_what_is_invalidated_is_made_anew_at_once(port: int, site: Site) -> None:
    with Wire(port) as wire:
        for number in range(5):
            site.text = b"%d" % number
            site.cache.invalidate(tag("page"))
            assert [wire.ask("/page-changing")[2] for _ in range(4)] == [b"%d" % number] * 4
    assert site.runs["/page-changing"] == 5
    site.text = b"text"


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    with Wire(port) as wire:
        for _ in range(3):
            wire.ask("/page")
        get = "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"
        wire.say(
            "".join(get.format(path) for path in ("/page", "/slow", "/page", "/stream", "/page")).encode()
        )
        assert [wire.hear()[2] for _ in range(5)] == [b"text", b"text", b"text", b"one text", b"text"]
        wire.say(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            + get.format("/page").encode() * 2
        )
        assert [wire.hear()[2] for _ in range(3)] == [b"textabc", b"text", b"text"]


def test_a_body_that_looks_like_a_request_is_none(port: int, site: Site) -> None:
    inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    with Wire(port) as wire:
        wire.say(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner)
        assert wire.hear()[2] == b"text" + inner
        wire.say(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.say(b"%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n" + b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.hear()[2] == b"text" + inner
        assert wire.hear()[2] == b"text"
    assert site.runs["/smuggled"] == 0


def test_a_request_that_comes_byte_by_byte_is_a_hit_too(port: int) -> None:
    with Wire(port) as wire:
        wire.ask("/page")
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n":
            wire.say(bytes([byte]))
        assert b"hit" in wire.hear()[1][b"cache-status"]


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    ],
)
def test_what_is_ambiguous_is_refused_and_the_connection_ends(port: int, raw: bytes) -> None:
    with Wire(port) as wire:
        wire.ask("/page")
        wire.say(raw + b"GET /after HTTP/1.1\r\nHost: x\r\n\r\n")
        status, fields, _ = wire.hear()
        assert (status, fields[b"connection"]) == (400, b"close")
        assert wire.closed()


def test_what_is_refused_waits_for_the_answers_before_it(port: int) -> None:
    with Wire(port) as wire:
        wire.say(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n")
        assert wire.hear()[2] == b"text"
        assert wire.hear()[0] == 400
        assert wire.closed()


def test_a_method_that_nobody_knows_waits_for_its_turn_too(port: int) -> None:
    with Wire(port) as wire:
        wire.say(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + b"GETS /a HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.hear()[2] == b"text"
        assert wire.hear()[0] == 501
        assert wire.closed()


def test_a_connection_that_is_to_close_closes(port: int) -> None:
    with Wire(port) as wire:
        wire.ask("/page")
        status, fields, body = wire.ask("/page", "Connection: close")
        assert (status, fields[b"connection"], body) == (200, b"close", b"text")
        assert wire.closed()
    with Wire(port) as wire:
        wire.say(b"GET /page HTTP/1.0\r\nHost: x\r\n\r\n")
        assert wire.hear()[2] == b"text"
        assert wire.closed()


def test_no_more_is_written_than_a_client_reads(port: int, site: Site) -> None:
    many = 200
    with Wire(port) as wire:
        assert len(wire.ask("/page-large")[2]) == len(wire.ask("/page-large")[2]) == 300_000
        asking = threading.Thread(
            target=wire.say, args=(b"GET /page-large HTTP/1.1\r\nHost: x\r\n\r\n" * many,), daemon=True
        )
        asking.start()
        with Wire(port) as other:  # the server is not busy writing 60 MB into its memory
            assert other.ask("/page-large")[0] == 200
        assert all(len(wire.hear()[2]) == 300_000 for _ in range(many))
        asking.join()
        assert wire.ask("/page-large")[0] == 200
    assert site.runs["/page-large"] == 1


def test_a_credential_or_a_condition_goes_the_long_way(port: int) -> None:
    with Wire(port) as wire:
        etag = wire.ask("/page")[1].get(b"etag") or wire.ask("/page")[1][b"etag"]
        assert wire.ask("/page", f"If-None-Match: {etag.decode()}")[0] == 304
        assert wire.ask("/page", "Range: bytes=1-2")[2] == b"ex"
        assert wire.ask("/page", "Cache-Control: no-cache")[0] == 200


def test_an_upgrade_to_anything_but_websockets_is_ignored_and_nothing_is_less_strict_after_it(
    port: int,
) -> None:
    with Wire(port) as wire:
        wire.say(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 3\r\n\r\nabc"
        )
        assert wire.hear()[2] == b"textabc"
        assert wire.ask("/page")[2] == b"text"
        wire.say(b"GET / HTTP/1.1\nHost: x\n\n")
        assert wire.hear()[0] == 400


def test_idle_connections_end_and_used_ones_dont(site: Site) -> None:
    with (
        running(CacheMiddleware(site, site.cache), timeout_keep_alive=1) as port,
        Wire(port) as wire,
        Wire(port) as slow,
    ):
        slow.say(b"GET /page HTTP/1.1\r\n")
        for _ in range(8):
            assert wire.ask("/page")[0] == 200
            threading.Event().wait(0.2)
        assert slow.hear()[0] == 408
        assert wire.closed()


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_hits_are_marked_in_the_access_log(site: Site) -> None:
    logger, handler = logging.getLogger("uvicorn.access"), Lines()
    logger.addHandler(handler)
    try:
        with (
            running(HitsMarked(CacheMiddleware(site, site.cache)), log_config=None, log_level="info") as port,
            Wire(port) as wire,
        ):
            for more in ([], [], [], ["Range: bytes=0-1"]):
                wire.ask("/page-logged?a=1", *more)
            wait_until(lambda: len(handler.lines) == 4, "four lines")
    finally:
        logger.removeHandler(handler)
    assert [line.partition("HTTP/")[2] for line in handler.lines] == [
        '1.1" 200', '1.1 hit" 200', '1.1 hit" 200', '1.1 hit" 206',
    ]  # fmt: skip
    assert "GET /page-logged?a=1 " in handler.lines[2]


def test_who_is_not_first_before_the_server_is_never_gone_past(site: Site, calls: Counter[str]) -> None:
    seen = []

    async def guard(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await middleware(scope, receive, send)

    middleware = CacheMiddleware(site, site.cache)
    with running(guard) as port, Wire(port) as wire:
        for _ in range(3):
            wire.ask("/page")
    assert seen == ["/page"] * 3


def test_the_scheme_is_that_of_a_proxy_only_if_it_is_believed(site: Site) -> None:
    async def scheme(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"cache-control", b"max-age=60"), (b"content-length", b"%d" % len(scope["scheme"]))]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": scope["scheme"].encode()})

    for believed, answers in (("127.0.0.1", {b"https"}), ("10.0.0.1", {b"http"})):
        with (
            Cache("memory://") as cache,
            running(CacheMiddleware(scheme, cache), forwarded_allow_ips=believed) as port,
            Wire(port) as wire,
        ):
            assert {wire.ask("/", "X-Forwarded-Proto: https")[2] for _ in range(4)} == answers
            assert {wire.ask("/")[2] for _ in range(4)} == {b"http"}
