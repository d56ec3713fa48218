"""Polling by SQL, through any driver: for where no replication connection can be had."""

from __future__ import annotations

import time
from collections.abc import Sequence

from afresh.db.watch.asking import Asker, quoted
from afresh.db.watch.slot import Slot


class Poll:
    """Looks into the slot every now and then, and moves it on once all was announced.

    Args:
        asker: A connection of its own.
        slot: What is read.
        interval: Seconds between two looks.
    """

    every = 0.0  # what isn't confirmed is found again

    def __init__(self, asker: Asker, slot: Slot, interval: float = 0.05) -> None:
        self._asker = asker
        self._interval = interval
        self._slot = quoted(slot.name)
        self._options = "".join(f", {quoted(each)}" for pair in slot.options.items() for each in pair)
        self._seen = 0

    def read(self, seconds: float) -> Sequence[bytes]:
        """What was committed until now, and not yet confirmed; at most one look."""
        time.sleep(min(self._interval, seconds))
        (until,) = self._asker.rows("SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint")[0]
        if int(until) == self._seen:
            return []
        found = self._asker.rows(
            f"SELECT data FROM pg_logical_slot_peek_binary_changes({self._slot}, {_position(int(until))}, NULL"  # noqa: S608
            f"{self._options})"
        )
        self._seen = int(until)
        return [bytes(row[0]) for row in found]

    @property
    def idle(self) -> int:
        """Up to where it looked."""
        return self._seen

    def confirm(self, position: int) -> None:
        """Move the slot on."""
        self._asker.rows(f"SELECT 1 FROM pg_replication_slot_advance({self._slot}, {_position(position)})")  # noqa: S608

    def close(self) -> None:
        """End it."""
        self._asker.close()


def _position(number: int) -> str:
    return f"'{number >> 32:X}/{number & 0xFFFFFFFF:X}'::pg_lsn"
