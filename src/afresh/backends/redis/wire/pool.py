"""Blocking connections to one server: each is used by one thread at a time, then lies idle for the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from afresh.backends.redis.wire.blocking import Connection
from afresh.backends.redis.wire.gone import Gone, Late
from afresh.backends.redis.wire.resp import pack
from afresh.backends.redis.wire.source import Source

T = TypeVar("T")

_PING = pack(("PING",))
_OWED = 64  # unread answers that a connection may gather


class _Closed(list[Connection]):
    """What lies idle in a pool that was closed: nothing, and what comes back is hung up."""

    def append(self, connection: Connection) -> None:
        connection.close()


class Pool:
    """See the module. The last one used is the first to be used again."""

    def __init__(self, source: Source, timeout: float) -> None:
        self._source = source
        self._timeout = timeout
        self._breaker = source.breaker
        self._check = source.breaker.check
        self._idle: list[Connection] = []

    def ask(self, data: bytes, timeout: float, safe: bool) -> Any:
        """One command. `safe`: it may be sent again when the connection turns out to be broken.

        Raises:
            BackendError: No answer.
        """
        self._check()
        connection = self._take(safe)
        try:
            reply = connection.ask(data, timeout)
        except BaseException as error:
            other = self._another(connection, error, safe)
            return self._again(other, lambda: other.ask(data, timeout))
        self._idle.append(connection)
        return reply

    def get(self, packed: bytes) -> Any:
        """A `GET`, packed already: `ask` with a call less for each step, since every hit comes here.

        Raises:
            BackendError: No answer.
        """
        if self._breaker.is_open:
            self._check()
        try:
            connection = self._idle.pop()
        except IndexError:
            return self.ask(packed, self._timeout, True)
        try:
            reply = connection.ask(packed, self._timeout)
        except BaseException as error:
            other = self._another(connection, error, True)
            return self._again(other, lambda: other.ask(packed, self._timeout))
        self._idle.append(connection)
        return reply

    def ask_many(self, data: bytes, count: int, timeout: float, safe: bool) -> list[Any]:
        """Several commands; see `ask`."""
        self._check()
        connection = self._take(safe)
        try:
            replies = connection.exchange(data, count, timeout)
        except BaseException as error:
            other = self._another(connection, error, safe)
            return self._again(other, lambda: other.exchange(data, count, timeout))
        self._idle.append(connection)
        return replies

    def post(self, data: bytes, timeout: float) -> None:
        """One command, and nobody wants its answer: whoever uses the connection next skips it.

        Raises:
            BackendError: It was not sent.
        """
        self._check()
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

    def add(self, connection: Connection) -> None:
        """One more that lies idle."""
        self._idle.append(connection)

    def hang_up(self) -> None:
        """End what lies idle."""
        while self._idle:
            with suppress(IndexError):
                self._source.forget(self._idle.pop())

    def close(self) -> None:
        """End what lies idle, and what comes back."""
        idle, self._idle = self._idle, _Closed()
        for connection in idle:
            self._source.forget(connection)

    def after_fork(self) -> None:
        """What lay idle is the parent's."""
        self._idle = []

    def _take(self, safe: bool) -> Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._source.connect()
            # What may not be sent twice must not be lost on a connection that ended while it lay idle.
            if safe or connection.alive():
                return connection
            self._source.forget(connection)

    def _another(self, connection: Connection, error: BaseException, safe: bool) -> Connection:
        """A new connection instead of a broken one that had worked before; or the error.

        The others are most likely as broken: a server that was restarted ended them all.
        """
        if not safe or not connection.used or isinstance(error, Late) or not isinstance(error, Gone):
            self._lost(connection, error)
            raise error
        self._source.forget(connection)
        self.hang_up()
        return self._source.connect()

    def _again(self, connection: Connection, ask: Callable[[], T]) -> T:
        try:
            result = ask()
        except BaseException as error:
            self._lost(connection, error)
            raise
        self._idle.append(connection)
        return result

    def _lost(self, connection: Connection, error: BaseException) -> None:
        """One that breaks after it lay idle is no news of the server; a late answer is."""
        self._source.forget(connection)
        if isinstance(error, Late) or (isinstance(error, Gone) and not connection.used):
            self._source.failed(error)
