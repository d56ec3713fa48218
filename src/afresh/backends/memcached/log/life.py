"""How a log begins anew when its server has lost a part of it.

A restart, a flush, or the eviction of the item that names the epoch, of the counter or of the list of
intents ends a log's life. Whoever notices begins another, above every number that it knows of. All
items of a life are made before the item that names it, so whoever finds the name finds the rest; and
the name is replaced by compare-and-set, so of two that begin at once one is followed by both.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from afresh.backends.memcached.log.intents import EMPTY, Intents
from afresh.backends.memcached.log.keys import Ask, Commands, epoch_of, number_of
from afresh.backends.replica.remote import Position
from afresh.errors import BackendError
from afresh.runtime.clock import SYSTEM_CLOCK

_TRIES = 16


def random_epoch() -> int:
    """An identity that no other life has: 64 bits, not 0."""
    return secrets.randbits(64) or 1


class _State(NamedTuple):
    """What the server says of the life that it names.

    Attributes:
        epoch: 0 where there is none.
        at: Its counter; `None` where that is lost.
        cas: Of the item that names it.
    """

    epoch: int
    at: int | None
    cas: str | None


class Life:
    """The life of one log: is it the same, and if not, which?"""

    def __init__(
        self,
        commands: Commands,
        intents: Intents,
        now: Callable[[], float] = SYSTEM_CLOCK.now,
        draw: Callable[[], int] = random_epoch,
    ) -> None:
        self._commands = commands
        self._intents = intents
        self._now = now
        self._draw = draw

    async def ensure(self, ask: Ask, known: Position, *, over: int = 0) -> Position:
        """Where the log stands: above `known`, and not in the life `over`. Begins one if need be.

        Raises:
            BackendError: The server failed, or loses what it is given at once.
        """
        for _ in range(_TRIES):
            state = await self._look(ask, known.epoch)
            # One that stands before what was seen is a copy of the past, or of a slower clock.
            if state.at is not None and state.at >= known.at and state.epoch != over:
                return Position(state.epoch, state.at)
            await self._begin(ask, known, state)
        raise BackendError("the log's server does not keep the items of the log: has it any memory?")

    async def _look(self, ask: Ask, guess: int) -> _State:
        named, counter = await ask(self._commands.read_epoch(), self._commands.read_counter(guess))
        epoch, cas = epoch_of(named), named.flag("c")
        if epoch is None:
            return _State(0, None, cas)
        if epoch != guess:
            (counter,) = await ask(self._commands.read_counter(epoch))
        return _State(epoch, number_of(counter), cas)

    async def _begin(self, ask: Ask, known: Position, state: _State) -> None:
        """Try to begin a life in place of the one that was found."""
        start = max(int(self._now() * 1e6), known.at + 1, (state.at or 0) + 1)
        epoch = self._draw()
        commands = self._commands
        former = state.epoch or known.epoch
        inherited = await self._intents.inherit(ask, former) if former else EMPTY
        *_, named = await ask(
            commands.add_counter(epoch, start),
            commands.write_intents(epoch, inherited, None),
            commands.write_epoch(epoch, state.cas),
        )
        over = former if named.status == "HD" else epoch
        await ask(*commands.drop(over))
