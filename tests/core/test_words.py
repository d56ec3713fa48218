"""The layout of a ledger's words, and what is recognised as damage."""

from __future__ import annotations

from array import array

import pytest

from afresh.core import words as w
from afresh.core.words import Damaged, Layout, initialise, layout_of
from afresh.errors import ConfigurationError

SMALL = Layout(slots=4, ring=8, cells=2)


def made(layout: Layout = SMALL) -> array[int]:
    words = array("Q", bytes(8 * layout.total))
    initialise(words, layout, epoch=7, start=1_000, boot=5)
    return words


def test_the_parts_lie_behind_each_other_and_fill_the_words() -> None:
    assert SMALL.first_slot == w.HEADER + 2 * w.CELL
    assert SMALL.first_ring == SMALL.first_slot + 4
    assert SMALL.total == SMALL.first_ring + 8


def test_new_words_say_their_sizes_and_begin_at_their_start() -> None:
    words = made()
    assert layout_of(words) == SMALL
    assert {words[i] for i in (w.FIRST, w.FLOOR, w.RESERVED, w.BEGIN, w.GIVEN)} == {1_000}
    assert set(words[SMALL.first_slot : SMALL.first_ring]) == {1_000}, "no slot is below the first number"
    assert set(words[w.HEADER : SMALL.first_slot]) == {0}, "every cell is free"


@pytest.mark.parametrize("sizes", [{"slots": 3}, {"slots": 0}, {"ring": 12}, {"cells": 0}])
def test_impossible_sizes_are_refused_with_advice(sizes: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="give"):
        Layout(**sizes)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (w.LIFE, 0),
        (w.FORMAT_WORD, w.FORMAT + 1),
        (w.SLOTS, 5),
        (w.RING, 16),
        (w.CELLS, 3),
        (w.EPOCH, 0),
        (w.FLOOR, 999),
        (w.FLOOR, 1_002),
        (w.GIVEN, 1_001),
        (w.BEGIN, 999),
    ],
)
def test_a_header_that_makes_no_sense_is_damage(word: int, value: int) -> None:
    words = made()
    words[word] = value
    with pytest.raises(Damaged):
        layout_of(words)


def test_words_that_were_cut_off_are_damage() -> None:
    with pytest.raises(Damaged):
        layout_of(made()[:-1])


def test_superseded_words_can_still_be_read() -> None:
    words = made()
    words[w.LIFE] = w.SUPERSEDED
    words[w.BEGIN] = w.CLOSED
    assert layout_of(words) == SMALL
