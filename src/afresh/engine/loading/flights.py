"""Loads of one key joined in one process.

The first to miss leads; the others wait in a `Waiter` of their own world (thread or task), so
threads and tasks of any loop join the same flight. A flight lands with what was made (a value, or
the loader's exception) for all to share, or is abandoned (its leader was cancelled, its loop
closed), and then one of those who waited leads the next.

No lock: `dict.setdefault` elects the leader, and a waiter is added to the list *before* `done` is
read, while landing sets `done` *before* it reads the list, so no waiter is missed.
"""

from __future__ import annotations

from collections.abc import Iterable

from afresh.core.ports import Runtime, Waiter
from afresh.engine.loading.made import Made

HEARTBEAT = 1.0
"""Seconds after which a waiter looks whether its leader's world still exists."""


class Flight:
    """One load of one key, and who waits for it.

    Attributes:
        done: It landed or was abandoned.
        made: What it landed with.
        released: Its leader found that nobody can share what it makes: each has to load alone.
        loop_thread: The thread of the event loop that the leader runs on, if it does.
        alive: Says whether the leader's world still exists.
        waits_for: Flights that whoever holds this one is waiting for.
    """

    __slots__ = ("alive", "done", "key", "loop_thread", "made", "released", "waiters", "waits_for")

    def __init__(self, key: str, runtime: Runtime) -> None:
        self.key = key
        self.loop_thread = runtime.loop_thread()
        self.alive = runtime.lifeline()
        self.done = False
        self.made: Made | None = None
        self.released = False
        self.waiters: list[Waiter] = []
        self.waits_for: list[Flight] = []

    def reaches(self, others: Iterable[Flight]) -> bool:
        """Whether this flight waits, directly or not, for one of `others`: a cycle, if they wait for it."""
        goals = set(map(id, others))
        seen: set[int] = set()
        todo: list[Flight] = [self]
        while todo:
            flight = todo.pop()
            if id(flight) in goals:
                return True
            if id(flight) not in seen:
                seen.add(id(flight))
                todo.extend(flight.waits_for)
        return False


class Flights:
    """The flights of one cache in this process."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[str, Flight] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def enter(self, key: str, runtime: Runtime) -> tuple[Flight, bool]:
        """The flight of `key`, and whether the caller leads it."""
        mine = Flight(key, runtime)
        flight = self._by_key.setdefault(key, mine)
        return flight, flight is mine

    def land(self, flight: Flight, made: Made) -> None:
        """End a flight with a result for everyone."""
        flight.made = made
        self._end(flight)

    def abandon(self, flight: Flight) -> None:
        """End a flight without a result: one of those who wait takes over."""
        self._end(flight)

    def end(self, flight: Flight, made: Made | None) -> None:
        """End a flight with what its leader made, if it came to that (it may have been cancelled)."""
        if made is None:
            self.abandon(flight)
        else:
            self.land(flight, made)

    def release(self, flight: Flight) -> None:
        """End a flight for everyone but its leader: what comes can't be shared, so nobody waits for it."""
        flight.released = True
        self._end(flight)

    def give_up(self, flight: Flight) -> None:
        """Let another lead that key; whoever still waits for this flight may go on doing so."""
        if self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]

    def clear(self) -> None:
        """Forget all flights: after a fork their leaders are in the parent."""
        self._by_key.clear()

    def _end(self, flight: Flight) -> None:
        if self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]
        flight.done = True
        for waiter in list(flight.waiters):
            waiter.wake()


async def wait_for(flight: Flight, runtime: Runtime, held: list[Flight], patience: float) -> bool:
    """Wait until a flight ends, at most `patience` seconds; says whether it did.

    It did not when the caller must load alone: patience ran out, the leader's world is gone, or
    waiting would close a cycle.

    Args:
        flight: Another's flight.
        runtime: The world of whoever waits.
        held: The flights that whoever waits holds itself.
        patience: Seconds; may be infinite.
    """
    waiter = runtime.waiter()
    flight.waiters.append(waiter)
    for mine in held:
        mine.waits_for.append(flight)
    try:
        # Looked at only after our own edges are drawn: of two that close a cycle at once, one sees it.
        if held and flight.reaches(held):
            return flight.done
        while not flight.done and patience > 0 and flight.alive():
            await runtime.wait(waiter, min(patience, HEARTBEAT))
            patience -= HEARTBEAT
        return flight.done
    finally:
        for mine in held:
            mine.waits_for.remove(flight)
