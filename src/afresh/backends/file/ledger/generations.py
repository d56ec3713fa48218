"""Generations of ledger files in a folder: `ledger-000001`, and after it `ledger-000002`.

The highest number is the ledger. A file that can't be trusted is never repaired under those who map
it: it is condemned, and the next number takes over. Whoever notices makes the successor; many may
notice at once. The file is written in full under another name and then linked to its number, which
the file system grants to exactly one; the others find the winner's.
"""

from __future__ import annotations

import re
import secrets
import time
from contextlib import suppress
from os import link
from pathlib import Path

from afresh.backends.file.ledger.mapping import Mapping, write_new
from afresh.core.words import EPOCH, FLOOR, Layout
from afresh.errors import BackendError

_NAME = re.compile(r"ledger-(\d{6,12})")
_TRIES = 20
_APART = 1 << 20
"""So far above the last number of its ancestor a ledger begins at least: that one may still be written."""
_ABANDONED = 60.0
_KEPT = 2


class Generations:
    """The ledger files of one folder."""

    __slots__ = ("_boot", "_folder", "_layout")

    def __init__(self, folder: Path, layout: Layout, boot: int) -> None:
        self._folder = folder
        self._layout = layout
        self._boot = boot

    def current(self, above: int = 0, ancestor: Mapping | None = None) -> tuple[Mapping, list[str]]:
        """Map the ledger; make one, or its successor, where there is none to be trusted.

        Args:
            above: The highest number that this process knows. A ledger that began below it might
                prove something by a number that was given out in another one.
            ancestor: What this process has mapped until now.

        Returns:
            The ledger, and what was wrong with those that it replaces.

        Raises:
            OSError: The folder can't be written, or is full.
            BackendError: Each successor was replaced at once.
        """
        troubles: list[str] = []
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):  # tidied away, or the folder is being deleted: look again
                found = self._newest()
                if found is not None:
                    trouble = found.trouble
                    if not trouble and found.words[FLOOR] <= above:
                        trouble = "it began with numbers that were given out before"
                    if not trouble:
                        return found, troubles
                    troubles.append(f"{found.path.name}: {trouble}")
                self._succeed(found, above, ancestor)
        raise BackendError(f"{self._folder}: no ledger stayed valid: {'; '.join(troubles)}")

    def _newest(self) -> Mapping | None:
        number, path = max(self._all(), default=(0, self._folder))
        return Mapping(path, number, self._boot) if number else None

    def _all(self) -> list[tuple[int, Path]]:
        if not self._folder.is_dir():
            return []
        named = ((path, _NAME.fullmatch(path.name)) for path in self._folder.iterdir())
        return [(int(match[1]), path) for path, match in named if match is not None]

    def _succeed(self, replaced: Mapping | None, above: int, ancestor: Mapping | None) -> None:
        """Put the next generation in place, whoever gets to do it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if replaced is not None:
            replaced.condemn()
            above = max(above, replaced.last_number())
        number = 1 if replaced is None else replaced.number + 1
        temporary = self._folder / f".ledger-{secrets.token_hex(8)}.new"
        try:
            write_new(
                temporary,
                self._layout,
                epoch=secrets.randbits(63) + 1,
                start=max(time.time_ns() // 1000, above + _APART),
                boot=self._boot,
                heir_of=replaced if replaced is not None and replaced.readable() else ancestor,
            )
            with suppress(FileExistsError):
                link(temporary, self._folder / f"ledger-{number:06}")
        finally:
            temporary.unlink(missing_ok=True)
        if replaced is not None:
            replaced.shut()
        self._tidy(number)

    def _tidy(self, newest: int) -> None:
        """Remove generations that nobody can be opening any more, and what killed makers left."""
        for number, path in self._all():
            if number <= newest - _KEPT:
                path.unlink(missing_ok=True)
        for path in self._folder.glob(".*.new"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()


def epoch_of(mapping: Mapping) -> int:
    """The random identity of a ledger's life."""
    return mapping.words[EPOCH]
