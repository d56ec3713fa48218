"""The one lock around every commit and every checkpoint of a database, among threads and processes.

SQLite locks for itself, but before 3.51.3 two connections that write and checkpoint at the same
moment could corrupt the file. Under this lock no two ever do.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType

from afresh.errors import BackendError

PATIENCE = 1.0
_FIRST_PAUSE = 0.0002
_LONGEST_PAUSE = 0.005


class CommitLock:
    """`flock` on a file beside the database, with a mutex of this process around it.

    `flock` and not `fcntl`: the latter's locks vanish as soon as any descriptor of the file is
    closed. The file is never removed, so everybody locks the same one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.Lock()
        self._descriptor = -1

    def acquire(self, patience: float | None = None) -> None:
        """Take the lock, waiting at most `patience` seconds (default `PATIENCE`).

        Raises:
            BackendError: It was not free in that time (its holder may be stopped), or the file could
                not be opened.
        """
        patience = PATIENCE if patience is None else patience
        deadline = time.monotonic() + patience
        if not self._mutex.acquire(timeout=patience):
            raise BackendError(f"{self.path}: locked by another thread for more than {patience:g} s")
        try:
            self._lock_file(deadline)
        except OSError as error:
            self._mutex.release()
            if isinstance(error, BackendError):
                raise
            raise BackendError(f"{self.path}: can't be locked: {error.strerror or error}") from error
        except BaseException:
            self._mutex.release()
            raise

    def release(self) -> None:
        """Let the next one in."""
        self.release_file()
        self._mutex.release()

    def release_file(self) -> None:
        """Let other processes in, but no other thread of this one."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def release_mutex(self) -> None:
        """Let other threads in, after `release_file`."""
        self._mutex.release()

    def acquire_mutex(self) -> bool:
        """Keep out the other threads only, where `acquire` failed; says whether that succeeded."""
        return self._mutex.acquire(timeout=PATIENCE)

    def renew(self) -> None:
        """Lock the file that is at the path now: its folder may have been replaced.

        The caller holds the lock, and does not for a moment.

        Raises:
            OSError: It could not be opened or locked; the caller still has to `release`.
        """
        self.close()
        self._lock_file(time.monotonic() + PATIENCE)

    def after_fork(self) -> None:
        """In the child: the inherited descriptor shares its lock with the parent, so it is closed.

        Closing doesn't unlock: the parent's descriptor still refers to the same open file.
        """
        self._mutex = threading.Lock()
        self.close()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def close(self) -> None:
        """Give the descriptor back; the next `acquire` opens the file again."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _lock_file(self, deadline: float) -> None:
        if self._descriptor < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self.path, flags, 0o600)
        pause = _FIRST_PAUSE
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # A blocking flock can't be bounded, and a stopped holder must not stop the rest.
                if time.monotonic() >= deadline:
                    raise BackendError(f"{self.path}: locked by another process for too long") from None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return
