"""Server-side sessions of Flask: `app.config["AFRESH_SESSIONS"] = True`, or where they shall live.

They lie in a place of their own (`afresh.sessions`): clearing or filling the cache logs nobody out,
logging out ends a session on every worker at once, and a slow request that ends afterwards brings
nothing back. Two requests of one visitor at the same time each write what they changed.

The cookie holds an id and nothing else. A new visitor's session begins when something is put into it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import Flask
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SessionInterface

from afresh.errors import BackendError, ConfigurationError
from afresh.sessions import Sessions
from afresh.sessions.merging import Change, spelled

_COOKIE: Final = timedelta(
    days=400
)  # the longest that browsers allow; the server ends a session, not the cookie
_IDENTITY: Final = "_user_id"  # Flask-Login's: who it is has changed, so the id changes too
_serializer = TaggedJSONSerializer()
logger = logging.getLogger("afresh")


class ServerSession(SecureCookieSession):
    """A visitor's session.

    Attributes:
        sid: Its id; `None` while nothing was saved.
        before: Its values as they were read, spelled.
        renewed: It shall go on under a new id.
        unread: The place did not answer.
    """

    def __init__(self, content: Mapping[str, Any] | None = None, sid: str | None = None) -> None:
        super().__init__(content)
        self.sid = sid
        self.before = spelled(content or {}, _serializer.dumps)
        self.renewed = False
        self.unread = False

    def cycle(self) -> None:
        """Go on under a new id: call it when somebody has logged in.

        Where `_user_id` changes, as Flask-Login has it, that happens by itself.
        """
        self.renewed = self.modified = True


class ServerSessions(SessionInterface):
    """What Flask asks for sessions."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    @classmethod
    def of(cls, app: Flask, place: Any) -> ServerSessions:
        """Those of an application.

        Raises:
            ConfigurationError: It has no secret key, or there can be no sessions in this place.
        """
        if not app.secret_key:
            raise ConfigurationError("AFRESH_SESSIONS needs a secret key: set app.secret_key first.")
        secrets = [app.secret_key, *(app.config.get("SECRET_KEY_FALLBACKS") or ())]
        lifetime: timedelta = app.permanent_session_lifetime
        return cls(
            Sessions(place, ttl=lifetime, namespace=app.config.get("AFRESH_NAMESPACE", ""), secret=secrets)
        )

    def open_session(self, app: Flask, request: Any) -> ServerSession:
        """The session of the cookie; an empty one where there is none any more."""
        sid = request.cookies.get(self.get_cookie_name(app))
        if not sid:
            return ServerSession()
        try:
            found = self.sessions.use(sid, app.permanent_session_lifetime)
        except BackendError as error:
            logger.warning("afresh: a session could not be read: %s", error)
            session = ServerSession()
            session.unread = True
            return session
        if found is None:
            return ServerSession()
        return ServerSession(_serializer.loads(found.data.decode()), sid)

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        """Write what has changed.

        Raises:
            BackendError: It can't be written.
        """
        if session.accessed:
            response.vary.add("Cookie")
        if not session.modified:
            return
        if session.unread:
            raise BackendError("the session was not read, so nothing is written into it")
        response.vary.add("Cookie")
        if not session:
            self._end(app, session, response)
        elif session.sid is None:
            self._begin(app, session, response)
        else:
            self._change(app, session, response)

    def _begin(self, app: Flask, session: ServerSession, response: Any) -> None:
        session.sid = self.sessions.create(_dumped(session), app.permanent_session_lifetime)
        self._send(app, session, response)

    def _change(self, app: Flask, session: ServerSession, response: Any) -> None:
        sid = session.sid
        assert sid is not None
        change = Change.of(session.before, session, _serializer.dumps)
        written = self.sessions.mutate(
            sid,
            lambda old: _dumped(change.on(_serializer.loads(old.decode()))),
            app.permanent_session_lifetime,
        )
        if written is None:  # somebody has logged out meanwhile
            self._forget(app, response)
            return
        if session.renewed or _IDENTITY in change.put:
            session.sid = self.sessions.cycle(sid, written, app.permanent_session_lifetime)
        if session.sid != sid or session.permanent:
            self._send(app, session, response)

    def _end(self, app: Flask, session: ServerSession, response: Any) -> None:
        if session.sid is not None:
            self.sessions.delete(session.sid)
            self._forget(app, response)

    def _send(self, app: Flask, session: ServerSession, response: Any) -> None:
        expires = datetime.now(UTC) + _COOKIE if session.permanent else None
        assert session.sid is not None
        response.set_cookie(
            self.get_cookie_name(app), session.sid, expires=expires, httponly=self.get_cookie_httponly(app),
            **self._where(app),
        )  # fmt: skip

    def _forget(self, app: Flask, response: Any) -> None:
        response.delete_cookie(
            self.get_cookie_name(app), httponly=self.get_cookie_httponly(app), **self._where(app)
        )

    def _where(self, app: Flask) -> dict[str, Any]:
        where = {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "samesite": self.get_cookie_samesite(app),
        }
        partitioned = getattr(self, "get_cookie_partitioned", None)  # from Flask 3.1 on
        return where if partitioned is None else {**where, "partitioned": partitioned(app)}


def _dumped(content: Mapping[str, Any]) -> bytes:
    return _serializer.dumps(dict(content)).encode()
