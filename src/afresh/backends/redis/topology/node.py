"""One server: the connections to it in both worlds, and their housekeeping."""

from __future__ import annotations

from afresh.backends.redis.address import Address
from afresh.backends.redis.wire.loops import Loops
from afresh.backends.redis.wire.pool import Pool
from afresh.backends.redis.wire.source import Dial, Source
from afresh.errors import BackendError
from afresh.runtime.fork import on_fork


class Node:
    """See the module.

    Attributes:
        name: For messages.
        source: Where connections come from.
        breaker: Open while the server doesn't answer.
        pool: For threads.
        loops: For event loops.
    """

    def __init__(self, name: str, dial: Dial, address: Address) -> None:
        self.name = name
        self.source = Source(name, dial, address)
        self.breaker = self.source.breaker
        self.pool = Pool(self.source, address.timeout)
        self.loops = Loops(self.source, address.timeout)
        on_fork(self)

    def look_after(self) -> None:
        """Let go of loops that have ended; find out whether a server that did not answer does so again."""
        self.loops.look_after()
        if not self.breaker.may_probe():
            return
        self.source.patience = self.source.longest
        try:
            self.pool.add(self.source.connect())
        except BackendError as error:
            self.breaker.failed(error)

    def hang_up(self) -> None:
        """End all connections; those in use end with an error for whoever uses them."""
        self.pool.hang_up()
        self.loops.hang_up()
        self.source.scripts.clear()
        for connection in list(self.source.open):
            connection.wake()

    def close(self) -> None:
        """End all connections, and make no more."""
        self.source.closed = True
        self.pool.close()
        self.hang_up()

    def after_fork(self) -> None:
        """The connections are the parent's: give the descriptors back without a word to the server."""
        for connection in list(self.source.open):
            connection.drop()
        _inherited.append((self.source.open, self.loops.after_fork()))
        self.source.open = set()
        self.pool.after_fork()


_inherited: list[object] = []
"""What a child process has of its parent's connections: kept, so that no finaliser touches it."""
