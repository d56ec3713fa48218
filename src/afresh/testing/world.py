"""One execution of a scenario: a world, its actors, and what has been chosen so far."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from afresh.testing.actors import Actor, Block, carrier, driven, resumer, stepping, unwind

__all__ = ["START", "Deadlock", "Run", "World", "WorldLike", "running", "spawn"]

START = "start"
"""The stop of an actor that has not begun."""

_KILLED = "killed at "
_TIMEOUTS = 500  # waits that run out one after the other while nobody does anything else


class WorldLike(Protocol):
    """What a scenario returns. It may also have `on_kill(name)`, called when an actor is killed.

    With `on_kill` the rest of the world can notice a death (a file lock is released), so when it
    happens matters and kills are tried at every later moment too, not only where the actor stands.
    """

    @property
    def actors(self) -> Mapping[str, Actor]:
        """Who runs, by name."""

    def check(self) -> None:
        """Raise AssertionError if this final state is wrong."""


class World:
    """The plain form of what a scenario returns (see `WorldLike`)."""

    def __init__(
        self,
        actors: Mapping[str, Actor],
        check: Callable[[], None] = lambda: None,
        on_kill: Callable[[str], None] | None = None,
    ) -> None:
        self.actors = actors
        self.check = check
        if on_kill is not None:
            self.on_kill = on_kill


class Deadlock(AssertionError):
    """Every actor that is left waits for something that nobody can do any more."""


class Run:
    """One execution of a scenario. Actors are numbered in the order in which they appeared."""

    def __init__(self, scenario: Callable[[], WorldLike]) -> None:
        global _running
        self.names: list[str] = []
        self.at: list[Any] = []
        self.live: list[int] = []
        self._resume: list[Callable[[None], Any]] = []
        self._bodies: list[Any] = []
        self._timeouts = 0
        self._coroutines: list[bool] = []
        _running = self
        try:
            self.world = scenario()
        except BaseException:
            self.close()
            raise
        for name, actor in self.world.actors.items():
            self.add(name, actor)
        self.on_kill: Callable[[str], None] | None = getattr(self.world, "on_kill", None)

    def add(self, name: str, actor: Actor) -> None:
        """Let one more actor take part."""
        resume, body = resumer(actor)
        self.live.append(len(self.names))
        self.names.append(name)
        self.at.append(START)
        self._resume.append(resume)
        self._bodies.append(body)
        self._coroutines.append(body is actor)

    def ready(self) -> list[int]:
        """Who can go on: not blocked; else, the first whose wait runs out."""
        at = self.at
        ready = []
        for actor in self.live:
            stop = at[actor]
            if type(stop) is str or stop.hasty or stop.predicate():
                ready.append(actor)
        if ready or not self.live:
            self._timeouts = 0
            return ready
        waits = {actor: at[actor].deadline for actor in self.live if at[actor].deadline is not None}
        self._timeouts += 1
        if not waits or self._timeouts > _TIMEOUTS:
            stuck = ", ".join(f"{self.names[actor]} at {at[actor].label}" for actor in self.live)
            raise Deadlock(f"nobody can go on: {stuck}")
        first = min(waits.values())
        return [actor for actor, deadline in waits.items() if deadline == first]

    def take(self, choice: int) -> None:
        """Resume actor `choice`, or kill actor `~choice`."""
        if choice < 0:
            self.live.remove(~choice)
            if self.on_kill is not None:
                self.on_kill(self.names[~choice])
            return
        stepping.coroutine = self._coroutines[choice]
        try:
            stop = self._resume[choice](None)
        except StopIteration:
            self.live.remove(choice)
            self._bodies[choice] = None
        else:
            if type(stop) is not str and type(stop) is not Block:
                raise TypeError(
                    f"{self.names[choice]} awaits {stop!r}: only pauses and waits of the explorer can be"
                )
            self.at[choice] = stop
        finally:
            stepping.coroutine = False

    def close(self) -> None:
        """The world is over: unwind whoever has not ended."""
        global _running
        _running = None
        for body in self._bodies:
            if body is not None:
                unwind(body)

    def label(self, choice: int) -> str:
        """The choice as it stands in a schedule, told before it is taken."""
        actor = choice if choice >= 0 else ~choice
        stop = self.at[actor]
        label = stop if type(stop) is str else stop.label
        return f"{self.names[actor]}: {'' if choice >= 0 else _KILLED}{label}"


_running: Run | None = None


def spawn(name: str, actor: Actor) -> None:
    """Add an actor to the running world, in a copy of the caller's context."""
    if _running is None:
        raise RuntimeError("spawn() outside of an exploration")
    if isinstance(actor, Coroutine) and carrier.current() is not None:
        actor = driven(actor)  # the caller's code may pause in plain functions: so may this one's
    taken = sum(each == name or each.startswith(f"{name}#") for each in _running.names)
    _running.add(f"{name}#{taken + 1}" if taken else name, actor)


def running() -> bool:
    """Whether an exploration is running a world just now."""
    return _running is not None
