"""What is asked of the file, each in one SQL statement.

One statement and not a transaction of many, because Python gives up the interpreter lock at each
step of a statement and may wait 5 ms to get it back while another thread computes. A batch row by
row would hold the commit lock of all processes for seconds; as one statement it is one step, and
atomic by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from afresh.backends.file.store.pending import PUT, Write
from afresh.backends.file.store.sqlite import row_of

BATCH_ROWS: Final = 256
_SIZES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, BATCH_ROWS)

_ALL: Final = """
    key = excluded.key, stamp = excluded.stamp, expires = excluded.expires,
    used = excluded.used, kind = excluded.kind, value = excluded.value
"""

_ADD: Final = f"""
INSERT INTO entry (used, id, key, stamp, expires, kind, value) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET {_ALL}
WHERE entry.expires <= excluded.used OR entry.key <> excluded.key
"""  # noqa: S608  no value of anybody's is in the text, here and below

_CHANGE: Final = """
UPDATE entry SET used = ?, stamp = ?, expires = ?, kind = 1, value = ?
WHERE id = ? AND key = ? AND value = ? AND expires > ?
"""


@cache
def _upsert(rows: int) -> str:
    # A fill wins over a row that has expired, that belongs to another key of the same hash, or whose
    # stamp isn't higher; a row that was put counts as half a step higher than its stamp.
    # The time is `excluded.used`.
    return f"""
INSERT INTO entry (used, id, key, stamp, expires, kind, value)
VALUES {", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows)}
ON CONFLICT (id) DO UPDATE SET {_ALL}
WHERE excluded.kind <> 0 OR entry.expires <= excluded.used OR entry.key <> excluded.key
   OR entry.stamp + (entry.kind & 1) <= excluded.stamp
"""  # noqa: S608


@cache
def _delete(rows: int) -> str:
    marks = ", ".join("?" * rows)
    # A row found by one key's hash can't hold another of the keys: that one has its own hash.
    return f"DELETE FROM entry WHERE expires > ? AND id IN ({marks}) AND key IN ({marks})"  # noqa: S608


def _rounded(count: int) -> int:
    """The next number of rows that there is a prepared statement for."""
    return next(size for size in _SIZES if size >= count)


def write(connection: sqlite3.Connection, batch: Sequence[tuple[str, Write]], now: float) -> None:
    """Apply at most `BATCH_ROWS` writes, all or none.

    The first is repeated to fill up the statement's rows, which changes nothing: what a row was
    permitted once it is permitted twice.
    """
    rows = _rounded(len(batch))
    values: list[Any] = []
    for key, (envelope, stamp, expires, kind) in batch:
        values += (now, *row_of(key), stamp, expires, kind, envelope)
    values += values[:7] * (rows - len(batch))
    connection.execute(_upsert(rows), values)


def delete(connection: sqlite3.Connection, keys: Sequence[str], now: float) -> int:
    """Delete at most `BATCH_ROWS` keys; says how many were there and not expired."""
    rows = [row_of(key) for key in keys]
    rows += rows[:1] * (_rounded(len(rows)) - len(rows))
    ids, texts = zip(*rows, strict=True)
    return connection.execute(_delete(len(rows)), (now, *ids, *texts)).rowcount


def swap(connection: sqlite3.Connection, key: str, old: bytes | None, new: Write | None, now: float) -> bool:
    """Replace `old` by `new` where it is there exactly; `None` is an absent or expired row."""
    row, text = row_of(key)
    if old is None and new is None:
        there = "SELECT count(*) FROM entry WHERE id = ? AND key = ? AND expires > ?"
        (count,) = connection.execute(there, (row, text, now)).fetchone()
        return bool(count == 0)
    if old is None:
        assert new is not None
        cursor = connection.execute(_ADD, (now, row, text, new.stamp, new.expires, PUT, new.envelope))
    elif new is None:
        exact = "DELETE FROM entry WHERE id = ? AND key = ? AND value = ? AND expires > ?"
        cursor = connection.execute(exact, (row, text, old, now))
    else:
        cursor = connection.execute(_CHANGE, (now, new.stamp, new.expires, new.envelope, row, text, old, now))
    return cursor.rowcount == 1


def delete_prefix(connection: sqlite3.Connection, prefix: bytes, low: int, high: int) -> None:
    """Delete the keys that begin with `prefix` among the rows `low < id <= high`."""
    text = """
    DELETE FROM entry
    WHERE id > ? AND id <= ? AND (? = 0 OR substr(CAST(key AS BLOB), 1, ?) = ?)
    """
    connection.execute(text, (low, high, len(prefix), len(prefix), prefix))


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the entries take in the file; pages that are free for others don't count."""
    text = """
    SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size
    """
    (size,) = connection.execute(text).fetchone()
    return int(size)


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Copy the log into the database and empty it; says whether no reader stood in the way."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
