"""A connection for the thread of a follower or a listener."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from afresh.backends.redis.client import Argument, ErrorReply
from afresh.backends.redis.wire.blocking import Connection
from afresh.backends.redis.wire.gone import Gone
from afresh.backends.redis.wire.resp import NOTHING_YET, PushNotification, checked, pack
from afresh.backends.redis.wire.sockets import readable
from afresh.errors import BackendError

_MOMENT = 0.005  # seconds for the rest of what has begun to come


class DedicatedConnection:
    """See `client.Dedicated`."""

    def __init__(self, connection: Connection, forget: Callable[[Connection], None]) -> None:
        self._connection = connection
        self._forget = forget
        self._reading = threading.RLock()
        self._writing = threading.Lock()

    def call(self, *command: Argument, timeout: float) -> Any:
        """Send a command and wait for its answer."""
        with self._reading, self._writing:
            return checked(self._connection.exchange(pack(command), 1, timeout)[0])

    def send(self, *command: Argument) -> None:
        """Send a command whose answer comes as a push."""
        with self._writing:
            try:
                self._connection.socket.sendall(pack(command))
            except OSError as error:
                raise Gone(f"{self._connection.endpoint}: the connection broke: {error}") from error

    def receive(self, timeout: float) -> list[Any] | None:
        """The next push message, or `None` after `timeout` seconds."""
        with self._reading:
            reply = self._next(timeout)
        if reply is NOTHING_YET:
            return None
        if isinstance(reply, ErrorReply):
            raise reply
        if not isinstance(reply, PushNotification):
            raise BackendError(f"{self._connection.endpoint}: an answer that nobody asked for")
        return list(reply)

    def _next(self, timeout: float) -> Any:
        connection = self._connection
        if not connection.encrypted or connection.pushes:
            return connection.receive(timeout)
        # OpenSSL can't read and write one stream at the same time: read when there is something.
        reply = connection.reader.gets()
        if reply is NOTHING_YET and readable(connection.socket, timeout):
            with self._writing:
                reply = connection.receive(_MOMENT)
        return reply

    def close(self) -> None:
        """Hang up; from another thread it ends a wait."""
        self._connection.wake()
        with self._reading:
            self._forget(self._connection)
