"""One server's share of a call, and how all shares are asked at once, in either world."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence

from afresh.backends.endpoint import digesting
from afresh.backends.memcached.client import Response
from afresh.backends.memcached.server import Server
from afresh.backends.memcached.wire.batch import Batch, Gets
from afresh.backends.memcached.wire.blocking import Connection, Gone
from afresh.errors import BackendError, CacheClosed


class Share:
    """What one server is asked for.

    Attributes:
        batches: Its requests, in the portions in which a thread sends them: it reads the answers to one
            before it sends the next, or both sides could wait for the other to read.
    """

    __slots__ = ("_connection", "_repeatable", "_server", "batches")

    def __init__(self, server: Server, batches: Sequence[Batch], *, repeatable: bool) -> None:
        self.batches = list(batches)
        self._server = server
        self._repeatable = repeatable
        self._connection: Connection | None = None

    def send(self, at: int) -> None:
        """Blocking: send a portion, if there is one."""
        if at >= len(self.batches) or (at and self._connection is None):
            return
        try:
            if self._connection is None:
                self._connection = self._take()
            self._connection.send(self.batches[at])
        except (BackendError, CacheClosed) as error:
            self._failed(at, error)

    def receive(self, at: int, timeout: float) -> None:
        """Blocking: wait for the answers to a portion, if it was sent."""
        if at >= len(self.batches) or self._connection is None or not self._connection.owing:
            return
        try:
            self._connection.receive(self.batches[at], timeout + digesting(self.batches[at].size))
        except Gone as error:
            self._failed(at, error)

    def release(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._server.give_back(self._connection)

    def drop(self) -> None:
        """An exception came in between: what the connection has read is not known."""
        if self._connection is not None:
            self._connection.close()

    def answers(self) -> list[Response]:
        """One for each request."""
        return [answer for batch in self.batches for answer in batch.answers()]

    def found(self) -> Iterator[tuple[int, bytes]]:
        """What quiet reads found: the place of the key among those that were asked for, and the value."""
        before = 0
        for batch in self.batches:
            if isinstance(batch, Gets):
                yield from ((before + at, value) for at, value in batch.found.items())
            before += batch.count

    async def ask_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Suspending: send all, wait for the answers, and repeat what met a dead connection."""
        for done in [self._begin_on(loop, batch) for batch in self.batches]:
            await done
        for at, batch in enumerate(self.batches):
            if self._worth_repeating(batch):
                self.batches[at] = again = batch.again()
                await self._begin_on(loop, again)

    def _begin_on(self, loop: asyncio.AbstractEventLoop, batch: Batch) -> asyncio.Future[None]:
        done = loop.create_future()
        batch.finished = lambda: None if done.done() else done.set_result(None)
        try:
            self._server.line(loop).ask(batch)
        except (BackendError, CacheClosed) as error:
            batch.trouble = str(error)
            batch.finished()
        return done

    def _worth_repeating(self, batch: Batch) -> bool:
        return batch.old_news and not batch.responses and self._repeatable

    def _take(self) -> Connection:
        connection = self._server.take()
        # What may not be sent twice is not sent to a server that hung up while nobody looked.
        if not self._repeatable and connection.used and connection.hung_up():
            connection.close()
            return self._server.connect()
        return connection

    def _failed(self, at: int, error: BackendError | CacheClosed) -> None:
        connection, self._connection = self._connection, None
        batch = self.batches[at]
        batch.trouble = batch.trouble or str(error)
        if connection is not None and isinstance(error, Gone):
            self._server.lost(error)
        if self._worth_repeating(batch):
            self._repeat(at)
        if self._connection is None:
            for each in self.batches[at + 1 :]:
                each.trouble = batch.trouble

    def _repeat(self, at: int) -> None:
        """The idle connection was a dead one: once more, on a new one."""
        self.batches[at] = batch = self.batches[at].again()
        connection = None
        try:
            connection = self._server.connect()
            connection.ask(batch)
            self._connection = connection
        except (BackendError, CacheClosed) as error:
            batch.trouble = batch.trouble or str(error)
            if isinstance(error, Gone) and connection is not None:
                self._server.lost(error)


def ask_blocking(shares: Sequence[Share], timeout: float) -> None:
    """Ask all servers, then listen to all: a slow one costs its deadline once, and the others nothing."""
    try:
        for at in range(max(len(share.batches) for share in shares)):
            for share in shares:
                share.send(at)
            deadline = time.monotonic() + timeout
            for share in shares:
                share.receive(at, deadline - time.monotonic())
    except BaseException:
        for share in shares:
            share.drop()
        raise
    for share in shares:
        share.release()


async def ask_on(loop: asyncio.AbstractEventLoop, shares: Sequence[Share]) -> None:
    """The same for a task."""
    if len(shares) == 1:
        await shares[0].ask_on(loop)
    else:
        await asyncio.gather(*(share.ask_on(loop) for share in shares))


def grouped(owners: Iterable[int]) -> dict[int, list[int]]:
    """Positions by the server that owns them."""
    groups: dict[int, list[int]] = {}
    for position, owner in enumerate(owners):
        groups.setdefault(owner, []).append(position)
    return groups
