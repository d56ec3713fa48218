"""The caches behind `CACHES`: one in each process for all threads, since Django makes a backend for each."""

from __future__ import annotations

import atexit
import threading
from typing import Any

from afresh.cache import Cache
from afresh.django.cache.operations import Operations
from afresh.django.cache.packing import StoredCodec
from afresh.django.cache.packings import packing
from afresh.django.cache.settings import Settings
from afresh.runtime.fork import on_fork


class Opened:
    """The caches that were opened in this process, by their settings."""

    def __init__(self) -> None:
        self._caches: dict[tuple[Any, ...], tuple[Cache, Operations]] = {}
        self._lock = threading.Lock()
        on_fork(self)
        atexit.register(self.close)

    def cache(self, settings: Settings) -> tuple[Cache, Operations]:
        """The cache with these settings; opened by whoever asks first."""
        identity = settings.identity
        found = self._caches.get(identity)
        if found is None:
            with self._lock:
                found = self._caches.get(identity) or self._open(settings)
                self._caches[identity] = found
        return found

    def close(self) -> None:
        """Close all of them; whoever asks again opens them anew."""
        with self._lock:
            caches, self._caches = self._caches, {}
        for cache, _ in caches.values():
            cache.close()

    def after_fork(self) -> None:
        """The lock may have been held by a thread that isn't here."""
        self._lock = threading.Lock()

    @staticmethod
    def _open(settings: Settings) -> tuple[Cache, Operations]:
        packed = packing(settings.codec, settings.serializer, settings.signed_by)
        cache = Cache(**dict(settings.arguments), codec=StoredCodec(packed))
        place = cache._opened.main
        return cache, Operations(place, packed, dependencies=settings.dependencies, quiet=settings.quiet)


OPENED = Opened()
