"""Where copies come from: a server's snapshot, written in full before anybody can see it.

In a folder they are files `copy-000001`, `copy-000002` …, of which the highest number is the
machine's. It is written under another name and then linked to its number, which the file system
grants to exactly one process; the others find the winner's.
"""

from __future__ import annotations

import re
import secrets
import time
from array import array
from contextlib import suppress
from os import link
from pathlib import Path
from typing import Protocol

from afresh.backends.file.boot import boot_digest
from afresh.backends.file.ledger.mapping import Mapping, write_new
from afresh.backends.replica.copy import Copy, Mutex, fresh_stamp
from afresh.backends.replica.header import HEARD, HIT, PENDING
from afresh.backends.replica.remote import Snapshot
from afresh.core.intents import Intents
from afresh.core.log import Log
from afresh.core.words import BOOT, CLOSED, FIRST, FLOOR, RESERVED, Layout, initialise
from afresh.errors import BackendError

RING = 262_144
CELLS = 512
_ROOM = 4  # cells for each intent that stands already, at least
_NAME = re.compile(r"copy-(\d{6,12})")
_ABANDONED = 60.0
_KEPT = 2


class Copies(Protocol):
    """Makes copies, and finds those that others have made."""

    def newest(self) -> tuple[int, Copy | None]:
        """The highest generation (0: none), and its copy, also when it is over; `None` if it makes no sense."""

    def put(self, number: int, snapshot: Snapshot, heard: float) -> Copy | None:
        """Put a copy in place as generation `number`; `None` if there is one already.

        Its hits are closed: whoever put it there has to look into the spool next.

        Raises:
            OSError: It can't be written.
            BackendError: The snapshot makes no sense.
        """


class PrivateCopies:
    """Copies in this process's memory."""

    def __init__(self, slots: int) -> None:
        self._slots = slots

    def newest(self) -> tuple[int, Copy | None]:
        """Nobody else makes any."""
        return 0, None

    def put(self, number: int, snapshot: Snapshot, heard: float) -> Copy | None:
        """Make one."""
        layout, start = _shape(snapshot, self._slots)
        words = memoryview(bytearray(8 * layout.total)).cast("Q")
        initialise(words, layout, epoch=snapshot.to.epoch, start=start)
        _fill(words, snapshot, heard)
        return Copy(words, number, Mutex())


class FileCopies:
    """Copies in a folder that the machine's processes share."""

    def __init__(self, folder: Path, slots: int) -> None:
        self._folder = folder
        self._slots = slots
        self._boot = boot_digest()

    def newest(self) -> tuple[int, Copy | None]:
        """Map the file with the highest number."""
        with suppress(OSError):  # tidied away, or the folder is being deleted
            number, path = max(self._all(), default=(0, self._folder))
            if number:
                mapping = Mapping(path, number, self._boot)
                return number, self._copy_of(mapping)
        return 0, None

    def put(self, number: int, snapshot: Snapshot, heard: float) -> Copy | None:
        """Write a file and link it to its number."""
        layout, start = _shape(snapshot, self._slots)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._folder / f".copy-{secrets.token_hex(8)}.new"
        path = self._folder / f"copy-{number:06}"
        try:
            write_new(temporary, layout, epoch=snapshot.to.epoch, start=start, boot=self._boot, heir_of=None)
            _fill(Mapping(temporary, number, self._boot).words, snapshot, heard)
            link(temporary, path)
            mapping = Mapping(path, number, self._boot)
        except FileExistsError:
            return None
        finally:
            temporary.unlink(missing_ok=True)
        self._tidy(number)
        return Copy(mapping.words, number, mapping.lock, mapping)

    def _copy_of(self, mapping: Mapping) -> Copy | None:
        sensible = mapping.readable() and mapping.words[BOOT] == self._boot
        if not sensible or mapping.log.layout.slots != self._slots:
            return None
        return Copy(mapping.words, mapping.number, mapping.lock, mapping)

    def _all(self) -> list[tuple[int, Path]]:
        named = ((path, _NAME.fullmatch(path.name)) for path in self._folder.iterdir())
        return [(int(match[1]), path) for path, match in named if match is not None]

    def _tidy(self, newest: int) -> None:
        """Remove what nobody can be opening any more, and what killed makers left."""
        with suppress(OSError):
            for number, path in self._all():
                if number <= newest - _KEPT:
                    path.unlink(missing_ok=True)
            for path in self._folder.glob(".*.new"):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()


def _shape(snapshot: Snapshot, slots: int) -> tuple[Layout, int]:
    """The sizes, and the number to begin with: each intent that stands takes one more."""
    to, given = snapshot.to, slots * 8 if snapshot.slots is None else len(snapshot.slots)
    if not to.epoch or not 0 <= snapshot.floor <= to.at or given != slots * 8:
        raise BackendError(f"the server's snapshot makes no sense: {to}, floor {snapshot.floor}")
    return Layout(slots, RING, max(CELLS, _ROOM * len(snapshot.intents))), to.at - len(snapshot.intents)


def _fill(words: memoryview, snapshot: Snapshot, heard: float) -> None:
    """Write a snapshot into the words of a new and empty ledger that nobody else sees yet."""
    log = Log(words)
    intents, layout, floor = Intents(log), log.layout, snapshot.floor
    for intent in snapshot.intents:
        intents.open(intent.owner, intent.tags, intent.first)
    slots = array("Q", [floor]) * layout.slots if snapshot.slots is None else array("Q", snapshot.slots)
    if min(slots) < floor:  # of tags that were never marked, or not since the floor
        slots = array("Q", [max(floor, slot) for slot in slots])
    words[layout.first_slot : layout.first_ring] = memoryview(slots)
    words[FIRST] = words[FLOOR] = floor
    # The ring knows nothing of what was before: no question about that may be put to it.
    words[RESERVED] = snapshot.to.at + layout.ring
    words[HEARD] = int(heard * 1e6)
    words[PENDING] = fresh_stamp()
    words[HIT] = CLOSED
