"""Intents one step at a time: what stands, what is cleared, and what a dead owner leaves."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.core import words as w
from afresh.core.intents import Intents, NoRoom
from afresh.core.log import Log
from afresh.core.words import Layout, initialise

START = 1_000
ME, OTHER = 21, 22


def made(cells: int = 16) -> tuple[Log, Intents]:
    layout = Layout(64, 64, cells)
    words = array("Q", bytes(8 * layout.total))
    initialise(words, layout, epoch=1, start=START)
    log = Log(words)
    return log, Intents(log)


def held(log: Log, intents: Intents, *tags: int) -> bool:
    return intents.standing(log.words[w.BEGIN]).holds(frozenset(tags))


def test_an_intent_stands_until_it_is_settled_and_each_step_moves_the_log() -> None:
    log, intents = made()
    assert not held(log, intents, 1)
    number = intents.open(ME, [1, 2])
    assert number == log.words[w.BEGIN] > START
    assert held(log, intents, 1)
    assert held(log, intents, 5, 2)
    assert not held(log, intents, 5)
    assert log.prove(frozenset([1]), START) is not None, "nothing has changed yet"
    at = intents.settle(ME, number, [1, 2])
    assert at == log.words[w.BEGIN] == number + 3, "two marks and the clearing"
    assert not held(log, intents, 1)
    assert log.prove(frozenset([1]), START) is None


def test_a_rolled_back_intent_marks_nothing() -> None:
    log, intents = made()
    number = intents.open(ME, [1])
    assert intents.settle(ME, number) == number + 1
    assert not held(log, intents, 1)
    assert log.prove(frozenset([1]), START) == number + 1


def test_what_is_known_of_a_position_is_read_once() -> None:
    log, intents = made()
    intents.open(ME, [1])
    at = log.words[w.BEGIN]
    assert intents.standing(at) is intents.standing(at)
    log.mark([9])
    assert intents.standing(log.words[w.BEGIN]).at == at + 1


def test_a_long_intent_takes_several_cells_and_gives_them_all_back() -> None:
    log, intents = made(cells=32)
    tags = list(range(1, 4 * w.CELL_TAGS))
    number = intents.open(ME, tags)
    assert all(held(log, intents, tag) for tag in tags)
    assert not held(log, intents, 10**6)
    intents.settle(ME, number)
    assert log.words[w.STANDING] == 0
    assert not any(held(log, intents, tag) for tag in tags)


def test_an_intent_that_is_too_long_stands_on_everything() -> None:
    log, intents = made(cells=16)
    number = intents.open(ME, list(range(1, 3 * w.CELL_TAGS)))
    assert held(log, intents, 10**6)
    intents.settle(ME, number)
    assert not held(log, intents, 10**6)


def test_without_any_cell_nothing_is_written() -> None:
    log, intents = made(cells=1)
    intents.open(ME, [1])
    before = bytes(log.words)
    with pytest.raises(NoRoom):
        intents.open(ME, [2])
    assert bytes(log.words) == before


def test_only_the_owners_own_intent_is_settled() -> None:
    log, intents = made()
    mine, theirs = intents.open(ME, [1]), intents.open(OTHER, [2])
    intents.settle(ME, theirs)
    assert held(log, intents, 2)
    intents.settle(ME, mine)
    assert not held(log, intents, 1)
    assert intents.owners() == {OTHER}
    assert intents.find(OTHER) == {theirs}


def test_what_the_dead_were_about_to_change_counts_as_changed() -> None:
    log, intents = made()
    intents.open(ME, [1, 2])
    intents.open(OTHER, [3])
    at = intents.bequeath({ME})
    assert [log.prove(frozenset([tag]), START) for tag in (1, 2, 3, 4)] == [None, None, at, at]
    assert intents.owners() == {OTHER}


def test_a_dead_intent_on_everything_changes_everything() -> None:
    log, intents = made(cells=16)
    number = intents.open(ME, list(range(1, 3 * w.CELL_TAGS)))
    at = intents.bequeath({ME})
    assert log.prove(frozenset([10**6]), number) is None
    assert log.prove(frozenset([10**6]), at) == at


def test_an_intent_keeps_its_number_in_other_words() -> None:
    log, intents = made()
    assert intents.open(ME, [1], number=77) == 77
    intents.settle(ME, 77)
    assert not held(log, intents, 1)


def test_a_cell_that_was_not_counted_before_its_writer_died_is_cleared_all_the_same() -> None:
    log, intents = made()
    intents.open(ME, [1])
    log.words[w.STANDING] = 0
    number = intents.open(OTHER, [2])
    assert held(log, intents, 1)
    intents.settle(OTHER, number)
    assert intents.owners() == {ME}


@given(
    st.lists(
        st.tuples(st.sampled_from("osb"), st.integers(0, 5), st.frozensets(st.integers(1, 9), max_size=5))
    )
)
def test_the_cells_hold_what_a_plain_table_holds(steps: list[tuple[str, int, frozenset[int]]]) -> None:
    log, intents = made(cells=4)
    table: dict[int, tuple[int, frozenset[int]]] = {}
    for what, which, tags in steps:
        owner = 30 + which
        if what == "o" and len(table) < 4:
            table[intents.open(owner, sorted(tags))] = (owner, tags)
        elif what == "s" and table:
            number = sorted(table)[which % len(table)]
            intents.settle(table.pop(number)[0], number)
        elif what == "b":
            intents.bequeath({owner})
            table = {number: each for number, each in table.items() if each[0] != owner}
        assert intents.owners() == {each for each, _ in table.values()}
        standing = intents.standing(log.words[w.BEGIN])
        assert standing.tags == frozenset().union(*(each for _, each in table.values()))
        assert not standing.everything
