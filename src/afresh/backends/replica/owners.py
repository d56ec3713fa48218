"""Whose intents stand: processes of this machine, whose lock files tell, and those of other machines.

The upper half of an owner's id is its machine. A process of this one is dead when nobody holds its
lock. Of another machine nothing can be known here: its own processes announce what their dead were
about to change. Only when a whole machine is gone does nobody do that. So an intent that has stood for
`OVERDUE` seconds in the eyes of this machine is announced in any case. That marks too much, never too
little; if its owner lives after all, its own announcement comes later and counts just the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from os import link
from pathlib import Path

from afresh.backends.file.ledger.owners import Owners

OVERDUE = 60.0
"""Seconds. An intent is written right before COMMIT and settled right after it."""


class ReplicaOwners:
    """The owners of intents, as one process sees them."""

    def __init__(self, folder: Path | None, now: Callable[[], float]) -> None:
        self._folder = folder
        self._now = now
        self._seen: dict[tuple[int, int], float] = {}
        self._private = 0
        self._files: Owners | None = None

    def own(self) -> int:
        """This process's id as an owner.

        Raises:
            OSError: Its file can't be written.
        """
        files = self._owners()
        if files is not None:
            return files.own()
        self._private = self._private or (secrets.randbits(31) or 1) << 32 | secrets.randbits(32)
        return self._private

    def orphans(self, intents: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
        """Those of all standing intents (number, owner) that nobody is going to settle."""
        now, intents = self._now(), list(intents)
        self._seen = {intent: self._seen.get(intent, now) for intent in intents}
        return {
            intent
            for intent in intents
            if now - self._seen[intent] > OVERDUE or not self._alive_or_elsewhere(intent[1])
        }

    def bury(self) -> None:
        """Remove the files of the dead."""
        with suppress(OSError):
            files = self._owners()
            if files is not None:
                files.bury()

    def _alive_or_elsewhere(self, owner: int) -> bool:
        try:
            files = self._owners()
        except OSError:
            return True
        return files is None or owner >> 32 != self._machine or files.alive(owner)

    def _owners(self) -> Owners | None:
        if self._folder is not None and self._files is None:
            self._machine = _machine(self._folder)
            self._files = Owners(self._folder, self._machine)
        return self._files

    def after_fork(self) -> None:
        """In a child: be nobody."""
        self._private = 0
        if self._files is not None:
            self._files.after_fork()

    def close(self) -> None:
        """Be dead."""
        if self._files is not None:
            self._files.close()


def _machine(folder: Path) -> int:
    """This machine's number: 31 bits, drawn once by whichever process came first."""
    path, fresh = folder / "machine", folder / f".machine-{secrets.token_hex(8)}.new"
    with suppress(FileNotFoundError, ValueError):
        return int(path.read_text("ascii"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh.write_text(str(secrets.randbits(31) or 1), "ascii")
    try:
        with suppress(FileExistsError):
            link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return int(path.read_text("ascii"))
