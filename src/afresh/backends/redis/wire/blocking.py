"""One socket, used by one thread at a time.

A blocking `recv` with the kernel's own timeout is one system call; Python's `settimeout` makes it two.
Where sockets are replaced (gevent) or encrypted, Python's is used.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from afresh.backends.endpoint import SLOWEST, Endpoint, digesting
from afresh.backends.redis.address import Address
from afresh.backends.redis.client import ErrorReply
from afresh.backends.redis.wire.gone import Gone, Late
from afresh.backends.redis.wire.handshake import greeting, understood
from afresh.backends.redis.wire.resp import (
    NOTHING_YET,
    ProtocolError,
    PushNotification,
    new_reader,
    pack_many,
)
from afresh.backends.redis.wire.sockets import broken, dial, set_timeout

CHUNK = 65_536
_LARGE = 1 << 20
_TROUBLE = (OSError, ProtocolError)


class Connection:
    """Sends commands and waits for their answers. After `Gone` it is closed.

    Attributes:
        endpoint: Where to.
        socket: What it owns.
        reader: Has what came and was not read yet.
        hello: What the server said of itself.
        used: It has answered before: if it is found broken now, that may be old news.
        encrypted: By TLS.
        owed: Answers that will come and that nobody wants.
        unwanted: Called with each of them.
        pushes: Push messages that came between answers.
    """

    __slots__ = (
        "_kernel",
        "_timeout",
        "encrypted",
        "endpoint",
        "hello",
        "owed",
        "pushes",
        "reader",
        "socket",
        "unwanted",
        "used",
    )

    def __init__(self, address: Address, endpoint: Endpoint, patience: float) -> None:
        """Connect, and say hello, within `patience` seconds.

        Raises:
            Gone: It can't be reached in time.
            ErrorReply: It refuses us.
        """
        self.endpoint = endpoint
        self.used = False
        self.owed = 0
        self.encrypted = address.tls is not None
        self.pushes: list[Any] = []
        self.hello: dict[bytes, Any] = {}
        self.unwanted: Callable[[Any], object] = _ignored
        self._timeout = 0.0
        deadline = time.monotonic() + patience
        try:
            self.socket, self._kernel = dial(address, endpoint, patience)
        except TimeoutError as error:
            raise Late(f"{endpoint}: no connection in {patience * 1000:.0f} ms") from error
        except (OSError, UnicodeError) as error:
            raise Gone(f"{endpoint}: {getattr(error, 'strerror', None) or error}") from error
        self.reader = new_reader()
        try:
            self._greet(address, max(deadline - time.monotonic(), 0.001))
        except BaseException:
            self.close()
            raise

    def ask(self, data: bytes, timeout: float) -> Any:
        """Send one command, and return its answer (an error reply as an object).

        Raises:
            Gone: No answer in time, or the connection broke.
        """
        if len(data) > CHUNK:
            return self.exchange(data, 1, timeout)[0]
        if timeout != self._timeout:
            self._within(timeout)
        try:
            self.socket.sendall(data)
            if not self.owed:
                reader = self.reader
                reader.feed(self.socket.recv(CHUNK))
                reply = reader.gets()
                if reply is not NOTHING_YET and type(reply) is not PushNotification:
                    self.used = True
                    return reply
                if reply is not NOTHING_YET:
                    self.pushes.append(reply)
        except _TROUBLE as error:
            raise self._gone(error, timeout) from error
        return self._rest(1, timeout)[0]

    def exchange(self, data: bytes, count: int, timeout: float) -> list[Any]:
        """Send several commands, and return their answers.

        Raises:
            Gone: See `ask`.
        """
        timeout += digesting(len(data))
        self.send(data, timeout)
        return self._rest(count, timeout)

    def send(self, data: bytes, timeout: float) -> None:
        """Send commands without waiting for an answer.

        Raises:
            Gone: See `ask`.
        """
        if timeout != self._timeout:
            self._within(timeout)
        try:
            self.socket.sendall(data)
        except _TROUBLE as error:
            raise self._gone(error, timeout) from error

    def receive(self, timeout: float) -> Any:
        """The next push message or answer; `NOTHING_YET` after `timeout` seconds.

        Raises:
            Gone: The connection broke.
        """
        if self.pushes:
            return self.pushes.pop(0)
        end = time.monotonic() + timeout
        try:
            while (reply := self.reader.gets()) is NOTHING_YET:
                left = end - time.monotonic()
                if left <= 0:
                    return NOTHING_YET
                self._within(left)
                try:
                    self._feed()
                except (BlockingIOError, TimeoutError):
                    return NOTHING_YET
        except _TROUBLE as error:
            raise self._gone(error, timeout) from error
        return reply

    def alive(self) -> bool:
        """Whether the other end has not hung up, as far as one can know without asking it."""
        return not broken(self.socket)

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        self.wake()
        with suppress(OSError):
            self.socket.close()

    def wake(self) -> None:
        """End the wait of another thread that uses it; that thread closes it."""
        with suppress(OSError, ValueError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Give the descriptor back without a word: in a child the other end is the parent's."""
        with suppress(OSError):
            self.socket.close()

    def _greet(self, address: Address, timeout: float) -> None:
        try:
            commands = greeting(address)
        except Exception as error:  # a credential provider's; its message may hold what it shouldn't
            raise Gone(f"{self.endpoint}: no credentials: {type(error).__name__}") from None
        try:
            self.hello = understood(self.exchange(pack_many(commands), len(commands), timeout))
        except ErrorReply as error:
            raise ErrorReply(f"{error} ({self.endpoint})") from None
        self.used = False

    def _rest(self, count: int, timeout: float) -> list[Any]:
        """Read until there are `count` answers, after those that nobody wants.

        Each part of a large answer prolongs the deadline by as long as it may take at the slowest.
        """
        deadline = time.monotonic() + timeout
        replies: list[Any] = []
        wanted, came = self.owed + count, 0
        try:
            while True:
                while (reply := self.reader.gets()) is not NOTHING_YET:
                    (self.pushes if type(reply) is PushNotification else replies).append(reply)
                    if len(replies) == wanted:
                        for unwanted in replies[:-count]:
                            self.unwanted(unwanted)
                        self.used, self.owed = True, 0
                        return replies[-count:]
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                if left < self._timeout or not self._timeout:
                    self._within(left)
                came = self._feed(_LARGE if came >= CHUNK else CHUNK)
                deadline += came / SLOWEST
        except _TROUBLE as error:
            raise self._gone(error, timeout) from error

    def _feed(self, most: int = CHUNK) -> int:
        data = self.socket.recv(most)
        if not data:
            raise ConnectionResetError("the server hung up")
        self.reader.feed(data)
        return len(data)

    def _within(self, timeout: float) -> None:
        """Set the timeout of what comes next."""
        self._timeout = timeout
        try:
            set_timeout(self.socket, timeout, kernel=self._kernel)
        except OSError as error:
            raise self._gone(error, timeout) from error

    def _gone(self, error: BaseException, timeout: float) -> Gone:
        """Close, since an answer that comes later must never be taken for another's."""
        self.close()
        if isinstance(error, (BlockingIOError, TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            return Late(f"{self.endpoint}: no answer in {timeout * 1000:.0f} ms")
        return Gone(f"{self.endpoint}: the connection broke: {error}")


def _ignored(reply: Any) -> None:
    return None
