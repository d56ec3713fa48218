"""The short way of a hit that comes from the store, where nothing is kept in memory.

`obtain` is a chain of coroutines, made for everything that can happen. A call that finds a fresh and
current value in the store needs little of it, and the chain takes as long as a loopback server itself.
So one plain function looks first, with the same questions in the same order; whatever is not simple
(old, dropped, damaged, put by hand, about to change, told as an event) it leaves to `obtain`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from afresh.codecs.envelope import tags_of
from afresh.codecs.glance import Glance, facts_of_seen
from afresh.codecs.opened import Damaged
from afresh.core.entry import NEVER, Facts
from afresh.core.ports import UNASKED, Unasked
from afresh.engine.asking.confirm import current as confirmation
from afresh.engine.asking.confirm import sure
from afresh.engine.asking.tracker import asking, current
from afresh.engine.changes import transaction
from afresh.engine.engine import Engine
from afresh.engine.site import Site
from afresh.errors import BackendError
from afresh.runtime.ticker import TICKER

if TYPE_CHECKING:
    from afresh.codecs.opener import Opener
    from afresh.core.policy import Policy

_MISSED: Any = object()

FullKey: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], str]
LongWay: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any], "Unasked | None"], Any]
"""Answers a call, given whether the store was found to have nothing (`None`)."""


class Quick:
    """What answers the calls of one function from the store, where that is simple.

    Not for values that are kept in memory, or that are refreshed before their time.
    """

    __slots__ = (
        "_ask",
        "_clock",
        "_counters",
        "_engine",
        "_hits_at",
        "_key",
        "_lax",
        "_long_way",
        "_open",
        "_policy",
        "_read",
        "_site",
        "_suffix",
        "_told",
        "_words",
    )

    def __init__(self, engine: Engine, site: Site, policy: Policy, key: FullKey, long_way: LongWay) -> None:
        self._engine = engine
        self._site = site
        self._policy = policy
        self._key = key
        self._long_way = long_way
        self._suffix = ""
        self._open: Opener | None = None
        # What stays the same is looked up here: on the way of a hit each dot is a thirtieth of a microsecond.
        self._clock = engine.gate.clock_cell
        self._words = engine.backend.words
        self._hits_at = engine.backend.begin
        self._counters = engine.counters
        # Outside of a scope nobody has to be asked then: one look-up instead of `sure`'s three calls.
        self._lax = not engine.backend.remote or engine.consistency != "strict"
        self._read: Callable[[str], bytes | None] | None = getattr(engine.store, "read", None)
        self._ask: Callable[[str], Awaitable[Any] | None] | None = getattr(engine.store, "begin", None)
        self._told: Callable[[Any], bytes | None] | None = getattr(engine.store, "told", None)

    def answer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer a call."""
        if self._read is None or not self._simple():
            return self._long_way(args, kwargs, UNASKED)
        key = self._key(args, kwargs)
        try:
            envelope = self._read(key + self._suffix)
        except BackendError:
            return self._long_way(args, kwargs, UNASKED)
        if envelope is None:
            return self._long_way(args, kwargs, None)
        value = self._judged(envelope, key)
        return self._long_way(args, kwargs, UNASKED) if value is _MISSED else value

    async def answer_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The same for an event loop."""
        if self._engine.store is None or not self._simple():
            return await self._long_way(args, kwargs, UNASKED)
        key = self._key(args, kwargs)
        try:
            # To await a future here costs 2 µs less than to await the coroutines that end in awaiting it.
            asked = None if self._ask is None else self._ask(key + self._suffix)
            if asked is None or self._told is None:
                envelope = await self._engine.store.get(key + self._suffix)
            else:
                envelope = self._told(await asked)
        except BackendError:
            return await self._long_way(args, kwargs, UNASKED)
        if envelope is None:
            return await self._long_way(args, kwargs, None)
        value = self._judged(envelope, key)
        return await self._long_way(args, kwargs, UNASKED) if value is _MISSED else value

    def _simple(self) -> bool:
        """Whether calls may be answered from what is stored, with nobody asked or told."""
        engine = self._engine
        if engine.closed or engine.events or not engine.plain or transaction.current.get() is not None:
            return False
        if not TICKER.working:
            engine.awake()
        if self._open is None:
            self._open = self._opener(engine)
        return (self._lax and confirmation.get() is None) or sure(engine)

    def _opener(self, engine: Engine) -> Opener:
        """Made at the first call, when the names in annotations are defined."""
        assert engine.sealer is not None
        self._suffix = engine.stored_key(self._site, "")
        return engine.sealer.opener(self._site.type, self._policy.negative)

    def _judged(self, envelope: bytes, key: str) -> Any:
        """The value in an envelope, or `_MISSED`."""
        opener = self._open
        assert opener is not None
        seen = opener.glance(envelope, key)
        if seen is None:
            return _MISSED
        clock = self._clock.cell_contents
        if (clock if clock != NEVER else self._engine.now()) >= seen[8]:
            return _MISSED
        # As with an entry in memory: where nothing at all was announced since, nothing has to be compared.
        stamp, words = seen[5], self._words
        if clock == NEVER or words is None or words.cell_contents[self._hits_at] != stamp:
            stamp = self._proven(envelope, seen)
            if stamp < 0:
                return _MISSED
        value = opener.value(envelope, key, seen)
        if type(value) is Damaged:
            return _MISSED
        if current.get() is not None:
            self._inherit(facts_of_seen(envelope, key), stamp)
        site = self._site
        site.hits += 1
        site.saved += seen[7]
        self._counters.store_hits += 1
        return value

    def _proven(self, envelope: bytes, seen: Glance) -> int:
        """The position at which a value is proven to be current; -1 where it isn't."""
        ledger = self._engine.ledger
        if seen[4] != ledger.epoch:
            return -1
        proof = ledger.prove(tags_of(envelope, seen[2]), seen[5])
        return -1 if proof is None or proof.held else proof.at

    def _inherit(self, facts: Facts, at: int) -> None:
        tracker = asking()
        if tracker is not None:
            tracker.saw(self._engine.ledger, facts, at)
