"""The way from the server's log to this machine's copy: read, apply, load anew.

Everything here may be done by any process and by several at once; the copy sorts it out. What the
server said is applied only where it continues the copy. A gap is read again; where that doesn't
help, the log was trimmed, and a snapshot is loaded; so it is when the log has begun a new epoch.

**What was heard, and when.** An answer proves that nothing acknowledged before *the question was
asked* is missing, if the copy has got as far as the answer says. Never anything later: a process may
have been stopped between the server's answer and now.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from types import CellType

from afresh.backends.file.ledger.writer_lock import LockTrouble
from afresh.backends.replica.copies import Copies
from afresh.backends.replica.copy import Copy, Superseded
from afresh.backends.replica.header import HIT
from afresh.backends.replica.remote import NOWHERE, Passage, Position, Record, RemoteLog, Snapshot, What
from afresh.backends.replica.spool import Spool
from afresh.core.events import Event, Events, Kind
from afresh.core.words import CLOSED, FLOOR, HEADER, Damaged
from afresh.errors import BackendError
from afresh.runtime.world import suspending_loop

_RESTS = (0.0, 0.001, 0.002, 0.004, 0.008, *[0.015] * 15)
"""Seconds between a caller's looks for what others are writing before it: a quarter of one in all."""

_LOOK_AGAIN = 0.02  # seconds between two looks for the copy of another process, where there is none here
_TRIES = 8
_log = logging.getLogger("afresh")


class Channel:
    """What one process knows of the server's log.

    Attributes:
        cell: Holds the words of the copy, for hits; others when another copy takes over.
        loads: How often a snapshot was loaded here.
        life: Stands for the epoch of a log that was never heard of.
    """

    def __init__(
        self,
        remote: RemoteLog,
        copies: Copies,
        spool: Spool,
        *,
        now: Callable[[], float],
        events: Events,
        rest: Callable[[float], object] | None = None,
    ) -> None:
        self._remote = remote
        self._copies = copies
        self._spool = spool
        self._now = now
        self._events = events
        self._rest = rest
        self._copy: Copy | None = None
        self._known = NOWHERE
        self._look_again = 0.0
        self.cell = CellType(_nothing())
        self.loads = 0
        self.life = secrets.randbits(62) + 1
        self.after_fork()

    # -- which copy -----------------------------------------------------------------------------

    def copy(self) -> Copy | None:
        """The machine's copy, if there is one that can be used."""
        copy = self._copy
        if copy is not None and copy.alive():
            return copy
        now = self._now()
        if now < self._look_again:
            return None
        self._look_again = now + _LOOK_AGAIN
        return self.find()

    def find(self) -> Copy | None:
        """Look for a newer copy than the one that is known here."""
        number, found = self._copies.newest()
        if found is not None and found.alive() and (self._copy is None or number > self._copy.number):
            self._adopt(found)
        copy = self._copy
        return copy if copy is not None and copy.alive() else None

    def known(self) -> Position:
        """The furthest position that was seen here, or in this machine's copy."""
        copy = self._copy
        if copy is not None:
            last = copy.last()
            if last.at > self._known.at:
                self._known = last
        return self._known

    def _adopt(self, copy: Copy) -> None:
        before, epoch = self.known(), copy.last().epoch
        with self._adopting:
            if self._copy is not None and copy.number <= self._copy.number:
                return
            self._copy = copy
            self.cell.cell_contents = copy.words
        if before.epoch not in {0, epoch}:
            self.tell(f"the server's log has begun a new life: epoch {epoch:x}")

    # -- what was said --------------------------------------------------------------------------

    async def write(self, what: What, tags: Sequence[int], *, intent: int = 0, owner: int = 0) -> Record:
        """Append a record to the server's log, and see to it that this machine's readers have it.

        Raises:
            BackendError: Either could not be done. It may stand in the server's log all the same.
        """
        to, record = await self._remote.append(
            what, tuple(tags), known=self.known(), intent=intent, owner=owner
        )
        copy = self.copy()
        if copy is not None and self._shows(copy, to.epoch, record):
            return record
        await self._until(lambda copy: self._shows(copy, to.epoch, record))
        return record

    def _shows(self, copy: Copy, epoch: int, record: Record) -> bool:
        """Whether readers of a copy see a record; applies it if it is the next one."""
        at = copy.position()
        if at.epoch != epoch:
            # In another life that began after it everything older is invalid, this record's tags included.
            return at != NOWHERE and copy.words[FLOOR] > record.last
        if at.at < record.last:
            self.apply(copy, (record,))
            at = copy.position()
        return at.epoch == epoch and at.at >= record.last

    async def reach(self, to: Position) -> None:
        """See to it that this machine's readers have everything up to a position of the server.

        Raises:
            BackendError: That could not be done.
        """
        await self._until(lambda copy: copy.position() != NOWHERE and copy.position().at >= to.at)

    async def _until(self, seen: Callable[[Copy], bool]) -> None:
        """Catch up until `seen(copy)`, for as long as that gets on."""
        rests, before = iter(_RESTS), NOWHERE
        while True:
            copy = await self.catch_up()
            if seen(copy):
                return
            at = copy.position()
            if at in {before, NOWHERE}:
                rest = next(rests, None)
                if rest is None:
                    raise BackendError("what others wrote to the ledger just before is still on its way")
                await self.pause(rest)
            before = at

    async def catch_up(self) -> Copy:
        """Read what this machine has not got yet, once.

        Raises:
            BackendError: The server doesn't answer, or there can be no copy.
        """
        for _ in range(_TRIES):
            copy = self.copy()
            after = NOWHERE if copy is None else copy.position()
            if copy is None or after == NOWHERE:
                return await self.load(copy, "")
            began = self._now()
            passage = await self._remote.read(after)
            if self.take_in(copy, after, passage, began):
                return copy
            if copy.alive():
                return await self.load(copy, "a part of the server's ledger is there no more")
        raise BackendError("other processes keep replacing this machine's copy of the ledger")

    def take_in(self, copy: Copy, after: Position, passage: Passage, began: float) -> bool:
        """Apply what was read, and note up to when nothing is missing.

        Args:
            copy: To which copy.
            after: The position that was asked for.
            passage: The answer.
            began: When it was asked for.

        Returns:
            `False` when the copy doesn't go on with this: read again, or load.
        """
        to = passage.to
        if to.epoch != after.epoch or to.at < after.at:
            return False
        if passage.records and not self.apply(copy, passage.records):
            return False
        at = copy.position()
        if at.epoch == to.epoch and at.at >= to.at:
            copy.heard(began)
        return True

    def apply(self, copy: Copy, records: Sequence[Record]) -> bool:
        """Write records to a copy; `False` when they are not in it afterwards."""
        try:
            return copy.apply(records)
        except Superseded:
            return False
        except (Damaged, LockTrouble) as trouble:
            self._condemn(copy, str(trouble))
            return False

    # -- another copy ---------------------------------------------------------------------------

    async def load(self, faulty: Copy | None, why: str) -> Copy:
        """Put a new copy in the place of one that can't be continued; see `copy` for the order.

        Raises:
            BackendError: The server gives no snapshot, or there is no room for one.
        """
        if faulty is not None:
            self._condemn(faulty, why)
        found = self.find()
        if found is not None:
            return found
        faulty = self._copy
        if faulty is not None and faulty.alive():
            return faulty  # another thread of this process has put it there since the line above
        try:
            copy = await self._anew(faulty)
        finally:
            if faulty is not None:
                faulty.shut()
                faulty.lock.close()
        if copy is not None:
            self.loads += 1
            self._adopt(copy)
            self.look_at_spool(copy)
        found = self.find()
        if found is None:
            raise BackendError("this machine's copy of the ledger was replaced at once")
        return found

    async def _anew(self, faulty: Copy | None) -> Copy | None:
        number, found = self._copies.newest()
        if found is not None and found.alive():
            return None  # put there since the caller looked: a successor would leave two that live
        if found is not None and found.last().at > self.known().at:
            self._known = found.last()
        known, began = self.known(), self._now()
        snapshot = _sane(await self._remote.load(known), known)
        number = max(number, 0 if faulty is None else faulty.number) + 1
        try:
            return self._copies.put(number, snapshot, began)
        except OSError as error:
            raise BackendError(f"this machine has no room for a copy of the ledger: {error}") from error

    def _condemn(self, copy: Copy, why: str) -> None:
        if copy.alive():
            copy.condemn()
            if why:
                self.tell(f"loading it anew: {why}")

    # -- what waits to be delivered -------------------------------------------------------------

    def look_at_spool(self, copy: Copy) -> bool:
        """Let every process of the machine know whether something waits in the spool.

        Returns:
            `False` when that can't be written: nobody may use this copy any more.
        """
        try:
            copy.look_at(self._spool.empty)
        except Superseded:
            return False
        except (Damaged, LockTrouble) as trouble:
            self._condemn(copy, str(trouble))
            copy.shut()
            return False
        return True

    # -- the rest -------------------------------------------------------------------------------

    async def pause(self, seconds: float) -> None:
        """Let others get on."""
        if not seconds:
            return
        if self._rest is not None:
            self._rest(seconds)
        elif suspending_loop() is None:
            time.sleep(seconds)  # noqa: ASYNC251  there is no loop
        else:
            from afresh.runtime.loop import LoopRuntime

            runtime = LoopRuntime()
            await runtime.wait(runtime.waiter(), seconds)

    def tell(self, reason: str) -> None:
        """Say what happened, where people look."""
        _log.warning("the ledger's server: %s", reason)
        if self._events:
            self._events.emit(Event(Kind.LEDGER, "ledger", reason=reason))

    def after_fork(self) -> None:
        """In a child: nobody holds a lock, and it opens its own file locks."""
        self._adopting = threading.RLock()
        if self._copy is not None:
            self._copy.lock.after_fork()

    def close(self) -> None:
        """Give back what it holds open; the words stay mapped. Safe to call twice."""
        if self._copy is not None:
            self._copy.lock.close()


def _sane(snapshot: Snapshot, known: Position) -> Snapshot:
    """Refuse a new life whose numbers were given out before; raise the floor above them."""
    if snapshot.to.epoch == known.epoch:
        if snapshot.to.at < known.at:
            raise BackendError("the server's ledger stands before what it had told already")
        return snapshot
    if snapshot.to.at <= known.at:
        raise BackendError("the server's ledger has begun a new life below its old numbers")
    return snapshot._replace(floor=max(snapshot.floor, known.at + 1))


def _nothing() -> memoryview:
    """Words against which no hit succeeds."""
    words = memoryview(bytearray(8 * HEADER)).cast("Q")
    words[HIT] = CLOSED
    return words
