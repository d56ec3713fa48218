"""The state of one cache in one process, and the one plain function that every hit can end in."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from afresh.backends import Backend
from afresh.backends.memory.store import MemoryStore
from afresh.core.entry import NEVER, Entry, Facts
from afresh.core.events import Event, Events, Kind
from afresh.core.policy import Policy
from afresh.core.ports import Proof, Runtime
from afresh.core.verdict import FRESH, Verdict, fresh_until, judge
from afresh.engine.asking.confirm import sure_at_once
from afresh.engine.asking.elsewhere import Elsewhere, any_late
from afresh.engine.asking.tracker import asking, current
from afresh.engine.changes import transaction
from afresh.engine.changes.trail import Step, Trail
from afresh.engine.history import History
from afresh.engine.loading.flights import Flights
from afresh.engine.loading.limit import LoadLimit
from afresh.engine.mode import ON, Mode, same
from afresh.engine.naming import Naming
from afresh.engine.site import Call, Site
from afresh.engine.values.watched import Watched
from afresh.errors import BackendError, CacheClosed
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.fork import on_fork
from afresh.runtime.gate import Gate, Shut
from afresh.runtime.threads import ThreadRuntime
from afresh.runtime.ticker import TICKER

if TYPE_CHECKING:
    from afresh.codecs.sealer import Sealer

_REFUSALS = 1_000  # reasons that are remembered

Consistency: TypeAlias = Literal["bounded", "session", "strict"]


@dataclass(slots=True)
class Counters:
    """What happened outside of any one site."""

    store_hits: int = 0
    damaged: int = 0
    bypassed: int = 0
    invalidations: int = 0
    evictions: int = 0
    mismatches: int = 0


class Engine:
    """One cache in one process: where its entries are, and what numbers their invalidations.

    Attributes:
        namespace: Entries belong to it; the ledger doesn't.
        backend: Ledger, store and leases.
        l1: Entries in this process's memory, or `None`.
        sealer: Values to bytes and back; `None` when nothing leaves the process.
        consistency: What a read may miss.
        gate: The cells that hits compare with.
        events: Who listens.
        names: Full keys and tags of this namespace.
        values: The site of what is set by hand and loaded by `get_or_load`.
        sites: All sites, by the identity of their spaces.
        plain: The mode serves every call.
        elsewhere: Where others make changes that are announced later.
        refusals: Why the last loads of some keys were not kept.
        closed: It was given back.
    """

    closed = False
    same: Callable[[object, object], bool] = staticmethod(same)  # `shadow` compares by it
    elsewhere: tuple[Elsewhere, ...] = ()

    def __init__(
        self,
        *,
        namespace: str,
        backend: Backend,
        l1: MemoryStore | None,
        sealer: Sealer | None,
        consistency: Consistency,
        gate: Gate,
        events: Events,
        clock: Clock,
        max_loads: int | None = None,
    ) -> None:
        self.namespace = namespace
        self.backend = backend
        self.ledger = backend.ledger
        self.store = backend.store
        self.leases = backend.leases
        self.l1 = l1
        self.sealer = sealer
        self.consistency = consistency
        self.gate = gate
        self.events = events
        self.now = clock.now
        self.threads: Runtime = ThreadRuntime(clock)
        self._loop: Runtime | None = None
        self._clock = clock
        self.counters = Counters()
        self.flights = Flights()
        self.limit = LoadLimit(max_loads)
        self.mode: Mode = ON
        self.plain = True
        self.sites: dict[int, Site] = {}
        self.names = Naming(namespace)
        self.watched = Watched(alone=backend.in_memory)
        self.values = self.site("", Policy())
        self._history = History()
        # By a test's clock the gate stays shut: then every hit asks that clock.
        self._ticks = clock is SYSTEM_CLOCK
        self._join_in()

    def _join_in(self) -> None:
        """Be told what happens: entries that are evicted, loads that are not kept, forks, time."""
        self.refusals: dict[str, str] = {}
        self.trail = Trail()
        if self.l1 is not None:
            self.l1.on_evict = self.evicted
        on_fork(self)
        if self.backend.remote and self.consistency == "strict":
            self.gate.shut(Shut.STRICT)
        if self._ticks:
            TICKER.add(self)

    @property
    def loop(self) -> Runtime:
        """The world of coroutines; asyncio is loaded when it is first asked for."""
        if self._loop is None:
            from afresh.runtime.loop import LoopRuntime

            self._loop = LoopRuntime(self._clock)
        return self._loop

    def look_at(self, place: Elsewhere) -> None:
        """Others make changes in this place: from now on nothing is served that may be older than it allows."""
        self.elsewhere = (*self.elsewhere, place)
        if self.consistency == "strict":
            self.gate.shut(Shut.STRICT)

    def look_away(self, place: Elsewhere) -> None:
        """Nobody follows this place any more."""
        self.elsewhere = tuple(each for each in self.elsewhere if each is not place)
        if not self.elsewhere and not self.backend.remote:
            self.gate.open(Shut.STRICT)

    # -- places ---------------------------------------------------------------------------------

    def site(self, name: str, policy: Policy, returns: Callable[[], Any] = lambda: Any) -> Site:
        """A new place that asks for values."""
        space: dict[Hashable, Entry] = {} if self.l1 is None else self.l1.space()
        site = Site(name, policy, space, returns)
        self.sites[id(space)] = site
        return site

    def stored_key(self, site: Site, key: str) -> str:
        """Where the store, and whoever leases it, has a value of this site."""
        variant = site.variant
        if variant is None:
            variant = site.variant = "" if self.sealer is None else self.sealer.variant(site.type)
        return key + variant

    def evicted(self, entry: Entry) -> None:
        """The memory store let an entry go."""
        self.counters.evictions += 1
        site = self.sites.get(id(entry.home))
        if site is not None:
            site.retire(entry)
        if self.events:
            self.events.emit(Event(Kind.EVICT, "l1", entry.facts.key))

    # -- hits -----------------------------------------------------------------------------------

    def recall(self, entry: Entry) -> bool:
        """Whether an entry may be served now, with nothing loaded and nobody asked.

        The way of every hit that is not answered by the comparison in the decorated function:
        after the ledger moved, while dependencies are collected, after the clock stood still.
        """
        if self._ticks and not TICKER.working:
            TICKER.nudge()
        if not self.plain:
            return False
        # First: what a look finds, whoever takes it, is announced, and seen by the proof that follows.
        if (self.backend.remote or self.elsewhere) and not sure_at_once(self):
            return False
        if not self.usable(entry):
            return False
        if transaction.current.get() is not None and transaction.reads_through(self):
            return False
        tracker = current.get()
        if tracker is not None and tracker.ended:
            tracker = asking()
        if tracker is not None:
            tracker.saw(self.ledger, entry.facts, abs(entry.checked_at))
        entry.hits += 1
        return True

    def prove(self, entry: Entry, now: float) -> bool:
        """Whether no tag of an entry was marked; remembers up to where that is proven.

        `checked_at` is what hits compare with the ledger's position, so it is set to the position
        that was read *before* the proof, never to a later one. It is negated when hits must go on
        looking closer: the entry is no longer fresh, or an intent stands. (No position is negative.)
        """
        # Of a ledger in this process's memory, hits compare with this very object.
        here = self.gate.position or self.ledger.position()
        if entry.checked_at == here and (self.backend.in_memory or self.backend.proven()):
            entry.checked_at = here
            return True
        proof = self.ledger.prove(entry.facts.tags, abs(entry.checked_at))
        if proof is None:
            return False
        at, held = proof
        if held and self.consistency == "strict":
            return False
        if held or now >= entry.fresh_until or entry.facts.failed:
            entry.checked_at = -at
            return True
        if entry.fresh_until < self.gate.next_expiry:
            self.gate.expires(entry.fresh_until)
        entry.checked_at = here if at == here else at
        return True

    def verdict(self, facts: Facts, policy: Policy, draw: float, *, since: int | None) -> Verdict:
        """Judge a value whose tags are unmarked (`since=None`), or marked some time after `since`."""
        now = self.now()
        marked_for: float | None = None
        if since is not None:
            marked_for = now - self._history.known_at(since) if policy.stale_after_invalidation else NEVER
        return judge(facts, policy, now=now, draw=draw, marked_for=marked_for)

    def judged(self, entry: Entry, policy: Policy, draw: float) -> Verdict:
        """Judge an entry in memory."""
        if self.usable(entry):
            return FRESH
        since = None if self.prove(entry, self.now()) else abs(entry.checked_at)
        return self.verdict(entry.facts, policy, draw, since=since)

    # -- entries --------------------------------------------------------------------------------

    @staticmethod
    def entry(call: Call, value: Any, facts: Facts, at: int) -> Entry:
        """An entry for a value proven at position `at`, not in memory yet."""
        until = fresh_until(facts, call.policy)
        return Entry(value, facts, call.site.space, call.index, fresh_until=until, checked_at=-at)

    def admit(self, call: Call, entry: Entry) -> None:
        """Put an entry into this process's memory."""
        if self.l1 is None:
            return
        self.prove(entry, self.now())
        if call.site is not self.values:
            replaced = call.site.space.get(call.index)
            self.l1.admit(entry)
            if replaced is not None:
                call.site.retire(replaced)  # after `admit`, which looks at how often it was hit
        elif self.l1.swap(call.site.space, call.index, call.found, entry) and call.found is not None:
            # What was put by hand since we looked stays: only what we found there is replaced.
            call.site.retire(call.found)

    def usable(self, entry: Entry) -> bool:
        """Whether an entry is fresh and current."""
        now = self.now()
        return now < entry.fresh_until and not entry.facts.failed and self.prove(entry, now)

    def not_kept(self, key: str, reason: str) -> None:
        """Remember why the last load of a key was not kept, for whoever asks."""
        self.refusals[key] = reason
        while len(self.refusals) > _REFUSALS:
            self.refusals.pop(next(iter(self.refusals)), None)

    def bypassed(self, key: str, error: BaseException) -> None:
        """The store is in trouble: go on without it, and say so."""
        self.counters.bypassed += 1
        if self.events:
            self.events.emit(Event(Kind.BYPASS, "store", key, str(error)))

    def damaged(self, key: str, reason: str) -> None:
        """The store held something that can't be trusted: a miss."""
        self.counters.damaged += 1
        if self.events:
            self.events.emit(Event(Kind.DAMAGED, "store", key, reason))

    def provable(self, facts: Facts) -> Proof | None:
        """A proof that a value from outside is current, as this cache's consistency asks for it."""
        proof = self.ledger.prove(facts.tags, facts.stamp)
        return None if proof is not None and proof.held and self.consistency == "strict" else proof

    def announced(self, names: Sequence[str], source: str = "", statements: Sequence[str] = ()) -> None:
        """Count and tell what this process has just announced; see `Step`."""
        self.counters.invalidations += len(names)
        self.trail.add(Step(names, source, statements))
        if self.events:
            detail: dict[str, Any] = {"names": tuple(names)}
            if statements:
                detail["statements"] = tuple(statements)
            self.events.emit(Event(Kind.INVALIDATE, "ledger", reason=source, detail=detail))

    # -- time -----------------------------------------------------------------------------------

    def awake(self) -> None:
        """Have the ticker work: a call is under way."""
        if self._ticks and not TICKER.working:
            TICKER.nudge()

    def tick(self) -> None:
        """Let time pass (see `runtime.ticker`). Quick: every cache of the process waits for it."""
        now = self.now()
        if self.backend.in_memory and self.gate.expired(now):
            # Time is one more writer: what it changes gets a number, so hits compare nothing else.
            self.backend.tick()
        if self.backend.proven() and not any_late(self.elsewhere):
            self._history.note(self.ledger.position(), now)
            self.gate.open(Shut.UNPROVEN)
        else:
            self.gate.shut(Shut.UNPROVEN)
        self.gate.tick(now)

    def look_after(self) -> None:
        """Housekeeping, every now and then; it may take its time."""
        self.backend.look_after()
        self.follow_mode()

    def park(self) -> None:
        """The clock stands still from now on."""
        self.gate.shut(Shut.PARKED)

    # -- mode -----------------------------------------------------------------------------------

    def serves(self) -> bool:
        """Whether this call may be answered by what is stored: the mode may say so for a share of them."""
        return self.plain or self.mode.draw(self.threads.random()) == "on"

    def set_mode(self, mode: Mode) -> None:
        """Switch this process, and tell the others."""
        self.check_open()
        if self.backend.control is not None:
            try:
                self.backend.control.write(self.namespace, str(mode))
            except OSError as error:
                raise BackendError(
                    f"the mode could not be written for the other processes: {error}"
                ) from error
        self.adopt(mode)

    def follow_mode(self) -> None:
        """Take over the mode that a process of this namespace has set last, if there is a new one."""
        if self.backend.control is not None:
            written = self.backend.control.changed(self.namespace)
            if written is not None:
                self.adopt(Mode.of(written))

    def adopt(self, mode: Mode) -> None:
        """Switch this process."""
        self.mode = mode
        self.plain = mode.plain
        if mode.plain:
            self.gate.open(Shut.MODE)
        else:
            self.gate.shut(Shut.MODE)

    def check_open(self) -> None:
        """Refuse to work after `close()`.

        Raises:
            CacheClosed: It is closed.
        """
        if self.closed:
            raise CacheClosed("this cache is closed: open another one, or close it later")

    # -- ends -----------------------------------------------------------------------------------

    def after_fork(self) -> None:
        """The leaders of all flights are in the parent."""
        self.flights.clear()
        self.limit.clear()

    def close(self) -> None:
        """Give back what the backend holds open. Safe to call twice."""
        if self.closed:
            return
        self.closed = True
        TICKER.discard(self)
        self.adopt(Mode("off"))
        self.backend.close()
