"""Actors: they stop where they should, functions like coroutines, and the dead do nothing more."""

from __future__ import annotations

import contextvars
import gc
import math
import warnings

import pytest

from afresh.testing import actors
from afresh.testing.actors import block_here, block_until, driven, pause, pause_here
from afresh.testing.explorer import ScheduleFailed, explore
from afresh.testing.world import World


@pytest.fixture(params=["greenlet", "thread"])
def carrier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "thread":
        monkeypatch.setattr(actors, "carrier", actors.ThreadCarrier)
        monkeypatch.setattr("afresh.testing.world.carrier", actors.ThreadCarrier)
    else:
        assert actors.carrier is actors.GreenletCarrier, "install greenlet for the tests"
    assert isinstance(request.param, str)
    return request.param


def test_functions_stop_deep_inside_of_other_calls(carrier: str) -> None:
    def deep(left: int) -> None:
        if left:
            pause_here("down")
            deep(left - 1)

    assert explore(lambda: World({"a": lambda: deep(3), "b": lambda: deep(2)})).schedules == math.comb(7, 3)


def test_functions_block(carrier: str) -> None:
    def scenario() -> World:
        log: list[str] = []

        def waits() -> None:
            assert block_here(lambda: "set" in log, "wait")
            log.append("woken")

        def sets() -> None:
            pause_here("set")
            log.append("set")

        def check() -> None:
            assert log == ["set", "woken"]

        return World({"waits": waits, "sets": sets}, check)

    # sets has 2 steps; waits has a first one anywhere and a last one after both: 2 + 1 places for the first.
    assert explore(scenario).schedules == 3


def test_a_failing_function_fails_the_schedule(carrier: str) -> None:
    def fails() -> None:
        pause_here("fail")
        raise ZeroDivisionError("mine")

    with pytest.raises(ScheduleFailed, match="mine") as caught:
        explore(lambda: World({"a": fails, "b": lambda: pause_here("x")}))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_the_killed_run_nothing_behind_their_pauses(carrier: str) -> None:
    worlds: list[list[str]] = []

    def scenario() -> World:
        done: list[str] = []
        worlds.append(done)

        def dies() -> None:
            try:
                done.append("begun")
                pause_here("work")
                done.append("worked")
            except BaseException:
                done.append("caught")
                raise
            finally:
                pause_here("clean up")
                done.append("cleaned up")

        def check() -> None:
            assert done in (["begun"], ["begun", "worked"], ["begun", "worked", "cleaned up"])

        return World({"dies": dies}, check)

    assert explore(scenario, kills=1).schedules == 3
    # What its `except` did came after the check, and nothing came from behind the pause.
    assert sorted(worlds) == [
        ["begun", "caught"],
        ["begun", "worked"],
        ["begun", "worked", "cleaned up"],
    ]


def test_killed_coroutines_leave_no_warning() -> None:
    async def inner() -> None:
        try:
            await pause("inner")
        finally:
            await pause("inner cleanup")

    async def dies() -> None:
        try:
            await inner()
        finally:
            await pause("outer cleanup")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert explore(lambda: World({"dies": dies(), "b": dies()}), kills=2).schedules > 100
        gc.collect()
    assert not actors._never_ending


def test_an_actor_that_refuses_to_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up: list[object] = []
    monkeypatch.setattr(actors, "_never_ending", given_up)
    ends = False

    async def refuses() -> None:
        while not ends:
            try:
                await pause("again")
                return
            except BaseException:
                continue

    assert explore(lambda: World({"refuses": refuses()}), kills=1).schedules == 2
    assert len(given_up) == 1
    ends = True


def test_each_actor_has_its_own_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    def scenario() -> World:
        variable.set("outside")

        async def coroutine(name: str) -> None:
            assert variable.get() == "outside"
            variable.set(name)
            await pause("x")
            assert variable.get() == name

        def function() -> None:
            assert variable.get() == "outside"
            variable.set("function")
            pause_here("x")
            assert variable.get() == "function"

        return World({"a": coroutine("a"), "b": coroutine("b"), "f": function})

    assert explore(scenario).schedules == 90
    assert variable.get() == "outside"


def test_a_coroutine_that_pauses_in_a_plain_function_says_how_to() -> None:
    async def mixed() -> None:
        pause_here("x")

    with pytest.raises(ScheduleFailed, match=r"driven\(coroutine\)"):
        explore(lambda: World({"a": mixed()}))


def test_driven_coroutines_pause_both_ways(carrier: str) -> None:
    async def mixed() -> None:
        pause_here("x")
        await pause("y")
        assert await block_until(lambda: True, "z")

    result = explore(lambda: World({"a": driven(mixed()), "b": driven(mixed())}))
    assert result.schedules == math.comb(8, 4)


def test_driven_coroutines_that_were_killed_or_never_begun_leave_no_warning(carrier: str) -> None:
    behind: list[str] = []

    async def inner() -> None:
        try:
            await pause("inner")
        finally:
            pause_here("inner cleanup")
            behind.append("inner")

    async def dies() -> None:
        try:
            await inner()
        finally:
            await pause("outer cleanup")
            behind.append("outer")

    def fails() -> None:
        raise ZeroDivisionError

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert explore(lambda: World({"dies": driven(dies())}), kills=1).schedules == 4
        assert behind == ["inner", "outer", "inner"]  # to the end; killed at the last stop; before
        with pytest.raises(ScheduleFailed):
            explore(lambda: World({"fails": fails, "never begun": driven(dies())}))
        gc.collect()
    assert not actors._never_ending


def test_outside_of_an_exploration_pause_here_does_nothing() -> None:
    pause_here("x")
    assert block_here(lambda: True)
    assert not block_here(lambda: False)


def test_checks_may_run_code_that_pauses() -> None:
    async def idle() -> None:
        await pause("x")

    explore(lambda: World({"a": idle()}, lambda: pause_here("in check")))
