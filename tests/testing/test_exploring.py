"""The explorer's runtime does what the engine asks of a runtime."""

from __future__ import annotations

import pytest

from afresh.core.ports import Runtime
from afresh.errors import LoadTimeout
from afresh.testing.actors import block_until, pause
from afresh.testing.clock import FakeClock
from afresh.testing.explorer import ScheduleFailed, explore
from afresh.testing.exploring import ExplorerRuntime
from afresh.testing.world import World


@pytest.mark.parametrize(
    ("timeouts", "outcomes"), [("last", {(True, 0.0)}), ("any", {(True, 0.0), (False, 5.0)})]
)
def test_waits_end_when_woken_or_when_time_runs_out(timeouts: str, outcomes: set[tuple[bool, float]]) -> None:
    seen = set()

    def scenario() -> World:
        clock = FakeClock(0.0)
        runtime = ExplorerRuntime(clock, timeouts=timeouts)  # type: ignore[arg-type]
        waiter = runtime.waiter()

        async def waits() -> None:
            woken = await runtime.wait(waiter, 5.0)
            seen.add((woken, runtime.now()))

        async def wakes() -> None:
            await pause("wake")
            waiter.wake()
            waiter.wake()

        return World({"waits": waits(), "wakes": wakes()})

    explore(scenario)
    assert seen == outcomes


def test_a_wait_without_end_is_a_deadlock() -> None:
    def scenario() -> World:
        runtime = ExplorerRuntime()

        async def waits() -> None:
            await runtime.wait(runtime.waiter(), float("inf"))

        return World({"waits": waits()})

    with pytest.raises(ScheduleFailed, match="waits at wait"):
        explore(scenario)


def test_time_passes_in_the_order_of_the_waits() -> None:
    def scenario() -> World:
        runtime = ExplorerRuntime(FakeClock(0.0))
        log: list[float] = []

        async def sleeps(seconds: float) -> None:
            assert not await runtime.wait(runtime.waiter(), seconds)
            log.append(runtime.now())

        def check() -> None:
            assert log == [1.0, 2.0, 3.0]

        return World({str(seconds): sleeps(seconds) for seconds in (3.0, 1.0, 2.0)}, check)

    explore(scenario)


def test_others_may_come_before_and_after_a_load() -> None:
    seen = set()

    def scenario() -> World:
        runtime, row = ExplorerRuntime(), ["old"]

        async def load() -> str:
            return row[0]

        async def loads() -> None:
            kind = await runtime.call(lambda: row[0]), await runtime.call(load)
            seen.add((*kind, row[0]))

        async def writes() -> None:
            row[0] = "new"

        return World({"loads": loads(), "writes": writes()})

    explore(scenario)
    assert seen == {
        ("new", "new", "new"),
        ("old", "new", "new"),
        ("old", "old", "new"),
        ("old", "old", "old"),
    }


def test_errors_of_loaders_pass() -> None:
    def fails() -> None:
        raise ZeroDivisionError

    async def scenario(runtime: ExplorerRuntime) -> None:
        with pytest.raises(ZeroDivisionError):
            await runtime.call(fails)
        with pytest.raises(ZeroDivisionError):
            await runtime.call_within(fails, 5.0, lambda value, error: None)

    explore(lambda: World({"a": scenario(ExplorerRuntime())}))


@pytest.mark.parametrize("fails", [True, False])
def test_a_late_load_is_given_up_and_its_result_handed_over(fails: bool) -> None:
    ends = set()

    def scenario() -> World:
        runtime = ExplorerRuntime(FakeClock(0.0), timeouts="any")
        late: list[object] = []
        outcome: list[object] = []

        async def load() -> str:
            await pause("work")
            if fails:
                raise ZeroDivisionError
            return "value"

        async def asks() -> None:
            try:
                outcome.append(
                    await runtime.call_within(load, 2.0, lambda value, error: late.append(value or error))
                )
            except (LoadTimeout, ZeroDivisionError) as error:
                outcome.append(error)

        def check() -> None:
            timed_out = isinstance(outcome[0], LoadTimeout)
            assert len(late) == timed_out
            assert runtime.now() == (2.0 if timed_out else 0.0)
            ends.add((type(outcome[0]), *map(type, late)))

        return World({"asks": asks()}, check)

    explore(scenario)
    kind = ZeroDivisionError if fails else str
    assert ends == {(kind,), (LoadTimeout, kind)}


def test_background_jobs_take_part_while_there_is_room() -> None:
    def scenario() -> World:
        runtime = ExplorerRuntime()
        runtime.room = 1
        log: list[str] = []

        async def job(world: Runtime) -> None:
            assert world is runtime
            await pause("job")
            log.append("job")

        async def starts() -> None:
            assert runtime.spawn(job)
            assert not runtime.spawn(job)
            await block_until(lambda: log, "job done")
            await block_until(lambda: runtime.room, "room")
            assert runtime.spawn(job)

        def check() -> None:
            assert log == ["job", "job"]
            assert runtime.spawned == 2

        return World({"starts": starts()}, check)

    assert explore(scenario).complete


def test_its_numbers_are_those_of_the_seed() -> None:
    one, same, other = ExplorerRuntime(seed=1), ExplorerRuntime(seed=1), ExplorerRuntime(seed=2)
    drawn = [one.random() for _ in range(5)]
    assert drawn == [same.random() for _ in range(5)] != [other.random() for _ in range(5)]
    assert all(0 <= number < 1 for number in drawn)


def test_it_pretends_to_be_a_loop() -> None:
    plain, loop = ExplorerRuntime(), ExplorerRuntime(loop=3)
    assert (plain.loop_thread(), loop.loop_thread()) == (None, 3)
    assert [runtime.on_loop_of(thread) for runtime in (plain, loop) for thread in (None, 3, 4)] == [
        False, False, False, False, True, False,
    ]  # fmt: skip


def test_its_lifeline_says_when_it_was_killed() -> None:
    runtime = ExplorerRuntime()
    alive = runtime.lifeline()
    assert alive()
    runtime.over = True
    assert not alive()


def test_it_is_a_runtime() -> None:
    runtime: Runtime = ExplorerRuntime()
    missing = [name for name in vars(Runtime) if not name.startswith("_") and not hasattr(runtime, name)]
    assert missing == []


def test_blocking_work_is_one_step() -> None:
    seen = set()

    def scenario() -> World:
        runtime, log = ExplorerRuntime(), []  # type: ignore[var-annotated]

        def work() -> str:
            log.append("work")
            return "done"

        async def works() -> None:
            assert await runtime.in_thread(work) == "done"

        async def other() -> None:
            log.append("other")

        return World({"works": works(), "other": other()}, lambda: seen.add(tuple(log)))

    assert explore(scenario).schedules == 3
    assert seen == {("work", "other"), ("other", "work")}
