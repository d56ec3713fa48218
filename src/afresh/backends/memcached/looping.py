"""One socket for all the tasks of an event loop: what they ask in one turn of it is sent together.

The loop watches the socket itself, without a transport between: a loop that is closed, or a fork,
then leaves nothing behind that has to be told.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

from afresh.backends.memcached.address import Endpoint
from afresh.backends.memcached.batch import Batch, Pairing
from afresh.backends.memcached.blocking import Connection
from afresh.backends.memcached.codec import ProtocolError
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
        endpoint: Endpoint,
    ) -> None:
        self.open = True
        self._loop = loop
        self._connect = connect
        self._breaker = breaker
        self._name = str(endpoint)
        self._connection: Connection | None = None
        self._pairing = Pairing()
        self._outbox: list[bytes] = []
        self._unsent = memoryview(b"")
        self._flushing = self._writing = False
        self._timer: asyncio.TimerHandle | None = None
        self._used = False
        # A thread of its own: the loop's executor may be busy with the application's work.
        threading.Thread(target=self._reach, name="afresh-connect", daemon=True).start()

    def ask(self, batch: Batch) -> None:
        """Send a batch; `batch.finished` is called when it has its answers, or can't have them."""
        self._pairing.waiting.append(batch)
        self._outbox.append(batch.data)
        if self._connection is not None:
            self._watch(batch)
            if not self._flushing:
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
            self._loop.add_reader(connection.socket.fileno(), self._readable)
            for batch in self._pairing.waiting:
                self._watch(batch)
            self._flush()

    def _flush(self) -> None:
        self._flushing = False
        if self._connection is None or self._writing or not self._outbox:
            return
        self._unsent = memoryview(b"".join(self._outbox))
        self._outbox.clear()
        self._write()

    def _write(self) -> None:
        """Send as much as the kernel takes."""
        assert self._connection is not None
        connection = self._connection.socket
        try:
            while self._unsent:
                self._unsent = self._unsent[connection.send(self._unsent) :]
        except _WANTS:
            if not self._writing:
                self._writing = True
                self._loop.add_writer(connection.fileno(), self._write)
            return
        except OSError as error:
            self._fail(f"the connection broke: {error}", broken=True)
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
                    self._fail("the connection broke: it hung up", broken=True)
                    return
                self._used = True
                self._pairing.feed(data)
                if not isinstance(connection, ssl.SSLSocket) or not connection.pending():
                    return
        except _WANTS:
            return
        except (OSError, ProtocolError) as error:
            self._fail(f"the connection broke: {error}", broken=True)

    def _watch(self, batch: Batch) -> None:
        """See to it that a batch does not wait for ever. One timer serves all."""
        deadline = self._loop.time() + batch.timeout
        batch.deadline = deadline
        if self._timer is None or deadline < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        """The earliest deadline: has anybody passed it? A batch that was answered meanwhile has not."""
        self._timer = None
        waiting = self._pairing.waiting
        if not waiting:
            return
        first = min(waiting, key=lambda batch: batch.deadline)
        if first.deadline > self._loop.time():
            self._timer = self._loop.call_at(first.deadline, self._tick)
            return
        trouble = f"no answer in {first.timeout * 1000:.3g} ms"
        self._breaker.failed(trouble)
        self._fail(trouble)

    def _fail(self, trouble: str, *, broken: bool = False) -> None:
        """Hang up: an answer that comes later must never be taken for another's."""
        self.open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(OSError, ValueError):
                self._loop.remove_reader(connection.socket.fileno())
                self._loop.remove_writer(connection.socket.fileno())
            connection.close()
        if broken and not self._used and self._pairing.waiting:
            self._breaker.failed(trouble)
        self._pairing.abandon(f"{self._name}: {trouble}", old_news=broken and self._used)
