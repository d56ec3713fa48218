"""Invalidations that could not be delivered: kept until they are.

In a folder each is a small file, written under another name first, so whoever lists them finds whole
ones, and they outlive their process. Delivering one twice does no harm; losing one would.
"""

from __future__ import annotations

import os
import secrets
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

_NAME = "undelivered-"
_EVERYTHING = f"{_NAME}everything"
_MANY = 1_000
"""So many wait at most, and so many tags of one; more become one that marks everything."""
_MANY_TAGS = 10_000


class Waiting(NamedTuple):
    """One invalidation that waits.

    Attributes:
        name: What to remove when it was delivered.
        tags: Hashes; `None` for every tag.
        since: Seconds since 1970.
    """

    name: str
    tags: tuple[int, ...] | None
    since: float


class Spool(Protocol):
    """What waits to be delivered."""

    def add(self, tags: Sequence[int]) -> None:
        """Keep an invalidation.

        Raises:
            OSError: It can't be kept.
        """

    def empty(self) -> bool:
        """Whether nothing waits; `False` when that can't be told."""

    def waiting(self) -> list[Waiting]:
        """What waits.

        Raises:
            OSError: That can't be told.
        """

    def claim(self) -> list[Waiting]:
        """What waits, for the one who delivers it: what is added from now on has other names.

        Raises:
            OSError: That can't be told.
        """

    def remove(self, name: str) -> None:
        """It was delivered."""


class MemorySpool:
    """Of a process that shares no folder with others: what waits ends with it."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    def add(self, tags: Sequence[int]) -> None:
        """Remember it."""
        all_ = len(self._waiting) >= _MANY or len(tags) > _MANY_TAGS
        name = _EVERYTHING if all_ else secrets.token_hex(8)
        self._waiting[name] = Waiting(name, None if all_ else tuple(tags), time.time())

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def waiting(self) -> list[Waiting]:
        """What waits."""
        return list(self._waiting.values())

    def claim(self) -> list[Waiting]:
        """What waits."""
        everything = self._waiting.get(_EVERYTHING)
        if everything is not None:
            name = f"{_EVERYTHING}-{secrets.token_hex(8)}"
            self._waiting[name] = everything._replace(name=name)
            self._waiting.pop(_EVERYTHING, None)
        return self.waiting()

    def remove(self, name: str) -> None:
        """It was delivered."""
        self._waiting.pop(name, None)


class FileSpool:
    """Of the processes that share a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, tags: Sequence[int]) -> None:
        """Write a file, and see to it that it is on the disk."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        everything = len(self._names()) >= _MANY or len(tags) > _MANY_TAGS
        name = _EVERYTHING if everything else f"{_NAME}{secrets.token_hex(8)}"
        temporary = self._folder / f".{name}.{secrets.token_hex(8)}.new"
        try:
            _write(temporary, b"" if everything else array("Q", tags).tobytes())
            temporary.rename(self._folder / name)
        finally:
            temporary.unlink(missing_ok=True)

    def empty(self) -> bool:
        """Whether there are no such files."""
        try:
            return not self._names()
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def waiting(self) -> list[Waiting]:
        """Read them, the oldest first."""
        found = []
        for name in [] if self.empty() else self._names():
            with suppress(FileNotFoundError):  # delivered meanwhile
                path = self._folder / name
                everything = name.startswith(_EVERYTHING)
                tags = None if everything else tuple(array("Q", _whole(path.read_bytes())))
                found.append(Waiting(name, tags, path.stat().st_mtime))
        return sorted(found, key=lambda each: each.since)

    def claim(self) -> list[Waiting]:
        """Read them; the file that stands for everything gets a name that nobody adds to any more."""
        with suppress(FileNotFoundError):
            there = self._folder / _EVERYTHING
            there.rename(self._folder / f"{_EVERYTHING}-{secrets.token_hex(8)}")
        return self.waiting()

    def remove(self, name: str) -> None:
        """Delete its file."""
        (self._folder / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        return [name for name in os.listdir(self._folder) if name.startswith(_NAME)]  # noqa: PTH208  names only


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123  of a descriptor
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _whole(data: bytes) -> bytes:
    return data[: len(data) - len(data) % 8]
