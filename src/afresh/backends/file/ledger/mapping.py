"""One ledger file, mapped into this process.

The mapping is never given back: decorated functions hold its `words` and read them on every hit. A
file that ends its life is left as it is and told to everybody who still maps it (`condemn`,
`shut`); truncating it would end those processes with SIGBUS.
"""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

from afresh.backends.file.ledger.writer_lock import WriterLock
from afresh.core.intents import Intents
from afresh.core.log import Log
from afresh.core.words import (
    ALIVE,
    BEGIN,
    BOOT,
    CLOSED,
    GIVEN,
    HEADER,
    LIFE,
    RESERVED,
    SUPERSEDED,
    Damaged,
    Layout,
    initialise,
    layout_of,
)

_WORD = 8
_IMPLAUSIBLE = 2**53
"""Positions are also read by programs whose numbers are doubles."""


class Mapping:
    """A ledger file's words, as they are found.

    Attributes:
        number: The generation; a higher one takes over.
        path: Where it was opened.
        words: All of it, as unsigned 64-bit words of one aligned view: each is read and written whole.
        identity: Device and inode.
        trouble: Why it can't be used, or the empty string.
        log: The marks, and
        intents: the intents in it; both only when it can be used.
        lock: The lock of those who write it.
    """

    __slots__ = ("identity", "intents", "lock", "log", "number", "path", "trouble", "words")

    log: Log
    intents: Intents

    def __init__(self, path: Path, number: int, boot: int) -> None:
        """Map a file.

        Raises:
            OSError: It is gone, or can't be opened.
        """
        self.path = path
        self.number = number
        # mmap keeps a duplicate of this descriptor, which a child process inherits. So it is never
        # locked: the lock would outlive a killed parent. WriterLock opens its own.
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            found = os.fstat(descriptor)
            self.identity = (found.st_dev, found.st_ino)
            usable = stat.S_ISREG(found.st_mode) and found.st_size >= HEADER * _WORD
            length = found.st_size - found.st_size % _WORD if usable else 0
            self.words = memoryview(mmap.mmap(descriptor, length) if length else b"").cast("Q")
        finally:
            os.close(descriptor)
        self.lock = WriterLock(path, self.identity)
        self.trouble = self._examine(boot) if usable else "it is not a file of any length that a ledger has"

    def _examine(self, boot: int) -> str:
        try:
            layout = layout_of(self.words)
        except Damaged as damage:
            return str(damage)
        self.log = Log(self.words, layout)
        self.intents = Intents(self.log)
        if self.words[LIFE] != ALIVE:
            return "it was superseded"
        return "" if self.words[BOOT] == boot else "it is from before the machine's last start"

    def readable(self) -> bool:
        """Whether `log` and `intents` make sense, in use or not."""
        return hasattr(self, "log")

    def alive(self) -> bool:
        """Whether nobody has taken over."""
        return self.words[LIFE] == ALIVE

    def trouble_now(self) -> str:
        """Why this, which could be used once, can't be now; or the empty string."""
        try:
            found = self.path.stat(follow_symlinks=False)
            layout_of(self.words)
        except OSError as error:
            return f"its file is gone: {error.strerror}"
        except Damaged as damage:
            return str(damage)
        if (found.st_dev, found.st_ino) != self.identity:
            return "another file has its place"
        # Last: see `condemn`.
        return "" if self.words[LIFE] == ALIVE else "it was superseded"

    def last_number(self) -> int:
        """The highest number that was ever given out here; 0 when it can't be told."""
        if len(self.words) < HEADER:
            return 0
        numbers = (self.words[index] for index in (RESERVED, BEGIN, GIVEN))
        return max((number for number in numbers if number < _IMPLAUSIBLE), default=0)

    def condemn(self) -> None:
        """Tell whoever maps these words that they end, **before** there is a successor.

        A writer looks at LIFE after its write: it either sees this and writes again in the successor,
        or it wrote before the successor could be opened by anyone.
        """
        if len(self.words) >= HEADER:
            self.words[LIFE] = SUPERSEDED

    def shut(self) -> None:
        """Make every hit that still compares with these words fail, from now on."""
        if len(self.words) >= HEADER:
            self.words[BEGIN] = CLOSED


def write_new(
    path: Path, layout: Layout, *, epoch: int, start: int, boot: int, heir_of: Mapping | None
) -> None:
    """Write a complete ledger file that has no other name yet.

    Args:
        path: Must not exist.
        layout: The sizes.
        epoch: Random, not 0.
        start: The first position.
        boot: See `boot_digest`.
        heir_of: Whose intents go on standing in this file.

    Raises:
        OSError: There is no room for it, or it can't be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _allocate(descriptor, layout.total * _WORD)
        with mmap.mmap(descriptor, layout.total * _WORD) as mapped, memoryview(mapped).cast("Q") as words:
            initialise(words, layout, epoch=epoch, start=start, boot=boot)
            if heir_of is not None:
                _inherit(words, layout, heir_of)
    finally:
        os.close(descriptor)


def _allocate(descriptor: int, size: int) -> None:
    """Give the file its blocks now: a mapped word without one would be a SIGBUS on a full disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    block = bytes(1 << 16)  # macOS: not run there
    for begin in range(0, size, len(block)):
        os.pwrite(descriptor, block[: size - begin], begin)


def _inherit(words: memoryview, layout: Layout, ancestor: Mapping) -> None:
    """Copy the cells of intents. One that is torn belongs to a writer who will see LIFE and write it again."""
    if not ancestor.readable() or ancestor.log.layout.cells != layout.cells:
        return
    words[HEADER : layout.first_slot] = ancestor.words[HEADER : layout.first_slot]
    Intents(Log(words, layout)).recount()
