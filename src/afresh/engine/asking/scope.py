"""One web request, task or script: consistency is confirmed at its start, dependencies are collected."""

from __future__ import annotations

from contextvars import Token as ContextToken
from typing import NamedTuple

from afresh.engine.asking.confirm import Confirmation, assure
from afresh.engine.asking.confirm import current as confirmation
from afresh.engine.asking.contexts import leave
from afresh.engine.asking.tracker import Tracker, asking, current
from afresh.engine.engine import Engine
from afresh.runtime.gate import track, untrack


class Token(NamedTuple):
    """A writer's position, for `session` consistency: whoever holds it reads nothing older."""

    epoch: int
    position: int


class Scope:
    """What happened within one `cache.scope()`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tracker = Tracker(engine.ledger, engine.ledger.position(), None)
        self._before: ContextToken[Tracker | None] | None = None
        self._confirmation = Confirmation(engine.ledger)
        self._confirmed_before: ContextToken[Confirmation | None] | None = None

    @property
    def dependencies(self) -> frozenset[str]:
        """The names of all tags that were read in it."""
        return frozenset(self._tracker.names())

    @property
    def tags(self) -> frozenset[int]:
        """The hashes of all tags that were read in it."""
        return self._tracker.tags()

    @property
    def stamp(self) -> int:
        """The least position at which a part of what was read was proven."""
        return self._tracker.stamp

    @property
    def until(self) -> float:
        """When a part of what was read is no longer fresh, in seconds since 1970; infinity: none ages."""
        return self._tracker.lives().soft

    @property
    def unsure(self) -> bool:
        """Whether something was read that can't be kept by anybody, or that another ledger numbers."""
        return bool(self._tracker.refused) or self._tracker.foreign

    @property
    def token(self) -> Token:
        """Hand this to whoever must read no older than what was written here."""
        return Token(self._engine.ledger.epoch, self._engine.ledger.position())

    async def begin(self, token: Token | None) -> None:
        """Confirm what the consistency level asks for, and start collecting."""
        self._confirmed_before = confirmation.set(self._confirmation)
        self._confirmation.owed = token is not None and self._behind(token)
        await assure(self._engine)
        parent = self._tracker.parent = asking()
        if parent is not None:
            parent.scopes.append(self._tracker)
        self._before = current.set(self._tracker)
        track(self._tracker)

    def end(self) -> None:
        """Stop collecting."""
        if self._before is not None:
            untrack(self._tracker)
            leave(current, self._before)
            self._before = None
            if self._confirmed_before is not None:
                leave(confirmation, self._confirmed_before)
            self._tracker.ended = True
            parent = self._tracker.parent
            if parent is not None:
                parent.merge(self._tracker)
                parent.scopes.remove(self._tracker)

    def _behind(self, token: Token) -> bool:
        ledger = self._engine.ledger
        return token.epoch != ledger.epoch or token.position > ledger.position()
