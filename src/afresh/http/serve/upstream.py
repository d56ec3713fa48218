"""Another server, as an ASGI application: what `afresh serve --upstream` stands in front of."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from afresh.errors import ConfigurationError
from afresh.http.asgi import Receive, Scope
from afresh.http.gateways.sending import Send
from afresh.http.serve.channel import AnswerHead, Channel, Gone, Late
from afresh.http.serve.extending import HINTS, TRAILERS
from afresh.http.serve.incoming import Incoming
from afresh.http.serve.passing import (
    answered,
    as_trailers,
    end_to_end,
    forwarded,
    misnamed,
    unmistakable,
    wants_trailers,
)
from afresh.http.serve.tunnel import TUNNEL, Tunnel
from afresh.rfc import Fields, via

_AGAIN = frozenset(
    ["GET", "HEAD", "OPTIONS", "QUERY"]
)  # safe to ask twice: a kept connection may have been closed
_WAITED = 408  # from a kept connection: said of its silence, not of the request (RFC 9110 §15.5.9)
_IDLE = 100  # connections that are kept open


class Address(NamedTuple):
    """Where the upstream is."""

    host: str
    port: int
    path: str
    context: ssl.SSLContext | None
    unix: str = ""
    authority: bytes = b"localhost"


class Upstream:
    """Passes requests on, in both directions as they come.

    Args:
        url: `http://127.0.0.1:8000`, `https://…`, or `unix:/path/to.sock`.
        connect: Seconds for a connection.
        patience: Seconds that the upstream may say nothing.
        context: For TLS; by default the system's authorities are trusted.
    """

    def __init__(
        self,
        url: str,
        *,
        connect: float = 5.0,
        patience: float = 60.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._address = _address(url, context)
        self._connect = connect
        self._patience = patience
        self._idle: list[Channel] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            tunnel: Tunnel | None = (scope.get("extensions") or {}).get(TUNNEL)
            if tunnel is not None:
                await self._through(scope, tunnel)
                return
            await receive()
            await send({"type": "websocket.close", "code": 1011})
        else:
            await self._pass(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        while self._idle:
            self._idle.pop().close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if name := misnamed(scope["headers"]):
            await _say(400, b"Connection names %b, which isn't the connection's" % name, send)
            return
        started = False
        try:
            async with aclosing(self._answer(scope, receive, send)) as messages:
                async for message in messages:
                    started = True
                    await send(message)
        except (OSError, Gone, Late) as error:
            if started:
                raise  # the client must see that it isn't whole
            await _failed(error, send)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send
    ) -> AsyncGenerator[dict[str, Any], None]:
        body, more = await _first(receive)
        channel, answer = await self._asked(scope, body, receive if more else None, send)
        trailers = wants_trailers(scope) and any(name == b"trailer" for name, _ in answer.fields)
        watching = None if more else asyncio.create_task(_left(receive, channel))
        whole = False
        try:
            yield {
                "type": "http.response.start",
                "status": answer.status,
                "headers": answered(answer.status, answer.fields),
                "trailers": trailers,
            }
            async for piece in channel.body(self._patience):
                yield {"type": "http.response.body", "body": piece, "more_body": True}
            whole = True
            yield {"type": "http.response.body", "body": b"", "more_body": False}
            if trailers:
                yield {"type": TRAILERS, "headers": as_trailers(channel.trailers), "more_trailers": False}
        except (Gone, OSError):
            if not channel.left:
                raise
        finally:
            if watching is not None:
                watching.cancel()
            if whole and channel.reusable and len(self._idle) < _IDLE:
                channel.used = True
                self._idle.append(channel)
            else:
                channel.close()

    async def _asked(
        self, scope: Scope, body: bytes, more: Receive | None, send: Send
    ) -> tuple[Channel, AnswerHead]:
        """Send a request and have the head of its answer; on another connection if a kept one was closed."""
        head, chunked, method = self._head(scope), self._chunked(scope), scope["method"]
        while True:
            channel = await self._channel()
            again = channel.used and more is None and method in _AGAIN
            try:
                await channel.ask(head, body, _rest(more) if more else None, chunked)
                answer = await channel.head(method, self._patience, _hinting(scope, send))
                if again and answer.status == _WAITED:
                    raise Gone("the upstream had waited long enough for a request")
                return channel, answer
            except BaseException as error:
                channel.close()
                if not again or not isinstance(error, (Gone, ConnectionError)):
                    raise

    async def _through(self, scope: Scope, tunnel: Tunnel) -> None:
        """Ask the upstream to switch; then bytes pass. What else it answers is the client's answer."""
        if name := misnamed(scope["headers"]):
            await tunnel.answer(400, [], _text(b"Connection names %b, which isn't the connection's" % name))
            return
        channel: Channel | None = None
        try:
            channel = await self._open()
            channel.switching = True
            await channel.ask(self._head(scope), b"", None, False)
            answer = await channel.head("GET", self._patience, _unheard)
        except (OSError, Gone, Late) as error:
            status, text = _failure(error)
            await tunnel.answer(status, [], _text(text))
        else:
            if answer.status == 101:
                early, reader, writer = channel.taken()
                await tunnel.join(answer.fields, early, reader, writer)
            else:
                await tunnel.answer(answer.status, answer.fields, channel.body(self._patience))
        finally:
            if channel is not None:
                channel.close()

    async def _channel(self) -> Channel:
        while self._idle:
            channel = self._idle.pop()
            if channel.alive:
                return channel
            channel.close()
        return await self._open()

    async def _open(self) -> Channel:
        address = self._address
        loop, reader = asyncio.get_running_loop(), Incoming()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport: asyncio.Transport
        async with asyncio.timeout(self._connect):
            if address.unix:
                transport, _ = await loop.create_unix_connection(lambda: protocol, address.unix)
            else:
                transport, _ = await loop.create_connection(
                    lambda: protocol,
                    address.host,
                    address.port,
                    ssl=address.context,
                    server_hostname=address.host if address.context else None,
                )
        channel = Channel(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
        if address.context is None and not channel.alive:  # over TLS, what waits needn't be an answer
            channel.close()
            raise Gone("what the upstream says is no answer: nothing was asked")
        return channel

    @staticmethod
    def _chunked(scope: Scope) -> bool:
        return not any(name == b"content-length" for name, _ in scope["headers"])

    def _head(self, scope: Scope) -> bytes:
        """The request as the upstream gets it."""
        target = self._address.path.encode() + (scope.get("raw_path") or scope["path"].encode())
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        websocket = scope["type"] == "websocket"
        lines = [(b"GET" if websocket else scope["method"].encode()) + b" " + target + b" HTTP/1.1"]
        fields = unmistakable(end_to_end(scope["headers"]))
        if not any(name == b"host" for name, _ in fields):  # HTTP/1.0 has none, and 1.1 must (RFC 9112 §3.2)
            fields.insert(0, (b"host", self._address.authority))
        if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            fields.append((b"transfer-encoding", b"chunked"))
        client = scope["client"][0].encode() if scope.get("client") else b""
        if wants_trailers(scope):
            fields += [(b"te", b"trailers"), (b"connection", b"te")]
        if websocket:
            fields += [(b"upgrade", b"websocket"), (b"connection", b"upgrade")]
        scheme = scope.get("scheme", "http").replace("ws", "http")
        fields = forwarded(fields, client, scheme.encode())
        passed = via(Fields(tuple(fields)), scope.get("http_version", "1.1"), "afresh")
        lines += [name + b": " + value for name, value in passed]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def _hinting(scope: Scope, send: Send) -> Callable[[AnswerHead], Awaitable[object]]:
    """Passes early hints on. Other interim answers are about this connection: nobody asked for them."""

    async def interim(answer: AnswerHead) -> None:
        links = [value for name, value in answer.fields if name == b"link"]
        if answer.status == 103 and links and HINTS in (scope.get("extensions") or {}):
            await send({"type": HINTS, "links": links})

    return interim


async def _failed(error: Exception, send: Send) -> None:
    await _say(*_failure(error), send)


def _failure(error: Exception) -> tuple[int, bytes]:
    if isinstance(error, (Late, TimeoutError)):
        return 504, b"the upstream is silent"
    return 502, b"the upstream doesn't answer"


async def _unheard(answer: AnswerHead) -> None:
    """Interim answers before a switch are about this connection."""


async def _text(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def _say(status: int, text: bytes, send: Send) -> None:
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": text})


async def _left(receive: Receive, channel: Channel) -> None:
    """Wait for the client to leave: then nobody needs the rest of the answer, which may have no end."""
    while (await receive())["type"] != "http.disconnect":
        pass
    channel.left = True
    channel.close()


async def _first(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone("the client left")
    return message.get("body", b""), message.get("more_body", False)


async def _rest(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone("the client left")
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


def _address(url: str, context: ssl.SSLContext | None) -> Address:
    if url.startswith("unix:"):
        return Address("", 0, "", None, url[5:])
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if (
        port == -1
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
    ):
        raise ConfigurationError(f"upstream {url!r}: write http://HOST:PORT, https://HOST or unix:/PATH.")
    secure = parts.scheme == "https"
    used = (context or ssl.create_default_context()) if secure else None
    authority = parts.netloc.rpartition("@")[2].encode()
    port = port or (443 if secure else 80)
    return Address(parts.hostname, port, parts.path.rstrip("/"), used, authority=authority)
