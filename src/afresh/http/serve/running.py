"""What `afresh serve` runs: uvicorn's workers, with our protocol and a cache before the application."""

from __future__ import annotations

import atexit
import inspect
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from afresh.cache import Cache
from afresh.errors import ConfigurationError
from afresh.http.asgi import Application, CacheMiddleware, Receive, Scope
from afresh.http.gateways.sending import Send
from afresh.http.loading import loaded
from afresh.http.options import Given, Options
from afresh.http.rules import Rules, rules_of
from afresh.http.serve import checking
from afresh.http.serve.marking import HitsMarked
from afresh.http.serve.passing import unmistakable

_SETTINGS = "AFRESH_SERVING"  # how workers, which are new processes, learn what to serve


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is served, and how.

    Attributes:
        app: `module:attribute` of an ASGI or WSGI application; empty with an upstream.
        factory: It is a function that makes the application.
        wsgi: It is a WSGI application: yes, no, or `None`: as it looks.
        upstream: URL of another server, in place of an application.
        cache: Where pages live; `None`: this machine's folder.
        namespace: Of the cache.
        host: Address to listen on.
        port: Port to listen on.
        uds: Unix socket to listen on, in place of these.
        workers: Processes.
        certificate: File of the certificate, for TLS.
        key: File of its private key.
        access_log: Write a line for each request, hits marked.
        believed: Addresses of proxies whose `X-Forwarded-…` are believed, with commas; `*`: all.
        options: Of `CacheMiddleware`.
        within: `module:function` that puts something between cache and application, given both.
        before: `module:function` that puts something before the cache, given both and
        before_given: by name. Then no hit is answered before ASGI starts.
    """

    app: str = ""
    factory: bool = False
    wsgi: bool | None = None
    upstream: str = ""
    cache: str | None = None
    namespace: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    workers: int = 1
    certificate: str | None = None
    key: str | None = None
    access_log: bool = True
    believed: str = "127.0.0.1"
    options: Given | None = None
    within: str = ""
    before: str = ""
    before_given: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Say what makes no sense.

        Raises:
            ConfigurationError: Something does.
        """
        if bool(self.app) == bool(self.upstream):
            raise ConfigurationError(
                "name one of the two: an application, module:attribute, or --upstream http://HOST:PORT."
            )
        if self.app and ":" not in self.app:
            raise ConfigurationError(f"{self.app!r}: write module:attribute, such as shop.main:app.")
        if self.workers > 1 and self.cache == "memory://":
            raise ConfigurationError("memory:// belongs to one process: with several workers, leave it out.")
        given = self.options or Given()
        Rules(Options.of(given), rules_of(given.get("rules", ())))
        checking.files(self.certificate, self.key)
        if self.uds is not None:
            checking.socket(self.uds)
        if self.workers > 1:
            self._check_for_workers()

    def _check_for_workers(self) -> None:
        """What each of them would fail at, again and again, is said once, here."""
        if self.app:
            checking.module(self.app)
        else:
            _behind(self)
        _cache_of(self).close()


def serve(serving: Serving) -> None:
    """Serve until a signal ends it.

    Raises:
        ConfigurationError: The settings make no sense.
    """
    import uvicorn

    sys.path.insert(0, "")  # as uvicorn does for applications in the current folder
    serving.check()
    os.environ[_SETTINGS] = json.dumps(asdict(serving))
    uvicorn.run(
        "afresh.http.serve.running:create",
        factory=True,
        http=cast("Any", "afresh.http.serve:Protocol"),  # it is typed for uvicorn's own names only
        host=serving.host,
        port=serving.port,
        uds=serving.uds,
        workers=serving.workers,
        ssl_certfile=serving.certificate,
        ssl_keyfile=serving.key,
        access_log=serving.access_log,
        forwarded_allow_ips=serving.believed,
        server_header=False,
        date_header=not serving.upstream,  # its answers have one
    )


def create() -> Application:
    """The application of a worker: what the settings in the environment say."""
    serving = Serving(**json.loads(os.environ[_SETTINGS]))
    cache = _cache_of(serving)
    atexit.register(cache.close)
    app = _behind(serving)
    if serving.within:
        app = loaded(serving.within)(app, cache)
    cached: Application = CacheMiddleware(app, cache, **(serving.options or Given()))
    if serving.before:
        cached = loaded(serving.before)(cached, cache, **serving.before_given)
    return HitsMarked(cached)


def _cache_of(serving: Serving) -> Cache:
    arguments: dict[str, Any] = {"namespace": serving.namespace} if serving.namespace else {}
    return Cache(**arguments) if serving.cache is None else Cache(serving.cache, **arguments)


def _behind(serving: Serving) -> Application:
    if serving.upstream:
        from afresh.http.serve.upstream import Upstream

        return Upstream(serving.upstream)
    app = loaded(serving.app)
    if serving.factory:
        app = app()
    if not callable(app):
        raise ConfigurationError(f"{serving.app} is no application: it can't be called.")
    if is_wsgi(app) if serving.wsgi is None else serving.wsgi:
        from a2wsgi import WSGIMiddleware

        return _without_underscores(cast("Application", WSGIMiddleware(cast("Any", app))))
    return cast("Application", app)


def _without_underscores(app: Application) -> Application:
    """See `unmistakable`: WSGI makes variables of fields."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": unmistakable(scope["headers"])}
        await app(scope, receive, send)

    return called


def is_wsgi(app: Any) -> bool:
    """Whether an application takes `(environ, start_response)`, not `(scope, receive, send)`."""
    called = app if inspect.isfunction(app) or inspect.ismethod(app) else type(app).__call__
    if inspect.iscoroutinefunction(called):
        return False
    try:
        parameters: Sequence[inspect.Parameter] = list(inspect.signature(app).parameters.values())
    except (TypeError, ValueError):
        return False
    required = [each for each in parameters if each.default is each.empty and each.kind < each.KEYWORD_ONLY]
    return len([each for each in required if each.kind is not each.VAR_POSITIONAL]) == 2
