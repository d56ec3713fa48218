"""The short way of `get`: a value that somebody put, or that was loaded under a key, straight from the store.

`quick` has it for decorated functions. Most values that are put by hand carry no tags, so that there is
nothing to prove; what is not simple is left to `plain`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from afresh.codecs.envelope import FAILED, PINNED, tags_of
from afresh.codecs.glance import Glance
from afresh.codecs.opened import Damaged
from afresh.engine.asking.confirm import sure
from afresh.engine.asking.tracker import current
from afresh.engine.engine import Engine
from afresh.engine.values.cells import ABSENT
from afresh.errors import BackendError
from afresh.runtime.ticker import TICKER

if TYPE_CHECKING:
    from afresh.codecs.opener import Opener

NOT_SIMPLE: Any = object()
"""In place of an answer: ask the long way."""


class QuickValues:
    """Answers `get` from the store, where that is simple.

    Args:
        engine: The cache.
        declared: The type that the codec is told of.
    """

    __slots__ = ("_ask", "_declared", "_engine", "_full", "_open", "_read", "_site", "_told")

    def __init__(self, engine: Engine, declared: Any) -> None:
        self._engine = engine
        self._declared = declared
        self._site = engine.values
        self._full = engine.names.full
        self._open: Opener | None = None
        self._read: Callable[[str], bytes | None] | None = getattr(engine.store, "read", None)
        self._ask: Callable[[str], Awaitable[Any] | None] | None = getattr(engine.store, "begin", None)
        self._told: Callable[[Any], bytes | None] | None = getattr(engine.store, "told", None)

    def get(self, key: Hashable) -> Any:
        """The value, `ABSENT` or `NOT_SIMPLE`; blocks for the answer."""
        if self._read is None or not self._simple():
            return NOT_SIMPLE
        full = self._full(key)
        try:
            envelope = self._read(full)
        except BackendError:
            return NOT_SIMPLE
        return self._judged(envelope, full)

    async def get_async(self, key: Hashable) -> Any:
        """The same for an event loop."""
        if self._ask is None or self._told is None or not self._simple():
            return NOT_SIMPLE
        full = self._full(key)
        try:
            asked = self._ask(full)
            if asked is None:
                return NOT_SIMPLE
            envelope = self._told(await asked)
        except BackendError:
            return NOT_SIMPLE
        return self._judged(envelope, full)

    def _simple(self) -> bool:
        """Whether what is stored may be served, with nobody who collects what is read."""
        engine = self._engine
        if engine.closed or not engine.plain or current.get() is not None:
            return False
        if not TICKER.working:
            engine.awake()
        return True

    def _judged(self, envelope: bytes | None, full: str) -> Any:
        if envelope is None:
            self._site.misses += 1
            return ABSENT
        opener = self._open
        if opener is None:
            opener = self._open = self._opener()
        seen = opener.glance(envelope, full, FAILED)
        if seen is None:
            return NOT_SIMPLE
        if self._engine.now() >= seen[8]:  # the real clock: it costs nothing beside the trip
            return NOT_SIMPLE
        if (seen[2] or not seen[1] & PINNED) and not self._proven(envelope, seen):
            return NOT_SIMPLE
        value = opener.value(envelope, full, seen)
        if type(value) is Damaged:
            return NOT_SIMPLE
        self._site.hits += 1
        return value

    def _opener(self) -> Opener:
        assert self._engine.sealer is not None
        return self._engine.sealer.opener(self._declared)

    def _proven(self, envelope: bytes, seen: Glance) -> bool:
        """Whether nothing that it was made from has changed, as far as that is seen here."""
        engine = self._engine
        if seen[4] != engine.ledger.epoch or not sure(engine):
            return False
        proof = engine.ledger.prove(tags_of(envelope, seen[2]), seen[5])
        return proof is not None and not proof.held
