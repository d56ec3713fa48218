"""The database's file, open in this process, for as long as it is the file of that name."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_BUSY = 1.0  # seconds to wait for whoever writes to a database in rollback mode


class DatabaseFile:
    """A connection of our own, opened when it is needed.

    Args:
        path: The file.

    Attributes:
        openings: How often it was opened: what SQLite counts, it counts for one connection.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.openings = 0
        self._name = str(path)
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    @property
    def connection(self) -> sqlite3.Connection:
        """To the file that has the name now.

        Raises:
            OSError: There is none.
            sqlite3.Error: It can't be opened.
        """
        identity = self._look()
        if self._connection is None or identity != self._identity:
            self.close()
            uri = f"{self.path.absolute().as_uri()}?mode=rw"
            opened = sqlite3.connect(
                uri, uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False
            )
            self._connection, self._identity = opened, identity
            self.openings += 1
        return self._connection

    def _look(self) -> tuple[int, int]:
        there = os.stat(self._name)  # noqa: PTH116  every read of a strict cache comes here
        return there.st_dev, there.st_ino

    def close(self) -> None:
        """Close it; it is opened again when it is needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def number(connection: sqlite3.Connection, pragma: str) -> int:
    """What a PRAGMA answers."""
    found: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return found


def rows(connection: sqlite3.Connection, sql: str) -> Sequence[Sequence[Any]]:
    """What a query answers."""
    return connection.execute(sql).fetchall()


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """One view of the database for several questions."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
