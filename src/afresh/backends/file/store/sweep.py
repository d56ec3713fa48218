"""Expired and little used rows leave in small steps, along with what is written.

A hand walks over the rows in the order of their hashes, as in CLOCK, and no index over times has to
be kept up at each write. One step looks at a window of rows: it deletes what has expired, and, when
the file is too large, the quarter of the window that was used the longest ago.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from afresh.backends.file.store import statements
from afresh.backends.file.store.sqlite import row_of

LOWEST: Final = -(2**63)
HIGHEST: Final = 2**63 - 1
WINDOW: Final = 256
_EVICT: Final = WINDOW // 4
_MOST_STEPS: Final = 16
_WRITES_PER_STEP: Final = WINDOW // 2  # so that a whole round is made while half as many are written
_REMEMBERED: Final = 1024
_TOUCH_EVERY: Final = 1.0
_TOUCH_AFTER: Final = 10  # seconds of age before a time of use is written again


@dataclass(slots=True)
class Removed:
    """What steps have deleted."""

    expired: int = 0
    evicted: int = 0


@dataclass(slots=True)
class Sweeper:
    """The hand of one process.

    Attributes:
        limit: How many bytes of the file entries may take.
        reads: Keys read lately from the file. Reading appends here and the oldest fall out, so what
            is written back of it is a sample.
    """

    limit: int
    hand: int = LOWEST
    reads: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _owed: int = 0
    _touched_at: float = float("-inf")

    def after_write(self, connection: sqlite3.Connection, rows: int, now: float) -> Removed:
        """Do what `rows` new rows oblige to, in a bounded number of steps."""
        self._owed += rows
        removed = Removed()
        if self._owed < _WRITES_PER_STEP and statements.used_bytes(connection) <= self.limit:
            return removed
        self._owed = max(0, self._owed - _WRITES_PER_STEP)
        over = statements.used_bytes(connection) > self.limit
        if over:
            self._touch(connection, now)
        for _ in range(_MOST_STEPS if over else 1):
            self.step(connection, now, removed, evict=over)
            over = over and statements.used_bytes(connection) > self.limit
            if not over:
                break
        return removed

    def step(self, connection: sqlite3.Connection, now: float, removed: Removed, *, evict: bool) -> None:
        """Move the hand over one window."""
        low = self.hand
        high, full = window(connection, low, WINDOW)
        text = "DELETE FROM entry WHERE id > ? AND id <= ? AND expires <= ?"
        removed.expired += connection.execute(text, (low, high, now)).rowcount
        if evict:
            text = """
            DELETE FROM entry WHERE id IN (
                SELECT id FROM entry WHERE id > ? AND id <= ? ORDER BY used LIMIT ?)
            """
            removed.evicted += connection.execute(text, (low, high, _EVICT)).rowcount
        self.hand = high if full else LOWEST

    def _touch(self, connection: sqlite3.Connection, now: float) -> None:
        """Write down which rows were read. Only when something must go does it matter which."""
        if now - self._touched_at < _TOUCH_EVERY:
            return
        self._touched_at = now
        keys: set[str] = set()
        while self.reads:
            keys.add(self.reads.pop())
        rows = [row_of(key)[0] for key in keys]
        for start in range(0, len(rows), WINDOW):
            some = rows[start : start + WINDOW]
            some += some[:1] * (WINDOW - len(some))
            text = f"UPDATE entry SET used = ? WHERE used < ? AND id IN ({', '.join('?' * WINDOW)})"  # noqa: S608
            connection.execute(text, (now, now - _TOUCH_AFTER, *some))


def window(connection: sqlite3.Connection, low: int, rows: int) -> tuple[int, bool]:
    """Where the next `rows` rows above `low` end, and whether there were so many."""
    text = "SELECT count(*), max(id) FROM (SELECT id FROM entry WHERE id > ? ORDER BY id LIMIT ?)"
    count, high = connection.execute(text, (low, rows)).fetchone()
    return (high, True) if count == rows else (HIGHEST, False)


def count_entries(connection: sqlite3.Connection) -> int:
    """How many rows there are: exactly below 4,096, else from how densely the first 4,096 stand.

    Hashes are spread evenly, so the estimate is within about 3 %. Counting would read all pages.
    """
    rows = 4096
    high, full = window(connection, LOWEST, rows)
    if full:
        return round(rows / ((high - LOWEST) / 2**64))
    (count,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    return int(count)
