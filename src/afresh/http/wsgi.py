"""`CacheMiddleware` for any WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from contextvars import copy_context
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeAlias, Unpack

from afresh.cache import Cache
from afresh.core.ports import Runtime
from afresh.http import query
from afresh.http.asked import Asked
from afresh.http.environ import Environ, asked_in, parts_of, with_fields, without_content
from afresh.http.exchange import Exchange
from afresh.http.flow import Flow
from afresh.http.hits import Debt, Hit
from afresh.http.holes import Filled, Refill, as_filled, head_of
from afresh.http.options import Given, Options
from afresh.http.quick import Quick
from afresh.http.reply import Reply
from afresh.rfc import Fields, Head
from afresh.runtime.drive import drive

StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


class CacheMiddleware:
    """Answers from the cache what may be answered from it; the application answers the rest.

    ::

        application = CacheMiddleware(application, cache=Cache())

    Threads may share it. See `afresh.asgi.CacheMiddleware`.

    Args:
        app: Any WSGI application.
        cache: Where pages live, or a pool of it: `cache.pool("pages")`.
        options: See `Options`.

    Raises:
        ConfigurationError: An option makes no sense.
    """

    def __init__(self, app: Application, cache: Cache, **options: Unpack[Given]) -> None:
        self.app = app
        self._flow = Flow(cache, options)
        self._quick = Quick(self._flow.pages)
        self._runtime = self._flow.engine.threads

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        parts, quick = parts_of(environ), self._quick
        ready = quick.find(environ["REQUEST_METHOD"], *parts)
        if ready is not None:
            start_response(_status_line(ready.status), _pairs(ready.headers))
            return [ready.body]
        asked = self._asked(environ)
        ready = quick.find(environ["REQUEST_METHOD"], *parts, quick.doing) if quick.doing else None
        if ready is not None:
            return self._hit(self._flow.of_ready(ready, asked), asked, environ, start_response)
        if asked.request.method == query.METHOD:
            asked, environ = query.read_from(asked, environ)
        plan = drive(self._flow.plan(self._runtime, asked))
        if plan is None:
            return self.app(environ, start_response)
        if isinstance(plan, Exchange):
            return self._ask(plan, asked, environ, start_response)
        if plan.entry is not None:
            quick.learn(*parts, plan.entry)
        elif plan.doing is not None and plan.doing.entry is not None:
            quick.learn(*parts, plan.doing.entry, doing=True)
        return self._hit(plan, asked, environ, start_response)

    def _ask(
        self, exchange: Exchange, asked: Asked, environ: Environ, start_response: StartResponse
    ) -> Running:
        changed = self._watched(exchange, environ, asked)
        return Running(exchange, self.app, changed, start_response).begun()

    def _hit(
        self, plan: Reply, asked: Asked, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """A page answers; perhaps with something to be done for it first."""
        hit = None if plan.doing is None else Hit(environ, plan.doing)
        if hit is not None and not self._admitted(hit, later=plan.refresh):
            return self._ask(self._flow.refused(self._runtime, asked, hit), asked, environ, start_response)
        plan = filled(plan, self._flow.rules.base, environ)
        head = plan.head if hit is None else hit.on(plan.head)
        start_response(_status_line(head.status), _pairs(head.fields))
        if not plan.refresh:
            return [plan.content]
        return _Sent(plan.content, lambda: self._refresh(asked, environ, hit))

    def _admitted(self, hit: Hit, *, later: bool) -> bool:
        """Do what there is to do for a hit; says whether the page may answer."""
        return drive(hit.admit(self._flow.engine, self._flow.effects, later=later))

    def flush(self) -> None:
        """Do now what hits have left to do.

        Raises:
            Exception: What a function of `replay` raised.
        """
        self._flow.effects.flush()

    def _asked(self, environ: Environ) -> Asked:
        """The request, as a framework's glue knows it."""
        return asked_in(environ)

    def _watched(self, exchange: Exchange, environ: Environ, asked: Asked) -> Environ:
        """The environ that the application gets; a framework's glue has its reads noticed."""
        return with_fields(environ, asked.request.fields, exchange.fields)

    def _refresh(self, asked: Asked, environ: Environ, hit: Hit | None) -> None:
        """Have the application answer once more, with nobody waiting: that does what the hit has left to do."""
        calm = without_content(environ)
        debt = Debt(hit, self._flow.effects)

        async def job(runtime: Runtime) -> None:
            try:
                exchange = await self._flow.refreshing(runtime, asked)
                if exchange is not None:
                    self._run_behind(exchange, self._watched(exchange, calm, asked))
                    debt.paid()
            except Exception as error:
                self._flow.failed_behind(asked, error)
            finally:
                debt.due()

        if not self._runtime.spawn(job):
            debt.due()

    def _run_behind(self, exchange: Exchange, environ: Environ) -> None:
        with closing(Running(exchange, self.app, environ, _nobody).begun()) as running:
            for _ in running:
                pass


class Running:
    """The content of an application's answer, stored while the server takes it.

    All of the application runs in a context of its own, piece by piece: what it reads is recorded,
    and what else its thread does meanwhile is not.
    """

    def __init__(
        self, exchange: Exchange, app: Application, environ: Environ, start_response: StartResponse
    ) -> None:
        self._exchange = exchange
        self._app = app
        self._environ = environ
        self._start_response = start_response
        self._context = copy_context()
        self._iterable: Iterable[bytes] = ()
        self._pieces: Iterator[bytes] = iter(())
        self._ready: list[bytes] = []
        self._values: dict[str, Filled] = {}
        self._refill = Refill()
        self._line: tuple[str, Any] = ("", None)
        self._head: Head | None = None
        self._left: int | None = None
        self._send: Callable[[bytes], object] | None = None
        self._started = False
        self._completed = False
        self._exhausted = False
        self._closed = False

    def begun(self) -> Running:
        """Call the application, and take its answer up to where its head can be sent."""
        try:
            self._context.run(self._begin)
            self._pieces = iter(self._iterable)
            if isinstance(self._iterable, (list, tuple)):
                self._exhausted = True
                self._ready = self._take(b"".join(self._pieces), last=True)
            while not self._started and not self._exhausted:
                self._ready += self._next()
        except Exception as error:
            return self._instead_of(error)
        except BaseException:
            self.close()
            raise
        return self

    def _instead_of(self, error: Exception) -> Running:
        reply = None if self._started else self._exchange.failed(error)
        if reply is None:
            self.close()
            raise error
        self._ready = self._reply(reply)
        return self

    def _begin(self) -> None:
        self._exchange.begin()
        self._iterable = self._app(self._environ, self._hear)

    # -- what the application calls -------------------------------------------------------------

    def _hear(
        self, line: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """The application's `start_response`."""
        if exc_info is not None and self._started:
            return self._start_response(line, headers, exc_info)
        fields = Fields.of((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        self._line = (line, exc_info)
        self._head = drive(self._exchange.heard(Head(int(line[:3]), fields)))
        length = fields.get(b"content-length") or b""
        self._left = int(length) if length.isdigit() else None
        if self._head is not None and not self._exchange.collecting and not self._exchange.marks:
            self._start()
        return self._write

    def _write(self, piece: bytes) -> object:
        """The old way to send content: at once."""
        self._exchange.content(piece)
        if self._left is not None:
            self._left -= len(piece)
        if self._head is None:
            return None
        text = self._refilled(piece, last=False)
        return self._start()(text)

    # -- what the server calls ------------------------------------------------------------------

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while not self._ready:
            if self._exhausted:
                raise StopIteration
            self._ready += self._next()
        return self._ready.pop(0)

    def close(self) -> None:
        """The server has what it wants. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            close = getattr(self._iterable, "close", None)
            if close is not None:
                self._context.run(close)
        finally:
            self._context.run(self._exchange.leave)

    # -- steps ----------------------------------------------------------------------------------

    def _next(self) -> list[bytes]:
        """What can be sent of the next piece of content, if there is one."""
        try:
            piece = self._context.run(next, self._pieces)
        except StopIteration:
            self._exhausted = True
            return [] if self._completed else self._take(b"", last=True)
        if self._completed:
            return [piece]
        if self._left is not None:
            self._left -= len(piece)
        # With its last byte it is whole, whenever the application says so.
        return self._take(piece, last=self._left == 0)

    def _take(self, piece: bytes, *, last: bool) -> list[bytes]:
        """Store a piece, and send the head with the first; returns what can be sent."""
        exchange = self._exchange
        exchange.content(piece)
        if last:
            self._completed = True
            drive(exchange.complete(sent=self._started))
            if exchange.reply is not None and not self._started:
                return self._reply(exchange.reply)
        if self._head is None:
            return []
        text = self._refilled(piece, last=last)
        if text or last:
            self._start(text if last else None)
        return [text] if text else []

    def _refilled(self, piece: bytes, *, last: bool) -> bytes:
        """A piece of content with its holes filled."""
        marks = self._exchange.marks
        if not marks:
            return piece
        new = set(marks.values()) - set(self._values)
        self._values.update(values_of(self._exchange.asked.options, self._environ, new))
        return self._refill.piece(piece, marks, self._values, last=last)

    def _start(self, whole: bytes | None = None) -> Callable[[bytes], object]:
        """Send the head, once."""
        if self._send is None:
            assert self._head is not None
            self._started = True
            line, exc_info = self._line
            fields, marks = self._exchange.outward(self._head).fields, self._exchange.marks
            if marks:
                fields = head_of(fields, marks, self._values, whole)
            sent = _pairs(fields)
            answered = (line, sent) if exc_info is None else (line, sent, exc_info)
            self._send = self._start_response(*answered)
        return self._send

    def _reply(self, reply: Reply) -> list[bytes]:
        reply = filled(reply, self._exchange.asked.options, self._environ)
        self._started = self._completed = self._exhausted = True
        _start(reply, self._start_response)
        return [reply.content]


def values_of(options: Options, environ: Environ, names: Iterable[str]) -> dict[str, Filled]:
    """What stands in the holes of a page for this visitor."""
    return {name: as_filled(options.holes[name](environ)) for name in names}


def filled(reply: Reply, options: Options, environ: Environ) -> Reply:
    """A reply with its holes filled."""
    return reply if reply.fill is None else reply.fill(values_of(options, environ, reply.holes))


class _Sent:
    """A whole answer; when the server has sent it, something is still to be done."""

    def __init__(self, content: bytes, then: Callable[[], object]) -> None:
        self._content = content
        self._then = then

    def __iter__(self) -> Iterator[bytes]:
        yield self._content

    def close(self) -> None:
        """It is sent."""
        self._then()


def _start(reply: Reply, start_response: StartResponse) -> None:
    start_response(_status_line(reply.head.status), _pairs(reply.head.fields))


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _pairs(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(_titled(name), value.decode("latin-1")) for name, value in fields]


@lru_cache(maxsize=512)
def _titled(name: bytes) -> str:
    return name.decode("latin-1").title()


def _nobody(*_: object) -> Callable[[bytes], object]:
    """The `start_response` of a refresh."""
    return lambda piece: None
