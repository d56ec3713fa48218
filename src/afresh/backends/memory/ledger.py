"""A ledger of this process alone: the words of `core.log` in a private array."""

from __future__ import annotations

import os
import secrets
import threading
import time
import weakref
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from afresh.core.intents import Intents, NoRoom
from afresh.core.log import Log
from afresh.core.ports import Proof
from afresh.core.words import BEGIN, Layout, initialise
from afresh.errors import NotInvalidated
from afresh.runtime.fork import on_fork

_OWNER = 1  # there is one process
_STUCK = 10.0
_ledgers: weakref.WeakSet[MemoryLedger] = weakref.WeakSet()
_forking: list[MemoryLedger] = []


class MemoryLedger:
    """The ordered log of invalidations of one process. See `core.ports.Ledger`.

    Hits compare `entry.checked_at` by identity with the object that `on_move` was given last, so
    `position` and `prove` return that very object too.
    """

    def __init__(
        self,
        on_move: Callable[[int], object],
        *,
        slots: int = 16_384,
        ring: int = 65_536,
        cells: int = 256,
    ) -> None:
        """Make an empty ledger.

        Args:
            on_move: Called with each new position, in order, before the write that moved it returns.
            slots: Size of the filter.
            ring: So many of the last numbers are told apart exactly.
            cells: Room for intents.
        """
        layout = Layout(slots, ring, cells)
        words = array("Q", bytes(8 * layout.total))
        self.epoch = secrets.randbits(63) + 1
        initialise(words, layout, epoch=self.epoch, start=time.time_ns() // 1000)
        self._log = Log(words, layout)
        self._intents = Intents(self._log)
        self._intended: dict[int, tuple[int, ...]] = {}
        self._on_move = on_move
        self._lock = threading.Lock()
        self._position = words[BEGIN]
        on_move(self._position)
        self._orphaned = False
        on_fork(self)
        _ledgers.add(self)

    def position(self) -> int:
        """The last number of which every hit knows."""
        return self._position

    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        """Show that none of `tags` was marked after `since`; `None` when one was, or may have been."""
        here = self._position
        proven = self._intents.prove(tags, since)
        if proven is None:
            return None
        at, held = proven
        if held and self._orphaned:
            self._bequeath()
        return Proof(here if at == here else at, held)

    def blame(self, tags: frozenset[int], since: int) -> int | None:
        """The tag that `prove` failed for, while the ring still tells."""
        return self._log.blame(tags, since)

    def marks(self, since: int) -> tuple[int, frozenset[int] | None]:
        """What was marked after a position; see `Log.marks`."""
        return self._log.marks(since)

    async def confirm(self) -> int:
        """There is nobody else whose invalidations could be out of sight."""
        return self._position

    async def reach(self, position: int) -> None:
        """All that was announced is here."""

    def tick(self) -> int:
        """Move by one number that marks nothing, because time may have changed something."""
        with self._moving():
            self._log.move()
        return self._position

    async def announce(self, tags: Sequence[int]) -> int:
        """Mark `tags` as changed and return the last one's number."""
        with self._moving():
            return self._log.mark(tags)

    async def intend(self, tags: Sequence[int], note: str = "") -> int:
        """Write that `tags` are about to change, and return the intent's number.

        Raises:
            NotInvalidated: Too many intents stand.
        """
        with self._moving():
            try:
                number = self._intents.open(_OWNER, tags)
            except NoRoom:
                raise NotInvalidated(f"no room for the intent of {note or 'a transaction'}") from None
            self._intended[number] = tuple(tags)
            return number

    async def settle(self, intent: int, *, announce: bool) -> int:
        """Clear an intent, after announcing its tags if the change was made.

        Raises:
            NotInvalidated: There is no such intent.
        """
        with self._moving():
            if announce and intent not in self._intended:
                raise NotInvalidated(f"intent {intent} was settled already, or by a parent process")
            tags = self._intended.get(intent, ())
            position = self._intents.settle(_OWNER, intent, tags if announce else ())
            self._intended.pop(intent, None)
            return position

    def before_fork(self) -> None:
        """Let no other thread be in the middle of a write whose end the child would never see."""
        self._lock.acquire(timeout=_STUCK)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._lock.locked():
            self._lock.release()

    def after_fork(self) -> None:
        """In a child: nobody holds the lock, and nobody here will settle the parent's intents."""
        self._lock = threading.Lock()
        self._orphaned = bool(self._intended)

    def _bequeath(self) -> None:
        """What the parent was about to change, it changes unseen from here: count it as changed."""
        with self._moving():
            if self._orphaned:
                self._orphaned = False
                self._intended.clear()
                self._intents.bequeath({_OWNER})

    def close(self) -> None:
        """There is nothing to give back."""

    @contextmanager
    def _moving(self) -> Iterator[None]:
        """Write under the lock; every hit knows before the lock is free again."""
        if not self._lock.acquire(timeout=_STUCK):
            # A signal handler interrupted the very thread that is writing, and wants to write too.
            raise NotInvalidated("this process is writing its ledger already, and doesn't get on")
        try:
            yield
        finally:
            try:
                # Also after an error: published marks count, even if they are not complete.
                position = self._log.words[BEGIN]
                if position != self._position:
                    self._position = position
                    self._on_move(position)
            finally:
                self._lock.release()


def _before_fork() -> None:
    _forking[:] = list(_ledgers)
    for ledger in _forking:
        ledger.before_fork()


def _after_fork() -> None:
    while _forking:
        _forking.pop().after_fork_in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_forking.clear)
