"""Who asks: what a request has for that which views read of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from flask import Flask

from afresh.core.keys import canonical
from afresh.errors import UnkeyableArgument

Content: TypeAlias = dict[str, str | None]
"""Each value's spelling; `None` where it has none."""

_ABSENT = ("absent",)


class Visitor:
    """One request's sender.

    The session is opened when a key needs it. Once the application has opened it for itself, what it
    got there counts: somebody may have logged in between the two.

    Attributes:
        before_saving: Called with the environ when a session that was changed is about to be saved.
    """

    __slots__ = ("_app", "_environ", "_session", "before_saving")

    def __init__(
        self, app: Flask, environ: dict[str, Any], before_saving: Callable[[Any], None] | None = None
    ) -> None:
        self.before_saving = before_saving
        self._app = app
        self._environ = environ
        self._session: Content | None = None

    def known(self, name: str) -> str | None:
        """What the request has for something that was read of it, spelled; `None` where it can't be."""
        kind, _, which = name.partition(":")
        if kind == "environ":
            return spelled(self._environ.get(which, _ABSENT))
        if kind != "session":
            return None
        session = self._content()
        if which:
            return session.get(which, "absent")
        return None if None in session.values() else spelled(session)

    def got(self, session: Any) -> None:
        """The application has opened its session."""
        self._session = _content(session)

    def changed(self, session: Any) -> bool:
        """Whether a session, as it is saved, is another than it was."""
        if not session.modified:
            return False
        # Classes that don't keep count say of all sessions that they were modified.
        counts = "modified" in vars(session) or type(session).modified is False
        now = _content(session)
        return counts or None in now.values() or now != self._session

    def _content(self) -> Content:
        if self._session is None:
            app = self._app
            self.got(app.session_interface.open_session(app, app.request_class(self._environ)))
        assert self._session is not None
        return self._session


def spelled(value: object) -> str | None:
    """A value's one spelling, if it has one."""
    try:
        return canonical(value)
    except UnkeyableArgument:
        return None


def _content(session: Any) -> Content:
    """What a session holds, spelled at once: a view may change what it finds in it."""
    if session is None:
        return {}
    if not isinstance(session, Mapping):
        return {"": None}
    return {str(name): spelled(value) for name, value in session.items()}
