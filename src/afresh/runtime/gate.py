"""The gate: the variables that a hit compares with, and who may shut them.

A hit is one comparison (two with the machine's ledger) because everything that could forbid it is
folded into two variables, cells that the closures of all decorated functions share. While any
reason to look closer stands, they hold a value that no entry ever equals, and every call takes the
slow path:

* `PARKED`: the coarse clock isn't ticking;
* `MODE`: the cache is off, in shadow, or on for a share of the calls;
* `TRACKING`: somewhere in the process a load or a scope collects dependencies, so reads must be
  recorded;
* `WATCHED`: a test looks at every value that is handed out.
"""

from __future__ import annotations

import threading
import weakref
from enum import IntFlag
from types import CellType

from afresh.runtime.fork import on_fork

_SHUT_CLOCK = float("inf")


class Shut(IntFlag):
    """Why a gate is shut."""

    PARKED = 1
    MODE = 2
    TRACKING = 4
    WATCHED = 8


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
        self._reasons = Shut.PARKED
        self._lock = threading.Lock()
        on_fork(self)
        with _tracking.lock:
            _tracking.gates.add(self)
            if _tracking.live:
                self.shut(Shut.TRACKING)

    def shut(self, reason: Shut) -> None:
        """Send every call to the slow path until `open(reason)`."""
        with self._lock:
            self._reasons |= reason
            self.clock_cell.cell_contents = _SHUT_CLOCK
            self.position_cell.cell_contents = None

    def open(self, reason: Shut) -> None:
        """Take a reason back; the gate opens with the last of them."""
        with self._lock:
            self._reasons &= ~reason
            self._refresh()

    def tick(self, now: float) -> None:
        """Set the coarse clock, and take back that it stood still."""
        with self._lock:
            self._now = now
            self._reasons &= ~Shut.PARKED
            self._refresh()

    def moved(self, position: int) -> None:
        """The ledger in this process's memory moved: no entry's `checked_at` is this object yet."""
        with self._lock:
            self.position = position
            self._refresh()

    def expires(self, when: float) -> None:
        """Remember that an entry expires at `when`."""
        if when < self.next_expiry:
            with self._lock:
                self.next_expiry = min(self.next_expiry, when)

    def expired(self, now: float) -> bool:
        """Whether something may have expired since the last call that said so."""
        with self._lock:
            if now < self.next_expiry:
                return False
            self.next_expiry = _SHUT_CLOCK
            return True

    def after_fork(self) -> None:
        """A lock may have been held by a thread that doesn't exist here."""
        self._lock = threading.Lock()
        self.shut(Shut.PARKED)

    def _refresh(self) -> None:
        if not self._reasons:
            self.clock_cell.cell_contents = self._now
            self.position_cell.cell_contents = self.position


class _Tracking:
    """How many loads and scopes collect dependencies in this process."""

    def __init__(self) -> None:
        self.gates: weakref.WeakSet[Gate] = weakref.WeakSet()
        self.live = 0
        self.lock = threading.Lock()
        on_fork(self)

    def after_fork(self) -> None:
        self.lock = threading.Lock()


_tracking = _Tracking()


def track() -> None:
    """Shut every gate of the process: somebody collects dependencies from now on."""
    with _tracking.lock:
        _tracking.live += 1
        if _tracking.live == 1:
            for gate in _tracking.gates:
                gate.shut(Shut.TRACKING)


def untrack() -> None:
    """End what `track` began."""
    with _tracking.lock:
        _tracking.live -= 1
        if _tracking.live == 0:
            for gate in _tracking.gates:
                gate.open(Shut.TRACKING)
