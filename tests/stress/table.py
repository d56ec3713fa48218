"""The database of the stress runs: versions of rows in a mapped file, beside what was acknowledged.

A writer puts a new version, announces it, and then acknowledges it. Whoever reads notes first what
is acknowledged: to be given less than that is stale.
"""

from __future__ import annotations

import mmap
from pathlib import Path

ROWS = 64


class Table:
    """`versions[i]` is row i; `acknowledged[i]` what some writer was told is visible to all."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(16 * ROWS))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 16 * ROWS)
        words = memoryview(self._map).cast("Q")
        self.versions = words[:ROWS]
        self.acknowledged = words[ROWS:]
