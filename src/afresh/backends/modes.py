"""The mode of each namespace, on a server that every process looks at. A room says how to read and write it."""

from __future__ import annotations

import os
from collections.abc import Callable

from afresh.errors import BackendError


class Modes:
    """See `backends.Control`. A mode that was evicted is forgotten by processes that start later."""

    def __init__(self, read: Callable[[str], object], write: Callable[[str, bytes], object]) -> None:
        """Take what reads what is written for a namespace, and what writes it; both may raise `BackendError`."""
        self._read = read
        self._write = write
        self._seen: dict[str, bytes] = {}

    def write(self, namespace: str, mode: str) -> None:
        """Tell every process.

        Raises:
            BackendError: The server doesn't answer.
        """
        # The same mode written twice is news twice: somebody else may have set another one between.
        written = f"{mode}\n{os.urandom(6).hex()}".encode()
        self._write(namespace, written)
        self._seen[namespace] = written

    def changed(self, namespace: str) -> str | None:
        """The mode, if it was written since the last call that returned it; `None` while nobody can tell."""
        try:
            written = self._read(namespace)
        except BackendError:
            return None
        if not isinstance(written, bytes) or written == self._seen.get(namespace):
            return None
        self._seen[namespace] = written
        return written.partition(b"\n")[0].decode("utf-8", "replace")
