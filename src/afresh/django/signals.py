"""Signals of the project's cache.

    @receiver(invalidated)
    def purge(sender, names, **kwargs): ...

Hits in a store take a little longer while somebody is connected: then all that happens is told.
"""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from afresh.cache import Cache
from afresh.core.events import Event, Kind
from afresh.django.project import project_cache


class _OfCache(Signal):  # type: ignore[misc]  # it has no types
    """A signal that listens to the project's cache while somebody is connected."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._kind = kind
        self._heard: Cache | None = None
        self._stop: Any = None

    def connect(self, *args: Any, **kwargs: Any) -> None:
        """See `Signal`. To be called when the settings are ready: in `AppConfig.ready`, or in a module of receivers."""
        super().connect(*args, **kwargs)
        cache = project_cache()
        if self._heard is not cache:
            self._end()
            self._heard, self._stop = cache, cache.listen(self._tell)

    def disconnect(self, *args: Any, **kwargs: Any) -> bool:
        """See `Signal`."""
        done = bool(super().disconnect(*args, **kwargs))
        if not self.has_listeners():
            self._end()
        return done

    def _end(self) -> None:
        if self._stop is not None:
            self._stop()
        self._heard = self._stop = None

    def _tell(self, event: Event) -> None:
        if event.kind is self._kind:
            names = tuple(event.detail.get("names", ()))
            self.send_robust(
                self._heard, names=names, key=event.key, reason=event.reason, seconds=event.seconds
            )


invalidated = _OfCache(Kind.INVALIDATE)
"""This process announced a change: `names` are those of the tags."""

loaded = _OfCache(Kind.LOAD)
"""Something was made: `key`, and how many `seconds` it took."""

not_kept = _OfCache(Kind.FILL_REFUSED)
"""Something that was made is not kept: `key` and `reason`."""
