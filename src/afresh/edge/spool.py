"""What edges are still to be told: kept on disk, so that nothing is lost with a process.

One small SQLite file has the position of the ledger up to which everything is noted here, and what
is not yet delivered. Both change in one transaction. It isn't synchronised to the disk: a machine
that loses its power begins with an older position, and tells everything after it again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from afresh.core.entry import NEVER
from afresh.edge.port import Purge

_SCHEMA = """
CREATE TABLE IF NOT EXISTS reached (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT, position INTEGER);
CREATE TABLE IF NOT EXISTS pending (
    edge TEXT, kind TEXT, value TEXT, turn INTEGER, position INTEGER, due REAL, version INTEGER,
    PRIMARY KEY (edge, kind, value, turn)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due ON pending (edge, due);
"""


class Due(NamedTuple):
    """A purge that is to be delivered, and its row."""

    purge: Purge
    turn: int
    version: int


class Spool:
    """One file; may be used by several threads.

    Args:
        path: Of the file. `:memory:` loses it with the process.
    """

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        self._version = 0
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_SCHEMA)
        self._version = self._database.execute("SELECT max(version) FROM pending").fetchone()[0] or 0

    def reached(self) -> tuple[int, int] | None:
        """Epoch and position up to which everything is noted; `None` in a new file."""
        with self._lock:
            row = self._database.execute("SELECT epoch, position FROM reached").fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def note(
        self,
        epoch: int,
        position: int,
        purges: Iterable[Purge],
        edges: Iterable[tuple[str, Sequence[float]]],
        now: float,
    ) -> None:
        """Note what these edges are to be told, and how far that goes.

        Args:
            epoch: Of the ledger.
            position: Up to there.
            purges: What was marked.
            edges: Names, and after how many seconds each is told once more.
            now: Seconds since 1970.
        """
        said = list(purges)
        with self._lock:
            self._version += 1
            rows = [
                (name, each.kind, each.value, turn, position, now + after, self._version)
                for name, repeats in edges
                for turn, after in enumerate((0.0, *repeats))
                for each in said
            ]
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany(
                    "INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)", rows
                )
                self._database.execute(
                    "INSERT OR REPLACE INTO reached VALUES (1, ?, ?)", (str(epoch), position)
                )
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def due(self, edge: str, now: float, most: int, ahead: float = NEVER) -> list[Due]:
        """What an edge is to be told by now: each thing once, the oldest first.

        Args:
            edge: Its name.
            now: Seconds since 1970.
            most: So many at most.
            ahead: Nothing is noted for later than in so many seconds: what seems to be was noted before the
                clock was set back, and is due.
        """
        with self._lock:
            rows = self._database.execute(
                "SELECT kind, value, position, turn, version FROM pending"
                " WHERE edge = ? AND (due <= ? OR due > ?) ORDER BY due LIMIT ?",
                (edge, now, now + ahead, most),
            ).fetchall()
        return [
            Due(Purge(kind, value, position), turn, version) for kind, value, position, turn, version in rows
        ]

    def done(self, edge: str, delivered: Iterable[Due]) -> None:
        """These were delivered. What was noted anew meanwhile stays."""
        rows = [(edge, each.purge.kind, each.purge.value, each.turn, each.version) for each in delivered]
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "DELETE FROM pending WHERE edge = ? AND kind = ? AND value = ? AND turn = ? AND version = ?",
                rows,
            )
            self._database.execute("COMMIT")

    def next_due(self, edge: str) -> float | None:
        """When an edge is to be told something next."""
        with self._lock:
            row = self._database.execute("SELECT min(due) FROM pending WHERE edge = ?", (edge,)).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def waiting(self, edge: str) -> int:
        """How many things an edge is still to be told, repeats included."""
        with self._lock:
            row = self._database.execute("SELECT count(*) FROM pending WHERE edge = ?", (edge,)).fetchone()
        return int(row[0])

    def collapse(self, edge: str, repeats: Sequence[float], now: float) -> None:
        """In place of all that an edge is still to be told, it is to drop everything."""
        with self._lock:
            self._version += 1
            rows = [
                (edge, "all", "", turn, 0, now + after, self._version)
                for turn, after in enumerate((0.0, *repeats))
            ]
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM pending WHERE edge = ?", (edge,))
            self._database.executemany("INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._database.close()
