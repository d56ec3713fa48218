"""Any WSGI application, with what outer caches have to know of its answers. See `outward`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from contextvars import copy_context
from typing import Any

from afresh.cache import Cache
from afresh.edge.leaving import Leaving, Pairs
from afresh.edge.outward import Outward
from afresh.http.gateways.environ import Environ, asked_in
from afresh.http.wsgi import Application, StartResponse
from afresh.runtime.drive import drive


class OutwardMiddleware:
    """Adds names and lifetimes for outer caches, and keeps from them what was overtaken by a change.

    See `afresh.edge.asgi.OutwardMiddleware`. Threads may share it.

    Args:
        app: The application. A cache of whole pages stands before it: `CacheMiddleware(OutwardMiddleware(app, …), …)`.
        cache: Whose ledger numbers what is read.
        outward: How names are made.
    """

    def __init__(self, app: Application, cache: Cache, outward: Outward | None = None) -> None:
        self._app = app
        self._cache = cache
        self._outward = outward or Outward(cache)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return self._app(environ, start_response)
        answer = _Answer(self._outward, self._cache, environ, start_response)
        return answer.begun(self._app, environ)


class _Answer:
    """One answer on its way out. Its head waits for the first part of its body.

    What outer caches may keep is one piece behind the application: before its last piece is sent, it
    has to be known that it is the last.
    """

    def __init__(
        self, outward: Outward, cache: Cache, environ: Environ, start_response: StartResponse
    ) -> None:
        self._context = copy_context()
        self._open = ExitStack()
        collected = self._context.run(self._open.enter_context, cache.scope())
        self._leaving = Leaving(outward, collected, asked_in(environ).request)
        self._start_response = start_response
        self._heard: tuple[str, list[tuple[str, str]], Any] | None = None
        self._write: Callable[[bytes], object] | None = None
        self._ready: list[bytes] = []
        self._pieces: Iterator[bytes] = iter(())
        self._close: Callable[[], object] | None = None
        self._ended = False

    def begun(self, app: Application, environ: Environ) -> _Answer:
        """Call the application, up to where its head can be sent."""
        try:
            iterable = self._context.run(app, environ, self._hear)
            self._close = getattr(iterable, "close", None)
            self._pieces = iter(iterable)
            self._advance()
        except BaseException:
            self.close()
            raise
        return self

    # -- what the application calls -------------------------------------------------------------

    def _hear(
        self, line: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if exc_info is not None and self._write is not None:
            return self._start_response(line, headers, exc_info)  # the server raises it
        self._heard = (line, headers, exc_info)
        return self._written

    def _written(self, piece: bytes) -> object:
        """The old way to send content: at once."""
        return self._send_head()(piece)

    # -- what the server calls ------------------------------------------------------------------

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while not self._ended and len(self._ready) < (2 if self._leaving.keepable() else 1):
            self._advance()
        if not self._ready:
            raise StopIteration
        return self._ready.pop(0)

    def close(self) -> None:
        """The server has what it wants. Safe to call twice."""
        close, self._close = self._close, None
        try:
            if close is not None:
                self._context.run(close)
        finally:
            self._context.run(self._open.close)

    # -- steps ----------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Take one piece of the application's, or learn that there is none."""
        try:
            piece = self._context.run(next, self._pieces)
        except StopIteration:
            self._ended = True
            self._send_head()
            drive(self._leaving.end())
            return
        if piece:
            self._send_head()
            self._ready.append(piece)

    def _send_head(self) -> Callable[[bytes], object]:
        """Send the head, once."""
        if self._write is None:
            assert self._heard is not None, "an application calls start_response before it sends anything"
            line, headers, exc_info = self._heard
            given: Pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            fields = self._leaving.head(int(line[:3]), given)
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
            more = () if exc_info is None else (exc_info,)
            self._write = self._start_response(line, pairs, *more)
        return self._write
