"""The caches behind `CACHES`: one in each process for all threads, since Django makes a backend for each."""

from __future__ import annotations

import atexit
import hashlib
import threading
from typing import Any

from afresh.cache import Cache
from afresh.django.cache.operations import Operations
from afresh.django.cache.packing import StoredCodec
from afresh.django.cache.packings import packing, secrets
from afresh.django.cache.settings import Settings
from afresh.runtime.fork import on_fork


class Opened:
    """The caches that were opened in this process, by their settings."""

    def __init__(self) -> None:
        self._caches: dict[tuple[Any, ...], tuple[Cache, Operations]] = {}
        self._beside: dict[tuple[Any, ...], Cache] = {}
        self._lock = threading.RLock()
        on_fork(self)
        atexit.register(self.close)

    def cache(self, settings: Settings) -> tuple[Cache, Operations]:
        """The cache with these settings; opened by whoever asks first."""
        identity = settings.identity
        found = self._caches.get(identity)
        if found is None:
            with self._lock:
                found = self._caches.get(identity) or _open(settings)
                self._caches[identity] = found
        return found

    def beside(self, settings: Settings, prefix: str) -> Cache:
        """A cache of the same place whose values are no pickles, and which `clear` leaves alone."""
        if settings.location.kind == "memory":
            return self.cache(settings)[0]  # nothing leaves the process, and there is one ledger in it
        arguments = {**dict(settings.arguments), "namespace": prefix.replace(":", "_")}
        identity = (*settings.identity, prefix)
        with self._lock:
            found = self._beside.get(identity)
            if found is None:
                found = self._beside[identity] = Cache(**arguments, secret=_digest_of(secrets()[0]))
        return found

    def close(self) -> None:
        """Close all of them; whoever asks again opens them anew."""
        with self._lock:
            caches = [*self._beside.values(), *(cache for cache, _ in self._caches.values())]
            self._caches, self._beside = {}, {}
        for cache in caches:
            cache.close()

    def after_fork(self) -> None:
        """The lock may have been held by a thread that isn't here."""
        self._lock = threading.RLock()


def _open(settings: Settings) -> tuple[Cache, Operations]:
    packed = packing(settings.codec, settings.serializer, settings.signed_by)
    arguments = dict(settings.arguments)
    if settings.location.kind != "memory":
        arguments["l1"] = None  # each `get` asks the store: what another process has put is found at once
    cache = Cache(**arguments, codec=StoredCodec(packed))
    place = cache._opened.main
    return cache, Operations(
        place,
        packed,
        dependencies=settings.dependencies,
        quiet=settings.quiet,
        announced=settings.announced,
    )


def _digest_of(secret: str | bytes) -> bytes:
    """Key of the digests that stand for cookies: who hasn't the SECRET_KEY can't make them."""
    raw = secret.encode() if isinstance(secret, str) else secret
    return hashlib.blake2b(raw, digest_size=32, person=b"afresh-secret").digest()


OPENED = Opened()
