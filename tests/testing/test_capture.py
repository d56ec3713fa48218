"""Captured events can be asked what happened."""

from __future__ import annotations

import pytest

from afresh import Cache
from afresh.core.events import Event, Events, Kind
from afresh.testing.capture import Captured, capture

EVENTS = Captured(
    [
        Event(Kind.MISS, "l1", "a", "absent"),
        Event(Kind.LOAD, "loader", "a"),
        Event(Kind.FILL, "l1", "a"),
        Event(Kind.FILL, "store", "a"),
        Event(Kind.MISS, "l1", "b", "expired"),
    ]
)


def test_events_are_chosen_by_kind_key_and_layer() -> None:
    assert EVENTS.of("miss") == EVENTS.of(Kind.MISS) == [EVENTS[0], EVENTS[4]]
    assert EVENTS.of(key="b") == [EVENTS[4]]
    assert EVENTS.of("fill", "load", key="a", layer="l1") == [EVENTS[2]]
    assert EVENTS.of() == EVENTS
    assert EVENTS.of("miss").of(key="a").one() is EVENTS[0]


def test_kinds_are_told_and_counted() -> None:
    assert EVENTS.kinds() == [Kind.MISS, Kind.LOAD, Kind.FILL, Kind.FILL, Kind.MISS]
    assert EVENTS.counts() == {Kind.MISS: 2, Kind.LOAD: 1, Kind.FILL: 2}


@pytest.mark.parametrize("kind", ["miss", "evict"])
def test_one_is_neither_none_nor_several(kind: str) -> None:
    with pytest.raises(AssertionError, match="events"):
        EVENTS.one(kind)


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="mis"):
        EVENTS.of("mis")


def test_only_the_block_is_captured() -> None:
    events = Events()
    events.emit(EVENTS[0])
    with capture(events) as captured:
        assert events
        events.emit(EVENTS[1])
    events.emit(EVENTS[2])
    assert not events
    assert captured == [EVENTS[1]]


def test_an_error_in_the_block_ends_it_too() -> None:
    events = Events()

    def fails() -> None:
        with capture(events):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not events


def test_a_cache_is_captured() -> None:
    with Cache("memory://") as cache, capture(cache) as events:
        cache.get_or_load("k", lambda: 1)
    assert events.one(Kind.LOAD).key == events.one(Kind.FILL).key
    assert events.one("miss").reason == "absent"
