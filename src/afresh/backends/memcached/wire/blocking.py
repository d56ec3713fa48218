"""One socket, used by one thread at a time.

A blocking `recv` with the kernel's own timeout is one system call; Python's `settimeout` makes it two.
Where sockets are replaced (gevent) or encrypted, Python's is used.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from contextlib import suppress

from afresh.backends.endpoint import SLOWEST, Endpoint, digesting
from afresh.backends.memcached.address import Address
from afresh.backends.memcached.client import Response
from afresh.backends.memcached.wire.batch import Batch, Lines, Pairing, packets
from afresh.backends.memcached.wire.codec import END_OF_LINE, ProtocolError, Refused, sole_answer
from afresh.errors import BackendError

_CHUNK = 65_536
_LARGEST_CHUNK = 1 << 20
_NATIVE = socket.socket.__module__ == "socket"
_TIMEVAL = struct.Struct("ll")
_SHORTEST = 0.001
_LONGEST_SIZE = 16  # bytes of the line that says how long a value is


class Gone(BackendError):
    """The connection broke: it can't be used any more.

    Attributes:
        blames: It says something of the server, and not of this connection or request alone.
    """

    blames = True


class Late(Gone):
    """The deadline passed: the connection can't be used any more."""


class Connection:
    """Sends requests and waits for their answers. After `Gone` it is closed.

    Attributes:
        used: It has answered before: if it is found broken now, that may be old news.
        greeting: What the server said of itself: `VERSION`, and its settings.
    """

    __slots__ = ("_kernel", "_name", "_pairing", "_recv", "_send", "_timeout", "greeting", "socket", "used")

    def __init__(self, address: Address, endpoint: Endpoint, tls: ssl.SSLContext | None = None) -> None:
        """Connect, and ask the server who it is.

        Raises:
            Gone: It can't be reached in time.
        """
        self.used = False
        self._timeout = 0.0
        self._name = str(endpoint)
        self._pairing = Pairing()
        try:
            self.socket, self._kernel = _connect(address, endpoint, tls)
        except TimeoutError as error:
            raise Late(f"{endpoint}: no connection in {address.connect_timeout:g} s") from error
        except OSError as error:
            raise Gone(f"{endpoint}: {error.strerror or error}") from error
        self._send, self._recv = self.socket.sendall, self.socket.recv
        # A stopped server is connected to by its kernel: it must cost the short deadline, not the long.
        self.greeting = Lines(("", ""), [b"version\r\n", b"stats settings\r\n"], address.timeout)
        try:
            self.ask(self.greeting)
        except BaseException:
            self.close()
            raise
        self.used = False

    def value(self, data: bytes, timeout: float, known: bytes) -> bytes | list[Response]:
        """What a `plain_get` brings: the value, or else the answers as they are. The way of every hit.

        Args:
            data: The `plain_get`, and it may be another read after it.
            timeout: Seconds.
            known: The end of a value's line, and what the answer to that one looked like the last time. It
                is compared as bytes: to take it apart again takes as long as all the rest.

        Raises:
            Gone: See `ask`.
        """
        if self._pairing.waiting:
            return self._by_batch(_reads(known), data, timeout)
        try:
            if timeout != self._timeout:
                self._within(timeout)
            self._send(data)
            came = self._recv(_CHUNK)
        except OSError as error:
            raise self._gone(error, timeout) from error
        end = came.find(b"\r\n", 0, _LONGEST_SIZE)
        size = came[3:end]
        if came.startswith(b"VA ") and size.isdigit():
            begin = end + 2
            end = begin + int(size)
            if came[end:] == known:
                self.used = True
                return came[begin:end]
        return self._by_batch(_reads(known), b"", timeout, came)

    def ask_one(self, command: str, data: bytes, timeout: float) -> Response:
        """Send one request, and return its answer: `ask`, for the way of a hit.

        Raises:
            Gone: See `ask`.
        """
        if self._pairing.waiting:
            return self._by_batch((command,), data, timeout)[0]
        try:
            if timeout != self._timeout:
                self._within(timeout)
            self._send(data)
            came = self._recv(_CHUNK)
            answer = sole_answer(command, came)
            if answer is not None:
                self.used = True
                return answer
        except OSError as error:
            raise self._gone(error, timeout) from error
        return self._by_batch((command,), b"", timeout, came)[0]

    def _by_batch(
        self, commands: Sequence[str], data: bytes, timeout: float, came: bytes | None = None
    ) -> list[Response]:
        batch = Batch(commands, [data], timeout)
        if came is None:
            self.send(batch)
        else:
            self._pairing.waiting.append(batch)
        self.receive(batch, timeout, came)
        return batch.responses

    def ask(self, batch: Batch) -> None:
        """Send a batch, and wait for its answers.

        Raises:
            Gone: Not all came in time, or the connection broke.
        """
        self.send(batch)
        self.receive(batch, batch.timeout + digesting(batch.size))

    def send(self, batch: Batch) -> None:
        """Send a batch whose answers are received later, or dropped by whoever receives after it.

        Raises:
            Gone: The connection broke.
        """
        self._pairing.waiting.append(batch)
        try:
            self._within(batch.timeout)
            for packet in packets(batch.parts, tls=isinstance(self.socket, ssl.SSLSocket)):
                self.socket.sendall(packet)
        except OSError as error:
            raise self._gone(error, batch.timeout) from error

    def receive(self, batch: Batch, timeout: float, came: bytes | None = None) -> None:
        """Wait until a batch, the last that was sent, has its answers. `came` was read already.

        Raises:
            Gone: Not all came in time, or the connection broke.
        """
        pairing = self._pairing
        deadline = 0.0
        try:
            self._within(timeout)
            while True:
                data = self._read() if came is None else came
                came = None
                if not data:
                    raise ConnectionResetError("it hung up")
                pairing.feed(data)
                if not pairing.waiting:
                    self.used = True
                    return
                now = time.monotonic()
                # What is still coming prolongs the deadline by as long as it may take at the slowest.
                deadline = (deadline or now + timeout) + len(data) / SLOWEST
                if now >= deadline:
                    raise TimeoutError
                self._within(deadline - now)
        except (OSError, ProtocolError) as error:
            raise self._gone(error, batch.timeout) from error

    def _read(self) -> bytes:
        return self.socket.recv(min(max(self._pairing.missing, _CHUNK), _LARGEST_CHUNK))

    @property
    def owing(self) -> int:
        """How many batches have no answer yet."""
        return len(self._pairing.waiting)

    def hung_up(self) -> bool:
        """Whether something came while nothing was asked: most often, that the server has gone."""
        try:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN)
            return not self.owing and bool(poll.poll(0))
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        with suppress(OSError, AttributeError):
            self.socket.close()

    def _within(self, timeout: float) -> None:
        """Set the timeout, if it is another one than before."""
        if timeout == self._timeout:
            return
        self._timeout = timeout
        timeout = max(timeout, _SHORTEST)
        if self._kernel:
            whole = int(timeout)
            value = _TIMEVAL.pack(whole, int((timeout - whole) * 1e6))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
        else:
            self.socket.settimeout(timeout)

    def _gone(self, error: BaseException, timeout: float) -> Gone:
        """Close, since an answer that comes later must never be taken for another's."""
        self.close()
        late = isinstance(
            error, BlockingIOError | TimeoutError | ssl.SSLWantReadError | ssl.SSLWantWriteError
        )
        trouble = f"{self._name}: {told_late(timeout) if late else f'the connection broke: {error}'}"
        gone = Late(trouble) if late else Gone(trouble)
        gone.blames = late or blames(error, used=self.used)
        self._pairing.abandon(trouble, old_news=self.used and isinstance(error, OSError) and not late)
        return gone


def _reads(known: bytes) -> Sequence[str]:
    """The commands that `Connection.value` has sent."""
    return ("mg",) if known == END_OF_LINE else ("mg", "mg")


def blames(error: BaseException, *, used: bool) -> bool:
    """Whether the server is to be given up for it.

    A connection that has answered may break because it is old; a refused request is no trouble at all.
    """
    return not used if isinstance(error, OSError) else not isinstance(error, Refused)


def told_late(timeout: float) -> str:
    """For people."""
    return f"no answer in {timeout * 1000:.10g} ms"


def _connect(address: Address, endpoint: Endpoint, tls: ssl.SSLContext | None) -> tuple[socket.socket, bool]:
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
    if tls is not None:
        try:
            return tls.wrap_socket(plain, server_hostname=endpoint.host), False
        except BaseException:
            plain.close()
            raise
    if _NATIVE:
        plain.settimeout(None)
    return plain, _NATIVE
