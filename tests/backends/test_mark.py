"""What stands in `Entry.seen`."""

from __future__ import annotations

from eviction_references import entry_at
from hypothesis import given
from hypothesis import strategies as st

from afresh.backends.memory import mark


@given(
    hits=st.integers(0, 2**40),
    more=st.integers(0, 2**40),
    state=st.integers(0, 3),
    credit=st.integers(0, mark.MOST_CREDIT),
    weight=st.integers(0, 2**50),
    unseen=st.integers(0, mark.MOST_CREDIT),
)
def test_each_part_comes_back(
    hits: int, more: int, state: int, credit: int, weight: int, unseen: int
) -> None:
    entry = entry_at({}, 1)
    entry.hits = hits
    mark.write(entry, state, credit, weight, unseen=unseen)
    entry.hits += more
    assert mark.used(entry) == more + unseen
    assert mark.credit(entry) == credit
    assert mark.state(entry) == state
    assert mark.weighed(entry) == weight
    assert mark.weight(entry) == (weight or 1)


def test_a_counter_that_was_begun_anew_counts_from_nothing() -> None:
    entry = entry_at({}, 1)
    entry.hits = 50
    mark.write(entry, 0, 0, 0)
    entry.hits = 3
    assert mark.used(entry) == 3


def test_the_mark_of_a_new_counted_entry_takes_no_memory() -> None:
    for state in range(4):
        one, other = entry_at({}, 1), entry_at({}, 2)
        mark.write(one, state, mark.MOST_CREDIT, 0)
        mark.write(other, state, mark.MOST_CREDIT, 0)
        assert one.seen is other.seen
