"""The machine's ledger: one mapped file that all its processes read without a lock.

A hit compares `entry.checked_at` with `words[BEGIN]` and never comes here. What comes here is the
first hit after an invalidation anywhere (`prove`), and every write.

**When the file can't be trusted** (damaged, foreign, from before a restart, gone from its path, its
lock holder standing still) another takes over, with a new epoch and a floor above every number of
the old one, so nothing older is ever proven again. See `_follow` for the order in which that happens.

**Memory order.** Tested on x86 only, where the order of `core.log` is also what other processors
see. On other machines (`platform.machine()`) a processor may see two writes in another order, or
read ahead. There `position` and `prove` read under the writers' lock, whose system calls are full
barriers. That is written from the rules and was never run on such a machine. A hit's one comparison
takes no lock: whoever was told of an invalidation was told through something that is a barrier.
"""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from afresh.backends.file.boot import boot_digest
from afresh.backends.file.ledger.generations import Generations, epoch_of
from afresh.backends.file.ledger.mapping import Mapping
from afresh.backends.file.ledger.owners import Owners
from afresh.backends.file.ledger.writer_lock import LockTrouble
from afresh.core.events import Event, Events, Kind
from afresh.core.intents import NoRoom
from afresh.core.ports import Proof
from afresh.core.words import ALIVE, BEGIN, GIVEN, LIFE, RESERVED, STANDING, Damaged, Layout
from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.fork import on_fork

__all__ = ["BEGIN", "MachineLedger"]

UNKNOWN = 0
"""The position while there is no ledger: below every floor, so what is stamped with it proves nothing."""

_ORDERED = platform.machine().lower() in {"x86_64", "amd64", "i386", "i686"}
_SUPERSEDED = "it was superseded"
_GENERATIONS = 8  # so many times in a row may the file be replaced under one write
_log = logging.getLogger("afresh")
T = TypeVar("T")
_proof = tuple.__new__  # half the price of Proof(…)


class MachineLedger:
    """The ledger of all processes that share a folder. See `core.ports.Ledger`.

    Its coroutines never suspend. A write may block for some microseconds, and once for `patience`
    seconds when the process that holds the lock has been stopped.

    Attributes:
        words: The mapped words; another view when the file was replaced (then `on_remap` is called).
            The old view stays readable for ever, and no hit succeeds against it.
    """

    begin = BEGIN
    """Index of the word that hits compare with."""

    def __init__(
        self,
        folder: Path,
        *,
        slots: int = 65_536,
        ring: int = 262_144,
        cells: int = 256,
        on_remap: Callable[[memoryview], object] | None = None,
        events: Events | None = None,
        max_stale: float = 0.25,
        patience: float = 1.0,
    ) -> None:
        """Map the folder's ledger, or make it.

        Args:
            folder: On a local file system; see `folder.machine_folder`.
            slots: Size of the filter, when this process is the one to make the file.
            ring: So many of the last numbers are told apart exactly.
            cells: Room for intents.
            on_remap: Called with the new words after the file was replaced.
            events: Told when that happens.
            max_stale: At most every so many seconds it is looked whether the file is still there.
            patience: A lock holder that stands still for so many seconds is left behind.

        Raises:
            BackendError: The folder can't be used.
        """
        self._generations = Generations(folder, Layout(slots, ring, cells), boot_digest())
        self._owners = Owners(folder)
        self._on_remap = on_remap
        self._events = events
        self._max_stale = max_stale
        self._patience = patience
        self._look_again = self._reap_again = self._recover_again = 0.0
        self._closed = False
        self._following = threading.RLock()
        self._mine: dict[int, tuple[int, tuple[int, ...]]] = {}  # number → owner, tags
        try:
            mapping, troubles = self._generations.current()
        except OSError as error:
            raise BackendError(f"{folder}: can't be used for the machine's ledger: {error}") from error
        self._adopt(mapping)
        self._tell(troubles)
        self._owners.bury()
        on_fork(self)

    # -- reading --------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Random identity of this ledger's life."""
        return epoch_of(self._mapping)

    def position(self) -> int:
        """The last number that was published; what it marks is visible. `UNKNOWN` without a ledger."""
        for _ in range(2):
            mapping = self._mapping
            words = mapping.words
            position = words[BEGIN] if _ORDERED else self._alone(mapping, partial(words.__getitem__, BEGIN))
            # Looked at after BEGIN, which a writer that knows nothing of its end yet may still move.
            if words[LIFE] == ALIVE and position is not None:
                return position
            if not mapping.alive() and not self._recover(mapping, _SUPERSEDED):
                break
        return UNKNOWN

    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        """Show that none of `tags` was marked after `since`; `None` when one was, or may have been."""
        mapping = self._mapping
        intents = mapping.intents
        try:
            if _ORDERED:
                proven = intents.prove(tags, since)
            else:
                proven = self._alone(mapping, lambda: intents.prove(tags, since))
        except Damaged as damage:
            self._recover(mapping, str(damage))
            return None
        # Looked at last: until now these words were the ledger.
        if mapping.words[LIFE] != ALIVE:
            self._recover(mapping, _SUPERSEDED)
            return None
        if proven is None:
            return None
        if proven[1]:
            with suppress(NotInvalidated):
                self.reap()
        return _proof(Proof, proven)

    def blame(self, tags: frozenset[int], since: int) -> int | None:
        """The tag that `prove` failed for, while the ring still tells."""
        return self._mapping.log.blame(tags, since) if self._mapping.alive() else None

    def marks(self, since: int) -> tuple[int, frozenset[int] | None]:
        """What was marked after a position; see `Log.marks`. `UNKNOWN` and `None` without a ledger."""
        if self.position() == UNKNOWN:
            return UNKNOWN, None
        mapping = self._mapping
        marked = mapping.log.marks(since)
        return marked if mapping.alive() else (UNKNOWN, None)

    async def confirm(self) -> int:
        """Look whether the file is still there, at most every `max_stale` seconds; returns the position.

        Apart from that, nothing that was announced on this machine is ever out of sight.
        """
        self.look_after()
        return self.position()

    async def reach(self, position: int) -> None:
        """All that was announced is here: a position that isn't was never given out in this life."""

    # -- writing --------------------------------------------------------------------------------

    async def announce(self, tags: Sequence[int]) -> int:
        """Mark `tags` as changed and return the last one's number.

        Raises:
            NotInvalidated: They could not be written.
        """
        return self._write(lambda mapping: mapping.log.mark(tags))

    async def intend(self, tags: Sequence[int], note: str = "") -> int:
        """Write that `tags` are about to change, and return the intent's number.

        Raises:
            NotInvalidated: It could not be written.
        """
        try:
            owner = self._owners.own()
        except OSError as error:
            raise NotInvalidated(f"the intent of {note or 'a transaction'} has no owner: {error}") from error
        for _ in range(2):
            number = self._intend(owner, tuple(tags))
            if number is not None:
                return number
            self.reap(now=True)
        raise NotInvalidated(f"no room for the intent of {note or 'a transaction'}: too many stand")

    async def settle(self, intent: int, *, announce: bool) -> int:
        """Clear an intent, after announcing its tags if the change was made.

        Raises:
            NotInvalidated: That could not be written, and the intent stands and can be settled again;
                or this process has no such intent.
        """
        if intent not in self._mine:
            if announce:
                raise NotInvalidated(f"intent {intent} is not this process's, or is settled already")
            return self.position()
        owner, tags = self._mine[intent]
        marked = tags if announce else ()
        position = self._write(lambda mapping: mapping.intents.settle(owner, intent, marked))
        self._mine.pop(intent, None)
        return position

    def _intend(self, owner: int, tags: tuple[int, ...]) -> int | None:
        """Write an intent; `None` if every cell is taken."""
        number: int | None = None

        def write(mapping: Mapping) -> int:
            nonlocal number
            if number is None:
                number = mapping.intents.next_number()
                self._mine[number] = owner, tags
            else:
                # The file was replaced meanwhile, and a part of this intent may stand in the new one.
                mapping.intents.settle(owner, number)
            return mapping.intents.open(owner, tags, number)

        try:
            return self._write(write)
        except BaseException as error:
            if number is not None:
                self._mine.pop(number, None)
            if isinstance(error, NoRoom):
                return None
            raise

    def reap(self, *, now: bool = False) -> None:
        """Announce and clear the intents of processes that died; at most every `max_stale` seconds."""
        if not now and time.monotonic() < self._reap_again:
            return
        self._reap_again = time.monotonic() + self._max_stale
        dead = {owner for owner in self._mapping.intents.owners() if not self._owners.alive(owner)}
        if dead:
            self._write(lambda mapping: mapping.intents.bequeath(dead))
            self._owners.bury()
            self._tell([f"announced what {len(dead)} dead process(es) were about to change"])

    def _write(self, act: Callable[[Mapping], int]) -> int:
        """Write under the lock; again in the next file, if this one was replaced meanwhile."""
        for _ in range(_GENERATIONS):
            if self._closed:
                raise NotInvalidated("the ledger is closed")
            mapping = self._mapping
            try:
                with self._locked(mapping):
                    position = act(mapping)
            except (Damaged, LockTrouble) as error:
                self._follow(mapping, str(error))
                continue
            # After the write: what a holder that stood still wrote here may be in no other file.
            trouble = mapping.trouble_now()
            if not trouble:
                return position
            self._follow(mapping, trouble)
        raise NotInvalidated(f"the ledger's file was replaced {_GENERATIONS} times in a row")

    @contextmanager
    def _locked(self, mapping: Mapping) -> Iterator[None]:
        words = mapping.words
        if not mapping.alive():
            raise Damaged(_SUPERSEDED)
        with mapping.lock.held(self._patience, lambda: (words[RESERVED], words[GIVEN])):
            if not mapping.alive():
                raise Damaged(_SUPERSEDED)
            yield

    def _alone(self, mapping: Mapping, read: Callable[[], T]) -> T | None:
        """Read while nobody writes, where memory's order can't be relied on; `None` without the lock."""
        try:
            with self._locked(mapping):
                return read()
        except (Damaged, LockTrouble) as trouble:
            self._recover(mapping, str(trouble))
        except NotInvalidated:  # another thread here is stuck in a write: nothing can be told
            pass
        return None

    # -- another file takes over ----------------------------------------------------------------

    def look_after(self) -> None:
        """Housekeeping, for a ticker: is the file still good and there, is an owner dead?

        Cheap when called often: it looks at most every `max_stale` seconds.
        """
        now = time.monotonic()
        if now < self._look_again or self._closed:
            return
        self._look_again = now + self._max_stale
        mapping = self._mapping
        trouble = mapping.trouble_now()
        if trouble:
            self._recover(mapping, trouble)
        elif mapping.words[STANDING]:
            with suppress(NotInvalidated):
                self.reap()

    def _recover(self, mapping: Mapping, trouble: str) -> bool:
        """`_follow` for readers, who go on without a ledger when there is none to be had."""
        if self._closed or time.monotonic() < self._recover_again:
            return False
        try:
            self._follow(mapping, trouble)
        except NotInvalidated as error:
            self._recover_again = time.monotonic() + self._max_stale
            self._tell([str(error)])
            return False
        return True

    def _follow(self, mapping: Mapping, trouble: str) -> None:
        """Leave `mapping` for its successor, which is made if nobody else did yet.

        First LIFE is taken from the old words, then there is a successor, then the old words' BEGIN
        fails every hit. A writer who finds LIFE unchanged *after* its write made it before anyone
        could open the successor; one who finds it changed writes again there.
        """
        with self._following:
            if self._mapping is not mapping:
                return
            troubles = [f"{mapping.path.name}: {trouble}"]
            successor = self._successor(mapping, troubles)
            self._adopt(successor)
            if self._on_remap is not None:
                self._on_remap(successor.words)
        self._tell(troubles)

    def _successor(self, mapping: Mapping, troubles: list[str]) -> Mapping:
        mapping.condemn()
        try:
            successor, more = self._generations.current(mapping.last_number(), mapping)
        except (OSError, BackendError) as error:
            raise NotInvalidated(f"no ledger can take over from {mapping.path}: {error}") from error
        finally:
            mapping.shut()
            mapping.lock.close()
        troubles += more
        try:
            self._keep_intents(successor)
        except (Damaged, LockTrouble, NoRoom) as error:
            troubles.append(f"{successor.path.name}: {error}")
            return self._successor(successor, troubles)
        return successor

    def _keep_intents(self, mapping: Mapping) -> None:
        """This process's intents go on standing; most were copied with the cells."""
        if not self._mine:
            return
        owner = self._owners.own()
        with self._locked(mapping):
            missing = self._mine.keys() - mapping.intents.find(owner)
            for number in missing:
                mapping.intents.open(owner, self._mine[number][1], number)

    def _adopt(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self.words = mapping.words

    def _tell(self, troubles: Sequence[str]) -> None:
        """A replaced ledger costs every entry of the machine: say why, where people look."""
        if not troubles:
            return
        reason = "; ".join(troubles)
        _log.warning("the machine's ledger: %s", reason)
        if self._events:
            self._events.emit(Event(Kind.LEDGER, "ledger", reason=reason))

    # -- ends -----------------------------------------------------------------------------------

    def after_fork(self) -> None:
        """In a child: open its own lock, own no intents. The mapping is shared and stays."""
        self._following = threading.RLock()
        self._mine = {}
        self._owners.after_fork()
        self._mapping.lock.after_fork()

    def close(self) -> None:
        """Give back what it holds open; the words stay mapped. Safe to call twice."""
        self._closed = True
        self._mapping.lock.close()
        self._owners.close()
