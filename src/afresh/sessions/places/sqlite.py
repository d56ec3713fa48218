"""Sessions in a SQLite file, for the processes of one machine.

Unlike the cache's file it is never emptied: it has no limit, and a restart of the machine leaves it
as it is. There is a write-ahead log, so whoever reads waits for nobody, and writing doesn't wait for the
disk; what was written in the last moments before a power failure may be lost. All that writes or
checkpoints does so under the commit lock, since SQLite before 3.51.3 can corrupt a log that two
connections checkpoint at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from afresh.backends.file.forks import on_fork
from afresh.backends.file.store.commitlock import CommitLock
from afresh.errors import BackendError
from afresh.runtime.clock import Clock

T = TypeVar("T")
APPLICATION_ID: Final = 0x61667373
_PATIENCE: Final = 1.0  # seconds for another thread
_BUSY: Final = 5.0  # seconds for another process: the last one that closes writes all to the disk
_EVERY: Final = 256  # writes after which those that are over are let go

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    name TEXT PRIMARY KEY,
    record BLOB NOT NULL,
    expires REAL NOT NULL
) WITHOUT ROWID
"""
_READ = "SELECT record FROM session WHERE name = ?"
_INSERT = "INSERT INTO session (name, record, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_UPDATE = "UPDATE session SET record = ?, expires = ? WHERE name = ? AND record = ?"
_DELETE = "DELETE FROM session WHERE name = ?"
_FORGET = "DELETE FROM session WHERE expires <= ?"


class _Shut(Exception):
    """The connection was closed meanwhile."""


class FilePlace:
    """See `Place`. The file is made when it is first needed, and each process has one connection."""

    blocks = True

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._now = clock.now
        self._lock = CommitLock(path.with_name(f"{path.name}-lock"))
        self._mutex = Lock()
        self._connection: sqlite3.Connection | None = None
        self._inherited: list[sqlite3.Connection] = []
        self._writes = 0
        self._closed = False
        self._quiet = False
        on_fork(self)

    async def get(self, name: str) -> bytes | None:
        """The record, or `None`."""
        while True:
            if self._connection is None:
                self._open()
            with suppress(_Shut):  # somebody forks just now
                return self._run(lambda connection: _first(connection.execute(_READ, (name,))))

    async def swap(self, name: str, old: bytes | None, new: bytes, expires: float) -> bool:
        """Compare and set: one statement."""
        self._writes += 1
        if self._writes % _EVERY == 0:
            await self.forget_expired(self._now())
        if old is None:
            return self._changed(_INSERT, (name, new, expires)) == 1
        return self._changed(_UPDATE, (new, expires, name, old)) == 1

    async def delete(self, name: str) -> bool:
        """Delete a record."""
        return self._changed(_DELETE, (name,)) == 1

    async def forget_expired(self, now: float) -> int:
        """Delete what is over."""
        return self._changed(_FORGET, (now,))

    def close(self) -> None:
        """Close the file; under the lock, since the last one to close checkpoints."""
        if self._closed:
            return
        self._closed = True
        with suppress(BackendError), self._alone():
            self._shut()
        self._shut()
        self._lock.close()

    # -- forks ----------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Close the file: SQLite's state can't be carried into a child (see `backends.file.forks`).

        The mutex is kept, so that no other thread opens it again before it is too late.
        """
        try:
            self._lock.acquire(_BUSY)
            self._quiet = True
        except BackendError:
            # Another process has it, and then closing here checkpoints nothing.
            self._quiet = self._lock.acquire_mutex()
        if self._quiet:
            self._shut()
            self._lock.release_file()

    def after_fork_in_parent(self) -> None:
        """Let threads go on; the file is opened when it is needed."""
        if self._quiet:
            self._lock.release_mutex()

    def after_fork_in_child(self) -> None:
        """Start with nothing open."""
        self._lock.after_fork()
        self._mutex = Lock()
        if self._connection is not None:
            # It could not be closed in time: it is neither closed nor used here.
            self._inherited.append(self._connection)
            self._connection = None

    # -- statements -----------------------------------------------------------------------------

    def _changed(self, statement: str, values: tuple[Any, ...]) -> int:
        with self._alone():
            if self._closed or self._connection is None:
                self._opened()
            return self._run(lambda connection: connection.execute(statement, values).rowcount)

    def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        if not self._mutex.acquire(timeout=_PATIENCE):
            raise BackendError(f"{self._path}: locked by another thread")
        try:
            if self._connection is None:
                raise _Shut
            return action(self._connection)
        except sqlite3.Error as error:
            raise BackendError(f"{self._path}: {error}") from error
        finally:
            self._mutex.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._lock.acquire(_BUSY)
        try:
            yield
        finally:
            self._lock.release()

    def _open(self) -> None:
        with self._alone():
            if self._connection is None:
                self._opened()

    def _opened(self) -> None:
        """Open the file. The caller holds the lock."""
        if self._closed:
            raise BackendError(f"{self._path}: the sessions are closed")
        self._make()
        connection = sqlite3.connect(self._path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except sqlite3.Error as error:
            connection.close()
            raise BackendError(f"{self._path}: {error}") from error
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _shut(self) -> None:
        with self._mutex:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _make(self) -> None:
        """Make a file that only this user can read."""
        try:
            # One that is there isn't touched: closing it would give up all locks that this process has on it.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            raise BackendError(f"{self._path} can't be made: {error.strerror}") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = _number(connection, "PRAGMA application_id")
        if found != APPLICATION_ID and (found or _number(connection, "SELECT count(*) FROM sqlite_master")):
            raise BackendError(
                f"{self._path} is a database of something else: name a file of its own for sessions"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if found != APPLICATION_ID:
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _number(connection: sqlite3.Connection, query: str) -> int:
    with closing(connection.execute(query)) as cursor:
        found: int = cursor.fetchone()[0]
    return found


def _first(cursor: sqlite3.Cursor) -> bytes | None:
    with closing(cursor):
        row = cursor.fetchone()
    return None if row is None else row[0]
