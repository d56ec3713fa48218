"""The log one step at a time: against a plain list of marks, with tiny rings and slots."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.core import log as log_room
from afresh.core import words as w
from afresh.core.log import Log, none_in
from afresh.core.words import Damaged, Layout, initialise
from sizes import size

START = 1_000
TAGS = st.integers(1, 12)


def made(slots: int = 4, ring: int = 8) -> Log:
    layout = Layout(slots, ring, 1)
    words = array("Q", bytes(8 * layout.total))
    initialise(words, layout, epoch=1, start=START)
    return Log(words)


class Killed(BaseException):
    """The writer was killed."""


class Fragile:
    """Words whose writer is killed before its n-th write."""

    def __init__(self, words: array[int], writes: int) -> None:
        self.words = words
        self.left = writes

    def __getitem__(self, index: int) -> int:
        return self.words[index]

    def __len__(self) -> int:
        return len(self.words)

    def __setitem__(self, index: int, word: int) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
        self.words[index] = word


@given(
    st.integers(0, 3),
    st.integers(0, 4),
    st.lists(st.tuples(st.lists(TAGS, max_size=9), st.none() | st.integers(0, 12)), max_size=size(8, 20)),
    st.frozensets(TAGS, max_size=12),
)
def test_what_was_marked_is_never_proven(
    slots: int, ring: int, writes: list[tuple[list[int], int | None]], tags: frozenset[int]
) -> None:
    log = made(1 << slots, 1 << ring)
    marks: dict[int, int] = {}
    for some, killed_after in writes:
        before = log.words[w.BEGIN]
        writer = log if killed_after is None else Log(Fragile(log.words, killed_after), log.layout)
        try:
            writer.mark(some)
            published = len(some)
        except Killed:
            published = log.words[w.BEGIN] - before
        marks.update(enumerate(some[:published], before + 1))
        at = log.words[w.BEGIN]
        assert at == before + published
        for since in range(START, at + 1):
            marked = any(marks[number] in tags for number in range(since + 1, at + 1))
            proven = log.prove(tags, since)
            if marked:
                assert proven is None
            elif log.words[w.RESERVED] - since <= log.layout.ring:
                assert proven == at, "nothing is dropped for its neighbour while the ring can tell"
            blamed = log.blame(tags, since)
            if log.words[w.RESERVED] - since <= log.layout.ring:
                assert (blamed is not None) == marked
            assert blamed is None or blamed in [marks[number] for number in range(since + 1, at + 1)]
            told = log.marks(since)
            if log.words[w.RESERVED] - since <= log.layout.ring:
                assert told == (at, {marks[number] for number in range(since + 1, at + 1)})
            else:
                assert told == (at, None)


@given(
    st.lists(st.integers(0, 8).map(lambda byte: byte << 24) | st.integers(0, 2**64 - 1), max_size=40),
    st.frozensets(st.integers(0, 64).map(lambda bits: (5 << bits) % 2**64), max_size=8),
    st.data(),
)
def test_a_long_piece_is_searched_for_whole_words(
    words: list[int], tags: frozenset[int], data: st.DataObject
) -> None:
    """Matches between two words, which bytes have and words don't, count for nothing."""
    padding = [7] * log_room._LONG
    if words and tags and data.draw(st.booleans()):
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(sorted(tags)))
    piece = array("Q", words + padding)
    assert none_in(piece, tags) == tags.isdisjoint(piece)


def test_a_word_across_two_others_is_no_mark() -> None:
    piece = array("Q", [0xAABBCCDD_00000000, 0x00000000_11223344] + [7] * 200)
    assert none_in(piece, frozenset([0x11223344_AABBCCDD]))
    assert not none_in(piece, frozenset([0x11223344]))
    assert not none_in(array("Q", [7] * 200 + [9]), frozenset([9]))


@given(st.lists(st.lists(TAGS, max_size=20), max_size=6))
def test_each_tag_takes_the_next_number(writes: list[list[int]]) -> None:
    log = made()
    position = START
    for some in writes:
        position += len(some)
        assert log.mark(some) == position == log.words[w.BEGIN] == log.words[w.GIVEN]


def test_beyond_the_ring_the_slots_decide() -> None:
    log = made(slots=4, ring=2)
    log.mark([1, 2, 2, 2])
    assert log.prove(frozenset([3]), START) == START + 4, "its slot was never marked"
    assert log.prove(frozenset([1]), START) is None
    assert log.prove(frozenset([5]), START) is None, "it shares the slot of 1, and the ring has forgotten"
    assert log.prove(frozenset([5]), START + 2) == START + 4


def test_a_move_tells_nothing_and_everything_is_not_told_one_by_one() -> None:
    log = made()
    log.mark([5])
    assert log.marks(log.move()) == (START + 2, frozenset())
    assert log.marks(START) == (START + 2, {5})
    log.mark_everything()
    assert log.marks(START) == (START + 3, None)


def test_a_move_marks_nothing() -> None:
    log = made()
    assert log.move() == START + 1
    assert log.prove(frozenset([1, 2, 3, 4]), START) == START + 1


def test_marking_everything_leaves_nothing_older_and_lets_everything_newer_live() -> None:
    log = made()
    at = log.mark_everything()
    assert log.prove(frozenset([1]), at - 1) is None
    assert log.prove(frozenset(), at - 1) is None
    assert log.prove(frozenset([1]), at) == at
    assert log.mark([2]) == at + 1
    assert log.prove(frozenset([1]), at) == at + 1


@pytest.mark.parametrize("writes", range(4))
def test_a_killed_mark_of_everything_hides_nothing(writes: int) -> None:
    log = made()
    with pytest.raises(Killed):
        Log(Fragile(log.words, writes), log.layout).mark_everything()
    if log.words[w.BEGIN] > START:
        assert log.prove(frozenset([1]), START) is None
    log.move()
    at = log.mark_everything()
    assert log.prove(frozenset([1]), at - 1) is None
    assert log.prove(frozenset([1]), at) == at


def test_what_was_stamped_before_the_floor_or_after_the_end_is_unknown() -> None:
    log = made()
    assert log.prove(frozenset([1]), START) == START
    assert log.prove(frozenset([1]), START - 1) is None
    assert log.prove(frozenset([1]), START + 1) is None
    assert log.prove(frozenset([1]), 0) is None


def test_a_zeroed_slot_is_damage() -> None:
    log = made(slots=2, ring=2)
    log.mark([1, 1, 1, 1])
    for slot in range(log.layout.first_slot, log.layout.first_ring):
        log.words[slot] = 0
    with pytest.raises(Damaged):
        log.prove(frozenset([1]), START)


@pytest.mark.parametrize("begin", [START - 1, START + 9, w.CLOSED])
def test_a_writer_refuses_numbers_out_of_order(begin: int) -> None:
    log = made()
    log.words[w.BEGIN] = begin
    with pytest.raises(Damaged):
        log.mark([1])


def test_a_thousand_numbers_cost_two_thousand_tags_one_pass_over_the_ring() -> None:
    """The cost is counted in words, which no busy machine can blur."""

    class Counting(Fragile):
        read = 0

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            found = self.words[index]
            self.read += 1 if isinstance(found, int) else len(found)
            return found

    log = made(slots=65_536, ring=4_096)
    log.mark(range(10**6, 10**6 + 1_000))  # type: ignore[arg-type]
    words = Counting(log.words, 0)
    tags = frozenset(range(1, 2_001))
    assert Log(words, log.layout).prove(tags, START) == START + 1_000
    assert words.read <= 1_010
    words.read = 0
    assert Log(words, log.layout).prove(tags, START + 999) == START + 1_000
    assert words.read <= 10
