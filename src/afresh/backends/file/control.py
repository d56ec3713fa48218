"""The mode of each namespace, in a small file that every process looks at."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote


class FileControl:
    """One file per namespace; a new mode replaces the file, so nobody reads half of one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int]] = {}

    def write(self, namespace: str, mode: str) -> None:
        """Tell every process."""
        path = self._path(namespace)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(mode, "utf-8")
        fresh.replace(path)
        self._seen[namespace] = self._mark(path)

    def changed(self, namespace: str) -> str | None:
        """The mode, if its file is another one than at the last call."""
        path = self._path(namespace)
        try:
            mark = self._mark(path)
            if mark == self._seen.get(namespace):
                return None
            mode = path.read_text("utf-8")
        except FileNotFoundError:
            return None
        self._seen[namespace] = mark
        return mode

    def _path(self, namespace: str) -> Path:
        return self._folder / f"mode-{quote(namespace, safe='')}"

    @staticmethod
    def _mark(path: Path) -> tuple[int, int]:
        status = path.stat()
        return status.st_ino, status.st_mtime_ns
