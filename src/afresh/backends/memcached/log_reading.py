"""Read the log: record by record, up to the first hole."""

from __future__ import annotations

from typing import Final

from afresh.backends.memcached.log_holes import FURTHEST, Holes
from afresh.backends.memcached.log_keys import Ask, Commands, epoch_of, number_of
from afresh.backends.memcached.log_records import everything, packed, unpacked
from afresh.backends.replica.remote import Passage, Position, Record

_FIRST: Final = 8
_NEXT: Final = 128
"""Numbers that are asked for at once: where a record begins is only known when its predecessor is."""

_MOST: Final = 1024
"""Records of one passage; the rest is for the next call."""


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
            counter, found = await self._ask(ask, after.epoch, at, window)
            if counter is None or counter < after.at:
                return Passage(Position(0, after.at))  # that life is over: load
            reach = at + window
            at = _walk(at, found, records)
            counter = max(counter, at)
            if at < reach and at < counter:
                closed = await self._close(ask, after.epoch, at, counter)
                if closed is None:  # its records were lost long ago: load
                    return Passage(Position(after.epoch, counter), (everything(counter + 1),))
                if not closed:
                    return Passage(Position(after.epoch, counter), tuple(records))
            elif at >= counter or len(records) >= _MOST:
                return Passage(Position(after.epoch, counter), tuple(records))
            window = self._windows[1]

    async def _ask(self, ask: Ask, epoch: int, at: int, window: int) -> tuple[int | None, dict[int, Record]]:
        """Where the log stands (`None`: its life is over), and records of the next numbers."""
        commands = self._commands
        asked = range(at + 1, at + 1 + window)
        named, counter, *replies = await ask(
            commands.read_epoch(),
            commands.read_counter(epoch),
            *(commands.read_record(epoch, number) for number in asked),
        )
        found = {}
        for number, reply in zip(asked, replies, strict=True):
            if reply.value is not None:
                # What this release can't read may have been about anything.
                found[number] = unpacked(reply.value) or everything(number)
        return number_of(counter) if epoch_of(named) == epoch else None, found

    async def _close(self, ask: Ask, epoch: int, at: int, counter: int) -> bool | None:
        """Close the hole after `at` if its writer is late; `None` if that is no hole but the past."""
        upto = self._holes.overdue(epoch, at + 1, counter)
        if upto is None:
            return False
        if upto - at > FURTHEST:
            return None
        await ask(
            *(
                self._commands.add_record(epoch, number, packed(everything(number)))
                for number in range(at + 1, upto + 1)
            )
        )
        return True


def _walk(at: int, found: dict[int, Record], records: list[Record]) -> int:
    """Follow the records from one to the next; returns where they end."""
    while (record := found.get(at + 1)) is not None:
        records.append(record)
        at = record.last
    return at
