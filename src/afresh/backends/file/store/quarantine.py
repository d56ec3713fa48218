"""What is damaged is moved aside, never deleted: somebody may want to know what happened."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

COMPANIONS = ("-wal", "-shm")
"""What SQLite keeps beside a database in WAL mode."""


def set_aside(path: Path) -> Path:
    """Rename the database and its companions to a name that nobody uses, and return it.

    The caller holds the commit lock. The database goes first: if this process dies in between, the
    next one finds no database and removes the companions (`remove_strays`), where a database with a
    missing log would look sound.

    Raises:
        OSError: It could not be renamed.
    """
    when = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    target = path.with_name(f"{path.name}.damaged-{when}-{os.getpid()}")
    number = 0
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.damaged-{when}-{os.getpid()}-{number}")
    path.rename(target)
    for suffix in COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(target.with_name(target.name + suffix))
    return target


def remove_strays(path: Path) -> None:
    """Remove companions of a database that is gone: SQLite would replay its log into the next one."""
    for suffix in COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def remove(path: Path) -> None:
    """Remove the database and its companions. The caller holds the commit lock."""
    path.unlink()
    remove_strays(path)
