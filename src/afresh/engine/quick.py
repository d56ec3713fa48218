"""The short way of a hit that comes from the store, where nothing is kept in memory.

`obtain` is a chain of coroutines, made for everything that can happen. A call that finds a fresh and
current value in the store needs little of it, and the chain takes as long as a loopback server itself.
So one plain function looks first, with the same questions in the same order; whatever is not simple
(old, dropped, damaged, put by hand, about to change, told as an event) it leaves to `obtain`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from afresh.codecs.envelope import tags_of
from afresh.codecs.glance import Glance, facts_of_seen
from afresh.codecs.opened import Damaged
from afresh.core.entry import NEVER, Facts
from afresh.core.ports import UNASKED, Unasked
from afresh.engine import transaction
from afresh.engine.confirm import current as confirmation
from afresh.engine.confirm import sure
from afresh.engine.engine import Engine
from afresh.engine.site import Site
from afresh.engine.tracker import asking, current
from afresh.errors import BackendError
from afresh.runtime.ticker import TICKER

if TYPE_CHECKING:
    from afresh.codecs.opener import Opener
    from afresh.core.policy import Policy

MISSED: Any = object()
"""In place of a value: it takes more to answer."""

_UNASKED = (MISSED, UNASKED)


class Quick:
    """What answers the calls of one function from the store, where that is simple."""

    __slots__ = ("_engine", "_lax", "_open", "_policy", "_prefix", "_read", "_site", "_suffix")

    def __init__(self, engine: Engine, site: Site, policy: Policy) -> None:
        self._engine = engine
        self._site = site
        self._policy = policy
        self._prefix = engine.names.full("")
        self._suffix: str | None = None
        self._read: Callable[[str], bytes | None] | None = getattr(engine.store, "read", None)
        self._open: Opener
        # Outside of a scope nobody has to be asked then: one look-up instead of `sure`'s three calls.
        self._lax = not engine.backend.remote or engine.consistency != "strict"

    @staticmethod
    def of(engine: Engine, site: Site, policy: Policy) -> Quick | None:
        """`None` where values are kept in memory or nowhere, or refreshed before their time."""
        simple = engine.l1 is None and engine.sealer is not None and not policy.early
        return Quick(engine, site, policy) if simple else None

    def value(self, key: str) -> tuple[Any, Unasked | None]:
        """The value of a key, or `MISSED`; and whether the store was found to have none."""
        if self._read is None or not self._simple():
            return _UNASKED
        full, suffix = self._prefix + key, self._suffix
        try:
            envelope = self._read(full + (self._variant() if suffix is None else suffix))
        except BackendError:
            return _UNASKED
        return self._judged(envelope, full)

    async def value_async(self, key: str) -> tuple[Any, Unasked | None]:
        """The same for an event loop."""
        engine = self._engine
        if engine.store is None or not self._simple():
            return _UNASKED
        full = self._prefix + key
        try:
            envelope = await engine.store.get(full + self._variant())
        except BackendError:
            return _UNASKED
        return self._judged(envelope, full)

    def _simple(self) -> bool:
        """Whether calls may be answered from what is stored, with nobody asked or told."""
        engine = self._engine
        if engine.closed or engine.events or not engine.plain or transaction.current.get() is not None:
            return False
        if not TICKER.working:
            engine.awake()
        return (self._lax and confirmation.get() is None) or sure(engine)

    def _variant(self) -> str:
        suffix = self._suffix
        if suffix is None:
            engine, site = self._engine, self._site
            assert engine.sealer is not None
            self._open = engine.sealer.opener(site.type, self._policy.negative)
            suffix = self._suffix = engine.stored_key(site, "")
        return suffix

    def _judged(self, envelope: bytes | None, full: str) -> tuple[Any, Unasked | None]:
        if envelope is None:
            return MISSED, None
        seen = self._open.glance(envelope, full)
        if seen is None:
            return _UNASKED
        engine, stamp = self._engine, seen[5]
        clock = engine.gate.clock_cell.cell_contents
        if (engine.now() if clock == NEVER else clock) >= seen[8]:
            return _UNASKED
        # As with an entry in memory: where nothing at all was announced since, nothing has to be compared.
        words = engine.backend.words
        if clock == NEVER or words is None or words.cell_contents[engine.backend.begin] != stamp:
            stamp = self._proven(envelope, seen)
            if stamp < 0:
                return _UNASKED
        value = self._open.value(envelope, full, seen)
        if type(value) is Damaged:
            return _UNASKED
        if current.get() is not None:
            self._inherit(facts_of_seen(envelope, full), stamp)
        site = self._site
        site.hits += 1
        site.saved += seen[7]
        engine.counters.store_hits += 1
        return value, UNASKED

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
