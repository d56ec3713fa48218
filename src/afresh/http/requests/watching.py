"""What the middlewares of frameworks share that read requests by way of the scope: what a view reads is its page's key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from afresh.cache import Cache
from afresh.core.durations import Duration, seconds
from afresh.core.keys import canonical
from afresh.engine.asking.tracker import asking
from afresh.errors import ConfigurationError, UnkeyableArgument
from afresh.http.answers.exchange import Exchange
from afresh.http.asgi import Application, CacheMiddleware, Scope, asked_in, with_fields
from afresh.http.options import Given
from afresh.http.requests.asked import Asked
from afresh.http.requests.noticing import NoticingScope, NoticingState, Outer
from afresh.http.requests.reading import Client, Reads
from afresh.http.requests.tokens import expiry

_UNSEEN = 60.0  # seconds: what nobody announces (a file, another service) may be so old

OF_THE_SERVER = frozenset(
    [
        "app",
        "app_root_path",
        "asgi",
        "client",
        "endpoint",
        "extensions",
        "fastapi_astack",
        "fastapi_function_astack",
        "fastapi_inner_astack",
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
        return asked_in(scope)._replace(known=lambda name: self._known(scope, name))

    def _known(self, scope: Scope, name: str) -> str | None:
        """What a request has for something that was read of it, spelled; `None` where it can't be."""
        kind, _, which = name.partition(":")
        if kind == "session":
            return _spelled([_session_in(scope), _texts_of(scope.get("session"))])
        if kind == "user":
            return _spelled([_of_user(scope.get("user")), _of_user(scope.get("auth"))])
        if kind == "state":
            value = scope.get("state", {}).get(which)
            return "shared" if self._is_shared(which, value) else _spelled(value)
        return _spelled(scope.get(which))

    def _is_shared(self, name: str, value: object) -> bool:
        """The application's own, from its start: the same for all requests."""
        return any(name in state and state[name] is value for state in self._shared)

    def _watched(self, exchange: Exchange, scope: Scope) -> Scope:
        plain = with_fields(scope, exchange.fields)
        reads = Reads(exchange.fields, self._unkeyed)
        given = {**plain, "headers": reads.named()}
        if plain.get("client") is not None:
            given["client"] = Client.of(plain["client"], reads)
        if isinstance(plain.get("state"), dict):
            state = given["state"] = NoticingState(plain["state"])
            own = frozenset(plain["state"]) - self.of_the_state
            state.reads, state.own, state.outer = reads, own, plain["state"]
        watched = NoticingScope(given)
        own = frozenset(given) - self.of_the_server
        watched.reads, watched.own, watched.outer = reads, own, Outer(scope)
        session, tracker = Session(scope, reads), asking()

        def settle() -> None:
            session.settle()
            if tracker is not None:
                tracker.cap(expiry(_credentials(reads)))

        exchange.watch(reads, settle)
        return watched


class Session:
    """The session of an earlier middleware: was it changed, or another put in its place?"""

    def __init__(self, scope: Scope, reads: Reads) -> None:
        self._scope = scope
        self._reads = reads
        self._before = _spelled(_session_in(scope))

    def settle(self) -> None:
        """The answer is made."""
        modified = getattr(self._scope.get("session"), "modified", False)
        if modified or self._before is None or _spelled(_session_in(self._scope)) != self._before:
            self._reads.refuse("the session was changed")


def _session_in(scope: Scope) -> dict[Any, Any]:
    """What a session holds; a framework may have something else there where there is none."""
    session = scope.get("session")
    return dict(session) if isinstance(session, Mapping) else {}


def _texts_of(session: Any) -> dict[str, str | bytes]:
    """What a session is, beside what it holds: its id."""
    own = getattr(session, "__dict__", {})
    return {name: value for name, value in own.items() if isinstance(value, (str, bytes))}


def _credentials(reads: Reads) -> list[bytes]:
    """What was read by which somebody may have said who he is."""
    found = reads.fields.get_all(b"authorization") if b"authorization" in reads.headers else []
    if b"cookie" in reads.headers or any(each.startswith("cookie:") for each in reads.others):
        for part in b";".join(reads.fields.get_all(b"cookie")).split(b";"):
            name, _, value = part.partition(b"=")
            if b"cookie" in reads.headers or f"cookie:{name.strip().decode('latin-1')}" in reads.others:
                found = [*found, value]
    return [*found]


def _of_user(user: Any) -> Any:
    """What is known of a user, or of rights: the class, and all attributes."""
    return None if user is None else [type(user).__qualname__, getattr(user, "__dict__", user)]


def _spelled(value: object) -> str | None:
    try:
        return canonical(value)
    except UnkeyableArgument:
        return None
