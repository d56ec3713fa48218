"""An ASGI application that forwards to an origin, and a server for it in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from afresh.testing.servers.process import free_port


class OriginGone(ConnectionError):
    """The origin ended the connection without an answer."""


class Gateway:
    """Forwards each request on a connection of its own, and streams what comes back, hop-by-hop fields too."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"a gateway for HTTP is asked for {scope['type']}")
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(_head_of(scope) + await _content(receive))
            await writer.drain()
            status, headers = await _read_head(reader)
            while 100 <= status < 200:
                status, headers = await _read_head(reader)
            passed_on = [pair for pair in headers if pair[0] != b"transfer-encoding" or pair[1] != b"chunked"]
            await send({"type": "http.response.start", "status": status, "headers": passed_on})
            if scope["method"] != "HEAD" and status not in {204, 304}:
                async for part in _parts(reader, headers):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            writer.close()


def _head_of(scope: dict[str, Any]) -> bytes:
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    lines = [b"%s %s HTTP/1.1" % (scope["method"].encode(), target)]
    lines += [b"%s: %s" % pair for pair in scope["headers"] if pair[0] not in {b"connection", b"keep-alive"}]
    return b"\r\n".join([*lines, b"connection: close", b"", b""])


async def _content(receive: Any) -> bytes:
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return content


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, list[tuple[bytes, bytes]]]:
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
    except (asyncio.IncompleteReadError, ConnectionError) as gone:
        raise OriginGone("the origin ended the connection") from gone
    pairs = [line.partition(b":") for line in lines[1:]]
    return int(lines[0].split()[1]), [(name.lower(), value.strip()) for name, _, value in pairs]


async def _parts(reader: asyncio.StreamReader, headers: list[tuple[bytes, bytes]]) -> AsyncIterator[bytes]:
    length = next((int(value) for name, value in headers if name == b"content-length"), None)
    if length is not None:
        yield await reader.readexactly(length)
    elif (b"transfer-encoding", b"chunked") in headers:
        while size := int(await reader.readline(), 16):
            yield await reader.readexactly(size)
            await reader.readline()
    else:
        yield await reader.read()


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """The application behind uvicorn on the loopback interface; its base URL.

    uvicorn's own `Date` and `Server` are off: they would stand beside those that were stored.
    """
    port = free_port()
    config = uvicorn.Config(
        app,
        port=port,
        log_level="critical",
        lifespan="off",
        date_header=False,
        server_header=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "uvicorn did not start"
            thread.join(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
