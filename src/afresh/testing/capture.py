"""Collect what a cache says it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from afresh.core.events import Event, Kind, Listener

__all__ = ["Captured", "capture"]


class Speaker(Protocol):
    """A cache, or the `Events` within one."""

    def listen(self, listener: Listener, /) -> Callable[[], None]:
        """Call `listener` with each event; returns what ends it."""


class Captured(list[Event]):
    """Events in the order in which they happened.

    Hits that a decorated function's wrapper answers are counted (`cache.stats()`), not told.
    """

    def of(self, *kinds: Kind | str, key: str | None = None, layer: str | None = None) -> Captured:
        """Those of some kinds (none given: all), about a key, of a layer."""
        wanted = {Kind(kind) for kind in kinds}
        return Captured(
            event
            for event in self
            if (not wanted or event.kind in wanted)
            and (key is None or event.key == key)
            and (layer is None or event.layer == layer)
        )

    def kinds(self) -> list[Kind]:
        """What happened, in order."""
        return [event.kind for event in self]

    def counts(self) -> Counter[Kind]:
        """How often each kind happened."""
        return Counter(self.kinds())

    def one(self, *kinds: Kind | str, key: str | None = None, layer: str | None = None) -> Event:
        """The only one of these.

        Raises:
            AssertionError: There is none, or there are several.
        """
        found = self.of(*kinds, key=key, layer=layer)
        assert len(found) == 1, f"{len(found)} events {[str(kind) for kind in kinds]}, of {self}"
        return found[0]


@contextmanager
def capture(speaker: Speaker) -> Iterator[Captured]:
    """Collect the events of a `with` block."""
    captured = Captured()
    stop = speaker.listen(captured.append)
    try:
        yield captured
    finally:
        stop()
