"""Server-side sessions of Starlette and FastAPI, in the place of Starlette's own `SessionMiddleware`.

::

    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(SessionMiddleware, secret_key=SECRET, place="redis://localhost/0"),
            Middleware(CacheMiddleware, cache=cache),       # within it
        ],
    )

`request.session` is a dictionary, as before. The cookie holds an id and nothing else: logging out
(`request.session.clear()`) ends the session on every worker, whoever else has the cookie.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Literal

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from afresh.core.durations import Duration
from afresh.errors import BackendError, ConfigurationError
from afresh.sessions.face import Sessions
from afresh.sessions.merging import Change, spelled
from afresh.sessions.records import Secret

logger = logging.getLogger("afresh")

_COOKIE = 400 * 86_400  # seconds, the longest that browsers allow; the server ends a session, not the cookie


class Session(dict[str, Any]):
    """A visitor's session."""

    renewed = False

    def cycle(self) -> None:
        """Go on under a new id: call it when somebody has logged in."""
        self.renewed = True


class SessionMiddleware:
    """See the module.

    Args:
        app: What comes next.
        secret_key: Key of the digests that stand for ids; or a list, the one in use first.
        place: Where sessions live, as `Sessions` takes it; or `Sessions` of your own.
        session_cookie: The cookie's name.
        max_age: How long a session lives without being used.
        path: Of the cookie, as
        same_site: are these: `lax`, `strict` or `none`,
        https_only: whether it is sent by HTTPS alone, and
        domain: for which hosts.
        lasting: Browsers keep it when they are closed.

    Raises:
        ConfigurationError: There can be no sessions in this place.
    """

    def __init__(
        self,
        app: ASGIApp,
        secret_key: Secret,
        place: Any = None,
        *,
        session_cookie: str = "session",
        max_age: Duration = "14d",
        path: str = "/",
        same_site: Literal["lax", "strict", "none"] = "lax",
        https_only: bool = False,
        domain: str | None = None,
        lasting: bool = True,
    ) -> None:
        if not secret_key:
            raise ConfigurationError("secret_key is empty: give a long random one, kept for all processes.")
        self.app = app
        self.sessions = (
            place if isinstance(place, Sessions) else Sessions(place, ttl=max_age, secret=secret_key)
        )
        self._name = session_cookie
        self._max_age = f"; max-age={_COOKIE}" if lasting else ""
        flags = [f"; path={path}; httponly; samesite={same_site}"]
        flags += ["; secure"] if https_only else []
        flags += [f"; domain={domain}"] if domain is not None else []
        self._flags = "".join(flags)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        visit = _Visit(self.sessions, HTTPConnection(scope).cookies.get(self._name))
        scope["session"] = await visit.opened()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                written = await visit.saved(scope["session"])
                if written is not None:
                    headers = MutableHeaders(scope=message)
                    headers.append("set-cookie", self._cookie(written))
                    headers.add_vary_header("cookie")
            await send(message)

        await self.app(scope, receive, sending)

    def _cookie(self, sid: str) -> str:
        lasts = self._max_age if sid else "; max-age=0; expires=Thu, 01 Jan 1970 00:00:00 GMT"
        return f"{self._name}={sid}{lasts}{self._flags}"


class _Visit:
    """The session of one request."""

    def __init__(self, sessions: Sessions, sid: str | None) -> None:
        self._sessions = sessions.aio
        self._sid = sid
        self._before: dict[str, str] = {}
        self._unread = False

    async def opened(self) -> Session:
        """What the cookie's session holds; empty where there is none any more."""
        if not self._sid:
            return Session()
        try:
            found = await self._sessions.use(self._sid)
        except BackendError as error:
            logger.warning("afresh: a session could not be read: %s", error)
            self._unread = True
            return Session()
        if found is None:
            self._sid = None
            return Session()
        content: dict[str, Any] = json.loads(found.data)
        self._before = spelled(content, json.dumps)
        return Session(content)

    async def saved(self, session: Any) -> str | None:
        """Write what has changed; the id for the cookie where that has changed, empty where it ended.

        Raises:
            BackendError: It can't be written.
        """
        change = Change.of(self._before, session, json.dumps)
        renewed = getattr(session, "renewed", False)
        if not change and not (renewed and self._sid):
            return None
        if self._unread:
            raise BackendError("the session was not read, so nothing is written into it")
        if not session:
            return await self._ended()
        if not self._sid:
            return await self._sessions.create(_dumped(session))
        return await self._changed(self._sid, change, renewed=renewed)

    async def _changed(self, sid: str, change: Change, *, renewed: bool) -> str | None:
        written = await self._sessions.mutate(sid, lambda old: _dumped(change.on(json.loads(old))))
        if written is None:  # somebody has logged out meanwhile
            return ""
        return await self._sessions.cycle(sid, written) if renewed else None

    async def _ended(self) -> str:
        if self._sid:
            await self._sessions.delete(self._sid)
        return ""


def _dumped(content: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(content)).encode()
