"""The intents that stand, in one item, for whoever loads the log without having read it.

A copy that is loaded reads no record before the position that it is loaded at. An intent that is
written at the same moment must not slip through between the two: known neither from the item nor
from a record. So whoever loads writes the position into the item as it reads it (`seen`), and an
intent is entered only if its number is above that; otherwise its writer takes another number. Both
are one compare-and-set of the same item.

An intent is entered before its record is written, and leaves before its end is numbered: who loads
in between knows too much, or knows it from the end's own marks. A lost item says nothing of which
intents stand: then the whole life is over (see `log_life`). Otherwise a life inherits the intents of
the one before it, whose list is sealed first.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from afresh.backends.memcached.client import Response
from afresh.backends.memcached.log.keys import Ask, Commands
from afresh.backends.memcached.log.records import length, packed, unpacked
from afresh.backends.replica.remote import Record
from afresh.errors import BackendError

_SEEN = Struct("<Q")
EMPTY = _SEEN.pack(0)
"""The item of a life that begins."""

ROOM = 512 * 1024
"""Bytes that all standing intents may take: half of what an item can be."""
_SEALED = 2**64 - 1
"""`seen` of a list that no intent enters any more: its life is over."""

_TRIES = 100


class Lost(Exception):  # caught by the log, which begins another life
    """The item is gone, so which intents stand can't be told."""


class _List(NamedTuple):
    seen: int
    records: tuple[Record, ...]
    cas: str | None


class Intents:
    """The item. All of it may raise `BackendError`."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def enter(self, ask: Ask, epoch: int, record: Record) -> bool:
        """Enter an intent; `False` when somebody has loaded the log beyond its number already.

        Raises:
            Lost: The life is over.
        """
        for _ in range(_TRIES):
            there = await self._read(ask, epoch)
            if there.seen >= record.first:
                return False
            if await self._write(ask, epoch, there, there.seen, (*there.records, record)):
                return True
        raise BackendError("too many others write intents at the same time")

    async def leave(self, ask: Ask, epoch: int, number: int) -> None:
        """Take an intent off. One that isn't there has been taken off already.

        Raises:
            Lost: The life is over.
        """
        for _ in range(_TRIES):
            there = await self._read(ask, epoch)
            left = tuple(record for record in there.records if record.first != number)
            if left == there.records or await self._write(ask, epoch, there, there.seen, left):
                return
        raise BackendError("too many others write intents at the same time")

    async def load(self, ask: Ask, epoch: int, at: int) -> tuple[Record, ...]:
        """The intents that stand at a position, for a copy that reads no record up to it.

        Raises:
            Lost: The life is over.
        """
        for _ in range(_TRIES):
            there = await self._read(ask, epoch)
            if await self._write(ask, epoch, there, max(there.seen, at), there.records):
                return tuple(record for record in there.records if record.first <= at)
        raise BackendError("too many others write intents at the same time")

    async def inherit(self, ask: Ask, former: int) -> bytes:
        """The item of a life that begins: with the intents of the former one, which takes no more."""
        try:
            return _value(0, await self.load(ask, former, _SEALED))
        except Lost:
            return EMPTY

    async def _read(self, ask: Ask, epoch: int) -> _List:
        (reply,) = await ask(self._commands.read_intents(epoch))
        return _parsed(reply)

    async def _write(self, ask: Ask, epoch: int, there: _List, seen: int, records: Sequence[Record]) -> bool:
        value = _value(seen, records)
        if len(value) > ROOM:
            raise BackendError("there is no room for another intent: too many transactions are open")
        (reply,) = await ask(self._commands.write_intents(epoch, value, there.cas))
        return reply.status == "HD"


def _value(seen: int, records: Sequence[Record]) -> bytes:
    return _SEEN.pack(seen) + b"".join(map(packed, records))


def _parsed(reply: Response) -> _List:
    if reply.status != "VA" or reply.value is None or len(reply.value) < _SEEN.size:
        raise Lost
    records: list[Record] = []
    at = _SEEN.size
    while at < len(reply.value):
        record = unpacked(reply.value, at)
        if record is None:
            raise Lost
        records.append(record)
        at += length(record)
    return _List(_SEEN.unpack_from(reply.value)[0], tuple(records), reply.flag("c"))
