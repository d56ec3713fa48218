"""Flask's routing looks at every request's environ: that by itself is no read of the view's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.routing import RequestRedirect

from afresh.flask.reading.environ import WatchedEnviron
from afresh.http.requests.reading import QUERY


def watch_routing_of(app: Flask) -> None:
    """Let an application route unnoticed, in requests that are watched. Safe to call twice."""
    plain = app.create_url_adapter
    if not isinstance(plain, _Adapting):
        app.create_url_adapter = _Adapting(plain)  # type: ignore[method-assign]


class _Adapting:
    """`create_url_adapter`: of what it reads, host and scheme are in the key, the query is for redirects."""

    def __init__(self, plain: Callable[[Any], Any]) -> None:
        self._plain = plain

    def __call__(self, request: Any) -> Any:
        environ = getattr(request, "environ", None)
        if not isinstance(environ, WatchedEnviron):
            return self._plain(request)
        with environ.unnoticed():
            adapter = self._plain(request)
            upgraded = "HTTP_UPGRADE" in environ
        if upgraded and environ.reads is not None:  # what is no websocket is then not found
            environ.reads.header(b"upgrade")
            environ.reads.header(b"connection")
        return adapter


def redirected(environ: object, error: object) -> None:
    """Routing has failed: a redirect carries the query as it came."""
    if (
        isinstance(error, RequestRedirect)
        and isinstance(environ, WatchedEnviron)
        and environ.reads is not None
    ):
        environ.reads.read(QUERY)
