"""The copy of a server's log: the words of `core.log`, in which a record gets the server's numbers.

Any process of the machine may apply a record, under the lock of those who write these words: its
follower, and whoever has just announced something. A record is applied only where it continues
what is there, so a lost, late, doubled or overtaken message can't do harm.

A copy is never loaded in place. Where it can't be continued (the server's log was trimmed, or has
begun a new epoch) another copy takes over, in the order of the machine's own ledger:

1. LIFE is taken from the old words;
2. the server is asked for a snapshot, so that it holds whatever was acknowledged in the old words;
3. a complete new copy is put in place, by exactly one process;
4. no hit succeeds against the old words any more.

Whoever writes looks at LIFE after its write, and writes again in the successor if it is gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from afresh.backends.file.ledger.mapping import Mapping
from afresh.backends.replica.header import HEARD, HIT, PENDING
from afresh.backends.replica.remote import NOWHERE, Position, Record, What
from afresh.core.intents import Intents, NoRoom
from afresh.core.log import Log
from afresh.core.words import (
    ALIVE,
    BEGIN,
    CELL,
    CELL_TAGS,
    CLOSED,
    COUNT,
    EPOCH,
    GIVEN,
    HEADER,
    LIFE,
    NUMBER,
    OWNER,
    RESERVED,
    STANDING,
    SUPERSEDED,
    TAGS,
    Damaged,
)
from afresh.errors import NotInvalidated

_PATIENCE = 1.0  # seconds for which whoever writes these words may stand still
_STUCK = 10.0


class Superseded(Exception):  # caught by whoever goes on in the successor
    """Another copy has taken over, or is about to."""


class Lock(Protocol):
    """Of those who write."""

    def held(self, patience: float, moved: Callable[[], object]) -> AbstractContextManager[None]:
        """See `WriterLock.held`."""

    def after_fork(self) -> None:
        """In a child: nobody holds it."""

    def close(self) -> None:
        """Give back what it holds open."""


class Mutex:
    """The lock of words that only this process has."""

    def __init__(self) -> None:
        self.after_fork()

    @contextmanager
    def held(self, patience: float, moved: Callable[[], object]) -> Iterator[None]:
        """Hold it; a thread that holds it is busy, never stopped alone."""
        if not self._mutex.acquire(timeout=_STUCK):
            raise NotInvalidated("this process is writing its ledger already, and doesn't get on")
        try:
            yield
        finally:
            self._mutex.release()

    def after_fork(self) -> None:
        """In a child: no thread here holds it."""
        self._mutex = threading.Lock()

    def close(self) -> None:
        """Nothing is open."""


class Copy:
    """One life of the copy.

    Attributes:
        number: The generation; a higher one takes over.
        words: All of it.
        mapping: The file, or `None` for words of this process alone.
        log: The marks, and
        intents: the intents in it.
        lock: The lock of those who write it.
    """

    __slots__ = ("intents", "lock", "log", "mapping", "number", "words")

    def __init__(self, words: memoryview, number: int, lock: Lock, mapping: Mapping | None = None) -> None:
        self.words = words
        self.number = number
        self.lock = lock
        self.mapping = mapping
        self.log = Log(words) if mapping is None else mapping.log
        self.intents = Intents(self.log) if mapping is None else mapping.intents

    # -- reading --------------------------------------------------------------------------------

    def alive(self) -> bool:
        """Whether nobody has taken over."""
        return self.words[LIFE] == ALIVE

    def trouble_now(self) -> str:
        """Why it can't be used any more, or the empty string."""
        return "" if self.mapping is None else self.mapping.trouble_now()

    def position(self) -> Position:
        """How far it has got; `NOWHERE` when it is over."""
        at = Position(self.words[EPOCH], self.words[BEGIN])
        return at if self.alive() else NOWHERE

    def last(self) -> Position:
        """How far it had got, also when it is over."""
        begin = self.words[BEGIN]
        return Position(self.words[EPOCH], self.words[GIVEN] if begin == CLOSED else begin)

    def heard(self, when: float | None = None) -> float:
        """The last moment (seconds) of which it is known that nothing acknowledged is missing.

        Args:
            when: Another such moment.
        """
        if when is not None and int(when * 1e6) > self.words[HEARD]:
            self.words[HEARD] = int(when * 1e6)
        return self.words[HEARD] / 1e6

    def standing(self) -> dict[tuple[int, int], tuple[int, ...] | None]:
        """The intents that stand, by number and owner: their tags, or `None` for every tag.

        For the holder of the lock: others may see a part of one only.
        """
        words, found = self.words, dict[tuple[int, int], tuple[int, ...] | None]()
        for base in range(HEADER, HEADER + min(words[STANDING], self.log.layout.cells) * CELL, CELL):
            name = (words[base + NUMBER], words[base + OWNER])
            # One above GIVEN belongs to a writer who was killed, and is written again.
            if 0 < name[0] <= words[GIVEN]:
                count = words[base + COUNT]
                before = found.get(name, ())
                here = tuple(words[base + TAGS : base + TAGS + min(count, CELL_TAGS)])
                found[name] = None if before is None or count > CELL_TAGS else before + here
        return found

    # -- writing --------------------------------------------------------------------------------

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock of those who write.

        Raises:
            Superseded: These words are over.
            LockTrouble: Whoever holds the lock stands still.
        """
        if not self.alive():
            raise Superseded
        with self.lock.held(_PATIENCE, self._moved):
            if not self.alive():
                raise Superseded
            yield
        # After the write: what was written here may have come too late for the successor.
        if not self.alive():
            raise Superseded

    def _moved(self) -> tuple[int, int]:
        """What changes while the lock's holder gets on; asked by those who wait for it."""
        if not self.alive():  # another has lost patience already
            raise Superseded
        return self.words[RESERVED], self.words[GIVEN]

    def apply(self, records: Sequence[Record]) -> bool:
        """Write what continues this copy; says `False` where a record before that is missing.

        Raises:
            Superseded: Another copy takes over, and may know nothing of them.
            LockTrouble: Whoever holds the lock stands still.
            Damaged: The words hold what no ledger wrote, or there is no room.
        """
        words = self.words
        with self.held():
            self.log.finish()
            for record in records:
                if record.last <= words[GIVEN]:
                    continue
                if record.first != words[GIVEN] + 1:
                    break
                # Until all of it is written, nobody is served by a comparison.
                words[HIT] = CLOSED
                self._write(record)
                if words[GIVEN] != record.last:
                    raise Damaged(f"a record took {record.first} to {words[GIVEN]}, not {record.last}")
            self._open_hits()
            return not records or records[-1].last <= words[GIVEN]

    def look_at(self, empty: Callable[[], bool]) -> None:
        """Let everybody know whether something waits in the spool; raises what `apply` does."""
        with self.held():
            self.words[PENDING] = 0 if empty() else fresh_stamp()
            self._open_hits()

    def mend(self) -> None:
        """Open hits again, where a writer was killed who had closed them; raises what `apply` does."""
        if self.words[HIT] == CLOSED and not self.words[PENDING]:
            self.apply(())

    def condemn(self) -> None:
        """Say that these words end, before there is a successor."""
        self.words[LIFE] = SUPERSEDED

    def shut(self) -> None:
        """Let no hit succeed against these words any more."""
        # First of all: who found CLOSED in living words would take it for the highest position there is.
        self.words[LIFE] = SUPERSEDED
        self.words[HIT] = CLOSED
        self.words[BEGIN] = CLOSED

    def _write(self, record: Record) -> None:
        if record.what is What.MARK:
            self.log.mark(record.tags)
        elif record.what is What.INTENT:
            try:
                self.intents.open(record.owner, record.tags, record.first)
            except NoRoom:
                raise Damaged("more intents stand than it has room for") from None
        elif record.what is What.SETTLE:
            self.intents.settle(record.owner, record.intent, record.tags)
        else:
            self.log.mark_everything()

    def _open_hits(self) -> None:
        self.words[HIT] = CLOSED if self.words[PENDING] else self.words[BEGIN]


def fresh_stamp() -> int:
    """A number for PENDING that was not there before."""
    return time.monotonic_ns() | 1
