"""What one layer did for one operation: metrics, traces, headers and pictures all read these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class Kind(StrEnum):
    """What happened."""

    HIT = "hit"
    STALE = "stale"
    MISS = "miss"
    LOAD = "load"
    LOAD_FAILED = "load-failed"
    FILL = "fill"
    FILL_REFUSED = "fill-refused"
    JOINED = "joined"
    REFRESH = "refresh"
    INVALIDATE = "invalidate"
    EVICT = "evict"
    DAMAGED = "damaged"
    BYPASS = "bypass"
    LEDGER = "ledger"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Event:
    """One operation of one layer.

    Attributes:
        kind: What happened.
        layer: Who did it: `l1`, `store`, `loader`, `ledger`, `codec`, `effects`.
        key: The key concerned, or the empty string.
        reason: Why, in a few words: `expired`, `invalidated`, `absent`, `checksum`.
        seconds: How long it took, where it was measured.
        detail: More, by name.
    """

    kind: Kind
    layer: str
    key: str = ""
    reason: str = ""
    seconds: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict)


Listener: TypeAlias = Callable[[Event], None]


class Events:
    """Who listens. Nothing is built when nobody does: ask `if events:` before making an event."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._listeners)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each event from now on; returns what ends it."""
        self._listeners = (*self._listeners, listener)

        def stop() -> None:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

        return stop

    def emit(self, event: Event) -> None:
        """Tell every listener. A listener that fails is dropped from this event, not from the next."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: S112  a broken exporter must not break the application
                continue
