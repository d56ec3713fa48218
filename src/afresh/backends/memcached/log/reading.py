"""Read the log: record by record, up to the first hole."""

from __future__ import annotations

from typing import Final

from afresh.backends.memcached.log.holes import Holes
from afresh.backends.memcached.log.keys import Ask, Commands, epoch_of, number_of
from afresh.backends.memcached.log.records import everything, unpacked
from afresh.backends.replica.remote import Passage, Position, Record

_FIRST: Final = 8
_NEXT: Final = 128
"""Numbers that are asked for at once: where a record begins is only known when its predecessor is."""

_MOST: Final = 1024
"""Records of one passage; the rest is for the next call."""


_BEYOND: Final = 2**63
"""A number that no log reaches: any other one might by now be the next of a copy that others write too."""


class Reader:
    """Reads one log. Thread-safe."""

    def __init__(self, commands: Commands, holes: Holes, windows: tuple[int, int] = (_FIRST, _NEXT)) -> None:
        self._commands = commands
        self._holes = holes
        self._windows = windows

    async def read(self, ask: Ask, after: Position) -> Passage:
        """The records after a position, without a hole."""
        records: list[Record] = []
        at, window = after.at, self._windows[0]
        while True:
            named, counter, found = await self._ask(ask, after.epoch, at, window)
            if named != after.epoch or counter is None or counter < after.at:
                return Passage(Position(named if named != after.epoch else 0, after.at))  # it is over: load
            reach = at + window
            at = _walk(at, found, records)
            to = Position(after.epoch, max(counter, at))
            if at >= to.at or len(records) >= _MOST:
                return Passage(to, tuple(records))
            if at < reach:
                if not records and self._holes.overdue(after.epoch, at + 1):
                    return Passage(to, (everything(_BEYOND),))  # not what follows: load
                return Passage(to, tuple(records))
            window = self._windows[1]

    async def _ask(
        self, ask: Ask, epoch: int, at: int, window: int
    ) -> tuple[int, int | None, dict[int, Record]]:
        """Which life there is (0: none), where this one stands, and records of the next numbers."""
        commands = self._commands
        asked = range(at + 1, at + 1 + window)
        named, counter, *replies = await ask(
            commands.read_epoch(),
            commands.read_counter(epoch),
            *(commands.read_record(epoch, number) for number in asked),
        )
        # What this release can't read is missing, too: it may have been about anything.
        found = {
            number: record
            for number, reply in zip(asked, replies, strict=True)
            if (record := unpacked(reply.value or b"")) is not None
        }
        return epoch_of(named) or 0, number_of(counter), found


def _walk(at: int, found: dict[int, Record], records: list[Record]) -> int:
    """Follow the records from one to the next; returns where they end."""
    while (record := found.get(at + 1)) is not None:
        records.append(record)
        at = record.last
    return at
