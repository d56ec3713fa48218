"""The interleaving explorer: run a small concurrent scenario in every order that it can happen in.

::

    def scenario() -> World:
        count = [0]

        async def increment() -> None:
            seen = count[0]
            await pause("write")
            count[0] = seen + 1

        def check() -> None:
            assert count[0] == 2

        return World({"a": increment(), "b": increment()}, check)

    explore(scenario)   # raises ScheduleFailed with the schedule that loses an update

The search is stateless and depth first (Godefroid, "Model Checking for Programming Languages using
VeriSoft", POPL 1997): nothing is copied; each schedule starts a new world and repeats the choices
that lead to the first one not tried yet. So a scenario must be deterministic apart from the order.
Bounding preemptions keeps large scenarios tractable and still finds most defects (Musuvathi & Qadeer,
"Iterative Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from afresh.testing.search import Search
from afresh.testing.world import Run, WorldLike

__all__ = ["Explored", "Schedule", "ScheduleFailed", "explore", "replay"]

Schedule: TypeAlias = list[str]
"""`reader: position`: the actor went on from its stop of that name; `writer: killed at announce`."""


class ScheduleFailed(AssertionError):
    """A schedule ended in an error, which is the `__cause__`.

    Attributes:
        schedule: Hand it to `replay` to see it again.
    """

    def __init__(self, schedule: Schedule, error: BaseException, after: int = 1) -> None:
        self.schedule = schedule
        steps = "".join(f"\n    {step!r}," for step in schedule)
        super().__init__(f"{type(error).__name__}: {error}\nin schedule {after}: [{steps}\n]")


@dataclass(frozen=True, slots=True)
class Explored:
    """What an exploration did.

    Attributes:
        schedules: How many were run.
        complete: These were all there are, within the bounds asked for.
        failed: How many of them failed; not 0 only under `keep_going`.
        longest: Steps of the longest one.
        failure: The first failing schedule.
    """

    schedules: int
    complete: bool
    failed: int
    longest: int
    failure: Schedule | None = None


def explore(
    scenario: Callable[[], WorldLike],
    *,
    kills: int = 0,
    preemptions: int | None = None,
    limit: int | None = None,
    seed: int | None = None,
    keep_going: bool = False,
) -> Explored:
    """Run `scenario` in every order of its actors' steps.

    Args:
        scenario: Makes a new world; called for each schedule.
        kills: Up to so many actors are also killed, at any stop after their start.
        preemptions: At most so many times an actor that could go on is made to wait for another.
        limit: After so many schedules depth first, run that many more drawn at random, and stop.
        seed: Of that drawing.
        keep_going: Count failures instead of raising the first.

    Raises:
        ScheduleFailed: An actor or the check raised, or all actors were blocked.
    """
    search = Search(scenario, kills, preemptions, random.Random(seed))
    failure: Schedule | None = None
    schedules = failed = 0

    def count(error: Exception | None) -> None:
        nonlocal failure, schedules, failed
        schedules += 1
        if error is not None:
            failed += 1
            if not keep_going or failure is None:
                failure = _written(scenario, search.path)
            if not keep_going:
                raise ScheduleFailed(failure, error, schedules) from error

    while limit is None or schedules < limit:
        count(search.run())
        if not search.advance():
            return Explored(schedules, True, failed, search.longest, failure)
    for _ in range(limit):
        count(search.sample())
    return Explored(schedules, False, failed, search.longest, failure)


def _written(scenario: Callable[[], WorldLike], path: Sequence[int]) -> Schedule:
    """The schedule of a path, by running it once more."""
    run = Run(scenario)
    written = []
    try:
        for choice in path:
            written.append(run.label(choice))
            run.take(choice)
    except Exception:  # noqa: S110  the failure itself, at the last step
        pass
    finally:
        run.close()
    return written


def replay(scenario: Callable[[], WorldLike], schedule: Sequence[str]) -> None:
    """Run one schedule, as an error showed it; whoever it doesn't mention goes on afterwards.

    Raises:
        ScheduleFailed: It still fails.
        ValueError: The scenario has no such step at that point.
    """
    run = Run(scenario)
    done: Schedule = []
    try:
        for step in schedule:
            choice = _parsed(run, step)
            done.append(step)
            run.take(choice)
        while run.live:
            choice = run.ready()[0]
            done.append(run.label(choice))
            run.take(choice)
        run.world.check()
    except _NoSuchStep as error:
        raise ValueError(f"{error}, after {done}") from None
    except Exception as error:
        raise ScheduleFailed(done, error) from error
    finally:
        run.close()


class _NoSuchStep(Exception):
    pass


def _parsed(run: Run, step: str) -> int:
    ready = run.ready()
    for actor in run.live:
        if actor in ready and run.label(actor) == step:
            return actor
        if run.label(~actor) == step:
            return ~actor
    raise _NoSuchStep(f"no step {step!r} here, only {[run.label(actor) for actor in ready]}")
