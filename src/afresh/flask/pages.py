"""Whole pages of a Flask application: what a view reads of the request decides who shares its answer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, Unpack

from flask import Flask

from afresh.cache import Cache
from afresh.core.durations import Duration, seconds
from afresh.errors import ConfigurationError
from afresh.flask import csrf
from afresh.flask.reading.environ import WatchedEnviron
from afresh.flask.reading.visitor import Visitor
from afresh.flask.watching import watch
from afresh.http.answers.exchange import Exchange
from afresh.http.gateways.environ import Environ, asked_in
from afresh.http.hits.duties import Hit
from afresh.http.options import Given, functions
from afresh.http.requests.asked import Asked
from afresh.http.requests.reading import Reads
from afresh.http.wsgi import CacheMiddleware, StartResponse

UNSEEN = "60s"
"""What nobody announces (a file, another service) may be so old."""


class Pages(CacheMiddleware):
    """Stands innermost, around Flask's own `wsgi_app`. `Afresh.init_app` puts it there.

    Args:
        app: The application.
        cache: Where pages live, or a pool of it.
        auto: Pages that say nothing of caching are stored for so long, if they depend on nothing that
            can't be a part of their key. `None`: only what says so itself.
        unkeyed: Fields that make no difference to what visitors see, though they are read.
        options: See `afresh.http.options.Options`. Functions are called in the application's context.
    """

    def __init__(
        self,
        app: Flask,
        cache: Cache,
        *,
        auto: Duration | None = UNSEEN,
        unkeyed: Iterable[str] = (),
        **options: Unpack[Given],
    ) -> None:
        if isinstance(unkeyed, str):
            raise ConfigurationError(f"unkeyed={unkeyed!r}: give a list, [{unkeyed!r}].")
        options["holes"] = _holes(app, options.get("holes", {}))
        super().__init__(app.wsgi_app, cache, **options)
        self._flow.effects.within = app.app_context
        self._flow.rely_on_reads(0.0 if auto is None else seconds(auto, "auto"))
        self._flask = app
        self._unkeyed = frozenset(name.lower().encode() for name in unkeyed)
        self._looked = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if not self._looked:
            watch(self._flask)  # now, since others may have set these after us
            csrf.replace_in(self._flask)
            self._looked = True
        return super().__call__(environ, start_response)

    def _admitted(self, hit: Hit, *, later: bool) -> bool:
        with self._flask.app_context():
            return super()._admitted(hit, later=later)

    def _asked(self, environ: Environ) -> Asked:
        return asked_in(environ)._replace(known=Visitor(self._flask, environ, csrf.before_saving).known)

    def _watched(self, exchange: Exchange, environ: Environ, asked: Asked) -> Environ:
        plain = super()._watched(exchange, environ, asked)
        reads = Reads(exchange.fields, self._unkeyed)
        exchange.watch(reads, _nothing)
        return WatchedEnviron.of(plain, _visitor(asked.known), reads)


def _holes(app: Flask, given: Any) -> dict[str, Callable[[Any], Any]]:
    """What fills the holes of an application's pages: tokens of Flask-WTF, and what was given."""
    own = {csrf.HOLE: csrf.Tokens(app)} if csrf.use_holes() else {}
    return {**own, **{name: _within(app, each) for name, each in functions("holes", given).items()}}


def _within(app: Flask, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(function)
    def called(environ: Any) -> Any:
        with app.app_context():
            return function(environ)

    return called


def _visitor(known: Callable[[str], str | None] | None) -> Visitor:
    visitor = getattr(known, "__self__", None)
    assert isinstance(visitor, Visitor)
    return visitor


def _nothing() -> Any:
    """All is noticed by the time it is asked: the session is saved before the answer is whole."""
