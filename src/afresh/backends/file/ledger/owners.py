"""Who is alive: each process that has intents holds a lock on a file of its own.

A lock ends with its process, however that ends, and is seen across containers, where process ids
say nothing. Another process tries a shared lock: if it gets it, the owner is dead.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

_PREFIX = "owner-"


class Owners:
    """The owners' files of one folder, one of them this process's."""

    __slots__ = ("_descriptor", "_folder", "_machine", "_own")

    def __init__(self, folder: Path, machine: int = 0) -> None:
        """Look after the owners of a folder.

        Args:
            folder: The folder.
            machine: Where owners of several machines meet, the number of this one (31 bits): the upper
                half of its owners' ids.
        """
        self._folder = folder
        self._machine = machine
        self._own = 0
        self._descriptor: int | None = None

    def own(self) -> int:
        """This process's id as an owner. From the first call on others can see that it lives.

        Raises:
            OSError: The file can't be written.
        """
        if self._descriptor is None or not self._path(self._own).exists():
            new = self._machine << 32 | secrets.randbits(32) if self._machine else secrets.randbits(63) + 1
            self._become(self._own or new)
        return self._own

    def alive(self, owner: int) -> bool:
        """Whether an owner's process lives. Where its file is missing, it doesn't."""
        try:
            descriptor = os.open(self._path(owner), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            # Shared, so that two who ask at once don't take each other for the owner.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def bury(self) -> None:
        """Remove the files of the dead; without its file an owner counts as dead too."""
        for path in self._folder.glob(f"{_PREFIX}*"):
            with suppress(OSError, ValueError):
                if not self.alive(int(path.name.removeprefix(_PREFIX), 16)):
                    path.unlink()

    def after_fork(self) -> None:
        """In a child: be nobody, and stop keeping the parent's lock alive."""
        descriptor, self._descriptor, self._own = self._descriptor, None, 0
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Be dead. Intents that still stand are announced by whoever notices."""
        if self._descriptor is not None:
            self._path(self._own).unlink(missing_ok=True)
        self.after_fork()

    def _become(self, owner: int) -> None:
        path = self._path(owner)
        temporary = path.with_name(f".{path.name}.new")
        descriptor = os.open(
            temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        # Locked before anybody can see it under its name.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary.rename(path)
        previous, self._descriptor, self._own = self._descriptor, descriptor, owner
        if previous is not None:
            os.close(previous)

    def _path(self, owner: int) -> Path:
        return self._folder / f"{_PREFIX}{owner:016x}"
