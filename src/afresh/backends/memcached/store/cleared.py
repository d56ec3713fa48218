"""Clear by prefix on servers that can't list their keys: what was put before is there, and unseen.

Every server has an item that lists its clearings: each has a number and a prefix. A value that a
caller put carries the number of the last clearing before it, so whoever reads it together with the
list sees whether it was cleared since. When a server has lost the list nobody can tell: a new one
begins by clearing everything. Results of loads are not looked at: they carry the tag of their
namespace, which whoever clears marks in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error
from typing import Final, NamedTuple

from afresh.backends.memcached.client import Client, Request, Response
from afresh.backends.memcached.store.form import Stored
from afresh.backends.memcached.wire.codec import END_OF_LINE, as_it_came, encode
from afresh.errors import BackendError

CLEARED: Final = b"afresh:cleared"
READ: Final = encode(Request("mg", CLEARED, ("v", "c")))
"""`Cleared.request` as it is sent."""
MOST: Final = 64
"""Clearings of one list; of more, the older half becomes one of everything."""

_HEAD: Final = Struct("<QI")
_TRIES: Final = 50


class Clearing(NamedTuple):
    """What began with `prefix` and was put before clearing `number` is gone."""

    number: int
    prefix: bytes


class Clearings(NamedTuple):
    """The list of one server, as it was read.

    Attributes:
        all: In order.
        cas: Of the item.
        last: The number of the newest.
        sent: What a value is followed by, where it is asked for with the list: the end of the line, and the
            answer that this was read from, as it came.
    """

    all: tuple[Clearing, ...]
    cas: str | None = None
    last: int = 0
    sent: bytes = END_OF_LINE

    def hide(self, stored: Stored, key: bytes) -> bool:
        """Whether a value was cleared after it was put. Without a list nobody can tell that it was not."""
        return not self.all or any(
            each.number > stored.cleared and key.startswith(each.prefix) for each in self.all
        )


class Cleared:
    """The lists of all servers."""

    def __init__(self, client: Client, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now

    @staticmethod
    def request(server: int) -> Request:
        """Reads a server's list."""
        return Request("mg", CLEARED, ("v", "c"), server=server)

    @staticmethod
    def of(response: Response) -> Clearings:
        """The list that an answer has; empty where it is lost or can't be read."""
        found = []
        data, at = response.value or b"", 0
        try:
            while at < len(data):
                number, size = _HEAD.unpack_from(data, at)
                at += _HEAD.size + size
                found.append(Clearing(number, data[at - size : at]))
        except error:
            at = -1
        if at != len(data) or not found:
            return Clearings((), response.flag("c"))  # there is none, or it was cut off, or isn't ours
        last = max(each.number for each in found)
        return Clearings(tuple(found), response.flag("c"), last, END_OF_LINE + as_it_came(response))

    async def learn(self, server: int) -> Clearings:
        """The list of a server, which is begun where there is none.

        Raises:
            BackendError: The server failed.
        """
        for _ in range(_TRIES):
            there = await self._read(server)
            if there.all:
                return there
            await self._write(server, there, (self._clearing(there, b""),))
        raise BackendError("the server does not keep the list of what was cleared: has it any memory?")

    async def clear(self, server: int, prefix: bytes) -> None:
        """Hide what begins with a prefix on one server.

        Raises:
            BackendError: The server failed.
        """
        for _ in range(_TRIES):
            there = await self._read(server)
            new = self._clearing(there, prefix if there.all else b"")
            kept = [each for each in there.all if not each.prefix.startswith(new.prefix)]
            if len(kept) >= MOST:
                half = len(kept) // 2
                kept = [Clearing(kept[half - 1].number, b""), *kept[half:]]
            if await self._write(server, there, (*kept, new)):
                return
        raise BackendError("too many others clear at the same time")

    def _clearing(self, there: Clearings, prefix: bytes) -> Clearing:
        # By the clock, so that a list that begins anew doesn't count from where the old one did.
        return Clearing(max(int(self._now() * 1e6), there.last + 1), prefix)

    async def _read(self, server: int) -> Clearings:
        return self.of(await self._client.one(self.request(server)))

    async def _write(self, server: int, there: Clearings, new: tuple[Clearing, ...]) -> bool:
        value = b"".join(_HEAD.pack(each.number, len(each.prefix)) + each.prefix for each in new)
        guard = "ME" if there.cas is None else f"C{there.cas}"
        reply = await self._client.one(Request("ms", CLEARED, (guard, "T0"), value, server))
        return reply.status == "HD"
