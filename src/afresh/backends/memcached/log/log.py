"""The log of invalidations on a memcached server, where no step is atomic over keys.

Taking numbers is one atomic step (the counter), and so is writing a record where none is. All else
follows from the order: numbers, then the record; a reader stops where a record is missing. See
`log_holes` for what is missing, `log_life` for what is lost, `log_intents` for who comes anew.

memcached can't wake who waits. So a follower looks again and again: after `BUSY` seconds while there
is something to read, and by and by after `IDLE`. That is the bound for what others announced.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from afresh.backends.memcached.client import Client, Request, Response
from afresh.backends.memcached.log.holes import PATIENCE, Holes
from afresh.backends.memcached.log.intents import Intents, Lost
from afresh.backends.memcached.log.keys import Commands, checked, epoch_of, number_of
from afresh.backends.memcached.log.life import Life, random_epoch
from afresh.backends.memcached.log.reading import Reader
from afresh.backends.memcached.log.records import nothing, packed
from afresh.backends.replica.remote import NOWHERE, Passage, Position, Record, Snapshot, What, numbers
from afresh.errors import BackendError
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.runtime.drive import drive

BUSY: Final = 0.002
IDLE: Final = 0.02
"""Seconds between two looks of a follower."""

MOST: Final = 32_768
"""A record of more tags says that everything changed: it would not fit into an item."""

_ANSWER = 1.0  # seconds that a follower waits for the server
_REMIND = 5.0  # seconds after which the server is reminded of what is rarely read
_TRIES = 32


class MemcachedLog:
    """`afresh.backends.replica.remote.RemoteLog` on one of a client's servers.

    Attributes:
        name: Of the log.
        slots: How many slots a copy has; the server keeps none.
        server: Index of the server that has the log. It has no deputy: while that server is away, so
            is the log.
    """

    slots = 65_536

    def __init__(
        self,
        client: Client,
        name: str = "ledger",
        *,
        now: Callable[[], float] = SYSTEM_CLOCK.now,
        draw: Callable[[], int] = random_epoch,
        patience: float = PATIENCE,
        timeout: float | None = None,
    ) -> None:
        """Use the log called `name`.

        Args:
            client: Of the servers; the log doesn't close it.
            name: Of the database whose changes are numbered.
            now: Seconds, by a clock that doesn't step back.
            draw: Makes the identity of a life.
            patience: Seconds that a reader waits for a missing record (see `log_holes`).
            timeout: Seconds for each answer; by default the client's.
        """
        self._client = client
        self._commands = Commands(client, name)
        self.name = name
        self.server = self._commands.server
        self._intents = Intents(self._commands)
        self._life = Life(self._commands, self._intents, now, draw)
        self._reader = Reader(self._commands, Holes(now, patience))
        self._timeout = timeout
        self._unsettled: list[tuple[int, Record]] = []
        self._closed = threading.Event()
        self._pause = BUSY
        self._remind_at = 0.0

    async def load(self, known: Position) -> Snapshot:
        """Where the log stands, and the intents that stand there; older stamps can't be judged."""
        over = 0
        for _ in range(_TRIES):
            to = await self._life.ensure(self._ask, known, over=over)
            try:
                intents = await self._intents.load(self._ask, to.epoch, to.at)
            except Lost:
                over = to.epoch
                continue
            if await self._stands(to.epoch):
                return Snapshot(to, to.at, None, intents)
        raise _unkept()

    async def append(
        self, what: What, tags: Sequence[int], *, known: Position, intent: int = 0, owner: int = 0
    ) -> tuple[Position, Record]:
        """Write a record (see `RemoteLog`). Two round trips, if nothing comes between."""
        if len(tags) > MOST and what in (What.MARK, What.SETTLE):
            to, record = await self.append(What.EVERYTHING, (), known=known)
            if what is What.MARK:
                return to, record
            tags, known = (), to
        if what is not What.SETTLE and self._unsettled:
            await self._withdraw_unsettled()
        epoch = known.epoch
        for _ in range(_TRIES):
            if epoch == 0:
                epoch = (await self._life.ensure(self._ask, known)).epoch
            try:
                written = await self._try(epoch, what, tuple(tags), known, intent, owner)
            except Lost:
                epoch = (await self._life.ensure(self._ask, known, over=epoch)).epoch
                continue
            if written is not None:
                return written
            epoch = 0
        raise _unkept()

    async def read(self, after: Position) -> Passage:
        """What was written after a position, up to the first hole."""
        return await self._reader.read(self._ask, after)

    async def confirm(self, known: Position) -> Position:
        """Where the log stands, by a write that changes nothing: it adds 0 to the counter."""
        if known.epoch:
            number, to = await self._take(known.epoch, 0)
            if to is not None and number is not None and number >= known.at:
                return Position(known.epoch, number)
        return await self._life.ensure(self._ask, known)

    def follow(self, after: Position, wait: float) -> Passage:
        """`read`, again and again for up to `wait` seconds, until there is something."""
        try:
            return self._listen(after, wait)
        except BackendError:
            # This process may be idle while others of the machine rely on its following.
            self._client.look_after()
            raise

    def _listen(self, after: Position, wait: float) -> Passage:
        until = time.monotonic() + wait
        while True:
            passage = drive(self._reader.read(self._ask_here, after))
            if passage.records or passage.to.epoch != after.epoch:
                self._pause = BUSY
                return passage
            now = time.monotonic()
            if now >= until or self._closed.is_set():
                return passage
            if passage.to.at > after.at:
                self._pause = BUSY  # a hole, which is about to be filled
            if now >= self._remind_at:
                self._remind_at = now + _REMIND
                self._client.submit(self._commands.read_intents(after.epoch, whole=False))
            self._closed.wait(min(self._pause, until - now))
            self._pause = min(self._pause * 1.2, IDLE)

    def stands(self) -> Position:
        """Where the log stands, for people: nothing is begun, and a server that is away stands nowhere."""
        try:
            (named,) = drive(self._ask_here(self._commands.read_epoch()))
            epoch = epoch_of(named) or 0
            (counter,) = drive(self._ask_here(self._commands.read_counter(epoch)))
        except BackendError:
            return NOWHERE
        return Position(epoch, number_of(counter) or 0)

    def close(self) -> None:
        """End a `follow` under way. The client is somebody else's."""
        self._closed.set()

    # -- one try to write a record --------------------------------------------------------------

    async def _try(
        self, epoch: int, what: What, tags: tuple[int, ...], known: Position, intent: int, owner: int
    ) -> tuple[Position, Record] | None:
        """Write it in this life; `None` where that life is over, or the log was loaded meanwhile."""
        if what is What.SETTLE and intent:
            await self._intents.leave(self._ask, epoch, intent)
        count = numbers(what, tags)
        last, to = await self._take(epoch, count)
        if last is None or to is None or last - count < known.at:
            return None
        record = Record(last - count + 1, last, what, tags, intent, owner)
        if what is What.INTENT:
            return await self._write_intent(epoch, record)
        written = await self._write(epoch, record)
        return None if written is None else (written, record)

    async def _write_intent(self, epoch: int, record: Record) -> tuple[Position, Record] | None:
        try:
            entered = await self._intents.enter(self._ask, epoch, record)
            written = await self._write(epoch, record if entered else nothing(record.first))
        except BackendError:
            self._unsettled.append((epoch, record))  # perhaps entered, perhaps written: nobody will know
            raise
        if not entered:
            return None
        if written is None:
            await self._withdraw(epoch, record)
            return None
        return written, record

    async def _withdraw_unsettled(self) -> None:
        """Take back the intents of which nobody knows whether they were written."""
        while self._unsettled:
            unsettled = self._unsettled.pop()
            try:
                await self._withdraw(*unsettled)
            except BackendError:
                self._unsettled.append(unsettled)
                raise

    async def _withdraw(self, epoch: int, record: Record) -> None:
        """Nobody will settle this intent, and some may have read it."""
        await self.append(What.SETTLE, (), known=Position(epoch, 0), intent=record.first, owner=record.owner)

    async def _take(self, epoch: int, count: int) -> tuple[int | None, Position | None]:
        """Take numbers: the last of them, and whether this life still goes on."""
        taken, named = await self._ask(self._commands.take(epoch, count), self._commands.read_epoch())
        number = number_of(taken)
        if number is None or epoch_of(named) != epoch:
            return None, None
        return number, Position(epoch, number)

    async def _write(self, epoch: int, record: Record) -> Position | None:
        """Add a record; where the log stands then. `None` if the life is over."""
        commands = self._commands
        added, counter, named = await self._ask(
            commands.add_record(epoch, record.first, packed(record)),
            commands.read_counter(epoch),
            commands.read_epoch(),
        )
        if added.status not in ("HD", "NS"):
            raise BackendError(f"the log's server refused a record: {added.status}")
        at = number_of(counter)
        if added.status != "HD" or at is None or epoch_of(named) != epoch:
            return None
        return Position(epoch, at)

    async def _stands(self, epoch: int) -> bool:
        (named,) = await self._ask(self._commands.read_epoch())
        return epoch_of(named) == epoch

    async def _ask(self, *requests: Request) -> list[Response]:
        return checked(await self._client.run(*requests, timeout=self._timeout))

    async def _ask_here(self, *requests: Request) -> list[Response]:
        return checked(self._client.call(*requests, timeout=_ANSWER))


def _unkept() -> BackendError:
    return BackendError("the log's server does not keep the items of the log: has it any memory?")
