"""Who follows the server's log for this machine: whoever holds the lock of the first seat.

A lock ends with its process, however that ends, and another process takes the seat. A process that
is *stopped*, or that alone can't reach the server, keeps its lock. Its file says when it last heard
of the server, and where that is too long ago the next seat may be taken as well: two followers do no
harm, since each record is applied once. Whoever sits on a later seat leaves when an earlier one is at
work again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SEATS = 3


class Seats(Protocol):
    """The seats of one machine, as one process sees them."""

    def take(self) -> bool:
        """Sit down, if nobody else is at work; says whether this process sits."""

    def work(self, *, well: bool = True) -> bool:
        """Go on working; `False` when this process has to stand up: an earlier seat is at work.

        Args:
            well: It hears of the server, and says so.
        """

    def leave(self) -> None:
        """Stand up. Safe to call twice."""

    def after_fork(self) -> None:
        """In a child: it is the parent who sits."""


class OnlySeat:
    """Of a process that follows for itself alone."""

    def take(self) -> bool:
        """Nobody else could."""
        return True

    def work(self, *, well: bool = True) -> bool:
        """Nobody looks."""
        return True

    def leave(self) -> None:
        """Nobody wants it."""

    after_fork = leave


class FileSeats:
    """Files `follower-0` … in a folder that the machine's processes share."""

    def __init__(self, folder: Path, *, now: Callable[[], float], stopped_after: float) -> None:
        """Look at the seats; none is taken yet.

        Args:
            folder: The folder.
            now: A clock that all processes of the machine share.
            stopped_after: Seconds without a sign after which a follower counts as stopped.
        """
        self._folder = folder
        self._now = now
        self._stopped_after = stopped_after
        self._held: tuple[int, int] | None = None  # which seat, and its descriptor

    def take(self) -> bool:
        """Sit down on the first seat that is free, unless someone before it is at work."""
        if self._held is not None:
            return True
        for seat in range(SEATS):
            descriptor = self._lock(seat)
            if descriptor is not None:
                self._held = seat, descriptor
                return self.work()
            if self._at_work(seat):
                return False
        return False

    def work(self, *, well: bool = True) -> bool:
        """Write down the time, if all is well."""
        if self._held is None:
            return False
        seat, descriptor = self._held
        if any(self._at_work(earlier) for earlier in range(seat)) or not self._still_there(seat, descriptor):
            self.leave()
            return False
        if well:
            os.pwrite(descriptor, int(self._now() * 1e6).to_bytes(8, "little"), 0)
        return True

    def leave(self) -> None:
        """Free the lock."""
        held, self._held = self._held, None
        if held is not None:
            # The lock first: a child that was just forked may hold the same open file a little longer.
            with suppress(OSError):
                fcntl.flock(held[1], fcntl.LOCK_UN)
            os.close(held[1])

    def after_fork(self) -> None:
        """Close the parent's file, whose lock would outlive the parent; unlocking would free it."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held[1])

    def __del__(self) -> None:
        self.leave()

    def _lock(self, seat: int) -> int | None:
        """Take the lock of a seat; `None` when somebody has it."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._path(seat), flags, 0o600)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def _at_work(self, seat: int) -> bool:
        """Whether a seat's holder has given a sign lately. A free seat is found free before this is asked."""
        try:
            when = int.from_bytes(self._path(seat).read_bytes()[:8], "little") / 1e6
        except OSError:
            return False
        return 0 <= self._now() - when < self._stopped_after

    def _still_there(self, seat: int, descriptor: int) -> bool:
        try:
            found, held = self._path(seat).stat(), os.fstat(descriptor)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)

    def _path(self, seat: int) -> Path:
        return self._folder / f"follower-{seat}"
