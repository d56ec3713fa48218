"""What memcached servers say of themselves, and what follows from it for a cache."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from afresh.backends.findings import Finding
from afresh.backends.memcached.client import Request
from afresh.backends.memcached.connect import MemcachedClient
from afresh.backends.memcached.log.log import MemcachedLog
from afresh.backends.replica.remote import Position

_PINGS: Final = 5
_SLOW: Final = 0.005  # seconds
_LEDGER_WISH: Final = "give the ledger's server more memory (-m), or entries a server of their own (a pool)"


@dataclass(frozen=True, slots=True)
class Health:
    """What one server said.

    Attributes:
        name: The server.
        stats: What the client's `inspect` tells of it.
        latency: Seconds of the quickest of some round trips; `None` when it doesn't answer.
        ledger: The log lies there.
    """

    name: str
    stats: Mapping[str, Any] = field(default_factory=dict)
    latency: float | None = None
    ledger: bool = False

    def number(self, name: str) -> int:
        """A number; 0 where the server doesn't tell it."""
        value = self.stats.get(name, 0)
        return int(value) if str(value).isdecimal() else 0

    @property
    def hit_ratio(self) -> float | None:
        """Hits of all reads."""
        hits, misses = self.number("get_hits"), self.number("get_misses")
        return hits / (hits + misses) if hits + misses else None


def inspect(client: MemcachedClient, log: MemcachedLog | None = None) -> dict[str, object]:
    """Ask, and say what was found: names and values, and `findings`, a list of `Finding`. Never raises."""
    told: dict[str, Any] = dict(client.inspect())
    health = [
        Health(
            name,
            told["servers"].get(name, {}),
            _latency(client, index),
            log is not None and log.server == index,
        )
        for index, name in enumerate(client.servers)
    ]
    found: dict[str, object] = {
        **told,
        "servers": {
            each.name: {**each.stats, "latency": each.latency, "hit_ratio": each.hit_ratio} for each in health
        },
        "findings": [finding for each in health for finding in findings(each)],
    }
    if log is not None:
        found |= _ledger(client, log)
    return found


def findings(health: Health) -> Iterator[Finding]:
    """What follows from what a server said."""
    name = health.name
    if health.latency is None:
        advice = "start it, or correct the URL; until then every call of its keys loads"
        if health.ledger:
            advice = (
                "start it, or correct the URL: it keeps the ledger, so until then nothing is cached at all"
            )
        yield Finding("error", f"{name} doesn't answer", advice)
        return
    if health.latency > _SLOW:
        what = f"a round trip to {name} takes {health.latency * 1000:.1f} ms"
        yield Finding("warning", what, "bring the server nearer, or keep more in memory (l1=)")
    yield from _memory(health)


def _memory(health: Health) -> Iterator[Finding]:
    name, evicted = health.name, health.number("evictions")
    if not evicted:
        return
    unread = health.number("evicted_unfetched")
    yield Finding("note", f"{name} has evicted {evicted} items, {unread} of them never read")
    if health.ledger:
        what = f"{name} evicts items, and keeps the ledger: had its items been among them, all began anew"
        yield Finding("warning", what, _LEDGER_WISH)
    used, limit = health.number("bytes"), health.number("limit_maxbytes")
    if limit and used < limit // 2:
        yield Finding(
            "warning",
            f"{name} evicts while only {100 * used // limit} % of its memory hold items: "
            "the pages belong to other sizes of items",
            "start it with -o slab_reassign,slab_automove, or anew",
        )


def _latency(client: MemcachedClient, server: int) -> float | None:
    trips = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        (reply,) = client.call(Request("mg", b"afresh:ping", server=server), timeout=1.0)
        if reply.error:
            return None
        trips.append(time.perf_counter() - began)
    return min(trips)


def _ledger(client: MemcachedClient, log: MemcachedLog) -> dict[str, object]:
    """The ledger as its server has it."""
    stands: Position = log.stands()
    return {
        "ledger": log.name,
        "ledger_server": client.servers[log.server],
        "ledger_on_server": stands.at or None,
        "ledger_epoch_on_server": f"{stands.epoch:x}" if stands.epoch else None,
    }
