"""One edge is told, by a thread of its own, what it has to drop: a slow one doesn't keep the others waiting."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from afresh.edge.port import Edge, Purge, Undelivered
from afresh.edge.spool import Due, Spool

_MANY = 20_000  # beyond so many things to drop, all is dropped
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0  # what waits is a page that may be stale
_BREATH = 0.05  # seconds from one attempt to the next, whatever there is to tell
_SPOOL_PAUSE = 1.0
_REFUSED_PAUSE = 30.0  # somebody has to mend something
_log = logging.getLogger("afresh")


class Delivery:
    """Delivers what a spool has for an edge, until `stop`.

    Args:
        edge: Who is told.
        spool: What it is told.
        tell: Called with a line about trouble, and about its end.
    """

    def __init__(self, edge: Edge, spool: Spool, tell: Callable[[str], object] = _log.warning) -> None:
        self.edge = edge
        self._spool = spool
        self._tell = tell
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._failures = 0
        self._last_call = 0.0
        self.delivered = 0
        self.trouble = ""
        self._thread = threading.Thread(target=self._run, name=f"afresh {edge.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something was noted."""
        self._woken.set()

    def stop(self) -> None:
        """End after the call that is under way; what is left is told by the next process."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(15.0)
        self.edge.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                if self.step(time.time()):
                    continue
                pause = self._pause()
            except Exception as error:
                # The spool can't be read or written now, for want of room, say. What it has, it has.
                self._tell(f"{self.edge.name} is not told: {error!r}")
                pause = _SPOOL_PAUSE
            self._woken.wait(pause)

    def _pause(self) -> float:
        """Seconds until there is something to do, if nothing new is noted."""
        due = self._spool.next_due(self.edge.name)
        return 3600.0 if due is None else max(due - time.time(), 0.0)

    def step(self, now: float) -> bool:
        """Deliver one batch, or find that there is none; waits where the edge wants that."""
        ahead = max(self.edge.repeats, default=0.0) + 1.0
        batch = self._spool.due(self.edge.name, now, self.edge.batch, ahead)
        if not batch:
            return False
        if len(batch) == self.edge.batch and self._spool.waiting(self.edge.name) > _MANY:
            self._spool.collapse(self.edge.name, self.edge.repeats, now)
            return True
        return self._said(batch, _joined(batch))

    def _said(self, rows: list[Due], purges: list[Purge]) -> bool:
        self._stopped.wait(max(self._last_call + self.edge.pace - time.monotonic(), 0.0))
        if self._stopped.is_set():
            return False
        self._last_call = time.monotonic()
        try:
            self.edge.purge(purges)
        except Undelivered as error:
            self._failed(error)
            return True
        except Exception as error:
            # An edge of the user's own may raise anything, and must be told again all the same.
            self._failed(Undelivered(f"{self.edge.name}: {error!r}"))
            return True
        self._spool.done(self.edge.name, rows)
        self.delivered += len(purges)
        if self.trouble:
            self._tell(f"{self.edge.name} takes purges again")
        self._failures, self.trouble = 0, ""
        return True

    def _failed(self, error: Undelivered) -> None:
        if str(error) != self.trouble:
            self._tell(f"a purge waits: {error}")
        self.trouble = str(error)
        pause = min(_FIRST_PAUSE * 2.0**self._failures, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)
        pause = _REFUSED_PAUSE if error.settled else pause
        self._failures = min(self._failures + 1, 20)
        if error.settled or error.after:
            self._stopped.wait(max(pause, error.after))
        elif not self._stopped.wait(_BREATH):
            # Who was away may be back, with pages that it has kept since: what is new is told at once.
            self._woken.wait(pause)


def _joined(batch: list[Due]) -> list[Purge]:
    """Each thing once, with its highest position: repeats of one thing may be due together."""
    joined: dict[tuple[str, str], Purge] = {}
    for purge, _, _ in batch:
        known = joined.get((purge.kind, purge.value))
        if known is None or known.position < purge.position:
            joined[purge.kind, purge.value] = purge
    return list(joined.values())
