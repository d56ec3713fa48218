"""Where everything stands in a ledger's words: one flat sequence of unsigned 64-bit integers.

The same words are a private `array("Q")` in one process, or a file that all processes of a machine
have mapped. ::

    header | cells of intents | slots | ring

The order in which these words are written and read is the whole of the ledger's safety: see `log`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, overload

from afresh.errors import ConfigurationError

FORMAT = 1
"""Raised when the meaning of a word changes. A new format also takes new file names, so that an old
and a new release on one machine never replace each other's files."""

ALIVE = int.from_bytes(b"afresh L", "little")
SUPERSEDED = int.from_bytes(b"afresh X", "little")

# The header.
LIFE = 0  # ALIVE, SUPERSEDED when another file has taken over; anything else is damage
FORMAT_WORD = 1
BOOT = 2  # digest of the machine's boot id
EPOCH = 3  # random identity of these words
SLOTS = 4  # how many slots, a power of two
RING = 5  # how many words in the ring, a power of two
CELLS = 6  # how many cells for intents
FIRST = 7  # the number these words began with: no slot is ever below it
FLOOR = 8  # what was stamped before this number can't be judged, so it is invalid
STANDING = 9  # intents stand in the cells before this one only; 0: none stands
RESERVED = 10  # numbers up to here may have been written over older ones in the ring
BEGIN = 11  # marks up to here are published: in the ring, though perhaps not yet in the slots
GIVEN = 12  # marks up to here are in the slots too
HEADER = 64

CLOSED = 2**64 - 1
"""What BEGIN holds for ever in words that were superseded: no entry was ever proven at it."""

# A cell: one intent, or a part of a long one.
NUMBER = 0  # the intent's number; 0: the cell is free
OWNER = 1
COUNT = 2  # how many tags follow, or EVERYTHING
TAGS = 3
CELL = 16
CELL_TAGS = CELL - TAGS

EVERYTHING = 2**64 - 1
"""COUNT of an intent on every tag there is."""

NO_TAG = 0
"""Ring word of a number that marks nothing. No tag's hash is 0."""


class Damaged(Exception):  # caught by the ledger, which replaces the words
    """These words can't be what a ledger wrote."""


class Piece(Protocol):
    """Several words in rising order."""

    def __iter__(self) -> Iterator[int]:
        """One by one."""

    def __len__(self) -> int:
        """How many there are."""

    def tobytes(self) -> bytes:
        """All of them, in the machine's order of bytes."""


class Words(Protocol):
    """A `memoryview` of format "Q", an `array("Q")`, or a test's double. Indices are never negative."""

    @overload
    def __getitem__(self, index: int, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> Piece: ...
    def __getitem__(self, index: int | slice, /) -> int | Piece:
        """Read one word, or several in rising order."""

    def __setitem__(self, index: int, word: int, /) -> None:
        """Write one word."""

    def __len__(self) -> int:
        """How many words there are."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The sizes of one ledger.

    Attributes:
        slots: Tags share a slot by the low bits of their hashes. A power of two.
        ring: So many of the last numbers can be told one by one. A power of two.
        cells: Room for intents, `CELL_TAGS` tags in each.
    """

    slots: int = 65_536
    ring: int = 262_144
    cells: int = 256

    def __post_init__(self) -> None:
        for name, size in (("slots", self.slots), ("ring", self.ring)):
            if size < 1 or size & (size - 1):
                raise ConfigurationError(f"{name}={size}: give a power of two, such as 65536.")
        if self.cells < 1:
            raise ConfigurationError(f"cells={self.cells}: give 1 or more.")

    @property
    def first_slot(self) -> int:
        """Index of the first slot."""
        return HEADER + self.cells * CELL

    @property
    def first_ring(self) -> int:
        """Index of the ring's first word."""
        return self.first_slot + self.slots

    @property
    def total(self) -> int:
        """How many words there are in all."""
        return self.first_ring + self.ring


def initialise(words: Words, layout: Layout, *, epoch: int, start: int, boot: int = 0) -> None:
    """Write an empty ledger into zeroed words that nobody else sees yet.

    Args:
        words: At least `layout.total` words.
        layout: The sizes.
        epoch: Random, not 0.
        start: The first position: microseconds since 1970, and more than any number given before.
        boot: Digest of the machine's boot id; 0 where the words don't outlive their process.
    """
    header = {
        FORMAT_WORD: FORMAT,
        BOOT: boot,
        EPOCH: epoch,
        SLOTS: layout.slots,
        RING: layout.ring,
        CELLS: layout.cells,
        FIRST: start,
        FLOOR: start,
        RESERVED: start,
        BEGIN: start,
        GIVEN: start,
    }
    for index, word in header.items():
        words[index] = word
    for slot in range(layout.first_slot, layout.first_ring):
        words[slot] = start
    words[LIFE] = ALIVE


def layout_of(words: Words) -> Layout:
    """Read the sizes from the header.

    Raises:
        Damaged: These are not words of this format, or not as many as they say.
    """
    if words[LIFE] not in (ALIVE, SUPERSEDED) or words[FORMAT_WORD] != FORMAT:
        raise Damaged("it does not begin as a ledger of this release does")
    try:
        layout = Layout(words[SLOTS], words[RING], words[CELLS])
    except ConfigurationError:
        raise Damaged("its sizes make no sense") from None
    if layout.total != len(words):
        raise Damaged("it is not as long as it says")
    if (
        not words[FIRST] <= words[FLOOR] <= words[GIVEN] + 1
        or words[GIVEN] > words[BEGIN]
        or not words[EPOCH]
    ):
        raise Damaged("its numbers are out of order")
    return layout
