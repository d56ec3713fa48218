"""One of the servers: its breaker, what is known of it, and its connections in both worlds."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass

from afresh.backends.endpoint import Endpoint
from afresh.backends.memcached.address import Address
from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.wire.batch import Batch, Lines, may_repeat
from afresh.backends.memcached.wire.blocking import Connection, Gone, Late
from afresh.backends.memcached.wire.codec import encode
from afresh.backends.memcached.wire.features import OLDEST, features_of, too_old
from afresh.backends.memcached.wire.looping import Line
from afresh.errors import BackendError, CacheClosed
from afresh.runtime.breaker import Breaker
from afresh.runtime.fork import on_fork

_IDLE = 64  # connections that are kept; more threads than this at a time connect anew
_OWING = 256  # answers that may be outstanding on an idle connection
_ITEM_SIZE = 1 << 20
_OVERHEAD = 512  # bytes of an item that are not its value: the longest key, and the server's own
_COUNTED = (
    "evictions",
    "evicted_unfetched",
    "bytes",
    "limit_maxbytes",
    "curr_items",
    "curr_connections",
    "get_hits",
    "get_misses",
    "uptime",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server said of itself when it was last connected to.

    Attributes:
        version: Empty while it is unknown.
        features: See `features`.
        largest: Bytes that a value may have.
    """

    version: str = ""
    features: frozenset[str] = frozenset()
    largest: int = _ITEM_SIZE - _OVERHEAD


class Server:
    """A server, and the ways to it.

    Attributes:
        name: For people.
        breaker: Refuses while the server does not answer.
        facts: What is known of it.
    """

    def __init__(self, address: Address, endpoint: Endpoint, tls: ssl.SSLContext | None = None) -> None:
        self.name = str(endpoint)
        self.breaker = Breaker(self.name)
        self.facts = Facts()
        self.closed = False
        self._address = address
        self._timeout = address.timeout
        self._endpoint = endpoint
        self._tls = tls
        self._idle: list[Connection] = []
        self._lines: dict[asyncio.AbstractEventLoop, Line] = {}
        on_fork(self)

    def connect(self) -> Connection:
        """A new connection, greeted.

        Raises:
            BackendError: The server can't be reached, or speaks something else.
        """
        if self.closed:
            raise CacheClosed("the connection to memcached was used after close()")
        try:
            connection = Connection(self._address, self._endpoint, self._tls)
        except Gone as error:
            self.breaker.failed(error)
            raise
        try:
            self.facts = _facts(self.name, connection.greeting)
        except BackendError as error:
            connection.close()
            self.breaker.failed(error)
            raise
        self.breaker.worked()
        return connection

    def take(self) -> Connection:
        """A connection for this thread, an idle one if there is one.

        Raises:
            BackendError: The server can't be reached, or was given up.
        """
        self.breaker.check()
        try:
            return self._idle.pop()
        except IndexError:
            return self.connect()

    def value(self, packed: bytes, known: bytes) -> bytes | list[Response] | None:
        """A `client.Reader`: asks by an idle connection; `None` where there is a reason to go the long way."""
        if self.breaker.is_open:
            return None
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        try:
            answer = connection.value(packed, self._timeout, known)
        except Gone as error:
            self.lost(error)
            if isinstance(error, Late):
                raise
            return None
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)  # `_keep`, without its call
        if self.closed:
            self._hang_up_idle()
        return answer

    def quick(self, request: Request, timeout: float) -> Response | None:
        """Blocking: one request on an idle connection, the way of nearly every hit.

        Returns:
            `None` if there is no such connection, or if it was found dead: ask the long way.
        """
        if not self._idle or self.breaker.state != "closed" or not may_repeat(request):
            return None
        data = encode(request)
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        try:
            answer = connection.ask_one(request.command, data, timeout)
        except Gone as error:
            self.lost(error)
            return Response("", (), None, str(error)) if isinstance(error, Late) else None
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return answer

    def submit(self, batch: Batch) -> None:
        """Blocking: send a batch; whoever uses the connection next drops its answers.

        Raises:
            BackendError: It could not be sent.
        """
        connection = self.take()
        try:
            connection.send(batch)
        except Gone as error:
            self.lost(error)
            raise
        except BaseException:
            connection.close()
            raise
        self.give_back(connection)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next thread."""
        if self.closed or len(self._idle) >= _IDLE or connection.owing > _OWING:
            connection.close()
        else:
            self._keep(connection)

    def _keep(self, connection: Connection) -> None:
        self._idle.append(connection)
        if self.closed:  # by another thread, which has not seen this one
            self._hang_up_idle()

    def lost(self, error: Gone) -> None:
        """A connection failed: what that says of the server, and of its other connections."""
        if error.blames:
            self.breaker.failed(error)
        if not isinstance(error, Late):
            # Those that idle are as old as this one, and as dead if the server was restarted.
            self._hang_up_idle()

    def line(self, loop: asyncio.AbstractEventLoop) -> Line:
        """The connection that all tasks of a loop share; a new one where there is none.

        Raises:
            BackendError: The server was given up.
        """
        line = self._lines.get(loop)
        if line is not None and line.open:
            return line
        self.breaker.check()
        if self.closed:
            raise CacheClosed("the connection to memcached was used after close()")
        self.forget_closed_loops()
        self._lines[loop] = line = Line(
            loop, self.connect, self.breaker, self._address.connect_timeout + self._address.timeout
        )
        return line

    def forget_closed_loops(self) -> None:
        """Hang up what belonged to a loop that is no more."""
        for loop in list(self._lines):
            if loop.is_closed():
                with suppress(KeyError):
                    self._lines.pop(loop).drop()

    def probe(self) -> None:
        """Ask a server that was given up, or is not known yet, whether it is there."""
        self.forget_closed_loops()
        if self.closed or not (
            self.breaker.may_probe() or (not self.facts.version and self.breaker.state == "closed")
        ):
            return
        with suppress(BackendError, CacheClosed):
            self.give_back(self.connect())

    def stats(self, timeout: float) -> dict[str, str]:
        """The server's counters; empty if it doesn't answer. Blocks."""
        batch = Lines(("",), [b"stats\r\n"], timeout)
        try:
            connection = self.take()
        except (BackendError, CacheClosed):
            return {}
        try:
            connection.ask(batch)
        except Gone as error:
            self.lost(error)
            return {}
        self.give_back(connection)
        return batch.stats()

    def inspect(self) -> dict[str, object]:
        """What is known of it, and what it says of its memory. Blocks."""
        stats = self.stats(self._address.write_timeout)
        counted = {name: int(stats[name]) for name in _COUNTED if stats.get(name, "").isdecimal()}
        return {
            "version": self.facts.version,
            "breaker": self.breaker.state,
            "opened": self.breaker.opened,
            "largest_value": self.facts.largest,
            **counted,
        }

    def close(self) -> None:
        """Hang up everything. Safe to call twice, from any thread."""
        self.closed = True
        self._hang_up_idle()
        while self._lines:
            with suppress(KeyError):
                self._lines.popitem()[1].close()

    def after_fork(self) -> None:
        """The other ends of these sockets are the parent's: only the descriptors are ours."""
        self._hang_up_idle()
        while self._lines:
            self._lines.popitem()[1].drop()

    def _hang_up_idle(self) -> None:
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()


def _facts(name: str, greeting: Lines) -> Facts:
    version = next(
        (each.flags[0] for each in greeting.responses if each.status == "VERSION" and each.flags), ""
    )
    if not version:
        raise BackendError(f"{name}: something answers there, but it is no memcached")
    if too_old(version):
        raise BackendError(
            f"{name}: memcached {version} is too old: {'.'.join(map(str, OLDEST))} is the oldest that works"
        )
    size = greeting.stats().get("item_size_max", "")
    largest = int(size) if size.isdecimal() else _ITEM_SIZE
    return Facts(version, features_of(version), max(largest - _OVERHEAD, _OVERHEAD))
