"""Another server behind us: what passes, what doesn't, and what happens when it fails."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
import pytest
from serving_tools import Wire, running

from afresh import Cache, ConfigurationError
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve.upstream import Upstream


@contextmanager
def origin(answer: Callable[[Any], None]) -> Iterator[str]:
    """A server that says exactly what a test wants, one connection after another; its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rwb") as file:
            answer(file)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def head_of(file: Any) -> list[bytes]:
    lines = []
    while (line := file.readline()) not in {b"\r\n", b""}:
        lines.append(line.rstrip(b"\r\n"))
    return lines


def saying(*answers: bytes, seen: list[list[bytes]] | None = None) -> Callable[[Any], None]:
    """Each connection answers these, one a request, then closes."""

    def answer(file: Any) -> None:
        for each in answers:
            lines = head_of(file)
            if not lines:
                return
            if seen is not None:
                seen.append(lines)
            file.write(each)
            file.flush()

    return answer


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def proxied(url: str, **settings: Any) -> Iterator[Wire]:
    with running(Upstream(url, **settings), lifespan="on") as port, Wire(port) as wire:
        yield wire


def test_a_request_goes_on_without_what_belongs_to_its_connection() -> None:
    seen: list[list[bytes]] = []
    with origin(saying(OK, seen=seen)) as url, proxied(url) as wire:
        wire.ask(
            "/a%2fb?c=%20",
            "X-Mine: 1",
            "Connection: keep-alive, te, x-not-there",
            "Keep-Alive: timeout=5",
            "TE: gzip",
            "X-Forwarded-For: 9.9.9.9",
            "Via: 2 edge",
        )
    assert seen[0][0] == b"GET /a%2fb?c=%20 HTTP/1.1"
    fields = dict(line.split(b": ", 1) for line in seen[0][1:])
    assert fields == {
        b"host": b"x",
        b"x-mine": b"1",
        b"x-forwarded-for": b"9.9.9.9",
        b"x-forwarded-proto": b"http",
        b"via": b"2 edge, 1.1 afresh",
    }


def test_who_asked_stands_behind_what_a_stranger_says() -> None:
    seen: list[list[bytes]] = []
    with (
        origin(saying(OK, seen=seen)) as url,
        running(Upstream(url), lifespan="on", forwarded_allow_ips="10.0.0.1") as port,
        Wire(port) as wire,
    ):
        wire.ask("/", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https")
    assert b"x-forwarded-for: 9.9.9.9, 127.0.0.1" in seen[0]
    assert b"x-forwarded-proto: http" in seen[0]


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 102 Processing\r\nLink: x\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nX-Other: x\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", b""),
        (OK + b"and more than that", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: other\r\n\r\nuntil the end", b"until the end"),
    ],
)
def test_answers_of_all_kinds_pass(raw: bytes, body: bytes) -> None:
    with origin(saying(raw)) as url, proxied(url) as wire:
        for _ in range(2):
            status, fields, got = wire.ask("/")
            assert (status // 100, got) == (2, body)
            assert b"keep-alive" not in fields
            assert b"link" not in fields


def test_a_second_answer_to_one_request_leaves_nothing_in_the_first() -> None:
    first = b"HTTP/1.1 200 OK\r\nX-First: 1\r\nContent-Length: 2\r\n\r\nok"
    second = b"HTTP/1.1 404 Not Found\r\nX-Second: 1\r\nContent-Length: 2\r\n\r\nno"
    with origin(saying(first + second)) as url, proxied(url) as wire:
        for _ in range(2):
            status, fields, body = wire.ask("/")
            assert (status, fields[b"x-first"], b"x-second" in fields, body) == (200, b"1", False, b"ok")


def test_connections_are_kept_and_one_that_was_closed_is_replaced() -> None:
    ports = []

    def answer(file: Any) -> None:
        ports.append(1)
        saying(OK, OK)(file)

    with origin(answer) as url, proxied(url) as wire:
        assert [wire.ask("/")[0] for _ in range(6)] == [200] * 6
    assert len(ports) == 3


@pytest.mark.parametrize(
    "raw",
    [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
     b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_answer_is_502(raw: bytes) -> None:
    with origin(saying(raw)) as url, proxied(url) as wire:
        assert wire.ask("/")[0] == 502


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3\r\n"]
)
def test_an_answer_that_breaks_off_is_not_whole_for_the_client_either(framing: bytes) -> None:
    raw = b"HTTP/1.1 200 OK\r\n" + framing + b"abc\r\n"
    with origin(saying(raw)) as url, proxied(url) as wire, pytest.raises(EOFError):
        wire.ask("/")


def test_nobody_there_is_502_and_silence_504() -> None:
    with proxied("http://127.0.0.1:9") as wire:
        assert wire.ask("/")[0] == 502
    silent = threading.Event()
    with origin(lambda _: silent.wait(5) and None) as url, proxied(url, patience=0.1) as wire:
        assert wire.ask("/")[0] == 504
        silent.set()


def test_an_answer_without_end_ends_with_its_client() -> None:
    ended = threading.Event()

    def endless(file: Any) -> None:
        head_of(file)
        try:
            file.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                file.write(b"1\r\nx\r\n")
                file.flush()
                ended.wait(0.01)
        finally:
            ended.set()

    with origin(endless) as url, running(Upstream(url), lifespan="on") as port:
        with Wire(port) as wire:
            wire.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.socket.recv(10)
        assert ended.wait(10)


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_pass_in_both_directions(chunked: bool) -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})

    def pieces() -> Iterator[bytes]:
        for number in range(50):
            yield b"%d" % (number % 10) * 10_000

    whole = b"".join(pieces())
    with (
        running(echo, http="httptools") as behind,
        running(Upstream(f"http://127.0.0.1:{behind}"), lifespan="on") as port,
        httpx2.Client() as client,
    ):
        for _ in range(2):
            sent: Any = pieces() if chunked else whole
            assert client.post(f"http://127.0.0.1:{port}/", content=sent).content == whole
        assert client.post(f"http://127.0.0.1:{port}/", content=b"").content == b""


def test_pages_of_another_server_are_kept_and_served_when_it_fails() -> None:
    answers = [
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-if-error=60\r\nContent-Length: 3\r\nConnection: close\r\n\r\nold",
    ]
    with Cache("memory://") as cache, origin(saying(answers[0])) as url:
        app = CacheMiddleware(Upstream(url), cache)
        with running(app) as port, Wire(port) as wire:
            assert wire.ask("/")[2] == b"old"
            app.app = Upstream("http://127.0.0.1:9")  # it was killed
            assert wire.ask("/")[2] == b"old"
            assert wire.ask("/other")[0] == 502


@pytest.mark.parametrize("url", ["", "x", "ftp://x", "http://", "http://x:y", "http://x?a=b"])
def test_what_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="upstream"):
        Upstream(url)
