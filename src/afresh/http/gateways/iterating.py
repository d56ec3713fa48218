"""What stands between a WSGI application and its server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeAlias

from afresh.http.answers.exchange import Exchange
from afresh.http.answers.reply import Reply
from afresh.http.gateways.environ import Environ
from afresh.http.holes import Filled, Refill, as_filled, head_of
from afresh.http.options import Options
from afresh.rfc import Fields, Head
from afresh.runtime.drive import drive

StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


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
            sent = pairs_of(fields)
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


def _start(reply: Reply, start_response: StartResponse) -> None:
    start_response(status_line(reply.head.status), pairs_of(reply.head.fields))


@lru_cache(maxsize=64)
def status_line(status: int) -> str:
    """Status and phrase, as WSGI has them."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def pairs_of(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Fields, as WSGI has them."""
    return [(_titled(name), value.decode("latin-1")) for name, value in fields]


@lru_cache(maxsize=512)
def _titled(name: bytes) -> str:
    return name.decode("latin-1").title()
