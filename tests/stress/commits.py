"""What is known to be committed in the stress runs over a database: versions of rows, and since when.

A writer notes a version when COMMIT has returned; so does whoever sees one by a query, in the place of a
writer that was killed before it could. A reader that is given an older one was given something stale.
"""

from __future__ import annotations

import mmap
import time
from pathlib import Path

ROWS = 64
KEPT = 128  # so many of a row's last versions are remembered

_WORDS = ROWS * (1 + 2 * KEPT)


class Commits:
    """`known[i]` is the last version of row i that is known to be committed."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8 * _WORDS))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 * _WORDS)
        words = memoryview(self._map).cast("Q")
        self.known = words[:ROWS]
        self._seen = words[ROWS:]

    def saw(self, row: int, version: int) -> None:
        """It is committed. Of two that say so at once one may be lost; nothing is invented."""
        slot = 2 * (row * KEPT + version % KEPT)
        if self._seen[slot] != version:
            self._seen[slot + 1] = time.monotonic_ns()
            self._seen[slot] = version
        self.known[row] = max(self.known[row], version)

    def overdue(self, row: int, version: int, asked: int, known: int) -> float:
        """For how many seconds it was known that `version` is old, when a reader asked; 0 if it was not.

        Args:
            row: Which row.
            version: What the reader was given.
            asked: When it asked, in nanoseconds.
            known: What was known then.
        """
        if version >= known:
            return 0.0
        slots = (2 * (row * KEPT + each % KEPT) for each in range(version + 1, known + 1))
        since = [self._seen[slot + 1] for slot in slots if version < self._seen[slot] <= known]
        return max(asked - min(since, default=asked), 1) / 1e9
