"""The database of the stress runs over servers: versions of rows, and when each was acknowledged.

A writer puts a new version, announces it, and acknowledges it when it is told that the announcement is
where every reader will look. A reader that is then given an older one was given something stale, and
the table tells for how long that had been so.
"""

from __future__ import annotations

import mmap
import time
from pathlib import Path

ROWS = 64
KEPT = 512  # so many of a row's last acknowledgements are remembered

_WORDS = ROWS * (2 + KEPT)


class History:
    """`versions[i]` is row i; `acknowledged[i]` what some writer was told is visible to all."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8 * _WORDS))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 * _WORDS)
        words = memoryview(self._map).cast("Q")
        self.versions = words[:ROWS]
        self.acknowledged = words[ROWS : 2 * ROWS]
        self._when = words[2 * ROWS :]

    def acknowledge(self, row: int, version: int) -> None:
        """From now on nobody who asks may be given an older version."""
        self._when[row * KEPT + version % KEPT] = time.monotonic_ns()
        self.acknowledged[row] = version

    def overdue(self, row: int, version: int, asked: int, known: int) -> float:
        """For how many seconds it was known that `version` is old, when a reader asked; 0 if it was not.

        Args:
            row: Which row.
            version: What the reader was given.
            asked: When it asked, in nanoseconds.
            known: What was acknowledged then.
        """
        if version >= known:
            return 0.0
        if known - version >= KEPT:
            return float("inf")
        return max(asked - self._when[row * KEPT + (version + 1) % KEPT], 1) / 1e9
