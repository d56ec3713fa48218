"""Holes in the log: numbers that were taken and have no record.

No step is atomic over keys, so a writer takes its numbers first and writes its record next. Whoever
reads the log stops at the hole between the two. If it stays for `PATIENCE` seconds (the writer is dead
or stopped, or the record was evicted), the copy is loaded anew, at a later position.

That is more than to go on as if everything had changed: a record may have been an intent. Loading
finds every intent that was entered before, and keeps late ones from being entered with a number that
this copy has passed (see `log_intents`). A late mark is written into its hole and concerns only what
is older than the copy's floor; its writer need not be told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from afresh.runtime.fork import on_fork

PATIENCE = 0.5
"""Seconds from the first look at a hole until it is passed by."""

_REMEMBERED = 16


class Holes:
    """The holes that this process waits for. Thread-safe."""

    def __init__(self, now: Callable[[], float], patience: float = PATIENCE) -> None:
        self._now = now
        self._patience = patience
        self._since: dict[tuple[int, int], float] = {}
        self.after_fork()
        on_fork(self)

    def after_fork(self) -> None:
        """The lock may have been held."""
        self._lock = threading.Lock()

    def overdue(self, epoch: int, number: int) -> bool:
        """Miss the record of a number, for the first time or again; says whether that is too long."""
        with self._lock:
            since = self._since.get((epoch, number))
            if since is None:
                while len(self._since) >= _REMEMBERED:
                    del self._since[next(iter(self._since))]
                self._since[epoch, number] = since = self._now()
            if self._now() - since < self._patience:
                return False
            del self._since[epoch, number]
            return True
