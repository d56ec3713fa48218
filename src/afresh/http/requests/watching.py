"""What the middlewares of frameworks share that read requests by way of the scope: what a view reads is its page's key."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Unpack

from afresh.cache import Cache
from afresh.core.durations import Duration, seconds
from afresh.engine.asking.tracker import asking
from afresh.errors import ConfigurationError
from afresh.http.answers.exchange import Exchange
from afresh.http.asgi import Application, CacheMiddleware, Scope, asked_in, with_fields
from afresh.http.options import Given
from afresh.http.requests.asked import Asked
from afresh.http.requests.crumbs import crumbs
from afresh.http.requests.known import Known, session_in, spelled
from afresh.http.requests.noticing import NoticingScope, NoticingState, Outer
from afresh.http.requests.reading import Client, Reads
from afresh.http.requests.tokens import expiry

_WORD = re.compile(rb"[\w.-]+")
_UNSEEN = 60.0  # seconds: what nobody announces (a file, another service) may be so old

OF_THE_SERVER = frozenset(
    [
        "app",
        "app_root_path",
        "asgi",
        "client",
        "endpoint",
        "extensions",
        "fastapi",
        "fastapi.telemetry",
        "fastapi_astack",
        "fastapi_async_cleanup_scopes",
        "fastapi_function_astack",
        "fastapi_inner_astack",
        "fastapi_middleware_astack",
        "headers",
        "http_version",
        "method",
        "path",
        "path_params",
        "root_path",
        "route",
        "router",
        "scheme",
        "server",
        "starlette._body_limit_responder",
        "starlette.exception_handlers",
        "starlette.max_body_size",
        "state",
        "type",
    ]
)
"""What is in the key, the same for all requests, noticed otherwise, or put there by the application itself."""


class Watching(CacheMiddleware):
    """The middleware, for a framework whose requests are read by way of the scope.

    Args:
        app: The application, or the middleware that comes next.
        cache: Where pages live, or a pool of it.
        auto: Pages that say nothing of caching are stored for so long, if they depend on nothing that
            can't be a part of their key. `None`: only what says so itself.
        unkeyed: Fields that make no difference to what visitors see (`user-agent`, for a log), though
            they are read.
        options: See `Options`.

    Attributes:
        of_the_server: Names in the scope that are no part of a key (`OF_THE_SERVER`).
        of_the_state: Names in its state that are none.
    """

    of_the_server: ClassVar[frozenset[str]] = OF_THE_SERVER
    of_the_state: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        app: Application,
        cache: Cache,
        *,
        auto: Duration | None = _UNSEEN,
        unkeyed: tuple[str, ...] | list[str] = (),
        **options: Unpack[Given],
    ) -> None:
        if isinstance(unkeyed, str):
            raise ConfigurationError(f"unkeyed={unkeyed!r}: give a list, unkeyed=[{unkeyed!r}].")
        options.setdefault("cookies", True)
        super().__init__(app, cache, **options)
        self._flow.rely_on_reads(0.0 if auto is None else seconds(auto, "auto"))
        self._unkeyed = frozenset(name.lower().encode() for name in unkeyed)
        self._shared: list[Any] = []

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan" and "state" in scope:
            self._shared.append(scope["state"])
        await super().__call__(scope, receive, send)

    def _asked(self, scope: Scope) -> Asked:
        return asked_in(scope)._replace(known=self._knowing(scope))

    def _knowing(self, scope: Scope) -> Known:
        return Known(scope, self._shared, self.of_the_server, self.of_the_state)

    def _watched(self, exchange: Exchange, scope: Scope) -> Scope:
        state = scope.setdefault("state", {})  # that there is none could not be noticed
        before = with_fields(scope, exchange.fields)
        reads, silent = Reads(exchange.fields, self._unkeyed), self.of_the_server
        given = {**before, "headers": reads.named()}
        if before.get("client") is not None:
            given["client"] = Client.of(before["client"], reads)
        if isinstance(state, dict):
            before = {**before, "state": {**state}}
        else:
            before, silent = {**before}, silent - {"state"}
        known = self._knowing(before)
        if isinstance(state, dict):
            given["state"] = NoticingState.of(state, reads, state, self.of_the_state, known.read)
        exchange.watch(reads, Settling(scope, reads, known), known)
        return NoticingScope.of(given, reads, Outer(scope), silent, known.read)


class Settling:
    """The end of an answer: was what it was made from changed while it was made?"""

    def __init__(self, scope: Scope, reads: Reads, known: Known) -> None:
        self._scope = scope
        self._reads = reads
        self._known = known
        self._tracker = asking()
        self._session = spelled(session_in(scope))

    def __call__(self) -> None:
        """The answer is made."""
        modified = getattr(self._scope.get("session"), "modified", False)
        if modified or self._session is None or spelled(session_in(self._scope)) != self._session:
            self._reads.refuse("the session was changed")
        if self._known.changed:
            self._reads.refuse("what was read of the request was changed")
        if self._tracker is not None:
            self._tracker.cap(expiry(_credentials(self._reads)))


def _credentials(reads: Reads) -> list[bytes]:
    """What was read by which somebody may have said who he is."""
    found = reads.fields.get_all(b"authorization") if b"authorization" in reads.headers else ()
    named = [each.removeprefix("cookie:").encode() for each in reads.others if each.startswith("cookie:")]
    if b"cookie" in reads.headers or named:
        lines = reads.fields.get_all(b"cookie")
        cookies = crumbs(lines)
        if cookies is None:  # it may be in any of them
            return [*found, *_WORD.findall(b";".join(lines))]
        return [*found, *(cookies[name] for name in cookies if b"cookie" in reads.headers or name in named)]
    return [*found]
