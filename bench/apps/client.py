"""Who asks the application: over HTTP/1.1 on connections that stay open, or within the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol


class Answer(NamedTuple):
    """What came back."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class Asks(Protocol):
    """Sends one request after the other."""

    async def ask(self, method: str, target: str, token: str | None = None, data: Any = None) -> Answer:
        """One request."""


def _fields(token: str | None, body: bytes) -> Iterable[tuple[bytes, bytes]]:
    yield b"host", b"conduit.example"
    if token is not None:
        yield b"authorization", f"Token {token}".encode()
    if body:
        yield b"content-type", b"application/json"
    yield b"content-length", b"%d" % len(body)


class InProcess:
    """Calls an ASGI application."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def ask(self, method: str, target: str, token: str | None = None, data: Any = None) -> Answer:
        """One request."""
        path, _, query = target.partition("?")
        body = b"" if data is None else json.dumps(data).encode()
        parts, sent = [{"type": "http.request", "body": body, "more_body": False}], list[Any]()

        async def receive() -> Any:
            return parts.pop() if parts else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": list(_fields(token, body)),
            "client": ("192.0.2.1", 1),
            "server": ("conduit.example", 80),
        }
        await self._app(scope, receive, send)
        fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], fields, b"".join(each.get("body", b"") for each in sent[1:]))


class Remote:
    """One connection to a server on this machine, opened again where the server has grown tired of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, target: str, token: str | None = None, data: Any = None) -> Answer:
        """One request."""
        body = b"" if data is None else json.dumps(data).encode()
        head = b"".join(b"%b: %b\r\n" % field for field in _fields(token, body))
        request = f"{method} {target} HTTP/1.1\r\n".encode() + head + b"\r\n" + body
        used = self._writer is not None
        try:
            return await self._sent(request)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if not used or getattr(error, "partial", b""):
                raise
            await self.close()
            return await self._sent(request)

    async def _sent(self, request: bytes) -> Answer:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(request)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if fields.get("transfer-encoding") == "chunked":
            body = b"".join([each async for each in _chunks(self._reader)])
        else:
            body = await self._reader.readexactly(int(fields.get("content-length", "0")))
        return Answer(int(lines[0].split()[1]), fields, body)

    async def close(self) -> None:
        """Hang up."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while length := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(length + 2))[:-2]
    await reader.readexactly(2)
