"""The tree of choices that the explorer walks."""

from __future__ import annotations

import random
from collections.abc import Callable

from afresh.testing.world import START, Run, WorldLike

__all__ = ["Search"]

_LONGEST = 100_000  # steps of one schedule; more is an actor that polls for ever


class Search:
    """The tree of choices. Per depth: the choice made, those still to try, and what bounds them."""

    def __init__(
        self, scenario: Callable[[], WorldLike], kills: int, preemptions: int | None, rng: random.Random
    ) -> None:
        self.scenario = scenario
        self.kills = kills
        self.preemptions = preemptions
        self.rng = rng
        self.path: list[int] = []
        self.longest = 0
        self._untried: list[list[int]] = []
        self._spent: list[int] = [0]  # preemptions before each depth, and after the last
        self._costly: list[bool] = []  # at each depth: running another actor is a preemption

    def run(self) -> Exception | None:
        """Run the path that is chosen so far, on to an end; returns how it failed."""
        run: Run | None = None
        try:
            run = Run(self.scenario)
            for choice in self.path:
                run.take(choice)
            self._extend(run)
            run.world.check()
        except Exception as error:
            return error
        finally:
            self.longest = max(self.longest, len(self.path))
            if run is not None:
                run.close()
        return None

    def advance(self) -> bool:
        """Choose the next path; says `False` when all have been run."""
        untried = self._untried
        while untried and not untried[-1]:
            untried.pop()
        del self.path[len(untried) :], self._spent[len(untried) + 1 :], self._costly[len(untried) :]
        if not untried:
            return False
        self._choose(len(untried) - 1, untried[-1].pop())
        return True

    def restart(self) -> None:
        """Forget the path, to sample another from the start."""
        self.path, self._untried, self._spent, self._costly = [], [], [0], []

    def sample(self) -> Exception | None:
        """Run one schedule drawn at random."""
        self.restart()
        deaths = {self.rng.randrange(self.longest or 1) for _ in range(self.rng.randint(0, self.kills))}
        run = None
        try:
            run = Run(self.scenario)
            while run.live:
                options = self._options(run)
                wanted = [each for each in options if (each < 0) == (len(self.path) in deaths)]
                self._add(self.rng.choice(wanted or options), [])
                run.take(self.path[-1])
            run.world.check()
        except Exception as error:
            return error
        finally:
            if run is not None:
                run.close()
        return None

    def _extend(self, run: Run) -> None:
        while run.live:
            options = self._options(run)
            self._add(options[0], options[:0:-1])
            run.take(options[0])

    def _add(self, choice: int, untried: list[int]) -> None:
        if len(self.path) >= _LONGEST:
            raise RuntimeError(f"no end after {_LONGEST} steps: does an actor poll instead of block?")
        self.path.append(choice)
        self._untried.append(untried)
        self._spent.append(0)
        self._choose(len(self.path) - 1, choice)

    def _choose(self, depth: int, choice: int) -> None:
        self.path[depth] = choice
        preempts = choice >= 0 and self._costly[depth] and choice != self._before(depth)
        self._spent[depth + 1] = self._spent[depth] + preempts

    def _before(self, depth: int) -> int:
        """Who ran last before `depth`; -1 if nobody did or whoever did is dead."""
        path = self.path
        for index in range(depth - 1, -1, -1):
            if path[index] >= 0:
                return -1 if ~path[index] in path[index + 1 : depth] else path[index]
        return -1

    def _options(self, run: Run) -> list[int]:
        depth = len(self.path)
        options = run.ready()
        last = self._before(depth)
        stays = last in options
        self._costly.append(stays)
        if stays:
            if self.preemptions is not None and self._spent[depth] >= self.preemptions:
                options = [last]
            elif options[0] != last:
                options.remove(last)
                options.insert(0, last)
        if self.kills:
            self._add_kills(run, options)
        return options

    def _add_kills(self, run: Run, options: list[int]) -> None:
        if sum(choice < 0 for choice in self.path) >= self.kills:
            return
        if run.on_kill is not None:
            options.extend(~actor for actor in run.live if run.at[actor] is not START)
        elif self.path and self.path[-1] in run.live:
            options.append(~self.path[-1])
