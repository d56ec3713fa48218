"""One socket for all the tasks of an event loop: what they ask in one turn of it is sent together.

The loop watches the socket itself, without a transport between: a loop that is closed, or a fork,
then leaves nothing behind that has to be told.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import chain

from afresh.backends.endpoint import SLOWEST
from afresh.backends.memcached.wire.batch import Batch, Pairing, packets
from afresh.backends.memcached.wire.blocking import Connection, blames, told_late
from afresh.backends.memcached.wire.codec import ProtocolError
from afresh.errors import AfreshError
from afresh.runtime.breaker import Breaker

_CHUNK = 65_536
_LARGEST_CHUNK = 1 << 20
_WANTS = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Line:
    """A connection, from the first batch on. All but `close` and `drop` belong to the loop's thread.

    Attributes:
        open: It takes batches. What is closed is replaced by a new one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connect: Callable[[], Connection],
        breaker: Breaker,
        patience: float,
    ) -> None:
        """Begin to connect; `patience` is how many seconds that may take, names looked up included."""
        self.open = True
        self._loop = loop
        self._connect = connect
        self._breaker = breaker
        self._connection: Connection | None = None
        self._pairing = Pairing()
        self._outbox: list[Batch] = []
        self._unsent: deque[memoryview] = deque()
        self._flushing = self._writing = False
        self._moved = 0  # bytes of large values, since the last tick
        self._timer: asyncio.TimerHandle | None = loop.call_later(patience, self._unreached, patience)
        self._used = False
        # A thread of its own: the loop's executor may be busy with the application's work.
        threading.Thread(target=self._reach, name="afresh-connect", daemon=True).start()

    def ask(self, batch: Batch) -> None:
        """Send a batch; `batch.finished` is called when it has its answers, or can't have them."""
        self._pairing.waiting.append(batch)
        self._outbox.append(batch)
        if self._connection is not None and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Hang up, from any thread."""
        with suppress(RuntimeError):
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._fail, "it was closed")
                return
        self.drop()

    def drop(self) -> None:
        """Let go of the socket without the loop: it is closed, or it is the parent's."""
        self.open = False
        if self._connection is not None:
            self._connection.close()

    def _reach(self) -> None:
        """In a thread: connect, and hand the connection to the loop."""
        connection, trouble = None, ""
        try:
            connection = self._connect()
        except (AfreshError, OSError) as error:
            trouble = str(error)
        try:
            self._loop.call_soon_threadsafe(self._reached, connection, trouble)
        except RuntimeError:  # the loop was closed meanwhile
            if connection is not None:
                connection.close()

    def _reached(self, connection: Connection | None, trouble: str) -> None:
        if connection is None:
            self._fail(trouble)
        elif not self.open:
            connection.close()
        else:
            connection.socket.setblocking(False)
            self._connection = connection
            self._disarm()
            self._loop.add_reader(connection.socket.fileno(), self._readable)
            self._flush()

    def _unreached(self, patience: float) -> None:
        trouble = f"no connection in {patience:g} s"
        self._breaker.failed(trouble)
        self._fail(trouble)

    def _flush(self) -> None:
        self._flushing = False
        if self._connection is None or self._writing or not self._outbox:
            return
        tls = isinstance(self._connection.socket, ssl.SSLSocket)
        parts = chain.from_iterable(batch.parts for batch in self._outbox)
        self._unsent.extend(map(memoryview, packets(parts, tls=tls)))
        # Their time begins now: a loop that is busy must not make a server look slow.
        self._watch(self._outbox)
        self._outbox.clear()
        self._write()

    def _write(self) -> None:
        """Send as much as the kernel takes."""
        assert self._connection is not None
        connection = self._connection.socket
        try:
            while self._unsent:
                packet = self._unsent[0]
                sent = connection.send(packet)
                if sent < len(packet):
                    self._moved += sent
                    self._unsent[0] = packet[sent:]
                else:
                    self._unsent.popleft()
        except _WANTS:
            if not self._writing:
                self._writing = True
                self._loop.add_writer(connection.fileno(), self._write)
            return
        except OSError as error:
            self._broke(error)
            return
        if self._writing:
            self._writing = False
            self._loop.remove_writer(connection.fileno())
            self._flush()

    def _readable(self) -> None:
        """Take what has come; TLS may hold more of it than the kernel shows."""
        assert self._connection is not None
        connection = self._connection.socket
        try:
            while True:
                wanted = min(max(self._pairing.missing, _CHUNK), _LARGEST_CHUNK)
                data = connection.recv(wanted)
                if not data:
                    raise ConnectionResetError("it hung up")
                self._used = True
                before = len(self._pairing.waiting)
                self._pairing.feed(data)
                if len(self._pairing.waiting) == before:
                    self._moved += len(data)
                if not isinstance(connection, ssl.SSLSocket) or not connection.pending():
                    return
        except _WANTS:
            return
        except (OSError, ProtocolError) as error:
            self._broke(error)

    def _watch(self, batches: list[Batch]) -> None:
        """See to it that nobody waits for ever. One timer serves all."""
        now = self._loop.time()
        first = float("inf")
        for batch in batches:
            batch.deadline = now + batch.timeout
            first = min(first, batch.deadline)
        if self._timer is None or first < self._timer.when():
            self._disarm()
            self._timer = self._loop.call_at(first, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        """The earliest deadline: has anybody passed it? Who was answered meanwhile has not.

        What came of large values, and what was taken of them, prolongs all deadlines.
        """
        self._timer = None
        if self._connection is not None and self._pairing.waiting:
            self._readable()  # what came while the loop was busy is not late
        waiting = [batch for batch in self._pairing.waiting if batch.deadline]
        if not waiting:
            return
        moved, self._moved = self._moved, 0
        for batch in waiting:
            batch.deadline += moved / SLOWEST
        first = min(waiting, key=lambda batch: batch.deadline)
        if first.deadline > self._loop.time():
            self._timer = self._loop.call_at(first.deadline, self._tick)
            return
        trouble = told_late(first.timeout)
        self._breaker.failed(trouble)
        self._fail(trouble)

    def _broke(self, error: Exception) -> None:
        trouble = f"the connection broke: {error}"
        if self._pairing.waiting and blames(error, used=self._used):
            self._breaker.failed(trouble)
        self._fail(trouble, old_news=self._used and isinstance(error, OSError))

    def _fail(self, trouble: str, *, old_news: bool = False) -> None:
        """Hang up: an answer that comes later must never be taken for another's."""
        self.open = False
        self._disarm()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(OSError, ValueError):
                self._loop.remove_reader(connection.socket.fileno())
                self._loop.remove_writer(connection.socket.fileno())
            connection.close()
        self._pairing.abandon(f"{self._breaker.name}: {trouble}", old_news=old_news)
