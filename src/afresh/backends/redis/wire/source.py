"""Where the connections to one server come from, and whether it may be asked at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

from afresh.backends.redis.address import Address
from afresh.backends.redis.client import ErrorReply
from afresh.backends.redis.wire.blocking import Connection
from afresh.errors import BackendError
from afresh.runtime.breaker import Breaker

Dial: TypeAlias = Callable[[float], Connection]
"""Connects within so many seconds, and says hello."""

_MARGIN = 10  # a new connection may take so many times longer than the last one


class Source:
    """See the module.

    Attributes:
        name: The server's, for messages.
        breaker: Open while it doesn't answer.
        hello: What it said of itself, last time.
        scripts: Digests of scripts that it has been given.
        patience: Seconds that a new connection may take now.
        longest: And at most.
        open: All connections that there are.
        closed: There will be no more.
    """

    def __init__(self, name: str, dial: Dial, address: Address) -> None:
        self.name = name
        self.breaker = Breaker(name)
        self.hello: dict[bytes, Any] = {}
        self.scripts: set[str] = set()
        self.longest = self.patience = address.connect_timeout
        self.open: set[Connection] = set()
        self.closed = False
        self._dial = dial
        self._shortest = address.timeout

    def connect(self) -> Connection:
        """A new connection, which stays known here so that a forked child can let go of it.

        Raises:
            BackendError: The server can't be reached, or refuses us.
        """
        self._refuse_if_closed()
        began = time.monotonic()
        try:
            connection = self._dial(self.patience)
        except BackendError as error:
            self.failed(error)
            raise
        # A server that greets within a millisecond gets no half second when it hangs.
        took = time.monotonic() - began
        self.patience = min(self.longest, max(self._shortest, _MARGIN * took))
        self.hello = connection.hello
        connection.unwanted = self.unwanted
        self.open.add(connection)
        if self.closed:  # meanwhile
            self.forget(connection)
            self._refuse_if_closed()
        self.breaker.worked()
        return connection

    def forget(self, connection: Connection) -> None:
        """Hang up a connection that `connect` gave."""
        connection.close()
        self.open.discard(connection)

    def failed(self, error: BaseException) -> None:
        """The server did not answer. Many callers find out together: that is one failure."""
        if self.breaker.state == "closed":
            self.breaker.failed(error)

    def unwanted(self, reply: Any) -> None:
        """The answer to something that nobody waits for: it tells if the server has forgotten its scripts."""
        if isinstance(reply, ErrorReply) and reply.code == "NOSCRIPT":
            self.scripts.clear()

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise BackendError(f"{self.name}: the client is closed")
