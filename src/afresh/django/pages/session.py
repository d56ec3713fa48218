"""A session that notices which of its values are read. They are compared on each hit, so they are no dependencies.

Whatever store a project has, its class is put behind `WatchedSession`: `request.session` stays an
instance of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from afresh.django.pages.noticing import Reads
from afresh.engine.asking.contexts import leave
from afresh.engine.asking.tracker import current

_inside: ContextVar[bool] = ContextVar("afresh.session", default=False)
"""A method of the session's own is at work: what it reads, its caller has said."""


@contextmanager
def _at_work() -> Iterator[None]:
    token = _inside.set(True)
    try:
        yield
    finally:
        leave(_inside, token)


@contextmanager
def unrecorded() -> Iterator[None]:
    """What is read within this block is no dependency."""
    token = current.set(None)
    try:
        yield
    finally:
        leave(current, token)


class WatchedSession:
    """What is put before the class of a session store.

    Attributes:
        afresh_reads: What was read of the request; `None`: nobody listens yet.
        afresh_data: The values as they were loaded.
        afresh_saved: It was saved.
    """

    afresh_reads: Reads | None = None
    afresh_data: dict[str, Any] | None = None
    afresh_saved = False
    accessed: bool
    modified: bool

    def afresh_loaded(self) -> dict[str, Any]:
        """The values, loaded now if they weren't, and nothing noticed."""
        if self.afresh_data is None:
            accessed = self.accessed
            with _at_work():
                data = self._get_session()
            self.accessed = accessed
            if self.afresh_data is None:  # there was nothing to load
                self.afresh_data = copy.deepcopy(data)
        return self.afresh_data

    async def afresh_aloaded(self) -> None:
        """The same, for an event loop."""
        if self.afresh_data is None:
            accessed = self.accessed
            with _at_work():
                data = await self._aget_session()
            self.accessed = accessed
            if self.afresh_data is None:
                self.afresh_data = copy.deepcopy(data)

    def _note(self, name: str) -> None:
        if self.afresh_reads is not None and not _inside.get():
            self.afresh_reads.read(name)

    # -- loading --------------------------------------------------------------------------------

    def load(self) -> Any:
        """What the store has."""
        with _at_work(), unrecorded():
            data = super().load()  # type: ignore[misc]
        self.afresh_data = copy.deepcopy(data)
        return data

    async def aload(self) -> Any:
        """What the store has."""
        with _at_work(), unrecorded():
            data = await super().aload()  # type: ignore[misc]
        self.afresh_data = copy.deepcopy(data)
        return data

    def _get_session(self, no_load: bool = False) -> Any:
        self._note("session")
        with _at_work():
            return super()._get_session(no_load)  # type: ignore[misc]

    _session = property(_get_session)

    async def _aget_session(self, no_load: bool = False) -> Any:
        self._note("session")
        with _at_work():
            return await super()._aget_session(no_load)  # type: ignore[misc]

    def save(self, *args: Any, **kwargs: Any) -> Any:
        """Keep what was changed."""
        self.afresh_saved = True
        with _at_work():
            return super().save(*args, **kwargs)  # type: ignore[misc]

    # -- what is asked of a session as a whole ---------------------------------------------------

    @property
    def session_key(self) -> Any:
        """Whose it is."""
        self._note("session key")
        return super().session_key  # type: ignore[misc]

    def is_empty(self) -> Any:
        """Whether there is none."""
        self._note("session key")
        self._note("session")
        with _at_work():
            return super().is_empty()  # type: ignore[misc]


def _by_key(name: str) -> Any:
    def method(self: Any, key: Any, *given: Any, **named: Any) -> Any:
        self._note(f"session:{key}")
        with _at_work():
            return getattr(super(WatchedSession, self), name)(key, *given, **named)

    return method


def _by_key_later(name: str) -> Any:
    async def method(self: Any, key: Any, *given: Any, **named: Any) -> Any:
        self._note(f"session:{key}")
        with _at_work():
            return await getattr(super(WatchedSession, self), name)(key, *given, **named)

    return method


for _name in ("__contains__", "__getitem__", "get", "has_key", "pop", "setdefault"):
    setattr(WatchedSession, _name, _by_key(_name))
for _name in ("aget", "ahas_key", "apop", "asetdefault"):
    setattr(WatchedSession, _name, _by_key_later(_name))


@lru_cache(maxsize=16)
def watched(store: Any) -> type:
    """The class of a store, noticing."""
    return type(
        store.__name__,
        (WatchedSession, store),
        {"__module__": store.__module__, "__qualname__": store.__qualname__},
    )
