"""`Afresh`: the Flask extension."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from flask import Flask, current_app, has_app_context

from afresh.cache import Cache
from afresh.callables import CachedCoroutine, CachedFunction, CachedOptions, Decorator
from afresh.errors import ConfigurationError
from afresh.flask import csrf
from afresh.flask.databases import DatabasesOf
from afresh.flask.pages import Pages
from afresh.flask.sessions import ServerSessions
from afresh.flask.settings import FlaskSettings
from afresh.flask.views import Cached
from afresh.flask.watching import Watching

NAME = "afresh"
P = ParamSpec("P")
R = TypeVar("R")


class State:
    """What one application has of the extension.

    Attributes:
        cache: Its cache.
        pages: Its cache of whole pages; `None` where they are not cached.
    """

    def __init__(self, cache: Cache, pages: Pages | None) -> None:
        self.cache = cache
        self.pages = pages


class Afresh:
    """Caches the pages of Flask applications, and whatever else is asked of it.

    ::

        afresh = Afresh()

        def create_app():
            app = Flask(__name__)
            app.config["AFRESH_URL"] = "redis://localhost/0"     # or nothing: this machine
            afresh.init_app(app)
            return app

    Args:
        app: An application, where there is only one.
        cache: A cache of your own, instead of one that is opened by the configuration.

    Attributes:
        with_jinja2_ext: Whether templates get `{% cache %}`.

    Raises:
        ConfigurationError: See `init_app`.
    """

    with_jinja2_ext = True

    def __init__(self, app: Flask | None = None, *, cache: Cache | None = None) -> None:
        self._given = cache
        self._last: State | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Begin to cache for an application. Before other middlewares are put around its `wsgi_app`.

        Raises:
            ConfigurationError: A setting makes no sense, or it is done already.
        """
        if NAME in app.extensions:
            raise ConfigurationError("init_app was called for this application already.")
        settings = FlaskSettings.of(app.config, Path(app.root_path))
        cache = self._open(app, settings)
        state = State(cache, None)
        if settings.databases:
            DatabasesOf(app)
        if settings.sessions is not None:
            place = cache if settings.sessions is True else settings.sessions
            app.session_interface = ServerSessions.of(app, place)
        if settings.pages is not None:
            state.pages = Pages(app, _pool_of_pages(cache), **settings.pages)
        around: Any = Watching(app) if state.pages is None else state.pages
        app.wsgi_app = around  # type: ignore[method-assign]
        if self.with_jinja2_ext:
            _install_fragments(app, self)
        app.extensions[NAME] = self._last = state

    def _open(self, app: Flask, settings: FlaskSettings) -> Cache:
        return Cache(**settings.cache) if self._given is None else self._given

    @overload
    def cached(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CachedCoroutine[P, R]: ...
    @overload
    def cached(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
    @overload
    def cached(self, /, **options: Unpack[CachedOptions]) -> Decorator: ...
    def cached(self, function: Any = None, /, **options: Any) -> Any:
        """Keep the answers of a view, or the results of any other function; see `Cache.cached`.

        ::

            @app.get("/shelf/<int:number>")
            @afresh.cached(ttl="1h")
            def shelf(number): ...

        A view's answer is kept under the request's URL and what the view reads of the request: cookies,
        session, headers. A function's result is kept under its arguments; if it reads the request, it
        is kept for nobody.
        """

        def decorator(function: Any) -> Any:
            return Cached(function, lambda: self.cache, dict(options)).wrapper

        return decorator if function is None else decorator(function)

    memoize = cached

    @property
    def cache(self) -> Cache:
        """The cache of the current application; without one, of the last that was set up.

        Raises:
            RuntimeError: None was.
        """
        return self._state().cache

    def _state(self) -> State:
        state = current_app.extensions.get(NAME) if has_app_context() else self._last
        if state is None:
            raise RuntimeError("afresh has no application yet: call init_app(app) first")
        found: State = state
        return found


def _pool_of_pages(cache: Cache) -> Cache:
    """The pool `pages`, if the cache has one."""
    return cache.pool("pages") if "pages" in cache._opened.pools else cache


def _install_fragments(app: Flask, extension: Afresh) -> None:
    """`{% cache %}` and `{% afresh %}` in the application's templates."""
    from afresh.jinja2 import install

    holes = {csrf.HOLE: lambda context: csrf.generate_csrf()} if csrf.use_holes() else {}
    install(app.jinja_env, lambda: extension.cache, holes=holes)
