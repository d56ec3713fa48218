"""Which pages are published, by the outward names that they carry: one small SQLite file for all processes.

Whoever publishes enters a page here first, puts it into memcached, then looks whether its entry still
stands. Whoever purges reads the entries, drops the pages, then removes exactly these entries. So a
page that is there is entered here, or will be taken away by its publisher.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path

from afresh.errors import ConfigurationError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS page (key BLOB PRIMARY KEY, version INTEGER, expires REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS named (name TEXT, key BLOB, version INTEGER, PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS named_key ON named (key);
CREATE INDEX IF NOT EXISTS page_expires ON page (expires);
CREATE TABLE IF NOT EXISTS unsure (key BLOB PRIMARY KEY) WITHOUT ROWID;
"""


class Index:
    """One file; may be used by several threads.

    Args:
        path: Of the file; the same for all who publish and purge.

    Raises:
        ConfigurationError: It can't be opened.
    """

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(
                path, timeout=10.0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise ConfigurationError(
                f"index {str(path)!r}: {error}; name a file in a folder that is there."
            ) from None
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_SCHEMA)

    def enter(self, key: bytes, names: Iterable[str], expires: float) -> int:
        """Enter a page that is about to be published; returns the entry's version."""
        version = secrets.randbits(62)
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM named WHERE key = ?", (key,))
            self._database.execute("INSERT OR REPLACE INTO page VALUES (?, ?, ?)", (key, version, expires))
            self._database.executemany(
                "INSERT INTO named VALUES (?, ?, ?)", [(name, key, version) for name in set(names)]
            )
            self._database.execute("COMMIT")
        return version

    def stands(self, key: bytes, version: int) -> bool:
        """Whether an entry is still there."""
        with self._lock:
            row = self._database.execute("SELECT version FROM page WHERE key = ?", (key,)).fetchone()
        return row is not None and row[0] == version

    def named(self, name: str) -> list[tuple[bytes, int]]:
        """The entries that carry a name."""
        with self._lock:
            return self._database.execute("SELECT key, version FROM named WHERE name = ?", (name,)).fetchall()

    def entry(self, key: bytes) -> list[tuple[bytes, int]]:
        """The entry of a page, if there is one."""
        with self._lock:
            return self._database.execute("SELECT key, version FROM page WHERE key = ?", (key,)).fetchall()

    def everything(self) -> list[tuple[bytes, int]]:
        """All entries."""
        with self._lock:
            return self._database.execute("SELECT key, version FROM page").fetchall()

    def doubt(self, key: bytes) -> None:
        """The server didn't answer: it may take this page later, after one that takes it away."""
        with self._lock:
            self._database.execute("INSERT OR IGNORE INTO unsure VALUES (?)", (key,))

    def doubted(self) -> set[bytes]:
        """The pages for which that is so."""
        with self._lock:
            return {key for (key,) in self._database.execute("SELECT key FROM unsure")}

    def count(self) -> int:
        """How many pages are entered."""
        with self._lock:
            return int(self._database.execute("SELECT count(*) FROM page").fetchone()[0])

    def remove(self, entries: Iterable[tuple[bytes, int]]) -> None:
        """These pages are gone. What was entered anew meanwhile stays."""
        rows = list(entries)
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM page WHERE key = ? AND version = ?", rows)
            self._database.executemany("DELETE FROM named WHERE key = ? AND version = ?", rows)
            self._database.executemany("DELETE FROM unsure WHERE key = ?", [(key,) for key, _ in rows])
            self._database.execute("COMMIT")

    def expired(self, now: float) -> list[tuple[bytes, int]]:
        """The entries of pages that memcached has no longer, if the clock has always been right."""
        with self._lock:
            return self._database.execute(
                "SELECT key, version FROM page WHERE expires < ?", (now - 60.0,)
            ).fetchall()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._database.close()
