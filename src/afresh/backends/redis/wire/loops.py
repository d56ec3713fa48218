"""Connections to one server for event loops: the tasks of a loop share one."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, _get_running_loop
from collections.abc import Callable
from typing import Any, TypeVar

from afresh.backends.redis.wire.beside import beside
from afresh.backends.redis.wire.blocking import Connection
from afresh.backends.redis.wire.gone import Gone, Late
from afresh.backends.redis.wire.source import Source
from afresh.backends.redis.wire.wire import Wire
from afresh.runtime.world import driving, running_loop

T = TypeVar("T")


class _Nobody:
    """Gets the answer to something posted."""

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source = source

    def done(self) -> bool:
        return False

    def set_result(self, reply: Any) -> None:
        self._source.unwanted(reply)

    def set_exception(self, error: Exception) -> None:
        return


class Loops:
    """See the module."""

    def __init__(self, source: Source, timeout: float) -> None:
        self._source = source
        self._timeout = timeout
        self._breaker = source.breaker
        self._check = source.breaker.check
        self._wires: dict[AbstractEventLoop, Wire] = {}
        self._dialling: dict[AbstractEventLoop, asyncio.Future[Connection]] = {}

    async def ask(self, loop: AbstractEventLoop, data: bytes, timeout: float, safe: bool) -> Any:
        """One command. `safe`: it may be sent again when the connection turns out to be broken.

        Raises:
            BackendError: No answer.
        """
        self._check()
        wire = self._wires.get(loop)
        if wire is None or wire.ended or (not safe and wire.broken()):
            wire = await self._connected(loop)
        try:
            return await wire.ask(data, timeout)
        except Gone as error:
            return await self._again(wire, loop, error, safe, lambda wire: wire.ask(data, timeout))

    def begin(self, data: bytes) -> asyncio.Future[Any] | None:
        """`ask` without its coroutine, on the loop that runs here, for what may be sent twice.

        Returns the future of an answer, or `None` where there is no connection yet, or nobody who could
        suspend. It may fail where `ask` would have tried again.

        Raises:
            BackendError: The server is not asked for now.
        """
        loop = _get_running_loop()  # `suspending_loop`, without its two calls
        wire = None if loop is None else self._wires.get(loop)
        if wire is None or wire.ended or loop is driving.loop:
            return None
        if self._breaker.is_open:
            self._check()
        return wire.ask(data, self._timeout)

    async def ask_many(
        self, loop: AbstractEventLoop, data: bytes, count: int, timeout: float, safe: bool
    ) -> list[Any]:
        """Several commands; see `ask`."""
        self._check()
        wire = self._wires.get(loop)
        if wire is None or wire.ended or (not safe and wire.broken()):
            wire = await self._connected(loop)
        try:
            return await wire.ask_many(data, count, timeout)
        except Gone as error:
            return await self._again(
                wire, loop, error, safe, lambda wire: wire.ask_many(data, count, timeout)
            )

    def post(self, loop: AbstractEventLoop, data: bytes) -> bool:
        """One command whose answer nobody awaits; `False` if there is no connection for it yet."""
        wire = self._wires.get(loop)
        if wire is None or wire.ended:
            return False
        wire.post(data, _Nobody(self._source))
        return True

    def look_after(self) -> None:
        """Let go of loops that have ended."""
        for loop in list(self._wires):
            if loop.is_closed() and (wire := self._wires.pop(loop, None)) is not None:
                self._source.forget(wire.connection)

    def hang_up(self) -> None:
        """End all of them, from whichever thread."""
        running = running_loop()
        for loop in list(self._wires):
            if (wire := self._wires.pop(loop, None)) is not None:
                self._source.open.discard(wire.connection)
                wire.close_from(running)

    def after_fork(self) -> object:
        """They are the parent's. Returns what no finaliser may touch."""
        inherited = (self._wires, self._dialling)
        for wire in self._wires.values():
            wire.ended = True
        self._wires, self._dialling = {}, {}
        return inherited

    async def _connected(self, loop: AbstractEventLoop) -> Wire:
        """The connection of this loop's tasks, made in a thread while they wait."""
        dialling = self._dialling.get(loop)
        if dialling is None:
            self.look_after()
            dialling = self._dialling[loop] = beside(loop, self._source.connect, self._source.forget)
            # Here and not by whoever waits: all of them may be cancelled.
            dialling.add_done_callback(lambda dialled: self._adopt(loop, dialled))
        # The thread keeps its deadline itself, unless the look-up of a name blocks it.
        patience = self._source.patience + self._source.longest
        await asyncio.wait((dialling,), timeout=patience)
        if not dialling.done():
            error = Late(f"{self._source.name}: no connection in {patience * 1000:.0f} ms")
            self._source.failed(error)
            raise error
        dialling.result()
        wire = self._wires.get(loop)
        if wire is None or wire.ended:  # closed, or another primary was named, before this task had its turn
            raise Gone(f"{self._source.name}: hung up")
        return wire

    def _adopt(self, loop: AbstractEventLoop, dialled: asyncio.Future[Connection]) -> None:
        self._dialling.pop(loop, None)
        if dialled.cancelled() or dialled.exception() is not None:
            return
        if (old := self._wires.get(loop)) is not None:
            self._source.open.discard(old.connection)
        self._wires[loop] = Wire(dialled.result(), loop, self._source.failed)

    async def _again(
        self,
        wire: Wire,
        loop: AbstractEventLoop,
        error: Gone,
        safe: bool,
        ask: Callable[[Wire], asyncio.Future[T]],
    ) -> T:
        """Ask on a new connection, if the broken one had worked before; or raise the error."""
        if not safe or isinstance(error, Late) or not wire.connection.used:
            raise error
        self._check()
        current = self._wires.get(loop)
        if current is None or current.ended:  # nobody else has made a new one
            current = await self._connected(loop)
        try:
            return await ask(current)
        except Gone as second:
            self._source.failed(second)
            raise
