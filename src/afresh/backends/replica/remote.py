"""What a server has to offer for its log of invalidations to be followed.

The numbers of the copies are the numbers of the server's log, so each record takes exactly as many
as the same step takes in `core.log` and `core.intents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol


class What(IntEnum):
    """The kinds of records. The values are stored: never renumber them."""

    MARK = 1
    """These tags changed; one number each."""

    INTENT = 2
    """These tags are about to change; one number, which is the intent's name."""

    SETTLE = 3
    """The tags changed (none after a rollback), and an intent ends; one number each, and one more."""

    EVERYTHING = 4
    """Every tag changed; one number."""


class Record(NamedTuple):
    """One step of the log.

    Attributes:
        first: The first of the numbers that it takes, and
        last: the last of them.
        what: Its kind.
        tags: Hashes of tags.
        intent: Of `SETTLE`: which intent ends.
        owner: Of `INTENT` and `SETTLE`: whose intent it is; not 0.
    """

    first: int
    last: int
    what: What
    tags: tuple[int, ...] = ()
    intent: int = 0
    owner: int = 0


def numbers(what: What, tags: Sequence[int]) -> int:
    """How many numbers a record takes."""
    return {What.MARK: len(tags), What.SETTLE: len(tags) + 1}.get(what, 1)


class Position(NamedTuple):
    """Where a log stands.

    Attributes:
        epoch: Random identity of the log's life; 0 before anything is known of it.
        at: The last number that was given out. Another epoch begins above all numbers of the one before.
    """

    epoch: int
    at: int


NOWHERE = Position(0, 0)


class Passage(NamedTuple):
    """A part of the log.

    Attributes:
        to: Where the server's log stood when it was read. If its epoch is not the one that was asked
            for, or `records` do not begin right after the position that was asked for, the copy has to
            be loaded anew.
        records: In order, without a hole. They may end before `to`: the rest is still being written.
    """

    to: Position
    records: tuple[Record, ...] = ()


class Snapshot(NamedTuple):
    """All that has to be known of a log's past.

    Attributes:
        to: Where it stood.
        floor: A stamp below it can't be judged.
        slots: 8 bytes each, in the machine's order: the last number of any tag of that slot. `None`
            when the server keeps none: then `floor` is `to.at`.
        intents: The `INTENT` records that stand.
    """

    to: Position
    floor: int
    slots: bytes | None = None
    intents: tuple[Record, ...] = ()


class RemoteLog(Protocol):
    """The log on a server. All of it may raise `BackendError`.

    Coroutines work in both worlds (`runtime.world`). `known` is the furthest position that the
    caller has seen: a server that stands before it was restarted from an old copy, or is a replica
    that was promoted too early, and begins a new epoch above it.
    """

    slots: int
    """How many slots its snapshots have; a power of two."""

    async def load(self, known: Position) -> Snapshot:
        """Everything at once, and atomically; makes the log where there is none."""

    async def append(
        self, what: What, tags: Sequence[int], *, known: Position, intent: int = 0, owner: int = 0
    ) -> tuple[Position, Record]:
        """Write a record; returns where the log stands after it, and the record with its numbers.

        When this returns the record is where every follower will find it. A server that can't tell
        whether it was written (the answer was lost) is asked again: a mark may be written twice.
        An `INTENT` for which there is no room is a `BackendError`.
        """

    async def read(self, after: Position) -> Passage:
        """What was written after a position, without waiting for more."""

    async def confirm(self, known: Position) -> Position:
        """Where the log stands, by an act that only a server in office can do (on a primary: a write)."""

    def follow(self, after: Position, wait: float) -> Passage:
        """`read`, for the thread of a follower: blocks up to `wait` seconds until there is something.

        Returns with no records after `wait` seconds, which proves that the server is there and that
        nothing was written. Has a connection of its own.
        """

    def close(self) -> None:
        """Give back what it holds open; ends a `follow` under way soon. Safe to call twice."""
