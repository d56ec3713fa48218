"""Reads of the request are noticed, and pages are not cached: for views and fragments that are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask

from afresh.flask.reading.environ import WatchedEnviron
from afresh.flask.reading.requests import watched
from afresh.flask.reading.routing import watch_routing_of
from afresh.flask.reading.sessions import watch_sessions_of
from afresh.flask.reading.visitor import Visitor
from afresh.http.gateways.environ import Environ, asked_in
from afresh.http.requests.reading import Reads
from afresh.http.requests.visit import Visit, visiting


def watch(app: Flask) -> None:
    """Have an application's requests and sessions noticed, where they are watched. Safe to call twice."""
    app.request_class = watched(app.request_class)
    watch_sessions_of(app)
    watch_routing_of(app)


class Watching:
    """Stands where `Pages` would."""

    def __init__(self, app: Flask) -> None:
        self.app = app.wsgi_app
        self._flask = app
        self._looked = False

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if not self._looked:
            watch(self._flask)
            self._looked = True
        visitor = Visitor(self._flask, environ)
        asked = asked_in(environ)._replace(known=visitor.known)
        reads = Reads(asked.request.fields)
        token = visiting.set(Visit(asked, reads))
        try:
            return self.app(WatchedEnviron.of(environ, visitor, reads), start_response)
        finally:
            visiting.reset(token)
