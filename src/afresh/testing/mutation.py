"""Report a caller that changed a cached value.

Memory hands out the stored object itself: that is its speed, and it means that a caller who appends
to a list from the cache has changed it for everybody. `watch` takes a snapshot of each value when it
is stored, looks again at each read and at the end, and tells who had read what changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from afresh.core.entry import Entry
from afresh.runtime.gate import Shut
from afresh.testing.snapshot import Snapshot, difference, snapshot

if TYPE_CHECKING:
    from afresh import Cache

__all__ = ["Change", "CachedValueChanged", "Watch", "watch"]

_WATCHED = Shut.WATCHED
_HERE = str(Path(__file__).parent.parent)
_READERS = 8  # of one value, the last ones


@dataclass(frozen=True, slots=True)
class Change:
    """A cached value that somebody changed.

    Attributes:
        key: Its key.
        what: The first difference.
        readers: `file:line, in function` of those who had been given it, the earliest first.
    """

    key: str
    what: str
    readers: tuple[str, ...]

    def __str__(self) -> str:
        given = "".join(f"\n    given to {reader}" for reader in self.readers)
        return f"{self.key}\n    value{self.what}{given}"


class CachedValueChanged(AssertionError):
    """A caller changed a value that others are given too: copy it first, or cache with `copy=True`.

    Attributes:
        changes: Which, and who could have done it.
    """

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self.changes = changes
        super().__init__(
            f"{len(changes)} cached value(s) changed after being stored "
            "(copy before changing, or cache with copy=True):\n" + "\n".join(map(str, changes))
        )


@dataclass(slots=True)
class _Watched:
    entry: Entry
    stored: Snapshot
    readers: dict[str, None] = field(default_factory=dict)


class Watch:
    """What is known of the values of one cache.

    Attributes:
        changes: Found so far.
    """

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._watched: dict[int, _Watched] = {}

    def stored(self, entry: Entry) -> None:
        """A value was stored, and nobody has been given it by the cache yet."""
        self._watched[id(entry)] = watched = _Watched(entry, snapshot(entry.value))
        self._note_reader(watched)

    def read(self, entry: Entry) -> None:
        """A value is about to be given to somebody."""
        watched = self._watched.get(id(entry))
        if watched is not None:
            self._compare(watched)
            self._note_reader(watched)

    def check(self) -> None:
        """Compare everything once more.

        Raises:
            CachedValueChanged: Something changed, now or before.
        """
        for watched in list(self._watched.values()):
            self._compare(watched)
        if self.changes:
            raise CachedValueChanged(tuple(self.changes))

    def _compare(self, watched: _Watched) -> None:
        present = snapshot(watched.entry.value)
        what = difference(watched.stored, present)
        if what is not None:
            key = watched.entry.facts.key or repr(watched.entry.index)
            self.changes.append(Change(key, what, tuple(watched.readers)))
            watched.stored = present  # tell each change once
            watched.readers.clear()

    def _note_reader(self, watched: _Watched) -> None:
        reader = caller()
        watched.readers.pop(reader, None)
        watched.readers[reader] = None
        if len(watched.readers) > _READERS:
            del watched.readers[next(iter(watched.readers))]


@contextmanager
def watch(cache: Cache) -> Iterator[Watch]:
    """Watch the values in a cache's memory; at the end of the block, complain of those that changed.

    Every hit takes the long way meanwhile. Values that leave the process are read back as new
    objects, so only what memory (`l1=`) holds is watched.

    Raises:
        CachedValueChanged: A value was changed after it was stored.
    """
    engine, found = cache._engine, Watch()

    def swapped(space: object, index: object, old: Entry | None, new: Entry | None) -> None:
        if new is not None:
            found.stored(new)

    with ExitStack() as stack:
        stack.enter_context(_first(engine, "prove", lambda entry, now: found.read(entry)))
        if engine.l1 is not None:
            stack.enter_context(_first(engine.l1, "admit", found.stored))
            stack.enter_context(_first(engine.l1, "swap", swapped))
        engine.gate.shut(_WATCHED)
        stack.callback(engine.gate.open, _WATCHED)
        yield found
        found.check()


@contextmanager
def _first(owner: object, name: str, before: Callable[..., object]) -> Iterator[None]:
    """Within the block, call `before` with the arguments of each call of a method."""
    method = getattr(owner, name)

    def both(*args: Any) -> Any:
        before(*args)
        return method(*args)

    setattr(owner, name, both)
    try:
        yield
    finally:
        delattr(owner, name)


def caller() -> str:
    """Who asked, outside of this package and of the code that it generates."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_HERE) and file != "<string>":
            return f"{file}:{frame.f_lineno}, in {frame.f_code.co_qualname}"
        frame = frame.f_back
    return "a background thread"
