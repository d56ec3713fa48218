"""One execution: blocking, deadlocks, waits that run out, actors that appear."""

from __future__ import annotations

import asyncio

import pytest

from afresh.testing.actors import block_until, driven, pause, pause_here
from afresh.testing.explorer import ScheduleFailed, explore
from afresh.testing.world import Deadlock, World, spawn


def philosophers(first: str, second: str) -> World:
    forks: set[str] = set()

    async def dine(left: str, right: str) -> None:
        for fork in (left, right):
            await block_until(lambda fork=fork: fork not in forks, f"take {fork}")
            forks.add(fork)
        forks.clear()

    return World({"p": dine("x", "y"), "q": dine(first, second)})


def test_a_deadlock_is_found_and_told() -> None:
    with pytest.raises(ScheduleFailed, match="p at take y, q at take x") as caught:
        explore(lambda: philosophers("y", "x"))
    assert isinstance(caught.value.__cause__, Deadlock)
    assert caught.value.schedule == ["p: start", "p: take x", "q: start", "q: take y"]


def test_the_same_order_of_forks_has_no_deadlock() -> None:
    assert explore(lambda: philosophers("x", "y")).complete


def test_a_killed_holder_blocks_the_others_unless_its_death_frees_them() -> None:
    def scenario(frees: bool) -> World:
        held: list[str] = []

        async def hold(name: str) -> None:
            await block_until(lambda: not held, "take")
            held.append(name)
            await pause("release")
            held.remove(name)

        def on_kill(name: str) -> None:
            if name in held:
                held.remove(name)

        return World({"a": hold("a"), "b": hold("b")}, on_kill=on_kill if frees else None)

    with pytest.raises(ScheduleFailed, match="Deadlock") as caught:
        explore(lambda: scenario(False), kills=1)
    assert any("killed at release" in step for step in caught.value.schedule)
    assert explore(lambda: scenario(True), kills=1).complete


def test_a_wait_runs_out_only_when_nobody_else_can_go_on() -> None:
    def scenario() -> World:
        log: list[str] = []

        async def waits(name: str, deadline: float) -> None:
            assert not await block_until(lambda: False, "wait", deadline=deadline)
            log.append(name)

        async def works() -> None:
            await pause("work")
            log.append("work")

        def check() -> None:
            assert log == ["work", "early", "late"]

        return World({"late": waits("late", 2.0), "early": waits("early", 1.0), "works": works()}, check)

    assert explore(scenario).schedules == 12  # 4! orders of four first steps, two of which have an order


def test_a_hasty_wait_runs_out_at_any_moment() -> None:
    outcomes: set[bool] = set()

    def scenario() -> World:
        log: list[str] = []

        async def waits() -> None:
            outcomes.add(await block_until(lambda: log, "wait", deadline=1.0, hasty=True))

        async def works() -> None:
            log.append("work")

        return World({"waits": waits(), "works": works()})

    assert explore(scenario).schedules == 3
    assert outcomes == {True, False}


def test_actors_that_only_let_waits_run_out_are_a_deadlock() -> None:
    async def polls() -> None:
        now = 0.0
        while not await block_until(lambda: False, "poll", deadline=(now := now + 1)):
            pass

    with pytest.raises(ScheduleFailed, match="polls at poll") as caught:
        explore(lambda: World({"polls": polls()}))
    assert isinstance(caught.value.__cause__, Deadlock)


def test_actors_that_poll_without_a_wait_are_stopped() -> None:
    async def polls() -> None:
        while True:
            await pause("poll")

    with pytest.raises(ScheduleFailed, match="no end after"):
        explore(lambda: World({"polls": polls()}))


def test_actors_can_appear() -> None:
    orders: set[str] = set()

    def scenario() -> World:
        log: list[str] = []

        async def child(name: str) -> None:
            log.append(name)

        async def parent() -> None:
            spawn("child", child("1"))
            spawn("child", child("2"))
            await pause("end")
            log.append("p")

        return World({"parent": parent()}, lambda: orders.add("".join(log)))

    assert explore(scenario).schedules == len(orders) == 6


def test_children_of_driven_actors_are_driven() -> None:
    async def child() -> None:
        pause_here("deep")

    async def parent() -> None:
        spawn("child", child())

    assert explore(lambda: World({"parent": driven(parent())})).schedules == 1


def test_nobody_appears_outside_of_an_exploration() -> None:
    with pytest.raises(RuntimeError, match="outside"):
        spawn("x", lambda: None)


def test_a_foreign_awaitable_is_named() -> None:
    async def sleeps() -> None:
        await asyncio.sleep(0)

    with pytest.raises(ScheduleFailed, match="sleeps awaits None"):
        explore(lambda: World({"sleeps": sleeps()}))
