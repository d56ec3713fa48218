"""One socket, shared by all tasks of an event loop: their commands travel together.

The first command goes out at once. Those that come while an answer is awaited are gathered, and one
`send` per turn of the loop carries them all (auto-pipelining). Answers come in the order of the
commands, so a caller that was cancelled leaves a place in the row and disturbs nobody. A task goes on
in the callback that reads its answer (see `Answer`); what it asks next is sent when all have been woken.

It works on the loop's `add_reader` rather than on a transport: a loop that is closed leaves nothing
behind that would have to be awaited.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from afresh.backends.endpoint import SLOWEST
from afresh.backends.redis.wire.answer import Answer
from afresh.backends.redis.wire.blocking import CHUNK, Connection
from afresh.backends.redis.wire.gone import Gone, Late
from afresh.backends.redis.wire.resp import NOTHING_YET, ProtocolError, PushNotification

_NEVER = float("inf")
_STALL = 0.02  # seconds that an alarm may come late before the loop counts as having stood still
_NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Sink(Protocol):
    """Who gets an answer. A future is one."""

    def done(self) -> bool:
        """Nobody waits any more."""

    def set_result(self, reply: Any, /) -> None:
        """The answer."""

    def set_exception(self, error: Exception, /) -> None:
        """There will be none."""


class Many:
    """Gathers the answers to several commands into one future."""

    __slots__ = ("_count", "_future", "_replies")

    def __init__(self, future: asyncio.Future[list[Any]], count: int) -> None:
        self._future = future
        self._count = count
        self._replies: list[Any] = []

    def done(self) -> bool:
        """See `Sink`."""
        return self._future.done()

    def set_result(self, reply: Any) -> None:
        """See `Sink`."""
        self._replies.append(reply)
        if len(self._replies) == self._count:
            self._future.set_result(self._replies)

    def set_exception(self, error: Exception) -> None:
        """See `Sink`."""
        self._future.set_exception(error)


class Wire:
    """See the module. Used by its loop's thread only, but for `close_from`.

    Attributes:
        ended: It takes no more commands.
        connection: What it was made of.
    """

    def __init__(
        self,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        failed: Callable[[BaseException], object],
    ) -> None:
        """Take a connection over; `failed` is told what says that the server doesn't answer."""
        self.ended = False
        self.connection = connection
        self._failed = failed
        self._loop = loop
        self._socket = connection.socket
        self._reader = connection.reader
        self._waiting: deque[tuple[Sink, float]] = deque()
        self._out: list[bytes | memoryview] = []
        self._ready: deque[tuple[Sink, Any]] = deque()
        self._handing_out = False
        self._moved = 0  # bytes of what is larger than a packet, since the alarm
        self._alarm_at = _NEVER
        self._alarm: asyncio.TimerHandle | None = None
        self._socket.setblocking(False)
        loop.add_reader(self._socket, self._readable)

    def ask(self, data: bytes, timeout: float) -> asyncio.Future[Any]:
        """Send one command; the future gets its answer, `Late` or `Gone`."""
        future = Answer(loop=self._loop)
        deadline = monotonic() + timeout
        alone = not self._waiting and not self._out
        self._waiting.append((future, deadline))
        if deadline < self._alarm_at:
            self._set_alarm(deadline)
        if alone:
            self._send(data)
        else:
            self._gather(data)
        return future

    def ask_many(self, data: bytes, count: int, timeout: float) -> asyncio.Future[list[Any]]:
        """Send several commands; the future gets all their answers."""
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        deadline = monotonic() + timeout
        alone = not self._waiting and not self._out
        self._waiting.extend([(Many(future, count), deadline)] * count)
        if deadline < self._alarm_at:
            self._set_alarm(deadline)
        if alone:
            self._send(data)
        else:
            self._gather(data)
        return future

    def broken(self) -> bool:
        """Whether it ended while no answer was awaited, and the loop has not told yet; then it is closed."""
        if self._waiting or self.connection.alive():
            return False
        self.close()
        return True

    def post(self, data: bytes, sink: Sink) -> None:
        """Send one command that nobody waits for."""
        alone = not self._waiting and not self._out
        self._waiting.append((sink, _NEVER))
        if alone:
            self._send(data)
        else:
            self._gather(data)

    def close(self, error: Gone | None = None) -> None:
        """Hang up; whoever waits gets an error. Safe to call twice."""
        self.ended = True
        if not self._loop.is_closed():
            if self._socket.fileno() >= 0:
                self._loop.remove_reader(self._socket)
                self._loop.remove_writer(self._socket)
            # Also the second time: somebody may have asked here who was given the wire before it ended.
            self._let_go(str(error or f"{self.connection.endpoint}: closed"))
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, _NEVER
        self._waiting.clear()
        self._out.clear()
        self.connection.close()

    def close_from(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Hang up, from whichever thread; `loop` is the one that runs there."""
        if self._loop is not loop and self._loop.is_running():
            with suppress(RuntimeError):  # it was closed just now
                self._loop.call_soon_threadsafe(self.close)
                return
        self.close()

    def _gather(self, data: bytes) -> None:
        """Send it together with what others ask."""
        if not self._out and not self._handing_out:  # else a flush is due already
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        """Send what this turn of the loop gathered."""
        if self._out and not self.ended:
            data = b"".join(self._out) if len(self._out) > 1 else self._out[0]
            self._out.clear()
            self._send(data)

    def _send(self, data: bytes | memoryview) -> None:
        try:
            sent = self._socket.send(data)
        except _NOT_NOW:
            sent = 0
        except OSError as error:
            # Not at once: whoever asked has not got the future yet.
            self._loop.call_soon(self._broke, error)
            return
        if sent < len(data):
            self._moved += sent
            self._out.append(memoryview(data)[sent:])  # a large command is not copied for each part of it
            self._loop.add_writer(self._socket, self._writable)
        elif sent > CHUNK:
            self._moved += sent

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket)
        self._flush()

    def _readable(self) -> None:
        """Take what came, hand it out, and send what was asked on account of it."""
        self._handing_out = True
        try:
            data = self._socket.recv(CHUNK)
            if not data:
                raise ConnectionResetError("the server hung up")
            self.connection.used = True
            self._reader.feed(data)
            self._hand_out(len(data))
            if self.connection.encrypted:
                self._drain()
        except _NOT_NOW:
            return
        except OSError as error:
            self._broke(error)
        finally:
            self._handing_out = False
            if self._out:
                self._flush()

    def _drain(self) -> None:
        """What was decrypted already doesn't wake the loop again."""
        while data := self._socket.recv(CHUNK):
            self._reader.feed(data)
            self._hand_out(len(data))
        raise ConnectionResetError("the server hung up")

    def _hand_out(self, came: int) -> None:
        """Give each answer to whose turn it is.

        All are paired before the first task goes on: what it asks is not answered by what is here already.
        """
        gets, waiting, ready = self._reader.gets, self._waiting, self._ready
        try:
            while (reply := gets()) is not NOTHING_YET:
                if type(reply) is PushNotification:
                    continue
                if not waiting:
                    raise ProtocolError("an answer that nobody asked for")
                ready.append((waiting.popleft()[0], reply))
        except ProtocolError as error:
            self._broke(error)
        if ready:
            self._wake()
        else:
            self._moved += came

    def _wake(self) -> None:
        ready = self._ready
        try:
            while ready:
                sink, reply = ready.popleft()
                if not sink.done():
                    sink.set_result(reply)
        except BaseException:  # Ctrl-C in a task that went on here: the others get their answers too
            self._loop.call_soon(self._wake)
            raise

    def _broke(self, error: BaseException) -> None:
        gone = Gone(f"{self.connection.endpoint}: the connection broke: {error}")
        if self._waiting and not self.connection.used:
            self._failed(gone)  # one that has answered before may break because it is old
        self.close(gone)

    def _let_go(self, why: str) -> None:
        for sink, _ in self._waiting:
            if not sink.done():
                sink.set_exception(Gone(why))

    def _set_alarm(self, when: float) -> None:
        """One timer for all: at the earliest deadline."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = when
        self._alarm = self._loop.call_later(when - monotonic(), self._ring)

    def _ring(self) -> None:
        """A deadline has passed, unless it was an early call's that has its answer.

        What came of large answers meanwhile, and what was taken of large commands, prolongs all deadlines.
        """
        planned, self._alarm_at, self._alarm = self._alarm_at, _NEVER, None
        self._readable()
        if self.ended and not self._waiting:
            return
        now = monotonic()
        moved, self._moved = self._moved, 0
        stood = now - planned
        if moved or stood > _STALL:
            self._prolong(moved / SLOWEST + (stood if stood > _STALL else 0.0))
        self._give_up(now)
        next_one = min((deadline for sink, deadline in self._waiting if not sink.done()), default=_NEVER)
        if next_one < _NEVER:
            self._set_alarm(next_one)
        elif self.ended:
            self.close()

    def _prolong(self, seconds: float) -> None:
        """The server got on; or the loop stood still, and nothing was sent and nothing heard: that isn't its fault."""
        self._waiting = deque((sink, deadline + seconds) for sink, deadline in self._waiting)

    def _give_up(self, now: float) -> None:
        """Fail whom the server kept waiting; the connection takes nobody else.

        Those with more patience may still get their answers: these come in their order, or not at all.
        """
        for sink, deadline in self._waiting:
            if deadline <= now and not sink.done():
                late = Late(f"{self.connection.endpoint}: no answer in time")
                self.ended = True
                self._failed(late)
                sink.set_exception(late)
