"""The place of a project's sessions: one in each process."""

from __future__ import annotations

import atexit
import threading
from operator import is_
from typing import Any

from django.conf import settings

from afresh.django.cache.location import Location, location
from afresh.django.cache.packings import secrets
from afresh.django.cache.settings import settings_of
from afresh.django.settings import given
from afresh.errors import ConfigurationError
from afresh.runtime.fork import on_fork
from afresh.sessions import Sessions

OURS = ("afresh.django.CacheBackend", "afresh.django.cache.backend.CacheBackend")
"""What CACHES may call our backend."""

_READ = ("AFRESH", "CACHES", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SESSION_CACHE_ALIAS")
"""The settings that it depends on."""


class Opened:
    """The places that were opened in this process, by what they were opened with."""

    def __init__(self) -> None:
        self._places: dict[tuple[Any, ...], Sessions] = {}
        self._last: tuple[tuple[Any, ...], Sessions] | None = None
        self._lock = threading.Lock()
        on_fork(self)
        atexit.register(self.close)

    def sessions(self) -> Sessions:
        """Those of this project.

        Raises:
            ConfigurationError: The settings name no place that could keep sessions.
        """
        read = tuple(getattr(settings, name, None) for name in _READ)
        last = self._last
        if last is not None and all(map(is_, last[0], read)):  # each request comes here
            return last[1]
        found = self._sessions()
        self._last = read, found
        return found

    def _sessions(self) -> Sessions:
        place, signed_by = place_of_sessions(), secrets()
        identity = (place if isinstance(place, (str, type(None))) else id(place), signed_by)
        found = self._places.get(identity)
        if found is None:
            with self._lock:
                found = self._places.get(identity)
                if found is None:
                    found = self._places[identity] = Sessions(place, namespace="django", secret=signed_by)
        return found

    def close(self) -> None:
        """Close all of them; whoever asks again opens them anew."""
        with self._lock:
            places, self._places, self._last = self._places, {}, None
        for place in places.values():
            place.close()

    def after_fork(self) -> None:
        """The lock may have been held by a thread that isn't here."""
        self._lock = threading.Lock()


def place_of_sessions() -> Any:
    """Where they are: what `AFRESH["SESSIONS"]` says, else beside the cache, else in a file of this machine.

    Raises:
        ConfigurationError: What is named can't keep sessions.
    """
    chosen = given("SESSIONS", None)
    if chosen is not None:
        return _of(location(chosen))
    alias = getattr(settings, "SESSION_CACHE_ALIAS", "default")
    entry = getattr(settings, "CACHES", {}).get(alias, {})
    if entry.get("BACKEND") not in OURS:
        return None
    cache = settings_of(entry.get("LOCATION", ""), entry)
    if cache.location.kind == "memory":
        return None  # other workers would not know who is logged in
    return _of(cache.location._replace(url=dict(cache.arguments).get("url")))


def _of(found: Location) -> Any:
    if found.kind in {"memcached", "null"}:
        raise ConfigurationError(
            f"{found.kind} forgets what it needs room for, and with it who is logged in: write "
            'AFRESH = {"SESSIONS": "redis://host:6379/0"}, or "sqlite:////absolute/file".'
        )
    # A file of its own: whoever clears a cache by deleting its file ends no session.
    return f"{found.url}.sessions" if found.kind == "file" else found.url


OPENED = Opened()
