"""Holes in the log: numbers that were taken and have no record yet.

No step is atomic over keys, so a writer takes its numbers first and writes its record next. Whoever
reads the log stops at the hole between the two. A writer has `PATIENCE` seconds. After that whoever
notices writes into the hole that everything has changed. A record is only ever added where none is,
so one of both wins, for every reader the same one; a writer that comes too late has to write its
record anew, with other numbers.

Whether a record was added in time its writer must judge by its own clock, too: what closed the hole
may have been evicted meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from afresh.runtime.fork import on_fork

PATIENCE = 0.5
"""Seconds from taking numbers to writing the record."""

FURTHEST = 4096
"""A hole with so many numbers behind it is not closed: its records have expired long ago."""

_REMEMBERED = 16


class _Hole(NamedTuple):
    """A number without a record.

    Attributes:
        since: When it was first missed, and
        upto: where the counter stood then: all numbers up to this one had been taken.
    """

    since: float
    upto: int


class Holes:
    """The holes that this process waits for. Thread-safe."""

    def __init__(self, now: Callable[[], float], patience: float = PATIENCE) -> None:
        self._now = now
        self._patience = patience
        self._holes: dict[tuple[int, int], _Hole] = {}
        self.after_fork()
        on_fork(self)

    def after_fork(self) -> None:
        """The lock may have been held."""
        self._lock = threading.Lock()

    def overdue(self, epoch: int, number: int, counter: int) -> int | None:
        """Miss the record of `number`; the last number that is overdue with it, if it is."""
        with self._lock:
            hole = self._holes.get((epoch, number))
            if hole is None:
                while len(self._holes) >= _REMEMBERED:
                    del self._holes[next(iter(self._holes))]
                self._holes[epoch, number] = hole = _Hole(self._now(), counter)
            if self._now() - hole.since < self._patience:
                return None
            del self._holes[epoch, number]
            return hole.upto
