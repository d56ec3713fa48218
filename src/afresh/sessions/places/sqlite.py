"""Sessions in a SQLite file, for the processes of one machine.

Unlike the cache's file it is never emptied: it has no limit, and a restart of the machine leaves it
as it is. It has a rollback journal, not a log: SQLite before 3.51.3 can corrupt a log that two
connections checkpoint at once, and sessions are read a hundred times for each time they are written.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from afresh.errors import BackendError
from afresh.runtime.clock import Clock
from afresh.runtime.fork import forks

T = TypeVar("T")
APPLICATION_ID: Final = 0x61667373
_PATIENCE: Final = 1.0  # seconds for whoever else is writing
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

_opening = Lock()


class FilePlace:
    """See `Place`. The file is made when it is first needed."""

    blocks = True

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._now = clock.now
        self._idle: list[sqlite3.Connection] = []
        self._inherited: list[sqlite3.Connection] = []
        self._forks = forks()
        self._writes = 0
        self._closed = False

    async def get(self, name: str) -> bytes | None:
        """The record, or `None`."""
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
        """Close the file."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _changed(self, statement: str, values: tuple[Any, ...]) -> int:
        return self._run(lambda connection: connection.execute(statement, values).rowcount)

    def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run one statement; connections are kept, as many as threads were here at once."""
        try:
            with self._connection() as connection:
                return action(connection)
        except sqlite3.Error as error:
            raise BackendError(f"{self._path}: {error}") from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise BackendError(f"{self._path}: the sessions are closed")
        if self._forks != forks():
            # A connection must not be used in another process than its own, nor closed there.
            self._forks = forks()
            self._inherited, self._idle = [*self._inherited, *self._idle], []
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._opened()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _opened(self) -> sqlite3.Connection:
        with _opening:
            self._make()
            connection = sqlite3.connect(
                self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make(self) -> None:
        """Make a file that only this user can read."""
        try:
            # One that is there isn't touched: closing it would give up all locks that this process has on it.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            raise BackendError(f"{self._path} can't be made: {error.strerror}") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous = FULL")
        if _number(connection, "PRAGMA application_id") == APPLICATION_ID:
            return
        connection.execute("BEGIN IMMEDIATE")  # several may find it empty at once
        if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
            if _number(connection, "SELECT count(*) FROM sqlite_master"):
                raise BackendError(
                    f"{self._path} is a database of something else: name a file of its own for sessions"
                )
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")


def _number(connection: sqlite3.Connection, query: str) -> int:
    with closing(connection.execute(query)) as cursor:
        found: int = cursor.fetchone()[0]
    return found


def _first(cursor: sqlite3.Cursor) -> bytes | None:
    with closing(cursor):
        row = cursor.fetchone()
    return None if row is None else row[0]
