"""The database behind a path, whichever file that is at the moment.

A damaged file is moved aside by whoever meets it first. The others compare the inode at the path
with that of the file they have open: before each commit, and when reading at most every `LOOK_EVERY`
seconds; then they follow.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from afresh.backends.file.store.commitlock import CommitLock
from afresh.backends.file.store.quarantine import remove, set_aside
from afresh.backends.file.store.sqlite import Database, Foreign, Outlived, identity, is_damage, reason
from afresh.core.events import Kind
from afresh.errors import BackendError

T = TypeVar("T")
Report: TypeAlias = Callable[[Kind, str, dict[str, object]], None]
"""Told of trouble: what, why, and more by name."""

LOOK_EVERY = 0.25
_REST = 1.0  # seconds in which what took long to fail isn't tried again
_READ_PATIENCE = 0.25

logger = logging.getLogger("afresh")


class SharedDatabase:
    """One open database at a time, for all threads of this process.

    Attributes:
        idle: Cursors to read with (see `Database.idle`); take one, and give it back to the same list.
        log_path: The write-ahead log.
        look_at: When the path has to be looked at again.
    """

    def __init__(self, path: Path, report: Report) -> None:
        self.path = path
        self.log_path = path.with_name(path.name + "-wal")
        self.idle: list[sqlite3.Cursor] = []
        self.look_at = float("-inf")
        self._lock = CommitLock(path.with_name(path.name + "-lock"))
        self._report = report
        self._current: Database | None = None
        self._retired: list[Database] = []
        self._trouble: BackendError | None = None
        self._rest_until = 0.0
        self._closed = False
        self._quiet = False

    def look(self, now: float) -> None:
        """See whether the open file is still the one at the path; if not, the next read opens that."""
        self.look_at = now + LOOK_EVERY
        current = self._current
        if current is not None and identity(self.path) != current.identity:
            self.idle = []

    def another_reader(self) -> tuple[list[sqlite3.Cursor], sqlite3.Cursor] | None:
        """For a read that found none idle: where to give the cursor back, and the cursor.

        `None` while the database can't be opened.
        """
        if self._closed or time.monotonic() < self._rest_until:
            return None
        try:
            self._lock.acquire(_READ_PATIENCE)
            try:
                return self._repaired(_borrow)
            finally:
                self._lock.release()
        except (OSError, sqlite3.Error, Foreign) as error:
            self._rest(self._as_backend_error(error))
            return None

    def read_failed(self, idle: list[sqlite3.Cursor], cursor: sqlite3.Cursor, error: sqlite3.Error) -> None:
        """A read with a cursor from `idle` raised `error`: the cursor isn't used again."""
        cursor.connection.close()
        self._report(Kind.BYPASS, reason(error), {})
        if not is_damage(error):
            return
        try:
            with self._lock:
                current = self._current
                # Only the file that was read from: somebody may have replaced it by now.
                if current is not None and current.idle is idle and identity(self.path) == current.identity:
                    self._set_aside(error)
        except (OSError, sqlite3.Error) as trouble:
            self._rest(self._as_backend_error(trouble))

    def write(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run `action` under the commit lock; again on a new file when the old proves damaged.

        Raises:
            BackendError: It could not be done.
        """
        if self._closed:
            raise BackendError(f"{self.path}: the store is closed")
        if self._trouble is not None and time.monotonic() < self._rest_until:
            raise self._as_backend_error(self._trouble)
        try:
            self._lock.acquire()
        except BackendError as error:
            self._rest(error)
            raise
        try:
            result = self._repaired(lambda database: action(database.writer))
            self._trouble = None
            return result
        except (OSError, sqlite3.Error, Foreign) as error:
            raise self._as_backend_error(error) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the file; under the lock, since the last one to close checkpoints."""
        if self._closed:
            return
        self._closed = True
        self._shut()
        self._lock.close()

    def before_fork(self) -> None:
        """Close the file: SQLite's state can't be carried into a child (see `forks`)."""
        self._quiet = self._shut(keep_mutex=True)

    def after_fork_in_parent(self) -> None:
        """Let threads go on; the file is opened when it is needed."""
        if self._quiet:
            self._lock.release_mutex()

    def after_fork_in_child(self) -> None:
        """Start with nothing open."""
        if self._current is not None:
            _inherited.append(self._current)
        _inherited.extend(self._retired)
        self._lock.after_fork()
        self._retired = []
        self._current = None
        self.idle = []
        self._trouble = None
        self._rest_until = 0.0

    def _repaired(self, action: Callable[[Database], T]) -> T:
        """Run `action` on the file, and on a new one if it is damaged. The caller holds the lock."""
        try:
            return action(self._open())
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            self._set_aside(error)
            return action(self._open())

    def _open(self) -> Database:
        """The database at the path now. The caller holds the lock."""
        current = self._current
        if current is not None:
            if identity(self.path) == current.identity:
                return current
            self._report(Kind.BYPASS, "replaced", {"path": str(self.path)})
            self._drop()
            self._lock.renew()  # the whole folder may be another
        try:
            current = Database(self.path)
        except Outlived as error:
            # Nobody of this boot has it open: each would have done this first.
            logger.info("afresh: %s was %s: starting anew", self.path, error)
            remove(self.path)
            current = Database(self.path)
        except (sqlite3.Error, Foreign) as error:
            if not is_damage(error):
                raise
            self._set_aside(error)
            current = Database(self.path)
        self._current = current
        self.idle = current.idle
        return current

    def _drop(self) -> None:
        current, self._current = self._current, None
        self.idle = []
        if current is not None:
            self._retired.append(current)
        # Reads under way give their cursors back to the old list: those are closed another time.
        self._retired = [database for database in self._retired if not database.close()]

    def _set_aside(self, error: Exception) -> None:
        target = set_aside(self.path)
        self._drop()
        logger.error("afresh: %s is damaged (%s): moved to %s, starting anew", self.path, error, target)
        self._report(Kind.DAMAGED, "quarantined", {"path": str(target), "error": str(error)})

    def _shut(self, *, keep_mutex: bool = False) -> bool:
        """Close the file once nobody reads from it; says whether the lock's mutex was taken."""
        try:
            self._lock.acquire()
        except BackendError:
            # Whoever holds the lock has the file open, so nothing is checkpointed by closing it here.
            if not self._lock.acquire_mutex():
                return False
        current = self._current
        self.idle = []
        if current is not None:
            deadline = time.monotonic() + _REST
            while current.reading() > 0 and time.monotonic() < deadline:
                time.sleep(0.0002)
            self._drop()
        self._lock.release_file()
        if not keep_mutex:
            self._lock.release_mutex()
        return True

    def _rest(self, error: BackendError) -> None:
        if self._trouble is None:
            logger.warning("afresh: the shared file is not in use: %s", error)
        self._trouble = error
        self._rest_until = time.monotonic() + _REST
        self._report(Kind.BYPASS, str(error), {})

    def _as_backend_error(self, error: Exception) -> BackendError:
        if isinstance(error, BackendError):
            return BackendError(*error.args)
        what = reason(error) if isinstance(error, sqlite3.Error) else str(error)
        return BackendError(f"{self.path}: {what}")


def _borrow(database: Database) -> tuple[list[sqlite3.Cursor], sqlite3.Cursor]:
    return database.idle, database.idle.pop() if database.idle else database.reader()


_inherited: list[Database] = []
"""Databases that could not be closed before a fork: never used in the child, nor closed."""
