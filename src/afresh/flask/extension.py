"""`Afresh`: the Flask extension."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, current_app, has_app_context

from afresh.cache import Cache
from afresh.errors import ConfigurationError
from afresh.flask.databases import DatabasesOf
from afresh.flask.pages import Pages
from afresh.flask.sessions import ServerSessions
from afresh.flask.settings import FlaskSettings

NAME = "afresh"


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

    Raises:
        ConfigurationError: See `init_app`.
    """

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
        cache = Cache(**settings.cache) if self._given is None else self._given
        state = State(cache, None)
        if settings.databases:
            DatabasesOf(app)
        if settings.sessions is not None:
            place = cache if settings.sessions is True else settings.sessions
            app.session_interface = ServerSessions.of(app, place)
        if settings.pages is not None:
            state.pages = Pages(app, cache, **settings.pages)
            app.wsgi_app = state.pages  # type: ignore[method-assign]
        app.extensions[NAME] = self._last = state

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
