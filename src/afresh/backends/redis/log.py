"""The log of invalidations on a Redis server: a stream, its slots, and what is known of both.

All three keys have one hash tag, so in a cluster they are on one node. They have no expiry. Whatever
happens to one of them (eviction, `FLUSHALL`) or to the server's history (a restart, a promotion), the
next act on the ledger begins a new epoch above all numbers that anybody has seen: what was cached
before is then no longer current. See `scripts/ledger.lua`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from afresh.backends.redis import records
from afresh.backends.redis.client import Argument, Client, Dedicated, ErrorReply, Script
from afresh.backends.redis.scripts import APPEND, CONFIRM, LOAD, READ
from afresh.backends.replica.remote import Passage, Position, Record, Snapshot, What, numbers
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.runtime.fork import on_fork

KEPT: Final = 262_144
"""So many of its last numbers the log keeps, about; whoever is further behind loads the slots."""

_MOST_INTENTS: Final = 4096
_RECORDS: Final = 4096  # in one answer
_MARGIN: Final = 0.5  # seconds that an answer may come late
_NEWS: Final = 256  # records that wake a follower, at most
_REST: Final = 0.001  # seconds between two looks of a follower whose own machine writes
_BUSY: Final = 0.1  # seconds for which it is taken to go on writing


def ledger_keys(name: str) -> tuple[str, str, str]:
    """The keys of a ledger: what is known of it, its log, its slots."""
    tag = name.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return f"afresh{{{tag}}}:meta", f"afresh{{{tag}}}:log", f"afresh{{{tag}}}:slots"


class RedisLog:
    """See `RemoteLog`.

    Attributes:
        seen: How far this machine's copy is, where that is known; its follower asks for no more of that.
    """

    slots = 65_536

    def __init__(self, client: Client, name: str, *, timeout: float = 1.0, kept: int = KEPT) -> None:
        """Use the ledger of that name.

        Args:
            client: The server, or the servers.
            name: Caches over one database have one ledger.
            timeout: Seconds that one act may take.
            kept: See `KEPT`.
        """
        self._client = client
        self._timeout = timeout
        self._kept = kept
        self.keys = ledger_keys(name)
        self.seen: Callable[[], int] = _nothing
        self._line: Dedicated | None = None
        self._busy_until = 0.0
        self._left: list[Dedicated] = []
        self._closed = False
        on_fork(self)

    async def load(self, known: Position) -> Snapshot:
        """Everything at once; makes the log where there is none."""
        epoch, at, floor, slots, intents = await self._act(LOAD, known)
        standing = [records.read(int(intents[i]), intents[i + 1]) for i in range(0, len(intents), 2)]
        standing.sort()
        return Snapshot(Position(int(epoch), int(at)), int(floor), records.native(slots), tuple(standing))

    async def append(
        self, what: What, tags: Sequence[int], *, known: Position, intent: int = 0, owner: int = 0
    ) -> tuple[Position, Record]:
        """Write a record; an answer that was lost is asked for again."""
        count = numbers(what, tags)
        if not count:
            to = await self.confirm(known)
            return to, Record(to.at + 1, to.at, what)
        name: Argument = os.urandom(8) if what is What.INTENT else intent
        data = records.written(what, tags, intent, owner)
        epoch, at, first = await self._act(APPEND, known, data, count, name, self._kept, _MOST_INTENTS)
        began = int(first)
        record = Record(began, began + count - 1, what, tuple(tags), intent, owner)
        return Position(int(epoch), int(at)), record

    async def read(self, after: Position) -> Passage:
        """What was written after a position."""
        return _passage(after, await self._act(READ, after, after.at, _RECORDS))

    async def confirm(self, known: Position) -> Position:
        """Where the log stands, by a write."""
        epoch, at = await self._act(CONFIRM, known)
        return Position(int(epoch), int(at))

    def follow(self, after: Position, wait: float) -> Passage:
        """`read`, for the thread of a follower.

        The server's stream wakes it; what it then reads, it reads as everybody does, by a script that
        looks whether this still is the server in office.
        """
        try:
            return self._listen(after, wait)
        except ErrorReply:
            # Another server is in office now, and the client finds it.
            self._hang_up()
            return drive(self.read(after))
        except BackendError:
            self._hang_up()
            if not self._closed:
                # This process may be idle while others of the machine rely on its following.
                self._client.look_after()
            raise

    def close(self) -> None:
        """End a `follow` under way."""
        self._closed = True
        self._hang_up()

    def after_fork(self) -> None:
        """The connection is the parent's: keep it out of use, and open."""
        if self._line is not None:
            self._left.append(self._line)
        self._line = None

    def _listen(self, after: Position, wait: float) -> Passage:
        line, new = self._open()
        if new:
            passage = self._ask(line, after)
            if passage.records or passage.to != after:
                return passage
        passage = self._ask(line, after._replace(at=self._until_news(line, after.at, wait)))
        if passage.records and passage.to.at <= self.seen():
            self._busy_until = time.monotonic() + _BUSY
        return passage

    def _until_news(self, line: Dedicated, at: int, wait: float) -> int:
        """Wait for a record that this machine has not seen, or `wait` seconds; the last one before it.

        Who writes a record puts it into the machine's copy as well. To be woken by each, and to ask for it
        once more, takes the server and this process as long as the write took. So while the machine
        writes, its follower rests a little before it looks, and asks only about what others wrote.
        """
        end = time.monotonic() + wait
        while True:
            pause = max(int((end - time.monotonic()) * 1000), 1)
            command = ("XREAD", "COUNT", _NEWS, "BLOCK", pause, "STREAMS", self.keys[1], f"{at}-0")
            came = _numbers(line.call(*command, timeout=wait + _MARGIN))
            if came and time.monotonic() < self._busy_until:
                time.sleep(_REST)
            if not came or self.seen() < came[-1]:
                return at
            at, now = came[-1], time.monotonic()
            if now >= end:
                return at
            self._busy_until = now + _BUSY
            time.sleep(_REST)

    async def _act(self, script: Script, known: Position, *arguments: Argument) -> Any:
        return await self._client.script(
            script, self.keys, (known.at, _identity(), *arguments), timeout=self._timeout
        )

    def _open(self) -> tuple[Dedicated, bool]:
        """The follower's own connection, and whether it is a new one."""
        line = self._line
        if line is not None:
            return line, False
        if self._closed:
            raise BackendError("the ledger is closed")
        line = self._line = self._client.dedicated(self.keys[0])
        if self._closed:  # meanwhile: nobody else would hang up
            self._hang_up()
        return line, True

    def _ask(self, line: Dedicated, after: Position) -> Passage:
        arguments = (len(self.keys), *self.keys, after.at, _identity(), after.at, _RECORDS)
        try:
            reply = line.call("EVALSHA", READ.digest, *arguments, timeout=self._timeout)
        except ErrorReply as error:
            if error.code != "NOSCRIPT":
                raise
            reply = line.call("EVAL", READ.source, *arguments, timeout=self._timeout)
        return _passage(after, reply)

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


def _passage(after: Position, reply: Any) -> Passage:
    epoch, at, entries = reply
    to = Position(int(epoch), int(at))
    # Another epoch's records are of no use: the copy is loaded anew.
    return Passage(to, tuple(records.listed(entries)) if to.epoch == after.epoch else ())


def _nothing() -> int:
    return -1


def _numbers(reply: Any) -> list[int]:
    """The numbers of the records that `XREAD` brought of one stream: a map in RESP3."""
    if not reply:
        return []
    ((_, entries),) = reply.items() if isinstance(reply, dict) else reply
    return [int(number.partition(b"-")[0]) for number, _ in entries]


def _identity() -> int:
    """An epoch's name, should one begin now; never 0."""
    return int.from_bytes(os.urandom(8), "little") >> 1 or 1
