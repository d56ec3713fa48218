"""What stands between an ASGI application and its client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from afresh.http.answers.exchange import Exchange
from afresh.http.answers.reply import Reply
from afresh.http.holes import Filled, Refill, Values, head_of
from afresh.rfc import Fields, Head

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class Sending:
    """Stands between the application and the client.

    The head waits for the first piece of content: an answer in one piece is stored before anything
    of it is sent, so its head can still say what has become of it.
    """

    def __init__(
        self, exchange: Exchange, send: Send, values: Callable[[Iterable[str]], Awaitable[Values]]
    ) -> None:
        self._exchange = exchange
        self._values_of = values
        self._values: dict[str, Filled] = {}
        self._refill = Refill()
        self._send = send
        self._head: Head | None = None
        self._start: Message = {}
        self.started = False

    async def __call__(self, message: Message) -> None:
        """Take one message of the application's."""
        kind = message["type"]
        if kind == "http.response.start":
            await self._take_head(message)
        elif kind == "http.response.body":
            await self._take_body(message)
        else:
            await self._other(message)

    async def _take_head(self, message: Message) -> None:
        exchange = self._exchange
        if message.get("trailers"):
            exchange.refuse("it has trailers")
        head = Head(message["status"], Fields.of(message.get("headers", ())))
        self._start, self._head = message, await exchange.heard(head)
        if not exchange.collecting and not exchange.marks and self._head is not None:
            await self._send_head()

    async def _take_body(self, message: Message) -> None:
        exchange, last = self._exchange, not message.get("more_body", False)
        exchange.content(message.get("body", b""))
        if last:
            await exchange.complete(sent=self.started)
            reply = exchange.reply
            if reply is not None and not self.started:
                self.started = True
                await send_reply(
                    reply if reply.fill is None else reply.fill(await self._values_of(reply.holes)),
                    self._send,
                )
                return
        if self._head is None:
            return
        if exchange.marks:
            body = await self._refilled(message.get("body", b""), last=last)
            message = {**message, "body": body}
            await self._send_head(body if last else None)
        await self._send_head()
        await self._send(message)

    async def _refilled(self, piece: bytes, *, last: bool) -> bytes:
        """A piece of content with its holes filled."""
        marks = self._exchange.marks
        new = set(marks.values()) - set(self._values)
        self._values.update(await self._values_of(new) if new else {})
        return self._refill.piece(piece, marks, self._values, last=last)

    async def _send_head(self, whole: bytes | None = None) -> None:
        if not self.started and self._head is not None:
            self.started = True
            exchange = self._exchange
            fields = exchange.outward(self._head).fields
            if exchange.marks:
                fields = head_of(fields, exchange.marks, self._values, whole)
            await self._send({**self._start, "headers": list(fields.pairs)})

    async def _other(self, message: Message) -> None:
        """Content that is sent by another way (a file by its path), or what is no part of the answer."""
        if message["type"] in {"http.response.pathsend", "http.response.zerocopysend"}:
            self._exchange.refuse("its content is sent by the server")
            await self._send_head()
        await self._send(message)


async def send_reply(reply: Reply, send: Send) -> None:
    """Send an answer that is whole."""
    head = reply.head
    await send({"type": "http.response.start", "status": head.status, "headers": list(head.fields.pairs)})
    await send({"type": "http.response.body", "body": reply.content, "more_body": False})
