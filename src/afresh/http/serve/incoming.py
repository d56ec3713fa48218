"""What a server says on a connection, which is an answer only if it was asked something."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterable
from typing import SupportsIndex

_Look = getattr(selectors, "PollSelector", selectors.SelectSelector)  # for one look, a third of epoll's cost


class Incoming(asyncio.StreamReader):
    """Ends its connection as soon as anything comes that nobody has asked for.

    Kept, such bytes would be the answer to whoever asks next, and each later answer would be that of the
    request before. What was on its way when the next request left can't be told from an answer, in any
    HTTP/1.1; so what is here by then is looked at, in the kernel too.

    Attributes:
        ended: The connection is of no more use.
    """

    _line: asyncio.BaseTransport | None = None
    _asked = False
    _held = 0
    ended = False

    def asked(self) -> None:
        """What comes from now on is an answer."""
        self._asked = True

    def answered(self) -> None:
        """The answer has ended: whatever else is there, or comes, belongs to nobody."""
        self._asked = False
        if self._held or self.at_eof():
            self._end()

    def close(self) -> None:
        """Nobody wants what comes any more; whoever reads finds the end."""
        self._asked = False
        self.feed_eof()

    def waiting(self) -> bool:
        """Whether the kernel has bytes, or the end, of which the event loop hasn't told yet."""
        transport = self._line
        if transport is None or transport.is_closing():
            return True
        with _Look() as look:
            look.register(transport.get_extra_info("socket").fileno(), selectors.EVENT_READ)
            return bool(look.select(0))

    async def read(self, n: int = -1) -> bytes:
        """Some of what was said; see `asyncio`."""
        data = await super().read(n)
        if n > 0:  # else it calls itself
            self._held -= len(data)
        return data

    # -- the protocol's calls -------------------------------------------------------------------

    def set_transport(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        super().set_transport(transport)
        self._line = transport

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Bytes come."""
        if not self._asked:
            self._end()
            return
        piece = bytes(data)
        self._held += len(piece)
        super().feed_data(piece)

    def feed_eof(self) -> None:
        """The other side says no more."""
        super().feed_eof()
        if not self._asked:
            self._end()

    def _end(self) -> None:
        self.ended = True
        if self._line is not None:
            self._line.close()
