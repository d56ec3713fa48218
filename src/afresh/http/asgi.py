"""`CacheMiddleware` for any ASGI application."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias, Unpack
from urllib.parse import quote

from afresh.cache import Cache
from afresh.core.ports import Runtime
from afresh.http import query
from afresh.http.asked import Asked
from afresh.http.exchange import Exchange
from afresh.http.flow import Flow
from afresh.http.hits import Debt, Hit
from afresh.http.holes import Filled, Refill, Values, as_filled, head_of
from afresh.http.lifespan import lifespan
from afresh.http.options import Given
from afresh.http.quick import Quick
from afresh.http.reply import Reply
from afresh.rfc import Fields, Head, Request

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class CacheMiddleware:
    """Answers from the cache what may be answered from it; the application answers the rest.

    ::

        app = CacheMiddleware(app, cache=Cache())

    An answer is stored when its headers allow it (`Cache-Control: max-age=60`), and dropped when
    something changes that it was made from: rows that were read, values of the same cache.

    Args:
        app: Any ASGI application. Websockets and lifespan pass.
        cache: Where pages live, or a pool of it: `cache.pool("pages")`.
        options: See `Options`.

    Raises:
        ConfigurationError: An option makes no sense.
    """

    def __init__(self, app: Application, cache: Cache, **options: Unpack[Given]) -> None:
        self.app = app
        self._flow = Flow(cache, options)
        self._quick = Quick(self._flow.pages)
        self._runtime = self._flow.engine.loop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        quick, path = self._quick, scope.get("raw_path") or b""
        parts = scope["scheme"], path, scope["query_string"], scope["headers"]
        ready = quick.find(scope["method"], *parts)
        if ready is not None:
            await send(
                {"type": "http.response.start", "status": ready.status, "headers": ready.headers.copy()}
            )
            await send({"type": "http.response.body", "body": ready.body})
            return
        asked = self._asked(scope)
        if scope["method"] == query.METHOD:
            asked, receive = await query.read(asked, receive)
        plan = await self._flow.plan(self._runtime, asked)
        if isinstance(plan, Exchange):
            await self._run(plan, scope, receive, send)
        elif plan is None:
            await self.app(scope, receive, send)
        elif plan.doing is not None:
            await self._hit(plan, Hit(scope, plan.doing), asked, receive, send)
        else:
            await _send(await self._filled(plan, scope), send)
            if plan.refresh:
                self._refresh(asked, scope)
            elif plan.entry is not None and path:
                quick.learn(*parts, plan.entry)

    async def _hit(self, plan: Reply, hit: Hit, asked: Asked, receive: Receive, send: Send) -> None:
        """A page answers, with something to be done for it first."""
        flow, scope = self._flow, hit.scope
        flow.effects.on_loop()
        if not await hit.admit(self._flow.engine, flow.effects, later=plan.refresh):
            await self._run(flow.refused(self._runtime, asked, hit), scope, receive, send)
            return
        reply = await self._filled(plan, scope)
        await _send(reply._replace(head=hit.on(reply.head)), send)
        if plan.refresh:
            self._refresh(asked, scope, hit)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Websockets pass. When the server ends, what hits have left to do is done first."""
        if scope["type"] != "lifespan" or not self._flow.rules.base.replay:
            await self.app(scope, receive, send)
        else:
            await lifespan(self.app, scope, receive, send, self.flush)

    async def flush(self) -> None:
        """Do now what hits have left to do.

        Raises:
            Exception: What a function of `replay` raised.
        """
        await asyncio.to_thread(self._flow.effects.flush)

    def _asked(self, scope: Scope) -> Asked:
        """The request, as a framework's glue knows it."""
        return asked_in(scope)

    def _watched(self, exchange: Exchange, scope: Scope) -> Scope:
        """The scope that the application gets; a framework's glue has its reads noticed."""
        return with_fields(scope, exchange.fields)

    async def _run(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        sending = _Sending(exchange, send, lambda names: self._values(scope, names))
        exchange.begin()
        try:
            await self.app(self._watched(exchange, scope), receive, sending)
        except Exception as error:
            reply = None if sending.started else exchange.failed(error)
            if reply is None:
                raise
            await _send(await self._filled(reply, scope), send)
        finally:
            exchange.leave()

    async def _filled(self, reply: Reply, scope: Scope) -> Reply:
        return reply if reply.fill is None else reply.fill(await self._values(scope, reply.holes))

    async def _values(self, scope: Scope, names: Iterable[str]) -> Values:
        """What stands in the holes of a page for this visitor."""
        fillers, values = self._flow.rules.base.holes, {}
        for name in names:
            value = fillers[name](scope)
            values[name] = as_filled(await value if inspect.isawaitable(value) else value)
        return values

    def _refresh(self, asked: Asked, scope: Scope, hit: Hit | None = None) -> None:
        """Have the application answer once more, with nobody waiting: that does what the hit has left to do."""
        calm = {**scope, "method": "GET", "state": dict(scope.get("state", {})), "extensions": {}}

        debt = Debt(hit, self._flow.effects)

        async def job(runtime: Runtime) -> None:
            try:
                exchange = await self._flow.refreshing(runtime, asked)
                if exchange is not None:
                    await self._run(exchange, calm, _nothing_more(), _nowhere)
                    debt.paid()
            except Exception as error:
                self._flow.failed_behind(asked, error)
            finally:
                debt.due()

        if not self._runtime.spawn(job):
            debt.due()


class _Sending:
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
                await _send(
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


async def _send(reply: Reply, send: Send) -> None:
    head = reply.head
    await send({"type": "http.response.start", "status": head.status, "headers": list(head.fields.pairs)})
    await send({"type": "http.response.body", "body": reply.content, "more_body": False})


def asked_in(scope: Scope) -> Asked:
    """The request of a scope."""
    fields = Fields.of(scope["headers"])
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    request = Request(
        method=scope["method"],
        scheme=scope.get("scheme", "http"),
        authority=fields.get(b"host") or b"",
        path=path.partition(b"?")[0],
        query=scope.get("query_string", b""),
        fields=fields,
        content=None,
    )
    client = scope.get("client")
    return Asked(request, client[0] if client else "")


def with_fields(scope: Scope, fields: Fields) -> Scope:
    """A scope with other fields; the same one where they are the same."""
    pairs = list(fields.pairs)
    return scope if pairs == list(map(tuple, scope["headers"])) else {**scope, "headers": pairs}


def _nothing_more() -> Receive:
    """What a refresh receives: an empty body, and never that its client has left."""
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def _nowhere(message: Message) -> None:
    """Where the answer of a refresh goes."""
