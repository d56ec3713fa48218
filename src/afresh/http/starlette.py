"""`CacheMiddleware` for Starlette and FastAPI: what a view reads of the request decides who shares its answer.

::

    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["example.org"]),
            Middleware(SessionMiddleware, secret_key=SECRET),
            Middleware(AuthenticationMiddleware, backend=backend),
            Middleware(CacheMiddleware, cache=cache),       # the innermost
        ],
    )

A hit is still a request: what stands before this middleware runs for each, so hosts are checked,
sessions end, and who is no longer signed in is no longer served as if he were. What stands after it
is skipped by hits.

Two properties of Starlette's are replaced, for requests that this middleware watches: `cookies`, to
see which cookies are read, and `base_url`, which would read the whole scope. So is the making of a
`BackgroundTask`: what leaves one is not kept, since hits would leave none.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Self, Unpack

from starlette.background import BackgroundTask
from starlette.requests import HTTPConnection, cookie_parser

from afresh.cache import Cache
from afresh.core.durations import Duration, seconds
from afresh.core.keys import canonical
from afresh.engine.tracker import asking
from afresh.errors import ConfigurationError, UnkeyableArgument
from afresh.http.asgi import Application, Scope, asked_in, with_fields
from afresh.http.asgi import CacheMiddleware as _CacheMiddleware
from afresh.http.asked import Asked
from afresh.http.exchange import Exchange
from afresh.http.options import Given
from afresh.http.reading import Client, Cookies, Reads
from afresh.http.tokens import expiry

_UNSEEN = 60.0  # seconds: what nobody announces (a file, another service) may be so old

_OF_THE_SERVER = frozenset(
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
        "query_string",
        "raw_path",
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


_CHANGED = frozenset(["client", "headers", "state"])
"""What the application gets in another form."""


class CacheMiddleware(_CacheMiddleware):
    """See the module.

    Args:
        app: The application, or the middleware that comes next.
        cache: Where pages live, or a pool of it.
        auto: Pages that say nothing of caching are stored for so long, if they depend on nothing that
            can't be a part of their key. `None`: only what says so itself.
        unkeyed: Fields that make no difference to what visitors see (`user-agent`, for a log), though
            they are read.
        options: See `Options`.
    """

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
            return _spelled(dict(scope.get("session") or {}))
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
            state = given["state"] = _State(plain["state"])
            state.reads, state.own, state.outer = reads, frozenset(plain["state"]), plain["state"]
        watched = _Scope(given)
        watched.reads, watched.own, watched.outer = reads, frozenset(given) - _OF_THE_SERVER, _Outer(scope)
        session, tracker = _Session(scope.get("session"), reads), asking()

        def settle() -> None:
            session.settle()
            if tracker is not None:
                tracker.cap(expiry(_credentials(reads)))

        exchange.watch(reads, settle)
        return watched


class _Outer(dict[str, Any]):
    """Puts into an earlier middleware's scope what the application puts into its own."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in _CHANGED:
            self._scope[name] = value

    def pop(self, name: str, *default: Any) -> Any:
        """Take it away there, too."""
        return self._scope.pop(name, *default)


class _Noticing(dict[str, Any]):
    """A dictionary that notices when it is asked for what an earlier middleware has put there.

    What the application puts into it, that middleware finds in its own.
    """

    reads: Reads
    own: frozenset[str] = frozenset()
    outer: MutableMapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        self._notice(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """One value."""
        self._notice(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        """One value, which goes."""
        self._notice(name)
        self.outer.pop(name, None)
        return super().pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """One value, put there where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.outer[name] = value
        self.own -= {name}
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self.outer.pop(name, None)
        super().__delitem__(name)

    def update(self, *given: Any, **named: Any) -> None:
        """Put several."""
        for name, value in dict(*given, **named).items():
            self[name] = value

    def __iter__(self) -> Any:
        # Who makes a copy reads there what can't be seen here.
        for name in self.own:
            self._notice(name)
        return super().__iter__()

    def items(self) -> Any:
        """All values."""
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        """All values."""
        return [self[name] for name in self]

    def copy(self) -> dict[str, Any]:
        """All values."""
        return dict(self.items())

    # The base class does these without asking any of the above.

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __ior__(self, other: Any) -> Self:  # type: ignore[override]  # of dict's two forms this is both
        self.update(other)
        return self

    def __eq__(self, other: object) -> bool:
        return self.copy() == other

    def __ne__(self, other: object) -> bool:
        return self.copy() != other

    __hash__ = None  # as every dictionary's

    def __repr__(self) -> str:
        return repr(self.copy())

    def _notice(self, name: object) -> None:
        raise NotImplementedError


class _Scope(_Noticing):
    """The scope."""

    def _notice(self, name: object) -> None:
        if name in self.own:
            known: dict[object, str] = {"user": "user", "auth": "user", "session": "session"}
            self.reads.read(known.get(name, f"scope:{name}"))


class _State(_Noticing):
    """The request's state."""

    def __contains__(self, name: object) -> bool:
        self._notice(name)
        return super().__contains__(name)

    def _notice(self, name: object) -> None:
        if name in self.own:
            self.reads.read(f"state:{name}")


class _Session:
    """The session of an earlier middleware: was it changed?"""

    def __init__(self, session: Any, reads: Reads) -> None:
        self._session = session
        self._reads = reads
        self._before = self._spelled()

    def settle(self) -> None:
        """The answer is made."""
        changed = getattr(self._session, "modified", False) or self._spelled() != self._before
        if changed or self._before is None:
            self._reads.refuse("the session was changed")

    def _spelled(self) -> str | None:
        return _spelled(dict(self._session or {}))


def _credentials(reads: Reads) -> list[bytes]:
    """What was read by which somebody may have said who he is."""
    found = reads.fields.get_all(b"authorization") if b"authorization" in reads.headers else []
    if b"cookie" in reads.headers or any(each.startswith("cookie:") for each in reads.others):
        lines = b"; ".join(reads.fields.get_all(b"cookie")).decode("latin-1")
        cookies = {f"cookie:{name}": value for name, value in cookie_parser(lines).items()}
        read = cookies if b"cookie" in reads.headers else reads.others
        found = [*found, *(value.encode() for name, value in cookies.items() if name in read)]
    return [*found]


def _of_user(user: Any) -> Any:
    """What is known of a user, or of rights: the class, and all attributes."""
    return None if user is None else [type(user).__qualname__, getattr(user, "__dict__", user)]


def _spelled(value: object) -> str | None:
    try:
        return canonical(value)
    except UnkeyableArgument:
        return None


def _cookies(self: HTTPConnection) -> dict[str, str]:
    scope = self.scope
    if not isinstance(scope, _Scope):
        return _PLAIN_COOKIES(self)  # type: ignore[no-any-return]
    found: Any = getattr(self, "_cookies", None)
    if found is None:
        found = Cookies()
        found.reads = scope.reads
        for line in scope.reads.fields.get_all(b"cookie"):
            found.update(cookie_parser(line.decode("latin-1")))
        self._cookies = found
    return found  # type: ignore[no-any-return]


def _base_url(self: HTTPConnection) -> Any:
    scope = self.scope
    if not isinstance(scope, _Scope):
        return _PLAIN_BASE_URL(self)
    if not hasattr(self, "_base_url"):
        self._base_url = HTTPConnection(dict(dict.items(scope))).base_url
    return self._base_url


def _leave(self: BackgroundTask, func: Any, *args: Any, **kwargs: Any) -> None:
    tracker = asking()
    if tracker is not None:
        tracker.refuse("it leaves a task for after the answer")
    _PLAIN_LEAVE(self, func, *args, **kwargs)


_PLAIN_LEAVE: Any = BackgroundTask.__init__
BackgroundTask.__init__ = _leave  # type: ignore[method-assign]
_PLAIN_COOKIES: Any = HTTPConnection.__dict__["cookies"].fget
_PLAIN_BASE_URL: Any = HTTPConnection.__dict__["base_url"].fget
HTTPConnection.cookies = property(_cookies)  # type: ignore[assignment, method-assign]
HTTPConnection.base_url = property(_base_url)  # type: ignore[assignment, method-assign]
