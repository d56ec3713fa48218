"""The ledger itself: numbered marks in a ring, with a table of slots as their filter.

Every marked tag takes the next number. `ring[number]` is the tag's hash, for the last numbers;
`slot[hash]` is the last number that marked any tag of that slot, for ever. The ring tells exactly
and forgets; a slot never forgets and may blame a tag for its neighbour.

**Order of writing.** One writer at a time (its caller holds a lock). It may be killed between any
two words, and readers, who take no lock, may look between any two words::

    RESERVED   "ring words of numbers up to here can't be trusted to be the old ones"
    ring       the tags
    BEGIN      from here on the marks are published, and every hit notices
    slots      the same tags, for whoever comes too late for the ring
    GIVEN      published and complete

If it is killed before BEGIN, nothing has happened, except that the ring has lost its oldest
words; RESERVED says so. If it is killed after BEGIN, the next writer copies the ring's words
`(GIVEN, BEGIN]` into the slots first, and until then readers take them from the ring.

**Order of reading.** BEGIN first: what is then proven holds for *that* position, whatever is
written meanwhile. After the ring's words, RESERVED: were they still the old ones? And GIVEN before
the slots: what do the slots contain for certain?

This order relies on a memory that shows one processor's writes to the others in the order in which
they were made, and doesn't run one processor's reads ahead of each other: x86's. The machine's
ledger says what it does elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet

from afresh.core.words import (
    BEGIN,
    FIRST,
    FLOOR,
    GIVEN,
    NO_TAG,
    RESERVED,
    Damaged,
    Layout,
    Piece,
    Words,
    layout_of,
)

_SLOT_COST = 2
"""Comparing a slot costs 57 ns, replaying a number of the ring 21 ns (CPython 3.11)."""


_FEW = 6
_LONG = 128
"""So few tags are found in so many words sooner as bytes: 2.5 ns a word and tag, not 20 ns a word."""


class Log:
    """The marks in some words. Writing needs the caller's lock; reading needs none.

    Attributes:
        words: The words.
        layout: Their sizes.
    """

    __slots__ = ("_first_ring", "_first_slot", "_ring", "_slot_mask", "layout", "words")

    def __init__(self, words: Words, layout: Layout | None = None) -> None:
        self.words = words
        self.layout = layout = layout_of(words) if layout is None else layout
        self._first_slot = layout.first_slot
        self._slot_mask = layout.slots - 1
        self._first_ring = layout.first_ring
        self._ring = layout.ring

    # -- writing --------------------------------------------------------------------------------

    def mark(self, tags: Sequence[int]) -> int:
        """Give each tag the next number; returns the last number. No tags move nothing."""
        self.finish()
        for begin in range(0, len(tags), self._ring):
            # What was published and is not in the slots yet must all be in the ring.
            self.publish(tags[begin : begin + self._ring])
        return self.words[GIVEN]

    def move(self) -> int:
        """Take a number that marks nothing: whoever compares positions looks again."""
        self.finish()
        self.publish((NO_TAG,))
        return self.words[GIVEN]

    def mark_everything(self) -> int:
        """Mark every tag there is, by raising the floor; returns the number."""
        self.finish()
        # Before BEGIN, like a ring word: nobody may prove anything at the new position and the old floor.
        self.words[FLOOR] = self.words[GIVEN] + 1
        self.publish((NO_TAG,))
        return self.words[GIVEN]

    def publish(self, tags: Sequence[int]) -> None:
        """Write at most a ring's length of marks behind finished ones, in the one safe order."""
        words = self.words
        given = words[GIVEN]
        last = given + len(tags)
        # A writer killed here has reserved more, and written over more, than is asked for now.
        words[RESERVED] = max(words[RESERVED], last)
        for number, tag in enumerate(tags, given + 1):
            words[self._first_ring + number % self._ring] = tag
        words[BEGIN] = last
        self.finish()

    def finish(self) -> None:
        """Copy what is published into the slots: this writer's marks, or those of one that was killed.

        Raises:
            Damaged: The numbers are out of order.
        """
        words = self.words
        given, begin = words[GIVEN], words[BEGIN]
        if begin == given:
            return
        if not 0 < begin - given <= self._ring:
            raise Damaged("its numbers are out of order")
        for number in range(given + 1, begin + 1):
            tag = words[self._first_ring + number % self._ring]
            if tag != NO_TAG:
                words[self._first_slot + (tag & self._slot_mask)] = number
        words[GIVEN] = begin

    # -- reading --------------------------------------------------------------------------------

    def prove(self, tags: frozenset[int], since: int) -> int | None:
        """The position up to which none of `tags` was marked after `since`; `None` if one was.

        `None` also when it can't be told. The position is the one that was read first of all.
        """
        at = self.words[BEGIN]
        return at if self.unmarked(tags, since, at) else None

    def unmarked(self, tags: frozenset[int], since: int, at: int) -> bool:
        """Whether none of `tags` was marked in `(since, at]`; `False` also when it can't be told.

        Args:
            tags: What a value was made from.
            since: The position up to which that is known already.
            at: A position that the caller read before anything else.

        Raises:
            Damaged: A slot holds what no ledger wrote.
        """
        if not self.words[FLOOR] <= since <= at:
            return False
        if at == since:
            return True
        if at - since <= _SLOT_COST * len(tags):
            replayed = self._replay(tags, since, at)
            if replayed is not None:
                return replayed
        suspects = self._suspects(tags, since, at)
        if not suspects:
            return True
        # A suspect may have been blamed for its neighbour in the slot: the ring knows.
        return self._replay(set(suspects), since, at) or False

    def blame(self, tags: frozenset[int], since: int) -> int | None:
        """The first of `tags` that was marked after `since`, as long as the ring still covers that."""
        at = self.words[BEGIN]
        if not self.words[FLOOR] <= since <= at or at - since > self._ring:
            return None
        marked = next((tag for part in self._slices(since, at) for tag in part if tag in tags), None)
        return marked if self._covers(since) else None

    def marks(self, since: int) -> tuple[int, frozenset[int] | None]:
        """A position, and the tags that were marked in `(since, position]`.

        For who tells others what was marked. `None` in place of the tags: the ring has them no more,
        or everything was marked.
        """
        at = self.words[BEGIN]
        if not self.words[FLOOR] <= since <= at or at - since > self._ring:
            return at, None
        marked = frozenset(tag for part in self._slices(since, at) for tag in part) - {NO_TAG}
        return at, marked if self._covers(since) else None

    def _replay(self, tags: AbstractSet[int], since: int, at: int) -> bool | None:
        """Whether none of `tags` is in the ring's `(since, at]`; `None` if that is there no more."""
        if at - since > self._ring:
            return None
        free = all(none_in(part, tags) for part in self._slices(since, at))
        # Asked last: nothing that was read may have been written over meanwhile.
        return free if self._covers(since) else None

    def _covers(self, since: int) -> bool:
        return self.words[RESERVED] - since <= self._ring

    def _slices(self, since: int, at: int) -> Iterable[Piece]:
        """The ring's words of `(since, at]`, not more than it holds: one piece, or two around its end."""
        if at == since:
            return
        base = self._first_ring
        first, last = (since + 1) % self._ring, at % self._ring
        if first <= last:
            yield self.words[base + first : base + last + 1]
        else:
            yield self.words[base + first : base + self._ring]
            yield self.words[base : base + last + 1]

    def _suspects(self, tags: frozenset[int], since: int, at: int) -> Collection[int]:
        """Those of `tags` that the slots, and what is not in them yet, can't clear of `(since, at]`."""
        words, base, mask = self.words, self._first_slot, self._slot_mask
        lowest = words[FIRST]
        for _ in range(2):
            given = words[GIVEN]
            suspects = [tag for tag in tags if not lowest <= words[base + (tag & mask)] <= since]
            if any(words[base + (tag & mask)] < lowest for tag in suspects):
                raise Damaged("a slot is below the first number")
            unfinished = True if given >= at else self._replay(tags, max(given, since), at)
            if unfinished is not None:
                return suspects if unfinished else tags
            # The ring has gone on since GIVEN was read, so by now the slots have all of `(given, at]`.
        return tags


def none_in(piece: Piece, tags: AbstractSet[int]) -> bool:
    """Whether none of `tags` is among the words of `piece`."""
    if len(tags) > _FEW or len(piece) < _LONG:
        return tags.isdisjoint(piece)
    # A copy may tear a word that is being written over; `_covers` finds that out in any case.
    data = piece.tobytes()
    return not any(_stands_in(data, tag.to_bytes(8, sys.byteorder)) for tag in tags)


def _stands_in(data: bytes, word: bytes) -> bool:
    at = data.find(word)
    while at % 8 and at > 0:  # the end of one word and the beginning of the next
        at = data.find(word, at + 1)
    return at >= 0
