"""The cache of a Django project: where its pages, fragments and querysets live, opened once.

In this order:

1. `AFRESH = {"CACHE": …}`: a URL, or a dictionary of what `afresh.Cache` takes; `AFRESH = "redis://…"`;
2. the `[cache]` table of `afresh.toml`, beside `manage.py`;
3. `CACHES["default"]`, if it is `afresh.django.CacheBackend`;
4. the Redis of `CACHES["default"]`, whoever's backend speaks to it;
5. `Cache()`: this machine.

While Django's test runner runs, a cache that isn't the project's own (3) is this process's memory.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from django.conf import settings
from django.test.utils import _TestState

from afresh.cache import Cache
from afresh.django.settings import given, setting, settings_file
from afresh.engine.changes.capturing import open_before_writes

OURS = "afresh.django.CacheBackend"
MIDDLEWARE = ("afresh.django.Middleware", "afresh.django.pages.middleware.Middleware")
_REDIS = ("redis", "rediss", "unix", "valkey", "valkeys")
_PLAIN = ("afresh.django.cache.backend.CacheBackend", OURS)


class Place(NamedTuple):
    """Where the cache of a project lives.

    Attributes:
        why: What decided it, for people.
        arguments: What `Cache` is opened with.
        file: The settings file, where that has a `[cache]` table.
        backend: It is that of `CACHES["default"]`.
        named: The project's settings name it: somebody means to use it.
    """

    why: str
    arguments: Mapping[str, Any]
    file: Path | None = None
    backend: bool = False
    named: bool = True


class _Opened:
    """The cache, and what it was opened by."""

    lock = threading.Lock()
    place: Place | None = None
    cache: Cache | None = None


def project_cache() -> Cache:
    """The cache of this project.

    Raises:
        ConfigurationError: A setting makes no sense.
    """
    setting()
    place = place_of_project()
    with _Opened.lock:
        if _Opened.cache is None or _Opened.place != place or _Opened.cache._engine.closed:
            _Opened.cache, _Opened.place = _open(place), place
        return _Opened.cache


def tell_of_all_writes() -> None:
    """Have the project's cache told what a process writes that serves no page: a shell, a command, a task."""
    open_before_writes(_open_if_used)


def _open_if_used() -> None:
    place = place_of_project()
    if place.named or keeps_pages():
        project_cache()


def keeps_pages() -> bool:
    """Whether the middleware is there."""
    return any(each in MIDDLEWARE for each in settings.MIDDLEWARE)


def place_of_project() -> Place:
    """Where it lives."""
    chosen = given("CACHE", None)
    if chosen is not None:
        arguments = dict(chosen) if isinstance(chosen, Mapping) else {"url": chosen}
        return Place("AFRESH['CACHE']", arguments)
    file = settings_file()
    if file is not None and _has_table(file):
        return Place(f"the [cache] table of {file.name}", {}, file)
    default = getattr(settings, "CACHES", {}).get("default", {})
    if default.get("BACKEND") in _PLAIN:
        return Place("CACHES['default']", {}, backend=True)
    if hasattr(_TestState, "saved_data"):
        return Place("a run of tests", {"url": "memory://"}, named=False)
    url = _redis_of(default)
    if url:
        arguments = {"url": url, "namespace": _namespace(default)}
        return Place("the Redis of CACHES['default']", arguments, named=False)
    return Place("nothing else: this machine", {}, named=False)


def _open(place: Place) -> Cache:
    if place.backend:
        from django.core.cache import caches

        backend: Any = caches["default"]
        found: Cache = backend.afresh
        return found
    arguments = {"secret": _secret(), **place.arguments}
    return Cache(**arguments) if place.file is None else Cache.from_toml(place.file, **arguments)


def _has_table(file: Path) -> bool:
    import tomllib

    try:
        return "cache" in tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return False  # whoever reads its rules says what is wrong with it


def _redis_of(default: Mapping[str, Any]) -> str:
    """The URL of the Redis that a backend is configured with; empty if it isn't one's."""
    location = default.get("LOCATION")
    if isinstance(location, (list, tuple)):
        location = location[0] if location else ""  # the first is the one that is written to
    location = str(location or "").split(",")[0].split(";")[0].strip()
    if urlsplit(location).scheme not in _REDIS or "redis" not in str(default.get("BACKEND", "")).lower():
        return ""
    password = (default.get("OPTIONS") or {}).get("PASSWORD")
    return _with_password(location, str(password)) if password else location


def _with_password(location: str, password: str) -> str:
    parts = urlsplit(location)
    if parts.password or parts.scheme == "unix":
        return location
    user = parts.username or ""
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))


def _namespace(default: Mapping[str, Any]) -> str:
    """What keeps two projects on one Redis apart: their KEY_PREFIX, as before."""
    return str(default.get("KEY_PREFIX") or "").replace(":", "_")


def _secret() -> bytes:
    """Key of the digests that stand for cookies and sessions: who hasn't the SECRET_KEY can't make them."""
    return hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"afresh-secret").digest()
