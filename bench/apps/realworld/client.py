"""Who asks the application: over HTTP/1.1 on connections that stay open, or within the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
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
    """One connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, target: str, token: str | None = None, data: Any = None) -> Answer:
        """One request."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        body = b"" if data is None else json.dumps(data).encode()
        head = b"".join(b"%b: %b\r\n" % field for field in _fields(token, body))
        self._writer.write(f"{method} {target} HTTP/1.1\r\n".encode() + head + b"\r\n" + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(fields.get("content-length", "0"))
        return Answer(int(lines[0].split()[1]), fields, await self._reader.readexactly(length))

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()
