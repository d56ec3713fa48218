"""The explorer finds planted defects and shows how to repeat them."""

from __future__ import annotations

import pytest

from afresh.testing.actors import pause, pause_here
from afresh.testing.explorer import ScheduleFailed, explore, replay
from afresh.testing.world import World


def counter(*, atomic: bool = False, functions: bool = False) -> World:
    count = [0]

    async def increment() -> None:
        if atomic:
            await pause("add")
            count[0] += 1
        else:
            await pause("read")
            seen = count[0]
            await pause("write")
            count[0] = seen + 1

    def increment_here() -> None:
        pause_here("read")
        seen = count[0]
        pause_here("write")
        count[0] = seen + 1

    def check() -> None:
        assert count == [2], f"{count[0]} of 2"

    if functions:
        return World({"a": increment_here, "b": increment_here}, check)
    return World({"a": increment(), "b": increment()}, check)


@pytest.mark.parametrize("functions", [False, True])
def test_a_lost_update_is_found(functions: bool) -> None:
    with pytest.raises(ScheduleFailed, match="1 of 2") as caught:
        explore(lambda: counter(functions=functions))
    assert isinstance(caught.value.__cause__, AssertionError)
    schedule = caught.value.schedule
    assert schedule.index("b: read") < schedule.index("a: write") or schedule.index(
        "a: read"
    ) < schedule.index("b: write")
    assert all(step in str(caught.value) for step in schedule)


def test_a_right_program_passes() -> None:
    assert explore(lambda: counter(atomic=True)).failed == 0


def test_a_kill_between_two_writes_is_found() -> None:
    def scenario() -> World:
        account = {"from": 10, "to": 0}

        async def move() -> None:
            await pause("take")
            account["from"] -= 5
            await pause("give")
            account["to"] += 5

        def check() -> None:
            assert sum(account.values()) == 10

        return World({"move": move()}, check)

    assert explore(scenario).failed == 0
    with pytest.raises(ScheduleFailed) as caught:
        explore(scenario, kills=1)
    assert caught.value.schedule == ["move: start", "move: take", "move: killed at give"]
    with pytest.raises(ScheduleFailed):
        replay(scenario, caught.value.schedule)


def test_replay_repeats_exactly_that_schedule() -> None:
    with pytest.raises(ScheduleFailed) as caught:
        explore(counter)
    with pytest.raises(ScheduleFailed, match="1 of 2") as again:
        replay(counter, caught.value.schedule)
    assert again.value.schedule == caught.value.schedule
    replay(counter, ["a: start", "a: read", "a: write", "b: start", "b: read", "b: write"])


def test_replay_goes_on_where_the_schedule_ends() -> None:
    with pytest.raises(ScheduleFailed) as caught:
        replay(counter, ["a: start", "a: read", "b: start", "b: read"])
    assert len(caught.value.schedule) == 6


def test_replay_refuses_what_cannot_happen() -> None:
    with pytest.raises(ValueError, match="no step 'a: write' here, only \\['a: read', 'b: start'\\]"):
        replay(counter, ["a: start", "a: write"])


def test_failures_can_be_counted() -> None:
    result = explore(counter, keep_going=True)
    # All 20 orders of three steps each; right are those where one reads after the other wrote:
    # the first of two starts anywhere before, the second's start is free among the three steps: 2 * 4.
    assert (result.schedules, result.failed) == (20, 20 - 2 * 4)
    assert result.failure is not None
    with pytest.raises(ScheduleFailed):
        replay(counter, result.failure)


def test_preemptions_needed_for_a_defect() -> None:
    assert explore(counter, preemptions=0, keep_going=True).failed == 0
    assert explore(counter, preemptions=1, keep_going=True).failed > 0


def test_samples_find_what_a_cut_search_misses() -> None:
    def scenario() -> World:
        order: list[str] = []

        async def actor(name: str) -> None:
            for _ in range(6):
                await pause("step")
                order.append(name)

        def check() -> None:
            assert order[0] != "b"

        return World({"a": actor("a"), "b": actor("b")}, check)

    with pytest.raises(ScheduleFailed) as caught:
        explore(scenario, limit=20, seed=1)
    with pytest.raises(ScheduleFailed):
        replay(scenario, caught.value.schedule)


def test_a_scenario_that_fails_to_begin_raises_its_error() -> None:
    def scenario() -> World:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        explore(scenario)
