"""Websockets through `afresh serve --upstream`: bytes in both directions, and nothing before the upstream has switched."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from serving_tools import Wire, running
from test_serve_upstream import head_of, origin
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Request, TextMessage

from afresh import Cache
from afresh.edge.asgi import OutwardMiddleware
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve.upstream import Upstream

ASKS = (
    b"GET /chat?a=b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: id=1\r\n\r\n"
)
SWITCHES = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-A: b\r\n\r\n"


def all_of(wire: Wire) -> bytes:
    said = b""
    while data := wire.socket.recv(65_536):
        said += data
    return said


def test_after_the_switch_bytes_pass_in_both_directions() -> None:
    seen: list[list[bytes]] = []

    def echo(file: Any) -> None:
        seen.append(head_of(file))
        file.write(SWITCHES + b"early")
        file.flush()
        file.write(file.read(200_000))

    with origin(echo) as url, Cache("memory://") as cache:
        app = CacheMiddleware(OutwardMiddleware(Upstream(url), cache), cache)
        with running(app, lifespan="on") as port, Wire(port) as wire:
            wire.say(ASKS)
            wire.say(b"x" * 200_000)
            head, _, body = all_of(wire).partition(b"\r\n\r\n")
    assert body == b"early" + b"x" * 200_000
    assert head.split(b"\r\n")[0].startswith(b"HTTP/1.1 101 ")
    assert set(head.split(b"\r\n")[1:]) == {b"x-a: b", b"upgrade: websocket", b"connection: upgrade"}
    assert seen[0][0] == b"GET /chat?a=b HTTP/1.1"
    assert set(seen[0][1:]) == {
        b"host: x", b"upgrade: websocket", b"connection: upgrade", b"cookie: id=1", b"via: 1.1 afresh",
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", b"sec-websocket-version: 13",
        b"x-forwarded-for: 127.0.0.1", b"x-forwarded-proto: http",
    }  # fmt: skip


def test_an_application_behind_speaks_with_a_client_before() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{scope['path']} {message['text']}"})

    def events(wire: Wire, client: WSConnection) -> list[Any]:
        client.receive_data(wire.socket.recv(65_536))
        return list(client.events())

    with (
        running(app, http="httptools", ws="wsproto") as behind,
        running(Upstream(f"http://127.0.0.1:{behind}"), lifespan="on", ws="none") as port,
        Wire(port) as wire,
    ):
        client = WSConnection(ConnectionType.CLIENT)
        wire.say(client.send(Request(host="x", target="/chat%20room")))
        assert isinstance(events(wire, client)[0], AcceptConnection)
        for text in ("one", "two"):
            wire.say(client.send(Message(data=text)))
            assert [each.data for each in events(wire, client) if isinstance(each, TextMessage)] == [
                f"/chat room {text}"
            ]
        wire.say(client.send(CloseConnection(code=1000)))
        assert isinstance(events(wire, client)[0], CloseConnection)
        assert wire.closed()


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
    ],
)
def test_who_gets_another_answer_can_send_nothing_more(raw: bytes) -> None:
    """Else it would be a way for requests that nobody looks at."""
    seen: list[bytes] = []

    def refusing(file: Any) -> None:
        head_of(file)
        file.write(raw)
        file.flush()
        seen.append(file.read())

    with origin(refusing) as url, running(Upstream(url), lifespan="on") as port, Wire(port) as wire:
        wire.say(ASKS + b"GET /secret HTTP/1.1\r\nHost: x\r\n\r\n")
        said = all_of(wire)
    assert said.startswith(raw[:12])
    assert said.endswith(b"no")
    assert b"connection: close" in said
    assert seen == [b""]


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_no_answer_is_502(raw: bytes) -> None:
    def broken(file: Any) -> None:
        head_of(file)
        file.write(raw)

    with origin(broken) as url, running(Upstream(url), lifespan="on") as port, Wire(port) as wire:
        wire.say(ASKS)
        assert all_of(wire).startswith(b"HTTP/1.1 502 ")


def test_silence_is_504() -> None:
    silent = threading.Event()
    with (
        origin(lambda _: _waiting(silent)) as url,
        running(Upstream(url, patience=0.1), lifespan="on") as port,
        Wire(port) as wire,
    ):
        wire.say(ASKS)
        assert all_of(wire).startswith(b"HTTP/1.1 504 ")
        silent.set()


def _waiting(silent: threading.Event) -> None:
    silent.wait(5)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET", b"POST"),
        (b"/chat", b"http://x/chat"),
        (b"Cookie: id=1", b"Content-Length: 1"),
        (b"Cookie: id=1", b"Transfer-Encoding: chunked"),
        (b"Upgrade\r\n", b"Upgrade, Cookie\r\n"),
    ],
)
def test_what_is_no_request_for_a_websocket_is_refused(old: bytes, new: bytes) -> None:
    with (
        origin(lambda file: file.write(SWITCHES)) as url,
        running(Upstream(url), lifespan="on") as port,
        Wire(port) as wire,
    ):
        wire.say(ASKS.replace(old, new))
        assert all_of(wire).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("first", ["client", "upstream", "server"])
def test_it_ends_for_both_when_it_ends_for_one(first: str) -> None:
    begun, ended = threading.Event(), threading.Event()

    def talking(file: Any) -> None:
        head_of(file)
        file.write(SWITCHES + b"hello")
        file.flush()
        begun.set()
        if first != "upstream":
            assert file.read() == b""
        ended.set()

    with origin(talking) as url:
        with running(Upstream(url), lifespan="on") as port:
            wire = Wire(port)
            wire.say(ASKS)
            assert begun.wait(10)
            if first == "client":
                wire.socket.close()
                assert ended.wait(10)
            elif first == "upstream":
                assert all_of(wire).endswith(b"hello")
        with wire:
            if first == "server":
                assert all_of(wire).endswith(b"hello")
            assert ended.wait(10)


def test_the_access_log_has_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    def talking(file: Any) -> None:
        head_of(file)
        file.write(SWITCHES)

    with (
        caplog.at_level(logging.INFO, "uvicorn.access"),
        origin(talking) as url,
        running(Upstream(url), lifespan="on", log_config=None, log_level="info") as port,
        Wire(port) as wire,
    ):
        wire.say(ASKS)
        all_of(wire)
    said = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert [each.partition(" - ")[2] for each in said] == ['"GET /chat?a=b HTTP/1.1" 101']
