"""One SQLite file: its schema, how it is opened, and what its errors mean.

Rows are found by a 64-bit hash of the key, an integer primary key. Measured against a text key
WITHOUT ROWID it costs 0.6 µs more for small values, and is three times faster for values of 20 KB,
which an index b-tree keeps in chains of overflow pages. The full key stands in the row and is
compared: two keys of one hash displace each other and are never mistaken for each other. And since
hashes are spread evenly, walking along them meets entries in no particular order (see `sweep`).
"""

from __future__ import annotations

import os
import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import Final
from weakref import WeakSet

from afresh.backends.file.boot import boot_digest
from afresh.backends.file.store.quarantine import remove_strays

APPLICATION_ID: Final = 0x61667265
FORMAT: Final = 1

_SCHEMA: Final = (
    "CREATE TABLE file (boot INTEGER NOT NULL)",
    # What reading needs stands in front, what is large at the end.
    """
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL,
        expires REAL NOT NULL,
        stamp INTEGER NOT NULL,
        used REAL NOT NULL,
        kind INTEGER NOT NULL,
        value BLOB NOT NULL
    )
    """,
)

READ: Final = "SELECT value, expires FROM entry WHERE id = ? AND key = ?"
_PROBE: Final = "SELECT id, key, stamp, expires, used, kind, value FROM entry LIMIT 1"

_BUSY_TIMEOUT = 0.1
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})


class Foreign(Exception):
    """The file is a sound database, but not one of this format."""


class Outlived(Exception):
    """The file was written before the machine's last start."""


def key_bytes(key: str) -> bytes:
    """The bytes of a key; every `str` has its own, lone surrogates too."""
    return key.encode("utf-8", "surrogatepass")


def ident(raw: bytes) -> int:
    """The row of a key, from its bytes."""
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little", signed=True)


def row_of(key: str) -> tuple[int, str | bytes]:
    """Where a key stands, and how: as text, which Python binds quicker than bytes, if it is Unicode."""
    raw = key_bytes(key)
    try:
        key.encode()
    except UnicodeEncodeError:
        return ident(raw), raw
    return ident(raw), key


def is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault, so that another has to take its place."""
    if isinstance(error, Foreign):
        return True
    code = getattr(error, "sqlite_errorcode", 0)
    # A short read is a log that somebody truncated; a missing table, a file that somebody edited.
    return (
        code & 0xFF in _DAMAGED
        or code == sqlite3.SQLITE_IOERR_SHORT_READ
        or (code == sqlite3.SQLITE_ERROR and str(error).startswith("no such "))
    )


def reason(error: Exception) -> str:
    """Why, in a few words."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return "disk full"
    if code == sqlite3.SQLITE_READONLY:
        return "read-only"
    if code in _LOCKED:
        return "locked"
    return str(error) or type(error).__name__


def identity(path: Path) -> tuple[int, int] | None:
    """Which file stands at `path`: device and inode, or `None`."""
    try:
        status = os.stat(path)  # noqa: PTH116  a third quicker than Path.stat, and done at each commit
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Database:
    """One opened file. It stays that file, also when another takes its place at the path.

    Everything but reading is done under the commit lock: opening, because the log is opened by name
    and must belong to the database; and closing, because SQLite checkpoints when the last one closes.

    Attributes:
        identity: Device and inode.
        writer: The one connection that writes.
        idle: Cursors that nobody reads with, the last used on top. Taking one and giving it back are
            atomic, so there are never more connections than threads that really read at once.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`.

        Raises:
            Foreign: It is not one of ours.
            Outlived: It can't be trusted any more.
            sqlite3.Error: See `is_damage`.
            OSError: It can't be opened.
        """
        self.path = path
        self.idle: list[sqlite3.Cursor] = []
        self._readers: WeakSet[sqlite3.Cursor] = WeakSet()
        if not path.exists():
            remove_strays(path)
            # Made here for its mode. Opening an existing file by other means than SQLite's would be
            # dangerous: closing it drops the POSIX locks that SQLite holds on it in this process.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        self.writer = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            self._prepare()
        except BaseException:
            self.writer.close()
            raise
        self.identity = identity(path)

    def reader(self) -> sqlite3.Cursor:
        """Open another connection to read with; it can neither write nor checkpoint."""
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA mmap_size = 0")
            connection.execute(_PROBE).fetchall()  # opens the log, which belongs to this file only now
        except BaseException:
            connection.close()
            raise
        cursor = connection.cursor()
        self._readers.add(cursor)
        return cursor

    def reading(self) -> int:
        """How many cursors are in use."""
        return len(self._readers) - len(self.idle)

    def close(self) -> bool:
        """Close what isn't being read with; says whether that was all."""
        while self.idle:
            self.idle.pop().connection.close()
        self.writer.close()  # after them: it checkpoints and removes the log if it is the last of all
        return self.reading() == 0

    def _prepare(self) -> None:
        execute = self.writer.execute
        execute("PRAGMA mmap_size = 0")
        # Asked first: nothing of somebody else's database may be changed, not even its journal mode.
        (application,) = execute("PRAGMA application_id").fetchone()
        (version,) = execute("PRAGMA user_version").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
        empty = application == 0 and version == 0 and tables == 0
        if not empty and (application, version) != (APPLICATION_ID, FORMAT):
            raise Foreign(f"application_id {application:#x}, user_version {version}: not this format")
        # Without waiting for the disk: an fsync at each checkpoint, under the lock, took two thirds of
        # the time of all writing. What a power cut may tear is thrown away when the machine has
        # started again; no ledger would vouch for it either. A killed process tears nothing.
        boot = _signed(boot_digest())
        execute(f"PRAGMA synchronous = {'OFF' if boot else 'NORMAL'}")
        (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError(f"no write-ahead log here (journal_mode {mode})")
        execute("PRAGMA wal_autocheckpoint = 0")
        execute("PRAGMA cache_size = -8192")
        execute("PRAGMA temp_store = MEMORY")
        if empty:
            execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                execute(statement)
            execute("INSERT INTO file VALUES (?)", (boot,))
            execute(f"PRAGMA application_id = {APPLICATION_ID}")
            execute(f"PRAGMA user_version = {FORMAT}")
            execute("COMMIT")
        if execute("SELECT boot FROM file").fetchone() != (boot,):
            raise Outlived("written before the machine's last start")
        execute(_PROBE).fetchall()


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word
