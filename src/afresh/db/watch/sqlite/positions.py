"""Up to where each ledger was told of a database's changes: a small file beside it, for all processes.

Every process follows by itself, so none depends on another that may hang or die. The file's lock makes
one of them announce what is new, and the others find it announced. Nothing rests on the file: without
it, or without the lock, the same is announced more than once.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from afresh.db.watch.sqlite.log import Position

_PATIENCE = 1.0  # seconds for a lock: a process that was stopped with it must not stop the others
_PAUSE = 0.001
_MOST = 64  # ledgers that are remembered
_LONG = 65536  # bytes of the file, at most


class Told(NamedTuple):
    """What a ledger was told last.

    Attributes:
        position: Up to where in the log.
        schema: By which schema.
    """

    position: Position
    schema: str


class Positions:
    """What ledgers were told of one database.

    Args:
        database: The database's file.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-afresh")
        self._mode = database.stat().st_mode & 0o666
        self._file: int | None = None
        self._patience = _PATIENCE

    @contextmanager
    def held(self) -> Iterator[dict[str, Told]]:
        """What is remembered, for the one who has the lock. What it is at the end of the block is kept."""
        file = self._open()
        locked = _lock(file, self._patience)
        self._patience = _PATIENCE if locked else 0.0  # whoever was stopped once is not waited for again
        try:
            told = _read(file)
            before = dict(told)
            yield told
            if told != before and locked:
                _write(file, told)
        finally:
            if locked:
                fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give back the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(
                self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, self._mode
            )
        return self._file


def _lock(file: int, patience: float) -> bool:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def _read(file: int) -> dict[str, Told]:
    """What the file says; of one that was damaged, nothing."""
    try:
        found = json.loads(os.pread(file, _LONG, 0))
        return {
            str(ledger): Told(Position(int(number), int(nonce)), str(schema))
            for ledger, (number, nonce, schema) in found.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _write(file: int, told: dict[str, Told]) -> None:
    kept = list(told.items())[-_MOST:]
    data = json.dumps({ledger: [*each.position, each.schema] for ledger, each in kept}).encode()
    os.ftruncate(file, 0)  # half of it, after a crash, is none
    os.pwrite(file, data, 0)
