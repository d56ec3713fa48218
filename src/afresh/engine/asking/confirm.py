"""`strict` and `session`: is everything that was said, or done elsewhere, seen here?

A read under `strict` asks the server that numbers the invalidations first, and has a look taken at the
places where others write: nothing that was announced or changed anywhere before that is out of sight
then. One question is good for a whole scope, or for `LASTS` seconds of a long one. A scope that was
handed a token of a position that can't be reached reads through to the loader.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from afresh.core.ports import Ledger
from afresh.engine.asking.elsewhere import any_late
from afresh.engine.asking.tracker import same_ledger
from afresh.errors import BackendError

if TYPE_CHECKING:
    from afresh.engine.engine import Engine

LASTS = 0.05
"""Seconds for which a scope relies on one confirmation."""


class Confirmation:
    """What one scope knows of how far its ledger is seen.

    Attributes:
        ledger: The ledger.
        until: When `strict` has to ask the server again; minus infinity before the first time.
        owed: The server has to be asked, at whichever level: somebody was told of a later position.
    """

    __slots__ = ("ledger", "owed", "until")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.until = float("-inf")
        self.owed = False


current: ContextVar[Confirmation | None] = ContextVar("afresh.confirmation", default=None)
"""That of the innermost scope."""


def sure(engine: Engine) -> bool:
    """Whether what is stored may be judged by what is seen here, with nobody asked."""
    if not engine.backend.remote and not engine.elsewhere:
        return True
    scope = _scope(engine)
    if scope is not None and scope.owed:
        return False
    if engine.consistency == "strict":
        return scope is not None and engine.now() < scope.until
    return not any_late(engine.elsewhere)


def sure_at_once(engine: Engine) -> bool:
    """`sure`, with a look elsewhere where nobody has to be waited for."""
    if sure(engine):
        return True
    scope = _scope(engine)
    if engine.backend.remote or (scope is not None and scope.owed):
        return False
    return all(place.unchanged() for place in engine.elsewhere)


async def assure(engine: Engine) -> bool:
    """`sure`, asking the server, and looking elsewhere, where that is needed; `False` if there is no answer."""
    if sure(engine):
        return True
    scope = _scope(engine)
    asked = engine.now()
    try:
        for place in engine.elsewhere:
            if engine.consistency == "strict" or place.late():
                await place.look()
        await engine.ledger.confirm()
    except BackendError as error:
        engine.bypassed("", error)
        return False
    if scope is not None:
        scope.until = asked + LASTS
        scope.owed = False
    return True


def _scope(engine: Engine) -> Confirmation | None:
    scope = current.get()
    return scope if scope is not None and same_ledger(scope.ledger, engine.ledger) else None
