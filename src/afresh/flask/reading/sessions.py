"""Flask's session, of whatever kind, that notices what is read of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, has_request_context, request
from flask.sessions import SessionInterface

from afresh.flask.reading.environ import WatchedEnviron
from afresh.http.requests.reading import Reads

_HERE = "_afresh_environ"
_CHANGED = "the session was changed"
_ITSELF = "what the session is, beside what it holds, was read"
_NO_CONTENT = frozenset(["accessed", "modified", "on_update", _HERE])
"""Attributes of a session that tell nobody from another."""


class Noticing:
    """What is added to a session's class while a view has it."""

    __slots__ = ()

    def _read(self, name: object) -> None:
        reads = _reads(self)
        if reads is not None:
            reads.read(f"session:{name}")

    def _changed(self) -> None:
        reads = _reads(self)
        if reads is not None:
            reads.refuse(_CHANGED)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "sid" or name in object.__getattribute__(self, "__dict__"):
            reads = None if name in _NO_CONTENT else _reads(self)
            if reads is not None:
                reads.refuse(_ITSELF)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "modified" and value:
            self._changed()
        super().__setattr__(name, value)

    def __getitem__(self, name: Any) -> Any:
        self._read(name)
        return super().__getitem__(name)  # type: ignore[misc]

    def __contains__(self, name: object) -> bool:
        self._read(name)
        return super().__contains__(name)  # type: ignore[misc,no-any-return]

    def get(self, name: Any, *default: Any) -> Any:
        """One value."""
        self._read(name)
        return super().get(name, *default)  # type: ignore[misc]

    def pop(self, name: Any, *default: Any) -> Any:
        """One value, which goes."""
        if name in self:
            self._changed()
        return super().pop(name, *default)  # type: ignore[misc]

    def setdefault(self, name: Any, *default: Any) -> Any:
        """One value, put there where there is none."""
        if name not in self:
            self._changed()
        return super().setdefault(name, *default)  # type: ignore[misc]


def _all_read(method: str) -> Any:
    def read(self: Noticing, *arguments: Any, **named: Any) -> Any:
        reads = _reads(self)
        if reads is not None:
            reads.read("session")
        return getattr(super(Noticing, self), method)(*arguments, **named)

    return read


for _method in (
    "__copy__", "__deepcopy__", "__eq__", "__iter__", "__len__", "__ne__", "__or__", "__repr__",
    "__reversed__", "__ror__", "copy", "items", "keys", "values",
):  # fmt: skip
    setattr(Noticing, _method, _all_read(_method))


def _all_changed(method: str) -> Any:
    def change(self: Noticing, *arguments: Any, **named: Any) -> Any:
        self._changed()
        return getattr(super(Noticing, self), method)(*arguments, **named)

    return change


# Not every class says by `modified` that it was.
for _method in ("__delitem__", "__ior__", "__setitem__", "clear", "popitem", "update"):
    setattr(Noticing, _method, _all_changed(_method))

_classes: dict[type, type] = {}


def _reads(session: Any) -> Reads | None:
    environ: WatchedEnviron | None = session.__dict__.get(_HERE)
    return None if environ is None else environ.reads


def _watch(session: Any, environ: WatchedEnviron) -> None:
    """Notice from now on what is read of a session; where that can't be, all of it has been read."""
    base = type(session)
    try:
        made = _classes.get(base)
        if made is None:
            made = _classes[base] = type(
                base.__name__, (Noticing, base), {"__slots__": (), "__module__": base.__module__}
            )
        session.__dict__[_HERE] = environ
        session.__class__ = made
    except (AttributeError, TypeError):
        if environ.reads is not None:
            environ.reads.read("session")


@contextmanager
def _unwatched(session: Any) -> Iterator[None]:
    """Whoever saves a session looks at all of it; afterwards a streamed answer may still read."""
    made = type(session)
    if not issubclass(made, Noticing):
        yield
        return
    session.__class__ = made.__mro__[2]
    try:
        yield
    finally:
        session.__class__ = made


def watch_sessions_of(app: Flask) -> None:
    """Have the sessions of an application noticed, in requests that are watched."""
    plain = app.session_interface
    if isinstance(getattr(plain, "open_session", None), _Opening):
        return
    interface: Any = copy.copy(plain)  # Flask's own is one for all applications
    interface.open_session = _Opening(plain)
    interface.save_session = _Saving(plain)
    app.session_interface = interface


class _Opening:
    """`open_session`."""

    def __init__(self, interface: SessionInterface) -> None:
        self._open = interface.open_session

    def __call__(self, app: Flask, asking: Any) -> Any:
        environ = asking.environ
        if not isinstance(environ, WatchedEnviron):
            return self._open(app, asking)
        with environ.unnoticed():
            session = self._open(app, asking)
        environ.visitor.got(session)
        if session is not None:
            _watch(session, environ)
        return session


class _Saving:
    """`save_session`."""

    def __init__(self, interface: SessionInterface) -> None:
        self._save = interface.save_session

    def __call__(self, app: Flask, session: Any, response: Any) -> None:
        environ = request.environ if has_request_context() else None
        if not isinstance(environ, WatchedEnviron):
            self._save(app, session, response)
            return
        with _unwatched(session), environ.unnoticed():
            changed = environ.visitor.changed(session)
            if changed and environ.visitor.before_saving is not None:
                environ.visitor.before_saving(environ)
            before = _vary_of(response)
            self._save(app, session, response)
        if environ.reads is None:
            return
        if changed:
            environ.reads.refuse(_CHANGED)
        # Flask says `Vary: Cookie` for whoever touches a session. What is read of it is noticed here.
        environ.reads.excused |= _vary_of(response) - before


def _vary_of(response: Any) -> set[bytes]:
    return {name.lower().encode("latin-1") for name in response.vary}
