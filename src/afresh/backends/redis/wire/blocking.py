"""One socket, used by one thread at a time.

A blocking `recv` with the kernel's own timeout is one system call; Python's `settimeout` makes it two.
Where sockets are replaced (gevent) or encrypted, Python's is used.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from afresh.backends.redis.address import Address, Endpoint
from afresh.backends.redis.wire.handshake import greeting, understood
from afresh.backends.redis.wire.resp import (
    NOTHING_YET,
    ProtocolError,
    PushNotification,
    new_reader,
    pack_many,
)
from afresh.errors import BackendError

_CHUNK = 65_536
_NATIVE = socket.socket.__module__ == "socket"
_TIMEVAL = struct.Struct("ll")


class Gone(BackendError):
    """The connection broke, or an answer came too late: it can't be used any more."""


class Late(Gone):
    """The deadline passed."""


class Connection:
    """Sends commands and waits for their answers. After `Gone` it is closed.

    Attributes:
        used: It has answered before: if it is found broken now, that may be old news.
        pushes: Push messages that came between answers.
    """

    __slots__ = ("_kernel", "_reader", "_socket", "_timeout", "pushes", "used")

    def __init__(self, address: Address, endpoint: Endpoint) -> None:
        """Connect, and say hello.

        Raises:
            Gone: It can't be reached in time.
            ErrorReply: It refuses us.
        """
        self.used = False
        self.pushes: list[Any] = []
        self._timeout = 0.0
        deadline = time.monotonic() + address.connect_timeout
        try:
            self._socket, self._kernel = _connect(address, endpoint)
        except TimeoutError as error:
            raise Late(f"{endpoint}: no connection in {address.connect_timeout:g} s") from error
        except OSError as error:
            raise Gone(f"{endpoint}: {error.strerror or error}") from error
        self._reader = new_reader()
        commands = greeting(address)
        try:
            replies = self.exchange(
                pack_many(commands), len(commands), max(deadline - time.monotonic(), 0.001)
            )
            understood(replies)
        except BaseException:
            self.close()
            raise

    def ask(self, data: bytes, timeout: float) -> Any:
        """Send one command, and return its answer (an error reply as an object).

        Raises:
            Gone: No answer in time, or the connection broke.
        """
        self._within(timeout)
        try:
            self._socket.sendall(data)
            self._reader.feed(self._socket.recv(_CHUNK))
            reply = self._reader.gets()
            if reply is not NOTHING_YET and type(reply) is not PushNotification:
                self.used = True
                return reply
        except (OSError, ProtocolError) as error:
            raise self._gone(error, timeout) from error
        return self._rest([] if reply is NOTHING_YET else [reply], 1, timeout)[0]

    def exchange(self, data: bytes, count: int, timeout: float) -> list[Any]:
        """Send several commands, and return their answers.

        Raises:
            Gone: See `ask`.
        """
        self._within(timeout)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._gone(error, timeout) from error
        return self._rest([], count, timeout)

    def send(self, data: bytes, timeout: float) -> None:
        """Send a command without waiting for an answer."""
        self._within(timeout)
        try:
            self._socket.sendall(data)
        except OSError as error:
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
            while (reply := self._reader.gets()) is NOTHING_YET:
                left = end - time.monotonic()
                if left <= 0:
                    return NOTHING_YET
                self._within(left)
                try:
                    self._feed()
                except (BlockingIOError, TimeoutError):
                    return NOTHING_YET
        except (OSError, ProtocolError) as error:
            raise self._gone(error, timeout) from error
        return reply

    def close(self) -> None:
        """Hang up; a thread that waits on it is woken. Safe to call twice."""
        with suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError, AttributeError):
            self._socket.close()

    def drop(self) -> None:
        """Give the descriptor back without a word: in a child the other end is the parent's."""
        self._socket.close()

    def _rest(self, replies: list[Any], count: int, timeout: float) -> list[Any]:
        """Read until there are `count` answers. The deadline is that of all of them."""
        deadline = time.monotonic() + timeout
        pushes, replies = replies, []
        self.pushes += pushes
        try:
            while True:
                while (reply := self._reader.gets()) is not NOTHING_YET:
                    if type(reply) is PushNotification:
                        self.pushes.append(reply)
                        continue
                    replies.append(reply)
                    if len(replies) == count:
                        self.used = True
                        return replies
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._within(left)
                self._feed()
        except (OSError, ProtocolError) as error:
            raise self._gone(error, timeout) from error

    def _feed(self) -> None:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("it hung up")
        self._reader.feed(data)

    def _within(self, timeout: float) -> None:
        """Set the timeout, if it is another one than before."""
        if timeout == self._timeout:
            return
        self._timeout = timeout
        try:
            if self._kernel:
                whole = int(timeout)
                value = _TIMEVAL.pack(whole, max(int((timeout - whole) * 1e6), 0 if whole else 1))
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
            else:
                self._socket.settimeout(timeout)
        except OSError as error:
            raise self._gone(error, timeout) from error

    def _gone(self, error: BaseException, timeout: float) -> Gone:
        """Close, since an answer that comes later must never be taken for another's."""
        self.close()
        if isinstance(error, (BlockingIOError, TimeoutError)) or "SSLWant" in type(error).__name__:
            return Late(f"no answer in {timeout * 1000:g} ms")
        return Gone(f"the connection broke: {error}")


def _connect(address: Address, endpoint: Endpoint) -> tuple[socket.socket, bool]:
    """A connected socket, and whether the kernel watches its timeouts."""
    if endpoint.path:
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.settimeout(address.connect_timeout)
            plain.connect(endpoint.path)
        except BaseException:
            plain.close()
            raise
    else:
        plain = socket.create_connection((endpoint.host, endpoint.port), address.connect_timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if address.tls is not None:
        return address.tls.context().wrap_socket(plain, server_hostname=endpoint.host), False
    if _NATIVE:
        plain.settimeout(None)
    return plain, _NATIVE


def ask_once(address: Address, endpoint: Endpoint, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """Connect, ask, hang up: for housekeeping."""
    connection = Connection(address, endpoint)
    try:
        return connection.exchange(pack_many(commands), len(commands), address.connect_timeout)
    finally:
        connection.close()
