"""Hits of one application, as bytes.

Browsers send the same head again and again, so what came before is known by its bytes: the request in
it, and the answer's bytes of this second. Whether the page is still there, fresh and current is asked
each time, of the same function that the middleware asks (`quick`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from afresh.http.asgi import CacheMiddleware
from afresh.http.hits.quick import Ready
from afresh.http.serve.head import Head

_MOST = 4_096  # heads that are known, and
_LONGEST = 2_048  # bytes of each
_BODILESS = frozenset([204, 205, 304])

Defaults = Callable[[], list[tuple[bytes, bytes]]]


class Known:
    """A head that came before.

    Attributes:
        parts: What `Quick.find` takes.
        ready: The answer that `wire` is.
        wire: All its bytes.
        line: For the access log.
    """

    __slots__ = ("line", "parts", "ready", "wire")

    def __init__(self, parts: tuple[Any, ...], line: str) -> None:
        self.parts = parts
        self.line = line
        self.ready: Ready | None = None
        self.wire = b""


class Answers:
    """What can be answered without the application, for connections of one kind.

    Args:
        middleware: The application's cache.
        scheme: Of these connections.
        forwarded: Their peer is a proxy that is believed.
        status_lines: By status.

    Attributes:
        known: Heads that came before, by their bytes.
    """

    def __init__(
        self, middleware: CacheMiddleware, scheme: str, forwarded: bool, status_lines: dict[int, bytes]
    ) -> None:
        self._find = middleware._quick.find
        self._scheme = scheme
        self._forwarded = forwarded
        self._status_lines = status_lines
        self.known: dict[bytes, Known] = {}

    def learn(self, raw: bytes, head: Head) -> Known | None:
        """A new head; `None` if it isn't one of a plain request."""
        if head.method != b"GET" or head.version != b"1.1" or head.close or head.upgrade or head.length != 0:
            return None
        if head.target[0] != 47 or any(name == b"expect" for name, _ in head.fields):
            return None
        path, _, query = head.target.partition(b"?")
        known = Known(("GET", self._scheme_of(head), path, query, head.fields), head.target.decode("ascii"))
        if len(raw) <= _LONGEST:
            if len(self.known) >= _MOST:
                self.known.clear()
            self.known[raw] = known
        return known

    def wire(self, known: Known, defaults: list[tuple[bytes, bytes]]) -> bytes | None:
        """The bytes of the answer; `None` where the application has to be asked.

        Args:
            known: The request.
            defaults: Fields that the server adds.
        """
        ready = self._find(*known.parts)
        if ready is None:
            return None
        if ready is not known.ready:
            known.ready, known.wire = ready, self._written(ready, defaults)
        return known.wire

    def _scheme_of(self, head: Head) -> str:
        """As `ProxyHeadersMiddleware` of uvicorn tells it to the application."""
        if self._forwarded:
            for name, value in reversed(head.fields):
                if name == b"x-forwarded-proto":
                    said = value.decode("latin-1").strip()
                    return said if said in {"http", "https", "ws", "wss"} else self._scheme
        return self._scheme

    def _written(self, ready: Ready, defaults: list[tuple[bytes, bytes]]) -> bytes:
        names = {name for name, _ in ready.headers}
        parts = [self._status_lines[ready.status]]
        for name, value in [*[each for each in defaults if each[0] not in names], *ready.headers]:
            if name != b"content-length":
                parts += (name, b": ", value, b"\r\n")
        if ready.status not in _BODILESS:
            parts.append(b"content-length: %d\r\n" % len(ready.body))
        parts += (b"\r\n", ready.body)
        return b"".join(parts)


def cache_of(app: Any) -> tuple[CacheMiddleware | None, Any]:
    """The cache that stands first before an application, and the middleware that believes proxies, if any.

    Nothing else may stand before it: a hit would go past that.
    """
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    from afresh.http.serve.marking import HitsMarked

    trusted = None
    while isinstance(app, (ProxyHeadersMiddleware, HitsMarked)):
        if isinstance(app, ProxyHeadersMiddleware):
            trusted = app.trusted_hosts
        app = app.app
    return (app, trusted) if isinstance(app, CacheMiddleware) else (None, trusted)
