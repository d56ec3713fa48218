"""The table of ghosts."""

from __future__ import annotations

import random

from afresh.backends.memory.ghosts import MAIN, SMALL, Ghosts


def of(horizon: int = 1000, entries: int = 1000) -> Ghosts:
    ghosts = Ghosts(horizon)
    ghosts.fit(entries)
    return ghosts


def places(count: int) -> list[int]:
    dice = random.Random(1)
    return [dice.getrandbits(63) - 2**62 for _ in range(count)]


def test_a_ghost_is_found_once_with_its_queue_and_age() -> None:
    ghosts = of()
    first, second, third = places(3)
    ghosts.add(first, SMALL, 1)
    ghosts.add(second, MAIN, 1)
    ghosts.add(third, SMALL, 5)
    assert ghosts.take(first) == (SMALL, 5)
    assert ghosts.take(second) == (MAIN, 0)
    assert ghosts.take(first) is None


def test_a_ghost_is_forgotten_after_its_horizon() -> None:
    ghosts = of(10)
    one, *others = places(12)
    ghosts.add(one, SMALL, 1)
    for other in others[:9]:
        ghosts.add(other, SMALL, 1)
    assert ghosts.take(one) == (SMALL, 9)
    ghosts.add(one, SMALL, 1)
    for other in others[:10]:
        ghosts.add(other, SMALL, 1)
    assert ghosts.take(one) is None


def test_nearly_all_living_ghosts_are_found_and_hardly_any_stranger() -> None:
    ghosts = of(1000)
    known, strangers = places(1250)[:1250], places(4000)[1250:]
    for number, place in enumerate(known):
        ghosts.add(place, MAIN if number % 5 == 0 else SMALL, 1)
    found = sum(ghosts.take(place) is not None for place in known)
    assert found > 1150
    assert sum(ghosts.take(place) is not None for place in strangers) <= 2


def test_the_table_is_as_large_as_the_cache_needs() -> None:
    ghosts = of(entries=10_000)
    held = len(ghosts._table)
    assert 15_000 <= held <= 15_100
    ghosts.fit(9000)
    assert len(ghosts._table) == held
    ghosts.fit(20_000)
    assert 30_000 <= len(ghosts._table) <= 46_000


def test_clocks_in_bytes_run_for_ever() -> None:
    terabyte = 10**12
    ghosts = of(terabyte)
    one, two = places(2)
    for _ in range(1000):
        ghosts.add(one, SMALL, terabyte)
    ghosts.add(two, SMALL, 10**9)
    queue, age = ghosts.take(one) or (None, 0)
    assert queue == SMALL
    assert abs(age - 10**9) < 10**7
