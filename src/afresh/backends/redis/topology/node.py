"""One server: the connections to it, in both worlds, and whether it may be asked at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

from afresh.backends.redis.address import Address
from afresh.backends.redis.client import ErrorReply
from afresh.backends.redis.wire.beside import beside
from afresh.backends.redis.wire.blocking import Connection
from afresh.backends.redis.wire.gone import Gone, Late
from afresh.backends.redis.wire.resp import pack
from afresh.backends.redis.wire.wire import Wire
from afresh.errors import BackendError
from afresh.runtime.breaker import Breaker
from afresh.runtime.fork import on_fork
from afresh.runtime.world import running_loop

T = TypeVar("T")
Dial: TypeAlias = Callable[[float], Connection]
"""Connects within so many seconds, and says hello."""

_PING = pack(("PING",))
_OWED = 64  # unread answers that a connection may gather
_HOP = 0.02  # seconds from one thread to another on a busy machine
_PATIENCE = 10  # a new connection may take so many times longer than the slowest so far


class _Closed(list[Connection]):
    """The idle connections of a node that was closed: what comes back is hung up."""

    def append(self, connection: Connection) -> None:
        connection.close()


class _Nobody:
    """Gets the answer to something posted."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def done(self) -> bool:
        return False

    def set_result(self, reply: Any) -> None:
        self._node.unwanted(reply)

    def set_exception(self, error: Exception) -> None:
        return


class Node:
    """See the module.

    A blocking connection is used by one thread at a time and then lies idle for the next. The tasks
    of an event loop share one.

    Attributes:
        name: For messages.
        breaker: Open while the server doesn't answer.
        hello: What the server said of itself, last time.
        scripts: Digests of scripts that it has been given.
    """

    def __init__(self, name: str, dial: Dial, address: Address) -> None:
        self.name = name
        self.breaker = Breaker(name)
        self.hello: dict[bytes, Any] = {}
        self.scripts: set[str] = set()
        self._dial = dial
        self._longest = address.connect_timeout
        self._shortest = address.timeout
        self._patience = address.connect_timeout
        self._closed = False
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._wires: dict[asyncio.AbstractEventLoop, Wire] = {}
        self._dialling: dict[asyncio.AbstractEventLoop, asyncio.Future[Connection]] = {}
        on_fork(self)

    # -- threads ---------------------------------------------------------------------------------

    def ask(self, data: bytes, timeout: float, safe: bool) -> Any:
        """One command, blocking. `safe`: it may be sent again when the connection turns out to be broken.

        Raises:
            BackendError: No answer.
        """
        self.breaker.check()
        connection = self._take(safe)
        try:
            reply = connection.ask(data, timeout)
        except BaseException as error:
            connection = self._replaced(connection, error, safe)
            return self._finish(connection, lambda: connection.ask(data, timeout))
        self._idle.append(connection)
        return reply

    def ask_many(self, data: bytes, count: int, timeout: float, safe: bool) -> list[Any]:
        """Several commands, blocking; see `ask`."""
        self.breaker.check()
        connection = self._take(safe)
        try:
            replies = connection.exchange(data, count, timeout)
        except BaseException as error:
            connection = self._replaced(connection, error, safe)
            return self._finish(connection, lambda: connection.exchange(data, count, timeout))
        self._idle.append(connection)
        return replies

    def post(self, data: bytes, timeout: float) -> None:
        """One command, and nobody wants its answer: whoever uses the connection next skips it.

        Raises:
            BackendError: It was not sent.
        """
        self.breaker.check()
        connection = self._take(False)
        try:
            if connection.owed >= _OWED:
                connection.exchange(_PING, 1, timeout)
            connection.send(data, timeout)
        except BaseException as error:
            self._lost(connection, error)
            raise
        connection.owed += 1
        self._idle.append(connection)

    def connect(self) -> Connection:
        """A new connection, which stays known here so that a forked child can let go of it.

        Raises:
            BackendError: It can't be reached, or refuses us.
        """
        if self._closed:
            raise BackendError(f"{self.name}: the client is closed")
        began = time.monotonic()
        try:
            connection = self._dial(self._patience)
        except BackendError as error:
            self._failed(error)
            raise
        took = time.monotonic() - began
        # A server that greets within a millisecond gets no half second when it hangs.
        self._patience = min(self._longest, max(self._shortest, _PATIENCE * took))
        self.hello = connection.hello
        connection.unwanted = self.unwanted
        self._open.add(connection)
        if self._closed:  # meanwhile
            self.forget(connection)
            raise BackendError(f"{self.name}: the client is closed")
        self.breaker.worked()
        return connection

    def unwanted(self, reply: Any) -> None:
        """The answer to something posted: it tells if the server has forgotten its scripts."""
        if isinstance(reply, ErrorReply) and reply.code == "NOSCRIPT":
            self.scripts.clear()

    def forget(self, connection: Connection) -> None:
        """Hang up a connection that `connect` gave."""
        connection.close()
        self._open.discard(connection)

    # -- event loops -----------------------------------------------------------------------------

    async def ask_on(self, loop: asyncio.AbstractEventLoop, data: bytes, timeout: float, safe: bool) -> Any:
        """One command, suspending; see `ask`."""
        self.breaker.check()
        wire = self._wires.get(loop)
        if wire is None or wire.ended:
            wire = await self._wire(loop)
        elif not safe:
            wire = await self._checked(wire, loop)
        try:
            return await wire.ask(data, timeout)
        except Gone as error:
            return await self._again(wire, loop, error, safe, lambda wire: wire.ask(data, timeout))

    async def ask_many_on(
        self, loop: asyncio.AbstractEventLoop, data: bytes, count: int, timeout: float, safe: bool
    ) -> list[Any]:
        """Several commands, suspending; see `ask`."""
        self.breaker.check()
        wire = self._wires.get(loop)
        if wire is None or wire.ended:
            wire = await self._wire(loop)
        elif not safe:
            wire = await self._checked(wire, loop)
        try:
            return await wire.ask_many(data, count, timeout)
        except Gone as error:
            return await self._again(
                wire, loop, error, safe, lambda wire: wire.ask_many(data, count, timeout)
            )

    def post_on(self, loop: asyncio.AbstractEventLoop, data: bytes) -> bool:
        """One command whose answer nobody awaits; `False` if there is no connection for it yet."""
        wire = self._wires.get(loop)
        if wire is None or wire.ended:
            return False
        wire.post(data, _Nobody(self))
        return True

    # -- housekeeping ----------------------------------------------------------------------------

    def probe(self) -> None:
        """Find out whether a server that did not answer does so again."""
        self._patience = self._longest
        try:
            self._idle.append(self.connect())
        except BackendError as error:
            self.breaker.failed(error)

    def look_after(self) -> None:
        """Probe if it is time to; let go of loops that have ended."""
        for loop in [loop for loop in list(self._wires) if loop.is_closed()]:
            if (wire := self._wires.pop(loop, None)) is not None:
                self.forget(wire.connection)
        if self.breaker.may_probe():
            self.probe()

    def hang_up(self) -> None:
        """End all connections; those in use end with an error for whoever uses them."""
        while self._idle:
            with suppress(IndexError):
                self.forget(self._idle.pop())
        self.scripts.clear()
        running = running_loop()
        for wire in list(self._wires.values()):
            self._open.discard(wire.connection)
            wire.close_from(running)
        self._wires.clear()
        for connection in list(self._open):
            connection.wake()

    def close(self) -> None:
        """End all connections, and take back none."""
        self._closed = True
        idle, self._idle = self._idle, _Closed()
        for connection in idle:
            self.forget(connection)
        self.hang_up()

    def after_fork(self) -> None:
        """The connections are the parent's."""
        for wire in self._wires.values():
            wire.drop()
        for connection in self._open:
            connection.drop()
        _inherited.append((self._wires, self._open, self._dialling))
        self._wires, self._open, self._idle, self._dialling = {}, set(), [], {}

    # --------------------------------------------------------------------------------------------

    def _take(self, safe: bool) -> Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self.connect()
            # What may not be sent twice must not be lost on a connection that ended while it lay idle.
            if safe or connection.alive():
                return connection
            self.forget(connection)

    def _finish(self, connection: Connection, ask: Callable[[], T]) -> T:
        try:
            result = ask()
        except BaseException as error:
            self._lost(connection, error)
            raise
        self._idle.append(connection)
        return result

    def _replaced(self, connection: Connection, error: BaseException, safe: bool) -> Connection:
        """A new connection instead of a broken one that had worked before; or the error.

        The others are most likely as broken: a server that was restarted ended them all.
        """
        again = safe and connection.used and isinstance(error, Gone) and not isinstance(error, Late)
        if not again:
            self._lost(connection, error)
            raise error
        self.forget(connection)
        while self._idle:
            with suppress(IndexError):
                self.forget(self._idle.pop())
        return self.connect()

    def _lost(self, connection: Connection, error: BaseException) -> None:
        """A connection that broke is no news of the server if it lay idle before; a late answer is."""
        self.forget(connection)
        if isinstance(error, Late) or (isinstance(error, Gone) and not connection.used):
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        # Many callers fail together: that is one failure.
        if self.breaker.state == "closed":
            self.breaker.failed(error)

    async def _wire(self, loop: asyncio.AbstractEventLoop) -> Wire:
        """The connection of this loop's tasks, made in a thread while they wait."""
        dialling = self._dialling.get(loop)
        if dialling is None:
            dialling = self._dialling[loop] = beside(loop, self.connect, self.forget)
            # Here and not by whoever waits: all of them may be cancelled.
            dialling.add_done_callback(lambda dialled: self._adopt(loop, dialled))
        patience = self._patience
        # A name that can't be looked up may block that thread for longer than any deadline.
        await asyncio.wait((dialling,), timeout=patience + _HOP)
        if not dialling.done():
            error = Late(f"{self.name}: no connection in {patience * 1000:.0f} ms")
            self._failed(error)
            raise error
        dialling.result()
        return self._wires[loop]

    def _adopt(self, loop: asyncio.AbstractEventLoop, dialled: asyncio.Future[Connection]) -> None:
        self._dialling.pop(loop, None)
        if dialled.cancelled() or dialled.exception() is not None:
            return
        if (old := self._wires.get(loop)) is not None:
            self._open.discard(old.connection)
        self._wires[loop] = Wire(dialled.result(), loop)

    async def _checked(self, wire: Wire, loop: asyncio.AbstractEventLoop) -> Wire:
        """What may not be sent twice must not be lost on a connection that ended while it lay idle."""
        if wire.idle() and not wire.connection.alive():
            wire.close()
            return await self._wire(loop)
        return wire

    async def _again(
        self,
        wire: Wire,
        loop: asyncio.AbstractEventLoop,
        error: Gone,
        safe: bool,
        ask: Callable[[Wire], asyncio.Future[T]],
    ) -> T:
        """Ask on a new connection, if the broken one had worked before; or raise the error."""
        if isinstance(error, Late) or not wire.connection.used:
            self._failed(error)
            raise error
        if not safe:
            raise error
        self.breaker.check()
        current = self._wires.get(loop)
        if current is None or current.ended:  # nobody else has made a new one
            current = await self._wire(loop)
        try:
            return await ask(current)
        except Gone as second:
            self._failed(second)
            raise


_inherited: list[object] = []
"""What a child process has of its parent's connections: kept, so that no finaliser touches it."""
