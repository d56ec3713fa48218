"""Connections to an upstream that says more than it was asked: none of it is anybody's answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from serving_tools import Wire, running
from test_serve_upstream import OK, head_of, origin, proxied

from afresh import Cache
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve import upstream
from afresh.http.serve.channel import AnswerHead, Channel, Gone
from afresh.http.serve.incoming import Incoming
from afresh.http.serve.upstream import Upstream

EVIL = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nEVIL"
LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CLOSES = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Origin:
    """Says at `/0`, `/1` … what a test wants, and more when it wants that; elsewhere what is asked for."""

    def __init__(self, *cases: tuple[bytes, bytes]) -> None:
        self._cases = {b"/%d" % number: case for number, case in enumerate(cases)}
        self._now = threading.Semaphore(0)
        self._ended = threading.Semaphore(0)

    def __call__(self, file: Any) -> None:
        while lines := head_of(file):
            path = lines[0].split(b" ")[1]
            if path in self._cases:
                self._more(file, *self._cases[path])
                return
            file.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))
            file.flush()

    def _more(self, file: Any, answer: bytes, more: bytes) -> None:
        file.write(answer)
        file.flush()
        assert self._now.acquire(timeout=10)
        with suppress(ConnectionError):
            file.write(more)
            file.flush()
            assert head_of(file) == [], "nobody asks"
        self._ended.release()

    def more(self) -> None:
        """Say it, and see the connection end, though nobody asks."""
        self._now.release()
        assert self._ended.acquire(timeout=10)


BEHIND = [
    ("GET", OK, EVIL),
    ("GET", OK, LATE),
    ("GET", OK, b"\r\n"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EVIL),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", EVIL),
    ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n', EVIL),
    ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"0\r\n\r\n"),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_what_comes_behind_an_answer_ends_the_connection_at_once(loop: str) -> None:
    behind = Origin(*[case[1:] for case in BEHIND])
    with (
        origin(behind) as url,
        Cache("memory://") as cache,
        running(CacheMiddleware(Upstream(url), cache), lifespan="on", loop=loop) as port,
        Wire(port) as wire,
    ):
        for number, (method, _, _) in enumerate(BEHIND):
            wire.say(f"{method} /{number} HTTP/1.1\r\nHost: x\r\nAuthorization: me\r\n\r\n".encode())
            wire.hear()
            behind.more()
            for path in (f"/a{number}", f"/b{number}", f"/a{number}"):
                assert wire.ask(path)[2] == path.encode()


SAYS_MORE = [
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 80\r\nConnection: close\r\n\r\n"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
    ("HEAD", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 80\r\n\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 80\r\n\r\n"),
    ("GET", CLOSES),
    ("GET", OK + b"H"),
    ("GET", OK + EVIL),
]


def test_a_connection_that_may_say_more_is_not_kept() -> None:
    """The content that a HEAD's answer speaks of must not come; when it does, then maybe after the next request."""
    behind = Origin(*[(answer, b"") for _, answer in SAYS_MORE])
    with origin(behind) as url, running(Upstream(url), lifespan="on") as port:
        for number, (method, _) in enumerate(SAYS_MORE):
            with Wire(port) as wire:
                wire.say(f"{method} /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert wire.socket.recv(65_536)
                behind.more()


def test_a_kept_connection_whose_patience_ended_is_asked_again_elsewhere() -> None:
    asked: list[bytes] = []

    def answer(file: Any) -> None:
        for each in (OK, LATE):
            if not (lines := head_of(file)):
                return
            asked.append(lines[0])
            file.write(each)
            file.flush()

    with origin(answer) as url, proxied(url) as wire:
        assert [wire.ask(path)[0] for path in ("/a", "/b", "/c")] == [200] * 3
    assert [line.split(b" ")[1] for line in asked] == [b"/a", b"/b", b"/b", b"/c", b"/c"]


def test_a_page_whose_visitor_left_is_not_taken_for_whole() -> None:
    """Its end is the connection's; and that was ours."""
    asked, ended = [], threading.Event()

    def answer(file: Any) -> None:
        head_of(file)
        asked.append(1)
        fields = b"Cache-Control: max-age=60\r\nContent-Type: text/plain\r\n\r\n"
        file.write(b"HTTP/1.1 200 OK\r\n" + fields + (b"half" if len(asked) == 1 else b"whole"))
        file.flush()
        if len(asked) == 1:
            with suppress(ConnectionError):
                head_of(file)  # until we close
            ended.set()

    with (
        origin(answer) as url,
        Cache("memory://") as cache,
        running(CacheMiddleware(Upstream(url), cache), lifespan="on") as port,
    ):
        with Wire(port) as wire:
            wire.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.socket.recv(10)
        assert ended.wait(10)
        with Wire(port) as wire:
            assert wire.ask("/")[2] == b"whole"


# -- one connection, with nothing between the steps ------------------------------------------------


async def connected() -> tuple[Channel, socket.socket]:
    """A connection, and the other end of it."""
    ours, theirs = socket.socketpair()
    reader = Incoming()
    loop, protocol = asyncio.get_running_loop(), asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
    return Channel(reader, asyncio.StreamWriter(transport, protocol, reader, loop)), theirs


async def answered(channel: Channel, theirs: socket.socket, answer: bytes, method: str = "GET") -> bytes:
    await channel.ask(b"GET / HTTP/1.1\r\n\r\n", b"", None, False)
    theirs.sendall(answer)
    await channel.head(method, 5, nothing)
    return b"".join([piece async for piece in channel.body(5)])


async def nothing(_: AnswerHead) -> None:
    pass


def on(steps: Callable[[Channel, socket.socket], Any]) -> None:
    async def all_of_it() -> None:
        channel, theirs = await connected()
        with theirs:
            try:
                await steps(channel, theirs)
            finally:
                channel.close()

    asyncio.run(all_of_it())


@pytest.mark.parametrize("more", [EVIL, b"x", b""])
def test_what_only_the_kernel_has_is_seen(more: bytes) -> None:
    """The event loop tells of it after the next request has been written."""

    async def steps(channel: Channel, theirs: socket.socket) -> None:
        assert await answered(channel, theirs, OK) == b"ok"
        assert channel.reusable
        theirs.sendall(more) if more else theirs.shutdown(socket.SHUT_WR)
        assert not channel.alive

    on(steps)


def test_what_lies_in_the_reader_is_seen() -> None:
    """More than is read at once."""
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 65000\r\n\r\n" + b"x" * 65_000

    async def steps(channel: Channel, theirs: socket.socket) -> None:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        await answered(channel, theirs, long + b"\r\n" * 5_000)
        assert not channel.reusable

    on(steps)


def test_a_connection_that_the_upstream_closes_is_closed_here_too() -> None:
    """Not when somebody asks next: it would hold a descriptor on both sides until then."""

    async def steps(channel: Channel, theirs: socket.socket) -> None:
        theirs.setblocking(False)
        assert await answered(channel, theirs, OK) == b"ok"
        theirs.shutdown(socket.SHUT_WR)
        loop = asyncio.get_running_loop()
        while await asyncio.wait_for(loop.sock_recv(theirs, 1_000), 10):
            pass  # what was asked, and the end
        assert not channel.alive

    on(steps)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_who_speaks_first_has_not_answered(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = threading.Event()

    def greeting(file: Any) -> None:
        file.write(EVIL)
        file.flush()
        said.set()
        head_of(file)

    def opened(*given: Any) -> Channel:
        assert said.wait(10)  # by now it is in the kernel; the event loop stands still
        return Channel(*given)

    monkeypatch.setattr(upstream, "Channel", opened)
    with (
        origin(greeting) as url,
        running(Upstream(url), lifespan="on", loop=loop) as port,
        Wire(port) as wire,
    ):
        assert wire.ask("/")[0] == 502


def test_what_comes_before_the_request_is_no_answer() -> None:
    async def steps(channel: Channel, theirs: socket.socket) -> None:
        theirs.setblocking(False)
        theirs.sendall(EVIL)
        assert await asyncio.get_running_loop().sock_recv(theirs, 1) == b"", "it is closed"
        with pytest.raises(Gone):
            await channel.ask(b"GET / HTTP/1.1\r\n\r\n", b"", None, False)

    on(steps)


def test_a_request_that_is_not_wholly_sent_ends_its_connection() -> None:
    """A server may answer before; then what it takes the rest for is its own affair."""

    async def steps(channel: Channel, theirs: socket.socket) -> None:
        more = asyncio.Event()

        async def rest() -> AsyncIterator[bytes]:
            await more.wait()
            yield b"x"

        await channel.ask(b"POST / HTTP/1.1\r\n\r\n", b"x", rest(), True)
        theirs.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        answer = await channel.head("POST", 5, nothing)
        assert (answer.status, [piece async for piece in channel.body(5)], channel.reusable) == (
            413,
            [],
            False,
        )

    on(steps)


def test_a_request_in_our_buffers_is_not_sent_either() -> None:
    async def steps(channel: Channel, theirs: socket.socket) -> None:
        asking = asyncio.create_task(channel.ask(b"POST / HTTP/1.1\r\n\r\n", b"x" * 5_000_000, None, False))
        await asyncio.sleep(0)
        theirs.sendall(OK)
        await channel.head("POST", 5, nothing)
        assert [piece async for piece in channel.body(5)] == [b"ok"]
        assert not channel.reusable
        asking.cancel()

    on(steps)
