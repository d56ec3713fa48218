"""Django's sessions, in a place where no cache's needs can end them."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError

from afresh.django.sessions.opening import OPENED
from afresh.errors import BackendError
from afresh.sessions import Sessions


class SessionStore(SessionBase):  # type: ignore[misc]  # Django has no types
    """One visitor's session.

    What is stored is signed by SECRET_KEY, under a digest of the session's id: who reads the store can
    neither take over a session nor make one. Each request reads the store, so one that has ended
    elsewhere is over.

    Where the store doesn't answer, a visitor is taken for one who isn't logged in, and keeps his
    cookie. What would be written then is an error.
    """

    _unread = False

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._sessions: Sessions = OPENED.sessions()

    # -- reading --------------------------------------------------------------------------------

    def load(self) -> dict[str, Any]:
        """What the session holds; a new and empty one if it is over."""
        if self.session_key is None:
            return {}
        try:
            found = self._sessions.load(self.session_key)
        except BackendError:
            return self._not_read()
        return self._read(found)

    async def aload(self) -> dict[str, Any]:
        """See `load`."""
        if self.session_key is None:
            return {}
        try:
            found = await self._sessions.aio.load(self.session_key)
        except BackendError:
            return self._not_read()
        return self._read(found)

    def exists(self, session_key: str) -> bool:
        """Whether there is a session of this id."""
        return bool(session_key) and self._sessions.load(session_key) is not None

    async def aexists(self, session_key: str) -> bool:
        """See `exists`."""
        return bool(session_key) and await self._sessions.aio.load(session_key) is not None

    def _read(self, found: Any) -> dict[str, Any]:
        if found is not None:
            read: dict[str, Any] = self.decode(found.data.decode())
            return read
        self._session_key = None
        return {}

    def _not_read(self) -> dict[str, Any]:
        """Its id is kept: a session without one would have the visitor's cookie deleted."""
        self._unread = True
        return {}

    # -- writing --------------------------------------------------------------------------------

    def create(self) -> None:
        """Begin a session under a new id."""
        while True:
            self._session_key = self._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            self._unread = False
            return

    async def acreate(self) -> None:
        """See `create`."""
        while True:
            self._session_key = await self._aget_new_session_key()
            try:
                await self.asave(must_create=True)
            except CreateError:
                continue
            self.modified = True
            self._unread = False
            return

    def save(self, must_create: bool = False) -> None:
        """Write what the session holds.

        Raises:
            CreateError: With `must_create`, there is one of this id.
            UpdateError: Without, there is none any more: somebody has logged out meanwhile.
            BackendError: The store doesn't answer, or didn't when the session was read.
        """
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)
        if self._left_alone(must_create):
            return None
        content, lasts = self.encode(data).encode(), self.get_expiry_age()
        sid = self._get_or_create_session_key()
        if lasts <= 0:
            self._sessions.delete(sid)
        elif must_create:
            if not self._sessions.add(sid, content, lasts):
                raise CreateError
        elif not self._sessions.save(sid, content, lasts):
            raise UpdateError
        return None

    async def asave(self, must_create: bool = False) -> None:
        """See `save`."""
        if self.session_key is None:
            return await self.acreate()
        data = await self._aget_session(no_load=must_create)
        if self._left_alone(must_create):
            return None
        content, lasts = self.encode(data).encode(), await self.aget_expiry_age()
        sid = await self._aget_or_create_session_key()
        if lasts <= 0:
            await self._sessions.aio.delete(sid)
        elif must_create:
            if not await self._sessions.aio.add(sid, content, lasts):
                raise CreateError
        elif not await self._sessions.aio.save(sid, content, lasts):
            raise UpdateError
        return None

    def _left_alone(self, must_create: bool) -> bool:
        """Whether nothing may be written, as what is there could not be read."""
        if must_create or not self._unread:
            return False
        if self.modified:
            raise BackendError("the session could not be read, so nothing is written over it")
        return True

    def delete(self, session_key: str | None = None) -> None:
        """End a session: when this returns no worker finds it."""
        sid = self.session_key if session_key is None else session_key
        if sid is not None:
            self._sessions.delete(sid)

    async def adelete(self, session_key: str | None = None) -> None:
        """See `delete`."""
        sid = self.session_key if session_key is None else session_key
        if sid is not None:
            await self._sessions.aio.delete(sid)

    @classmethod
    def clear_expired(cls) -> None:
        """Give back the room of sessions that are over."""
        OPENED.sessions().forget_expired()

    @classmethod
    async def aclear_expired(cls) -> None:
        """See `clear_expired`."""
        await OPENED.sessions().aio.forget_expired()
