"""The search visits every schedule once: counts that are known exactly."""

from __future__ import annotations

import math
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.testing.actors import pause
from afresh.testing.explorer import explore
from afresh.testing.world import World


def interleavings(*steps: int) -> tuple[int, set[str]]:
    """How many schedules the explorer runs of actors with so many steps, and the different ones."""
    seen: list[str] = []

    def scenario() -> World:
        log: list[str] = []

        async def actor(name: str, steps: int) -> None:
            for _ in range(steps - 1):
                log.append(name)
                await pause("step")
            log.append(name)

        return World(
            {name: actor(name, each) for name, each in zip("abcd", steps, strict=False)},
            lambda: seen.append("".join(log)),
        )

    result = explore(scenario)
    assert result.complete
    assert result.schedules == len(seen)
    return len(seen), set(seen)


@given(st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=36, deadline=None)
def test_two_actors_have_as_many_schedules_as_the_binomial_says(n: int, m: int) -> None:
    count, different = interleavings(n, m)
    assert count == len(different) == math.comb(n + m, n)


def test_three_actors_have_as_many_as_the_multinomial_says() -> None:
    count, different = interleavings(3, 2, 4)
    assert count == math.factorial(9) // (6 * 2 * 24)
    assert different == {"".join(each) for each in permutations("aaabbcccc")}


def steps(n: int, names: str = "ab", on_kill: bool = False) -> World:
    async def actor() -> None:
        for _ in range(n - 1):
            await pause("step")

    return World({name: actor() for name in names}, on_kill=(lambda name: None) if on_kill else None)


@pytest.mark.parametrize(("bound", "expected"), [(0, 2), (1, 2 + 2 * 2), (None, 20)])
def test_preemptions_are_bounded(bound: int | None, expected: int) -> None:
    # 3 steps each. One preemption: leave the first after 1 or 2 steps, run the other to its end.
    assert explore(lambda: steps(3), preemptions=bound).schedules == expected


def test_every_bound_on_preemptions_agrees_with_counting_them() -> None:
    def preempted(schedule: str) -> int:
        return sum(a != b and a in schedule[i:] for i, (a, b) in enumerate(pairwise(schedule), 1))

    _, schedules = interleavings(3, 3, 2)
    for bound in range(6):
        expected = sum(preempted(each) <= bound for each in schedules)

        async def actor(n: int) -> None:
            for _ in range(n - 1):
                await pause("step")

        found = explore(lambda: World({"a": actor(3), "b": actor(3), "c": actor(2)}), preemptions=bound)
        assert found.schedules == expected


@pytest.mark.parametrize(
    ("kills", "on_kill", "expected"),
    [
        (0, False, 1),
        (1, False, 3),  # never, at the first pause, at the second
        (2, False, 3),  # nobody dies twice
        (1, True, 3),
    ],
)
def test_kills_of_one_actor(kills: int, on_kill: bool, expected: int) -> None:
    assert explore(lambda: steps(3, "a", on_kill), kills=kills).schedules == expected


def test_kills_of_two_actors() -> None:
    # 2 steps each, so one pause each. None dies: C(4, 2). a dies at its pause: its one step and its
    # death behind it, among b's two: 3; the same for b; both die: 2 orders.
    assert explore(lambda: steps(2), kills=0).schedules == 6
    assert explore(lambda: steps(2), kills=1).schedules == 6 + 3 + 3
    assert explore(lambda: steps(2), kills=2).schedules == 6 + 3 + 3 + 2


def test_a_death_that_others_can_notice_comes_at_every_moment() -> None:
    # As above, but a's step and a's death are apart: C(4, 2) orders of them and b's two; both: 4!/(2!2!).
    assert explore(lambda: steps(2, on_kill=True), kills=1).schedules == 6 + 6 + 6
    assert explore(lambda: steps(2, on_kill=True), kills=2).schedules == 6 + 6 + 6 + 6


def test_a_death_costs_no_preemption() -> None:
    # No preemption, and a dies at its pause: then b runs. 2 orders, and 2 in which the first dies,
    # and 2 in which the second does.
    assert explore(lambda: steps(2), kills=1, preemptions=0).schedules == 2 + 2 + 2


def test_samples_keep_the_bounds_and_repeat_with_their_seed() -> None:
    def sampled(seed: int, **bounds: int) -> list[str]:
        seen: list[str] = []

        def scenario() -> World:
            log: list[str] = []

            async def actor(name: str) -> None:
                for _ in range(5):
                    log.append(name)
                    await pause("step")

            return World({name: actor(name) for name in "abc"}, lambda: seen.append("".join(log)))

        result = explore(scenario, limit=50, seed=seed, **bounds)
        assert not result.complete
        assert result.schedules == len(seen) == 100
        return seen[50:]

    assert sampled(1) == sampled(1) != sampled(2)
    assert len(set(sampled(1))) > 40
    deaths = {15 - len(log) for log in sampled(1, kills=1)}
    assert 0 in deaths
    assert len(deaths) > 1
    for log in sampled(1, preemptions=2):
        assert sum(a != b for a, b in pairwise(log)) <= 2 + 2
