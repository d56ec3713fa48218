"""The gate: the variables that a hit compares with, and who may shut them.

A hit is one comparison (two with the machine's ledger) because everything that could forbid it is
folded into two variables, cells that the closures of all decorated functions share. While any
reason to look closer stands, they hold a value that no entry ever equals, and every call takes the
slow path:

* `PARKED`: the coarse clock isn't ticking;
* `MODE`: the cache is off, in shadow, or on for a share of the calls;
* `track`: somewhere in the process a load or a scope collects dependencies, so reads must be
  recorded;
* `UNPROVEN`: the server that numbers the invalidations was not heard of lately;
* `STRICT`: each read has to know that its scope asked that server;
* `WATCHED`: a test looks at every value that is handed out.

**Re-entrancy.** A signal handler or a finaliser may use a cache while its own thread is in the
middle of something here. So the locks can be taken again, and each cell is written by one statement
that computes its content from what stands at that moment, without a call in between: CPython lets
nothing of the same thread come between the two.
"""

from __future__ import annotations

import threading
from enum import IntFlag
from types import CellType

from afresh.runtime.fork import on_fork
from afresh.runtime.living import Living

_SHUT_CLOCK = float("inf")


class Shut(IntFlag):
    """Why a gate is shut."""

    PARKED = 1
    MODE = 2
    WATCHED = 4
    UNPROVEN = 8
    STRICT = 16


class Gate:
    """The cells of one cache.

    Attributes:
        clock_cell: Holds the time, or infinity while shut; compared with `Entry.fresh_until`.
        position_cell: Holds the position of a ledger in this process's memory, or `None` while
            shut; compared with `Entry.checked_at` by identity.
        position: The very object that an open `position_cell` holds.
        next_expiry: No entry of a memory-only cache is expired before this time.
    """

    def __init__(self) -> None:
        self.clock_cell = CellType(_SHUT_CLOCK)
        self.position_cell = CellType(None)
        self.position = 0
        self.next_expiry = _SHUT_CLOCK
        self._now = _SHUT_CLOCK
        self._reasons = {Shut.PARKED}
        self._lock = threading.RLock()
        on_fork(self)
        with _tracking.lock:
            _tracking.gates.add(self)

    def shut(self, reason: Shut) -> None:
        """Send every call to the slow path until `open(reason)`."""
        with self._lock:
            self._reasons.add(reason)
            self.refresh()

    def open(self, reason: Shut) -> None:
        """Take a reason back; the gate opens with the last of them."""
        with self._lock:
            self._reasons.discard(reason)
            self.refresh()

    def tick(self, now: float) -> None:
        """Set the coarse clock, and take back that it stood still."""
        with self._lock:
            self._now = now
            self._reasons.discard(Shut.PARKED)
            self.refresh()

    def moved(self, position: int) -> None:
        """The ledger in this process's memory moved: no entry's `checked_at` is this object yet.

        A lower position than before is old news, brought by whoever was interrupted while telling it.
        """
        with self._lock:
            self.position = max(self.position, position)
            self.refresh()

    def expires(self, when: float) -> None:
        """Remember that an entry expires at `when`."""
        if when < self.next_expiry:
            with self._lock:
                if when < self.next_expiry:  # noqa: PLR1730  min() is a call: see "Re-entrancy"
                    self.next_expiry = when

    def expired(self, now: float) -> bool:
        """Whether something may have expired since the last call that said so."""
        with self._lock:
            if now < self.next_expiry:
                return False
            self.next_expiry = _SHUT_CLOCK
            return True

    def after_fork(self) -> None:
        """A lock may have been held by a thread that doesn't exist here."""
        self._lock = threading.RLock()
        self.shut(Shut.PARKED)

    def refresh(self) -> None:
        """Make the cells say what stands."""
        with self._lock:
            self.clock_cell.cell_contents = _SHUT_CLOCK if self._reasons or _tracking.by else self._now
            self.position_cell.cell_contents = None if self._reasons or _tracking.by else self.position


class _Tracking:
    """Who collects dependencies in this process.

    Attributes:
        by: The collectors, and the thread in which each of them began.
        known: Every gate knows that there are some.
    """

    def __init__(self) -> None:
        self.gates: Living[Gate] = Living()
        self.by: dict[object, int] = {}
        self.known = False
        self.lock = threading.RLock()
        on_fork(self)

    def tell(self) -> None:
        """Let every gate look."""
        for gate in self.gates.all():
            gate.refresh()

    def after_fork(self) -> None:
        """What the parent's other threads collect is not collected here."""
        self.lock = threading.RLock()
        here = threading.get_ident()
        self.by = {by: thread for by, thread in self.by.items() if thread == here}
        self.known = False


_tracking = _Tracking()


def track(by: object) -> None:
    """Shut every gate of the process: `by`, compared by identity, collects dependencies from now on."""
    with _tracking.lock:
        _tracking.by[by] = threading.get_ident()
        # Not only if it is the first: that one may have been interrupted here before it told them.
        if not _tracking.known:
            _tracking.tell()
            _tracking.known = True


def untrack(by: object) -> None:
    """End what `track` began, in whichever thread."""
    with _tracking.lock:
        _tracking.by.pop(by, None)
        if not _tracking.by:
            _tracking.known = False
            _tracking.tell()
