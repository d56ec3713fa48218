"""The ledger whose truth is on a server, as this machine's processes see it.

Reading looks at the machine's copy alone. It proves nothing unless the server was heard of within
`max_stale`, by the follower or by whoever asked it for another reason. Writing goes to the server and
comes back into the copy before it returns.

**An invalidation that could not be delivered** is an error under `strict`. Else it is kept in the
spool and delivered by the machine's follower; until then no process of this machine proves anything
that carries one of its tags, and no hit is answered by its comparison alone.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import CellType

from afresh.backends.file.ledger.writer_lock import LockTrouble
from afresh.backends.replica.channel import Channel
from afresh.backends.replica.copy import Copy, Superseded
from afresh.backends.replica.follower import Follower
from afresh.backends.replica.header import HIT, PENDING
from afresh.backends.replica.intents import Mine, OwnIntents
from afresh.backends.replica.owners import ReplicaOwners
from afresh.backends.replica.remote import Record, RemoteLog, What
from afresh.backends.replica.spool import MemorySpool, Spool
from afresh.core.ports import Proof
from afresh.core.words import ALIVE, BEGIN, LIFE, Damaged
from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.drive import drive
from afresh.runtime.fork import on_fork

UNKNOWN = 0
"""The position while there is no copy: below every floor, so what is stamped with it proves nothing."""

_ORDERED = platform.machine().lower() in {"x86_64", "amd64", "i386", "i686"}
_LOOK_EVERY = 0.05  # seconds, at least, between two looks whether this process has to follow
_proof = tuple.__new__  # half the price of Proof(…)


class ReplicaLedger:
    """See `core.ports.Ledger`; made by `opening.open_replica`.

    Attributes:
        begin: Index of the word that hits compare with.
        cell: Holds the words to compare with.
    """

    begin = HIT

    def __init__(
        self,
        remote: RemoteLog,
        channel: Channel,
        spool: Spool,
        owners: ReplicaOwners,
        follower: Follower,
        *,
        now: Callable[[], float],
        strict: bool,
        max_stale: float,
    ) -> None:
        self._remote = remote
        self._channel = channel
        self._spool = spool
        self._owners = owners
        self._follower = follower
        self._now = now
        self._strict = strict
        self._max_stale = max_stale
        self._mine = OwnIntents()
        self._bypassed: tuple[int, frozenset[int] | None] = (0, frozenset())
        self._ensure_again = 0.0
        self._closed = False
        self.cell: CellType = channel.cell
        on_fork(self)

    # -- reading --------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Random identity of the log's life; until it was heard of once, one of this object."""
        return self._channel.known().epoch or self._channel.life

    def position(self) -> int:
        """How far this machine sees; `UNKNOWN` without a copy."""
        copy = self._channel.copy()
        if copy is None:
            return UNKNOWN
        position = copy.words[BEGIN]
        return position if copy.alive() else UNKNOWN

    def proven(self) -> bool:
        """Whether hits may be served with no closer look: the server was heard of, and nothing waits."""
        copy = self._channel.copy()
        return copy is not None and not copy.words[PENDING] and self._heard(copy)

    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        """Show that none of `tags` was marked after `since`; `None` when one was, or may have been."""
        copy = self._channel.copy()
        # Before the position is read: what was delivered meanwhile stands below it.
        if copy is None or not self._heard(copy) or self._waits(copy, tags):
            return None
        try:
            if _ORDERED:
                proven = copy.intents.prove(tags, since)
            else:
                with copy.held():
                    proven = copy.intents.prove(tags, since)
        except (Superseded, Damaged, LockTrouble, NotInvalidated):
            return None  # the follower looks what is wrong with it
        # Looked at last: until now this was the machine's copy.
        if proven is None or copy.words[LIFE] != ALIVE:
            return None
        return _proof(Proof, proven)

    def blame(self, tags: frozenset[int], since: int) -> int | None:
        """The tag that `prove` failed for, while the ring still tells."""
        copy = self._channel.copy()
        return None if copy is None else copy.log.blame(tags, since)

    def marks(self, since: int) -> tuple[int, frozenset[int] | None]:
        """What was marked after a position; see `Log.marks`. `UNKNOWN` and `None` without a copy."""
        copy = self._channel.copy()
        if copy is None:
            return UNKNOWN, None
        marked = copy.log.marks(since)
        return marked if copy.alive() else (UNKNOWN, None)

    def waiting(self) -> bool:
        """Whether something is to be announced as soon as that is possible."""
        copy = self._channel.copy()
        return not self._spool.empty() if copy is None else copy.words[PENDING] != 0

    def _heard(self, copy: Copy) -> bool:
        now = self._now()
        if now - copy.heard() <= self._max_stale:
            return True
        if now >= self._ensure_again:
            self._ensure_again = now + _LOOK_EVERY
            self._follower.ensure()
        return False

    def _waits(self, copy: Copy, tags: frozenset[int]) -> bool:
        """Whether one of `tags` is to be announced as soon as that is possible."""
        stamp = copy.words[PENDING]
        if not stamp:
            return False
        seen, waiting = self._bypassed
        if seen != stamp:
            waiting = self._read_spool()
            self._bypassed = stamp, waiting
        return waiting is None or not waiting.isdisjoint(tags)

    def _read_spool(self) -> frozenset[int] | None:
        try:
            waiting = self._spool.waiting()
        except OSError:
            return None
        if any(each.tags is None for each in waiting):
            return None
        return frozenset(tag for each in waiting for tag in each.tags or ())

    # -- catching up ----------------------------------------------------------------------------

    async def confirm(self) -> int:
        """Ask the server how far it is, and see to it that this machine is there too.

        Raises:
            BackendError: It doesn't answer.
        """
        began = self._now()
        to = await self._remote.confirm(self._channel.known())
        copy = self._channel.copy()
        if copy is not None and copy.position() == to:
            copy.heard(began)
        else:
            await self._channel.reach(to)
        return self.position()

    async def reach(self, position: int) -> None:
        """Catch up with a position that somebody else has seen, as far as the server lets us."""
        if position > self.position():
            with suppress(BackendError):
                await self._channel.catch_up()

    # -- writing --------------------------------------------------------------------------------

    async def announce(self, tags: Sequence[int]) -> int:
        """Mark `tags` as changed, and return the last one's number.

        Where that isn't possible: see the module.

        Raises:
            NotInvalidated: They could be neither delivered nor kept.
        """
        if not tags:
            return self.position()
        try:
            return (await self._write(What.MARK, tags)).last
        except BackendError as error:
            self._keep(tags, error)
            return self.position()
        except BaseException:
            # Cancelled: nobody knows whether it was delivered, and nobody will try again.
            with suppress(OSError):
                self._spool.add(tags)
                self._show_spool()
            raise

    async def intend(self, tags: Sequence[int], note: str = "") -> int:
        """Write that `tags` are about to change, and return the intent's number.

        Raises:
            NotInvalidated: It could not be written; not under `bounded`, where its tags are kept.
        """
        tags = tuple(tags)
        try:
            owner = self._owners.own()
            number = (await self._write(What.INTENT, tags, owner=owner)).first
        except OSError as error:
            self._keep(tags, error, f"the intent of {note or 'a transaction'}")
            return self._mine.unwritten(tags)
        self._mine.standing[number] = Mine(owner, tags, self.epoch, [number])
        return number

    async def settle(self, intent: int, *, announce: bool) -> int:
        """Clear an intent, after announcing its tags if the change was made.

        Raises:
            NotInvalidated: They could be neither delivered nor kept (they are tried again for as long as
                this process lives); or this process has no such intent.
        """
        mine = self._mine.standing.pop(intent, None)
        if mine is None:
            if announce:
                raise NotInvalidated(f"intent {intent} is not this process's, or is settled already")
            return self.position()
        tags = mine.tags if announce else ()
        if intent < 0:
            return await self.announce(tags)
        intent = mine.numbers.pop()  # the last, where it was written anew
        try:
            return (await self._write(What.SETTLE, tags, intent=intent, owner=mine.owner)).last
        except BaseException as error:
            # Tried again by `look_after`. Until then it stands, and strict reads go round it.
            self._mine.unsettled[intent] = Mine(mine.owner, tags)
            if not isinstance(error, BackendError):
                raise
            if announce:
                self._keep(tags, error)
            return self.position()

    async def _write(self, what: What, tags: Sequence[int], *, intent: int = 0, owner: int = 0) -> Record:
        if self._closed:
            raise NotInvalidated("the ledger is closed")
        return await self._channel.write(what, tags, intent=intent, owner=owner)

    def _keep(self, tags: Sequence[int], error: OSError, what: str = "an invalidation") -> None:
        """Keep what could not be delivered, and let no process of this machine be served around it."""
        if self._strict or self._closed:
            raise NotInvalidated(f"{what} could not be delivered: {error}") from error
        first = self._spool.empty()
        try:
            self._spool.add(tags)
        except OSError as full:
            raise NotInvalidated(f"{what} could be neither delivered nor kept: {full}; {error}") from error
        self._show_spool()
        if first:  # of perhaps very many
            self._channel.tell(f"{what} waits until it can be delivered: {error}")

    def _show_spool(self) -> None:
        """Tell every process, after something is in the spool: whoever puts a new copy in place finds it."""
        copy = self._channel.find()
        while copy is not None and not self._channel.look_at_spool(copy):
            copy = self._channel.find()

    # -- housekeeping ---------------------------------------------------------------------------

    def look_after(self) -> None:
        """Follow, if nobody does; write the end of intents that could not be written. May block a little."""
        if self._closed:
            return
        self._follower.ensure()
        for intent, mine in list(self._mine.unsettled.items()):
            with suppress(BackendError):
                drive(self._write(What.SETTLE, mine.tags, intent=intent, owner=mine.owner))
                self._mine.unsettled.pop(intent, None)
        self._renew()

    def _renew(self) -> None:
        """Write anew the intents that stood in a life of the log that has ended, and stand in this one no more.

        A server that was emptied has forgotten them, while their transactions may still commit. Without
        this a writer that then dies between its COMMIT and the announcement would leave what was loaded
        before the COMMIT in use. That remains if it dies before this is done, a quarter of a second later.
        """
        epoch = self._channel.known().epoch
        lost = {name: mine for name, mine in self._mine.standing.items() if name > 0 and mine.epoch != epoch}
        copy = self._channel.copy() if lost else None
        if copy is None:
            return
        with suppress(Superseded, LockTrouble, BackendError):
            with copy.held():
                there = copy.standing()
            for name, mine in lost.items():
                if not any((number, mine.owner) in there for number in mine.numbers):
                    record = drive(self._write(What.INTENT, mine.tags, owner=mine.owner))
                    mine.numbers.append(record.first)
                mine.epoch = epoch
                if name not in self._mine.standing and mine.numbers:  # settled meanwhile, by its old number
                    number = mine.numbers.pop()
                    drive(self._write(What.SETTLE, (), intent=number, owner=mine.owner))

    def status(self) -> Mapping[str, object]:
        """What is known here of the channel, without asking anybody."""
        copy = self._channel.copy()
        waiting = []
        if copy is None or copy.words[PENDING]:
            with suppress(OSError):
                waiting = self._spool.waiting()
        return {
            "ledger_epoch": f"{self.epoch:x}",
            "ledger_position": self.position(),
            "ledger_proven": self.proven(),
            "ledger_heard_ago": None if copy is None else round(max(self._now() - copy.heard(), 0.0), 3),
            "ledger_followed_here": self._follower.working,
            "ledger_loads": self._channel.loads,
            "undelivered": len(waiting),
            "undelivered_since": min((each.since for each in waiting), default=None),
            "unsettled": len(self._mine.unsettled),
            "bound": "open" if waiting else self._max_stale,
        }

    def after_fork(self) -> None:
        """In a child: nobody follows, and it owns no intents."""
        self._mine.clear()
        self._owners.after_fork()
        self._channel.after_fork()
        self._follower.after_fork()

    def close(self) -> None:
        """End the thread and give back what is open, the server's log included. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._follower.end()
        self._remote.close()
        self._follower.join()
        if isinstance(self._spool, MemorySpool) and not self._spool.empty():
            self._channel.tell("undelivered invalidations end with this process, which shares no folder")
        self._channel.close()
        self._owners.close()


def boot_time() -> float:
    """Seconds by the machine's clock: the same in all its processes, and counting suspended time."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
