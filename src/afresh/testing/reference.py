"""A ledger, a store and leases in plain lists and dictionaries: obviously right, and slow.

They say what the ports mean, so they are what the contracts are tested with and what the engine is
explored with. `another()` is the same thing as another process sees it; `die()` is `kill -9` of that
process as the others see it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple, Self

from afresh.core.ports import UNASKED, Proof, Runtime, Waiter

__all__ = ["ReferenceLeases", "ReferenceLedger", "ReferenceStore"]


@dataclass
class _History:
    """What the handles of one ledger share."""

    epoch: int
    position: int
    log: list[tuple[int, int]] = field(default_factory=list)  # (number, tag), in order
    intents: dict[int, frozenset[int]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


class ReferenceLedger:
    """Keeps the whole log and reads all of it."""

    def __init__(self, epoch: int = 1, position: int = 1_000) -> None:
        self._history = _History(epoch, position)
        self._mine: set[int] = set()

    def another(self) -> Self:
        """The same ledger in another process."""
        other = type(self)()
        other._history = self._history
        return other

    @property
    def epoch(self) -> int:
        """Identity of the log."""
        return self._history.epoch

    def position(self) -> int:
        """The last number."""
        return self._history.position

    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        """Read the log."""
        at = self._history.position
        if self.blame(tags, since) is not None:
            return None
        held = any(tags & intended for intended in list(self._history.intents.values()))
        return Proof(at, held)

    def blame(self, tags: frozenset[int], since: int) -> int | None:
        """The first tag that was marked."""
        marked = (tag for number, tag in list(self._history.log) if number > since and tag in tags)
        return next(marked, None)

    async def confirm(self) -> int:
        """Everybody shares one list."""
        return self._history.position

    async def reach(self, position: int) -> None:
        """Everybody shares one list."""

    async def announce(self, tags: Sequence[int]) -> int:
        """Append to the log."""
        with self._history.lock:
            return self._mark(tags)

    async def intend(self, tags: Sequence[int], note: str = "") -> int:
        """Remember the tags under the next number."""
        history = self._history
        with history.lock:
            number = history.position + 1
            history.intents[number] = frozenset(tags)
            history.position = number
            self._mine.add(number)
            return number

    async def settle(self, intent: int, *, announce: bool) -> int:
        """Mark first, then forget: nobody sees neither."""
        history = self._history
        with history.lock:
            if announce:
                self._mark(sorted(history.intents.get(intent, ())))
            history.intents.pop(intent, None)
            self._mine.discard(intent)
            return history.position

    def die(self) -> None:
        """This process was killed, and somebody noticed: announce what it was about to change."""
        with self._history.lock:
            for intent in sorted(self._mine & self._history.intents.keys()):
                self._mark(sorted(self._history.intents[intent]))
                del self._history.intents[intent]

    def close(self) -> None:
        """Nothing is open."""

    def _mark(self, tags: Sequence[int]) -> int:
        history = self._history
        for number, tag in enumerate(tags, history.position + 1):
            history.log.append((number, tag))
        history.position += len(tags)
        return history.position


class Stored(NamedTuple):
    """A value as `ReferenceStore` keeps it."""

    envelope: bytes
    stamp: int
    expires: float
    was_put: bool


class ReferenceStore:
    """A dictionary. What one handle does, all see at once."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._rows: dict[str, Stored] = {}
        self._lock = Lock()

    def another(self) -> Self:
        """The same store in another process."""
        other = type(self)(self._now)
        other._rows, other._lock = self._rows, self._lock
        return other

    async def get(self, key: str) -> bytes | None:
        """The envelope, unless it expired."""
        return self._read(key)

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The envelopes that did not expire."""
        return {key: envelope for key in keys if (envelope := self._read(key)) is not None}

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        """Store it, unless what is there is newer, or as new and put."""
        with self._lock:
            there = self._rows.get(key)
            lives = there is not None and there.expires > self._now()
            if there is not None and lives and (there.stamp, there.was_put) > (stamp, False):
                return False
            self._rows[key] = Stored(envelope, stamp, expires, was_put=False)
            return True

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        """Store it."""
        self._rows[key] = Stored(envelope, stamp, expires, was_put=True)

    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        """Store them."""
        for key, envelope in envelopes.items():
            await self.put(key, envelope, stamp=stamp, expires=expires)

    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        """Compare what can be read, then store or delete."""
        with self._lock:
            if self._read(key) != old:
                return False
            if new is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = Stored(new, stamp, expires, was_put=True)
            return True

    async def delete(self, key: str) -> bool:
        """Remove it."""
        there = self._read(key) is not None
        self._rows.pop(key, None)
        return there

    async def delete_many(self, keys: Sequence[str]) -> int:
        """Remove them."""
        return sum([await self.delete(key) for key in keys])

    async def clear(self, prefix: str) -> None:
        """Remove what begins so."""
        for key in [key for key in self._rows if key.startswith(prefix)]:
            self._rows.pop(key, None)

    async def flush(self) -> None:
        """Everything is visible already."""

    def usage(self) -> Mapping[str, int]:
        """Count."""
        return {"entries": len(self._rows), "bytes": sum(len(row.envelope) for row in self._rows.values())}

    def close(self) -> None:
        """Nothing is open."""

    def _read(self, key: str) -> bytes | None:
        row = self._rows.get(key)
        return None if row is None or row.expires <= self._now() else row.envelope


class ReferenceLease:
    """A lease that was taken."""

    found: Final = UNASKED

    def __init__(self, leases: ReferenceLeases, key: str) -> None:
        self._leases = leases
        self._key = key

    def release(self) -> None:
        """Free the key and wake everybody who waits for it."""
        self._leases._release(self._key, self)


class ReferenceLeases:
    """Who holds which key."""

    def __init__(self) -> None:
        self._held: dict[str, ReferenceLease] = {}
        self._waiting: dict[str, list[Waiter]] = {}
        self._mine: list[tuple[str, ReferenceLease]] = []

    def another(self) -> Self:
        """The same leases in another process."""
        other = type(self)()
        other._held, other._waiting = self._held, self._waiting
        return other

    async def take(self, key: str, patience: float, runtime: Runtime) -> ReferenceLease | None:
        """Take it, or wait for the next release and try again."""
        lease = ReferenceLease(self, key)
        end = runtime.now() + patience
        while True:
            waiter = runtime.waiter()
            self._waiting.setdefault(key, []).append(waiter)  # before looking: no release is missed
            if self._held.setdefault(key, lease) is lease:
                self._mine.append((key, lease))
                return lease
            left = end - runtime.now()
            if left <= 0 or not await runtime.wait(waiter, left):
                return None

    def die(self) -> None:
        """This process was killed: the kernel frees what it held."""
        for key, lease in self._mine:
            self._release(key, lease)

    close = die

    def _release(self, key: str, lease: ReferenceLease) -> None:
        if self._held.get(key) is lease:
            del self._held[key]
            for waiter in self._waiting.pop(key, []):
                waiter.wake()
