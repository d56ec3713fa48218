"""Intents: tags that are about to change, in a table of cells beside the log.

A transaction writes its intent before COMMIT and settles it afterwards. While it stands, what
carries one of its tags may be used but is neither kept nor filled; and if its owner dies, somebody
else announces its tags.

An intent is one cell, or several with the same number and owner; each can be read alone, so no
cell points at another. Writers hold the log's lock and may be killed between any two words. A cell
counts from the moment its NUMBER is written, which is done last; the intent counts from the moment
the log moves to its number, which is done after all its cells. Whoever reads BEGIN first and the
cells afterwards therefore sees every intent that stands at that position.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from afresh.core.log import Log
from afresh.core.words import (
    BEGIN,
    CELL,
    CELL_TAGS,
    COUNT,
    EVERYTHING,
    GIVEN,
    HEADER,
    NUMBER,
    OWNER,
    STANDING,
    TAGS,
)

_SHARE = 8
"""One intent takes at most this fraction of all cells; a longer one stands on everything."""


_PATIENCE = 3
"""So many times a reader starts again because somebody wrote meanwhile."""


class NoRoom(Exception):  # caught by the ledger, which tries again when the dead are cleared
    """Every cell is taken."""


class Standing(NamedTuple):
    """What is about to change.

    Attributes:
        at: The position that was read before the cells.
        tags: Tags of standing intents.
        everything: Some intent stands on every tag.
    """

    at: int
    tags: frozenset[int]
    everything: bool

    def holds(self, tags: frozenset[int]) -> bool:
        """Whether one of `tags` is about to change."""
        return self.everything or not self.tags.isdisjoint(tags)


class Intents:
    """The intents in a log's words. Writing needs the caller's lock; reading needs none."""

    __slots__ = ("_cells", "_known", "_log", "_words")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._words = log.words
        self._cells = log.layout.cells
        self._known = Standing(-1, frozenset(), False)

    # -- writing --------------------------------------------------------------------------------

    def open(self, owner: int, tags: Sequence[int], number: int | None = None) -> int:
        """Write that `tags` are about to change; returns the intent's number.

        Args:
            owner: Who is going to settle it; not 0.
            tags: Their hashes.
            number: Of an intent that stood in other words already.

        Raises:
            NoRoom: Every cell is taken; nothing was written.
        """
        number = self.next_number() if number is None else number
        self._log.finish()
        free = [cell for cell, taken in enumerate(self._numbers()) if not taken]
        needed = max(1, -(-len(tags) // CELL_TAGS))
        if not free:
            raise NoRoom
        if needed > min(len(free), max(1, self._cells // _SHARE)):
            self._write(free[0], number, owner, EVERYTHING, ())
        else:
            for part in range(needed):
                some = tags[part * CELL_TAGS : (part + 1) * CELL_TAGS]
                self._write(free[part], number, owner, len(some), some)
        self.recount()
        self._log.move()
        return number

    def next_number(self) -> int:
        """What `open` will call an intent that it opens now."""
        self._log.finish()
        return self._words[GIVEN] + 1

    def settle(self, owner: int, number: int, announce: Sequence[int] = ()) -> int:
        """Mark `announce`, then clear the intent if it is there; returns the position."""
        self._log.mark(announce)
        return self._clear({(number, owner)})

    def bequeath(self, dead: Collection[int]) -> int:
        """Announce and clear every intent of these owners, who can't any more; returns the position."""
        words, left = self._words, set()
        for base in self._taken():
            if words[base + OWNER] not in dead:
                continue
            left.add((words[base + NUMBER], words[base + OWNER]))
            count = words[base + COUNT]
            if count > CELL_TAGS:
                self._log.mark_everything()
            else:
                self._log.mark([words[base + TAGS + index] for index in range(count)])
        return self._clear(left)

    def _write(self, cell: int, number: int, owner: int, count: int, tags: Sequence[int]) -> None:
        words, base = self._words, HEADER + cell * CELL
        for index, tag in enumerate(tags):
            words[base + TAGS + index] = tag
        words[base + COUNT] = count
        words[base + OWNER] = owner
        words[base + NUMBER] = number

    def _clear(self, intents: Collection[tuple[int, int]]) -> int:
        """Free the cells of these intents, which were announced already, and move the log."""
        words = self._words
        for base in self._taken():
            if (words[base + NUMBER], words[base + OWNER]) in intents:
                words[base + NUMBER] = 0
        self.recount()
        # The last: whoever looks at the new position sees the cells free.
        return self._log.move()

    def recount(self) -> None:
        """Set STANDING to where the taken cells end."""
        taken = [cell for cell, number in enumerate(self._numbers()) if number]
        self._words[STANDING] = taken[-1] + 1 if taken else 0

    def _numbers(self) -> list[int]:
        return list(self._words[HEADER + NUMBER : HEADER + self._cells * CELL : CELL])

    def _taken(self) -> Iterator[int]:
        """Where each taken cell begins; also cells that a killed writer had not counted yet."""
        return (HEADER + cell * CELL for cell, number in enumerate(self._numbers()) if number)

    # -- reading --------------------------------------------------------------------------------

    def prove(self, tags: frozenset[int], since: int) -> tuple[int, bool] | None:
        """Show that none of `tags` was marked after `since`; `None` when one was, or may have been.

        Returns:
            The position for which this is proven, and whether one of the tags is about to change
            (or that it could not be told, since others kept writing).

        Raises:
            Damaged: The words hold what no ledger wrote.
        """
        words = self._words
        at = since
        for _ in range(_PATIENCE):
            at = words[BEGIN]
            if not self._log.unmarked(tags, since, at):
                return None
            if words[STANDING] and self.standing(at).holds(tags):
                return at, True
            # An intent that stood at `at` may have been settled before the cells were looked at. Its
            # marks came first, so then BEGIN has moved, and they have to be looked for.
            if words[BEGIN] == at:
                return at, False
            since = at
        return at, True

    def standing(self, at: int) -> Standing:
        """What is about to change at position `at`, which the caller has read before this call."""
        known = self._known
        if known.at == at:
            return known
        tags: set[int] = set()
        everything = False
        for base in self._seen():
            count = self._words[base + COUNT]
            everything = everything or count > CELL_TAGS
            tags.update(self._words[base + TAGS : base + TAGS + min(count, CELL_TAGS)])
        self._known = known = Standing(at, frozenset(tags), everything)
        return known

    def owners(self) -> set[int]:
        """Who has intents standing."""
        return {self._words[base + OWNER] for base in self._seen()}

    def find(self, owner: int) -> set[int]:
        """The numbers of one owner's standing intents."""
        return {self._words[base + NUMBER] for base in self._seen() if self._words[base + OWNER] == owner}

    def _seen(self) -> Iterator[int]:
        """Where each cell begins that is taken right now, as a reader without a lock sees it.

        A cell that is freed and taken again while it is read shows a mixture; it belonged to an
        intent that was settled, or not yet open, at the position that the reader holds.
        """
        for cell in range(min(self._words[STANDING], self._cells)):
            if self._words[HEADER + cell * CELL + NUMBER]:
                yield HEADER + cell * CELL
