"""Counters, added up when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, field

from afresh.engine.engine import Engine
from afresh.engine.site import Site


@dataclass(frozen=True, slots=True)
class SiteStats:
    """One decorated function, or (with an empty name) all values set by hand and `get_or_load`.

    Attributes:
        name: The prefix of its keys.
        entries: Entries in this process's memory.
        hits: Calls answered without loading.
        stale: Those of them that got an old value while or because a load was needed.
        misses: Calls that found nothing to serve.
        joined: Misses that waited for another's load.
        loads: Loads that ended well, and
        load_seconds: how long they took together.
        failures: Loads that raised.
        refused: Results that were kept nowhere, since what they were made from had changed.
        saved_seconds: What the hits would have cost.
    """

    name: str
    entries: int
    hits: int
    stale: int
    misses: int
    joined: int
    loads: int
    load_seconds: float
    failures: int
    refused: int
    saved_seconds: float

    @property
    def hit_ratio(self) -> float:
        """Hits among all calls; 0 before the first."""
        calls = self.hits + self.misses
        return self.hits / calls if calls else 0.0


@dataclass(frozen=True, slots=True)
class Stats:
    """One cache in one process, since it was opened.

    Attributes:
        url: Where its entries live.
        mode: `on`, `off` or `shadow`.
        position: The ledger's.
        entries: Entries in this process's memory, and
        bytes: their estimated size, where the limit is one of bytes; else 0.
        store_hits: Values found in the store.
        invalidations: Tags that this process marked.
        evictions: Entries that made room in this process's memory.
        damaged: Stored values that could not be trusted.
        bypassed: Operations that did without a store in trouble.
        mismatches: Differences found in shadow mode.
        waited: Loads that waited for others to end, since `max_loads` ran already.
        status: Of a ledger on a server: when it was last heard of, what could not be delivered to it,
            and whether the server is asked at all.
        store: The store's own counters.
        sites: Each decorated function.
    """

    url: str
    mode: str
    position: int
    entries: int
    bytes: int
    store_hits: int
    invalidations: int
    evictions: int
    damaged: int
    bypassed: int
    mismatches: int
    waited: int = 0
    status: dict[str, object] = field(default_factory=dict)
    store: dict[str, int] = field(default_factory=dict)
    sites: tuple[SiteStats, ...] = ()

    @property
    def hits(self) -> int:
        """Hits of all functions."""
        return sum(site.hits for site in self.sites)

    @property
    def misses(self) -> int:
        """Misses of all functions."""
        return sum(site.misses for site in self.sites)

    @property
    def loads(self) -> int:
        """Loads of all functions."""
        return sum(site.loads for site in self.sites)

    @property
    def saved_seconds(self) -> float:
        """What all hits would have cost."""
        return sum(site.saved_seconds for site in self.sites)

    @property
    def hit_ratio(self) -> float:
        """Hits among all calls; 0 before the first."""
        calls = self.hits + self.misses
        return self.hits / calls if calls else 0.0


def stats(engine: Engine) -> Stats:
    """Add up. Takes time in proportion to the entries in memory: hits are counted in them."""
    counters = engine.counters
    return Stats(
        url=engine.backend.url,
        mode=str(engine.mode),
        position=engine.ledger.position(),
        entries=0 if engine.l1 is None else engine.l1.entries,
        bytes=0 if engine.l1 is None else engine.l1.bytes,
        store_hits=counters.store_hits,
        invalidations=counters.invalidations,
        evictions=counters.evictions,
        damaged=counters.damaged,
        bypassed=counters.bypassed,
        mismatches=counters.mismatches,
        waited=engine.limit.waited,
        status=dict(engine.backend.status()),
        store={} if engine.store is None else dict(engine.store.usage()),
        sites=tuple(_site(site) for site in engine.sites.values()),
    )


def _site(site: Site) -> SiteStats:
    entries = list(site.space.values())
    return SiteStats(
        name=site.name,
        entries=len(entries),
        hits=site.hits + sum(entry.hits for entry in entries),
        stale=site.stale,
        misses=site.misses,
        joined=site.joined,
        loads=site.loads,
        load_seconds=site.load_seconds,
        failures=site.failures,
        refused=site.refused,
        saved_seconds=site.saved + sum(entry.hits * entry.facts.cost for entry in entries),
    )
