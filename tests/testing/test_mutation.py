"""A caller who changes a cached value is told, with the key and who had been given it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from afresh import Cache
from afresh.testing.clock import FakeClock
from afresh.testing.mutation import CachedValueChanged, Change, Watch, watch


@pytest.fixture(params=["fake clock", "real clock"])
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    options: dict[str, Any] = {"clock": FakeClock()} if request.param == "fake clock" else {}
    with Cache("memory://", **options) as cache:
        yield cache


def watched(cache: Cache, action: Callable[[Watch], object]) -> tuple[Change, ...]:
    """The changes that are complained of after an action."""

    def run() -> None:
        with watch(cache) as found:
            action(found)

    with pytest.raises(CachedValueChanged) as caught:
        run()
    return caught.value.changes


def careless(menu: dict[str, list[int]]) -> None:
    menu["prices"].append(3)


def test_a_changed_value_is_told_with_its_key_and_readers(cache: Cache) -> None:
    @cache.cached
    def menu(name: str) -> dict[str, list[int]]:
        return {"prices": [1, 2]}

    def reader() -> dict[str, list[int]]:
        return menu("lunch")

    def other_reader() -> dict[str, list[int]]:
        return menu("lunch")

    changes = watched(cache, lambda _: (careless(reader()), careless(other_reader())))
    first, second = changes
    assert "menu" in first.key
    assert "lunch" in first.key
    assert first.what == "['prices']: 2 parts became 3"
    assert [each for each in first.readers if "reader" in each and __file__ in each]
    assert not [each for each in first.readers if "other_reader" in each]
    assert [each for each in second.readers if "other_reader" in each]
    assert str(first) in str(CachedValueChanged(changes))


def test_hits_that_the_wrapper_would_answer_are_seen(cache: Cache) -> None:
    @cache.cached
    def numbers() -> list[int]:
        return []

    def action(found: Watch) -> None:
        for _ in range(3):
            numbers()
        assert found.changes == []
        numbers().append(1)
        assert found.changes == []
        numbers()
        assert len(found.changes) == 1

    assert len(watched(cache, action)) == 1


def test_a_loader_that_keeps_and_changes_its_value_is_told(cache: Cache) -> None:
    kept: list[list[int]] = []

    def load() -> list[int]:
        kept.append([1])
        return kept[0]

    def action(_: Watch) -> None:
        cache.get_or_load("k", load)
        kept[0][0] = 2

    assert watched(cache, action)[0].what == "[0]: 1 became 2"


def test_values_put_by_hand_are_watched(cache: Cache) -> None:
    def action(_: Watch) -> None:
        cache.set("k", {"a": 1})
        cache.get("k")["b"] = 2
        cache.mutate("l", lambda _: [1])
        cache.get("l").append(2)

    assert [change.key.strip("':") for change in watched(cache, action)] == ["k", "l"]


def test_whoever_only_reads_or_copies_is_not_told(cache: Cache) -> None:
    @cache.cached(copy=True)
    def numbers() -> list[int]:
        return [1, 2]

    @cache.cached
    def shared() -> dict[str, Any]:
        return {"nan": float("nan"), "set": {3, 1, 2}, "list": [1]}

    with watch(cache):
        for _ in range(3):
            numbers().append(3)
            list(shared()["list"]).append(2)
            cache.clear()


def test_an_error_in_the_block_comes_first(cache: Cache) -> None:
    def action() -> None:
        with watch(cache):
            cache.get_or_load("k", list).append(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        action()


def test_afterwards_nothing_is_left(cache: Cache) -> None:
    with watch(cache):
        cache.get_or_load("k", list)
    cache.get_or_load("k", list).append(1)
    cache.get_or_load("l", list).append(1)
    assert "prove" not in vars(cache._engine)
    assert cache._engine.l1 is not None
    assert "admit" not in vars(cache._engine.l1)
    with watch(cache):
        pass
