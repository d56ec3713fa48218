"""The lock of those who write a ledger file: one thread of one process of the machine at a time.

It is an flock on the ledger file itself, so that it can't be lost or replaced apart from what it
protects, and it ends with its process, however that ends. (A POSIX record lock would end as soon
as anything in the process closed any descriptor of the file.) An flock belongs to an open file,
which a child process shares after a fork: so the child opens its own.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from afresh.errors import NotInvalidated

_FIRST_WAIT = 20e-6
_LONGEST_WAIT = 5e-3
_STUCK = 10.0  # seconds for another thread, which itself waits for the file at most a second or two


class LockTrouble(Exception):  # caught by the ledger, which goes on in another file
    """The file can't be locked: its holder stands still, or it isn't there any more."""


class WriterLock:
    """The lock of one ledger file, opened when it is first wanted."""

    __slots__ = ("_descriptor", "_identity", "_mutex", "_path")

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        self._path = path
        self._identity = identity
        self._mutex = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def held(self, patience: float, moved: Callable[[], object]) -> Iterator[None]:
        """Hold the lock.

        Args:
            patience: For so many seconds whoever holds it may stand still.
            moved: Tells something that changes when the holder, or the next one, gets on.

        Raises:
            LockTrouble: The holder stood still, or the file is gone from its path.
            NotInvalidated: This process itself kept it: perhaps this very thread, interrupted by a
                signal handler that now wants to write too.
        """
        if not self._mutex.acquire(timeout=_STUCK):
            raise NotInvalidated("this process is writing its ledger already, and doesn't get on")
        try:
            descriptor = self._opened()
            self._wait(descriptor, patience, moved)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            self._mutex.release()

    def _wait(self, descriptor: int, patience: float, moved: Callable[[], object]) -> None:
        """Take the flock.

        It is held for some 20 µs, so it is asked for again after short waits. A blocking call could
        only be left by a signal, and in a helper thread it would take the lock after nobody wants
        it any more.
        """
        wait, seen, patient_until = _FIRST_WAIT, None, 0.0
        while not _locked(descriptor):
            now, here = time.monotonic(), moved()
            if here != seen:
                seen, patient_until = here, now + patience
            elif now >= patient_until:
                raise LockTrouble(f"whoever writes it stood still for {patience:g} s")
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _opened(self) -> int:
        if self._descriptor is None:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError as error:
                raise LockTrouble(f"it can't be opened again: {error}") from error
            found = os.fstat(descriptor)
            if (found.st_dev, found.st_ino) != self._identity:
                os.close(descriptor)
                raise LockTrouble("another file has its path")
            self._descriptor = descriptor
        return self._descriptor

    def after_fork(self) -> None:
        """In a child: the parent's lock stays the parent's; no thread here holds the mutex."""
        self._mutex = threading.Lock()
        self.close()

    def close(self) -> None:
        """Give the descriptor back, when no thread uses it any more."""
        got = self._mutex.acquire(timeout=_STUCK)
        try:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None and got:
                os.close(descriptor)
        finally:
            if got:
                self._mutex.release()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
