"""`CacheMiddleware` for any ASGI application."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias, Unpack
from urllib.parse import quote

from afresh.cache import Cache
from afresh.core.ports import Runtime
from afresh.http.answers.exchange import Exchange
from afresh.http.answers.flow import Flow
from afresh.http.answers.reply import Reply
from afresh.http.gateways.lifespan import lifespan
from afresh.http.gateways.sending import Message, Send, Sending, send_reply
from afresh.http.hits.duties import Debt, Hit
from afresh.http.hits.quick import Quick
from afresh.http.holes import Values, as_filled
from afresh.http.options import Given
from afresh.http.requests import query
from afresh.http.requests.asked import Asked
from afresh.rfc import Fields, Request

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
_Parts: TypeAlias = tuple[str, bytes, bytes, list[tuple[bytes, bytes]]]


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
        parts = scope["scheme"], scope.get("raw_path") or b"", scope["query_string"], scope["headers"]
        ready = self._quick.find(scope["method"], *parts)
        if ready is None:
            await self._answer(parts, scope, receive, send)
            return
        await send({"type": "http.response.start", "status": ready.status, "headers": ready.headers.copy()})
        await send({"type": "http.response.body", "body": ready.body})

    async def _answer(self, parts: _Parts, scope: Scope, receive: Receive, send: Send) -> None:
        """By the whole way, or by the short one with something to be done first."""
        asked, doing = self._asked(scope), self._quick.doing
        ready = self._quick.find(scope["method"], *parts, doing) if doing else None
        plan: Reply | Exchange | None
        if ready is not None:
            plan = self._flow.of_ready(ready, asked)
        else:
            if scope["method"] == query.METHOD:
                asked, receive = await query.read(asked, receive)
            plan = await self._flow.plan(self._runtime, asked)
        if isinstance(plan, Exchange):
            await self._run(plan, scope, receive, send)
        elif plan is None:
            await self.app(scope, receive, send)
        else:
            if parts[1]:
                self._learn(parts, plan)
            await self._hit(plan, asked, scope, receive, send)

    def _learn(self, parts: _Parts, plan: Reply) -> None:
        """The next request like this one may take the short way."""
        if plan.entry is not None:
            self._quick.learn(*parts, plan.entry)
        elif plan.doing is not None and plan.doing.entry is not None:
            self._quick.learn(*parts, plan.doing.entry, doing=True)

    async def _hit(self, plan: Reply, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """A page answers; perhaps with something to be done for it first."""
        flow, hit = self._flow, None if plan.doing is None else Hit(scope, plan.doing)
        if hit is not None:
            flow.effects.on_loop()
            if not await hit.admit(flow.engine, flow.effects, later=plan.refresh):
                await self._run(flow.refused(self._runtime, asked, hit), scope, receive, send)
                return
        reply = await self._filled(plan, scope)
        await send_reply(reply if hit is None else reply._replace(head=hit.on(reply.head)), send)
        if plan.refresh:
            self._refresh(asked, scope, hit)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Websockets pass. When the server ends, what hits have left to do is done first."""
        if scope["type"] != "lifespan" or not self._flow.rules.base.replay:
            await self.app(scope, receive, send)
        else:
            await lifespan(self.app, scope, receive, send, self._end)

    async def _end(self) -> None:
        await asyncio.to_thread(self._flow.effects.end)

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
        sending = Sending(exchange, send, lambda names: self._values(scope, names))
        exchange.begin()
        try:
            await self.app(self._watched(exchange, scope), receive, sending)
        except Exception as error:
            reply = None if sending.started else exchange.failed(error)
            if reply is None:
                raise
            await send_reply(await self._filled(reply, scope), send)
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
