"""A connection that becomes another protocol's: what a websocket says passes in both directions, as it comes.

An ASGI server speaks the protocol itself, and its application the messages of it. A proxy has to
understand none of that. But nothing that the client says goes on before the server behind has agreed
to switch: else a client could say that it wants a websocket, get an answer to that, and go on with
requests that nobody has looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from afresh.http.asgi import Application, Scope
from afresh.http.gateways.sending import Message
from afresh.http.serve.head import Head
from afresh.http.serve.passing import Pairs, answered

TUNNEL = "afresh.tunnel"
"""Among the extensions of a scope: the client's side, which whoever passes bytes on may have whole."""

_PIECE = 65_536
_SWITCHES: Pairs = [(b"upgrade", b"websocket"), (b"connection", b"upgrade")]
_CLOSES: Pairs = [(b"connection", b"close")]
_log = logging.getLogger("afresh")


class Tunnel:
    """The client's side of one connection.

    Args:
        transport: The connection.
        early: What came behind the request.
        log: Is told the status of the answer.
    """

    def __init__(
        self, transport: asyncio.Transport, early: bytes, log: Callable[[int], object] = int
    ) -> None:
        self._reader = asyncio.StreamReader(_PIECE)
        protocol = asyncio.StreamReaderProtocol(self._reader)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._writer = asyncio.StreamWriter(transport, protocol, self._reader, asyncio.get_running_loop())
        self._answered = False
        self._log = log
        if early:
            self._reader.feed_data(early)

    async def run(self, app: Application, scope: Scope) -> None:
        """Have an application do what it does with it; afterwards it is closed."""
        try:
            await app({**scope, "extensions": {TUNNEL: self}}, _connecting, self._said)
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has left, or the server ends
        except Exception:
            _log.exception("a websocket on its way through")
        finally:
            self.shutdown()

    async def answer(self, status: int, fields: Pairs, body: AsyncIterator[bytes] | None = None) -> None:
        """Answer as to any request; the connection ends with that."""
        self._head(status, answered(status, fields) + _CLOSES)
        if body is not None:
            async for piece in body:
                self._writer.write(piece)
                await self._writer.drain()

    async def join(
        self, fields: Pairs, early: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """The other side has switched: pass all on until one of the two has nothing more to say.

        Args:
            fields: Of its answer.
            early: What came behind that.
            reader: Of the connection to it.
            writer: Of the connection to it.
        """
        self._head(101, answered(101, fields) + _SWITCHES)
        self._writer.write(early)
        both = [
            asyncio.create_task(_pass(self._reader, writer)),
            asyncio.create_task(_pass(reader, self._writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()

    def shutdown(self) -> None:
        """Close it. Safe to call twice."""
        self._writer.close()

    def _head(self, status: int, fields: Pairs) -> None:
        self._answered = True
        self._log(status)
        lines = [b"%b: %b\r\n" % pair for pair in fields]
        self._writer.write(STATUS_LINE[status] + b"".join(lines) + b"\r\n")

    async def _said(self, message: Message) -> None:
        """Whoever is in between doesn't let it through."""
        if not self._answered:
            await self.answer(403, [])


def scope_of(head: Head, connection: Mapping[str, Any]) -> Scope:
    """The scope of a websocket.

    Args:
        head: Of the request.
        connection: What is the same for all requests of a connection; its scheme is that of HTTP.
    """
    path, _, query = head.target.partition(b"?")
    return {
        **connection,
        "type": "websocket",
        "http_version": "1.1",
        "scheme": "wss" if connection["scheme"] == "https" else "ws",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "headers": head.fields,
        "subprotocols": [],
    }


def goes_through(app: Any) -> bool:
    """Whether an application, behind its middlewares, passes on what it gets."""
    from afresh.http.serve.upstream import Upstream

    while app is not None and not isinstance(app, Upstream):
        app = getattr(app, "app", None) or getattr(app, "_app", None)
    return app is not None


async def _connecting() -> Message:
    return {"type": "websocket.connect"}


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
