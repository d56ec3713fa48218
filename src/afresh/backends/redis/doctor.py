"""What a Redis says of itself, and what follows from it for a cache."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from afresh.backends.findings import Finding
from afresh.backends.redis.client import Client, ErrorReply
from afresh.backends.redis.log import ledger_keys
from afresh.errors import BackendError
from afresh.runtime.drive import drive

OLDEST: Final = 6
_FULL: Final = 0.9
_SLOW: Final = 0.005  # seconds
_PINGS: Final = 5
_LOOKED_AT: Final = 500  # keys, to find out whether all are ours
_OURS: Final = b"afresh"
_EVICTION: Final = "set maxmemory-policy allkeys-lfu on a server of the cache's own"


_REFUSALS: Final = (
    ("WRONGPASS", "the server refuses the user or the password", "correct them in the URL"),
    ("NOAUTH", "the server wants a password", "write it in the URL, redis://user:password@host"),
    (
        "NOPERM",
        "the user may not do what a cache needs",
        "give it that right: ACL SETUSER … ~afresh* &afresh* +@all -@admin -@dangerous +info",
    ),
    (
        "DB index",
        "the server has no database of that number",
        "write another number in the URL, or raise databases",
    ),
    ("NOPROTO", "the server is too old", f"take Redis {OLDEST} or newer, or Valkey"),
    ("max number of clients", "the server takes no more connections", "raise maxclients"),
    ("LOADING", "the server is still reading its snapshot", "wait"),
    (
        "READONLY",
        "the server is a replica",
        "give the address of the primary, of the sentinels, or of the cluster",
    ),
)
"""What an error says, what that means, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Health:
    """What one server said, as `INFO` names it.

    Attributes:
        info: `INFO`.
        latency: Seconds of the quickest of some round trips.
        min_replicas: `min-replicas-to-write`; `None` where we may not ask.
        foreign: Other applications' keys were seen.
    """

    info: Mapping[str, str]
    latency: float = 0.0
    min_replicas: int | None = None
    foreign: bool = False

    def number(self, name: str) -> int:
        """A number of `INFO`; 0 where the server doesn't tell it."""
        value = self.info.get(name, "")
        return int(value) if value.lstrip("-").isdecimal() else 0

    @property
    def version(self) -> str:
        """As its makers count."""
        return self.info.get("valkey_version") or self.info.get("redis_version", "")


def inspect(client: Client, ledger: str) -> dict[str, object]:
    """Ask, and say what was found: names and values, and `findings`, a list of `Finding`. Never raises."""
    found: dict[str, object] = dict(client.inspect())
    try:
        health = _ask(client, ledger)
        found |= _told(health) | _ledger(client, ledger)
        found["findings"] = list(findings(health))
    except BackendError as error:
        found["findings"] = [unusable(error)]
    return found


def unusable(error: BackendError) -> Finding:
    """What is the matter with a server that could not be asked, by what came instead of an answer."""
    text = str(error)
    for sign, what, advice in _REFUSALS:
        if sign in text:
            return Finding("error", f"{what}: {text}", f"{advice}; until then every call loads")
    advice = "start it, or correct the URL; until then every call loads"
    return Finding("error", f"the server doesn't answer: {text}", advice)


def findings(health: Health) -> Iterator[Finding]:
    """What follows from what a server said."""
    if health.version and int(health.version.partition(".")[0]) < OLDEST:
        yield Finding("error", f"it is version {health.version}", f"take Redis {OLDEST} or newer, or Valkey")
    if health.latency > _SLOW:
        what = f"a round trip takes {health.latency * 1000:.1f} ms"
        yield Finding("warning", what, "bring the server nearer, or keep more in memory (l1=)")
    if health.info.get("role") == "slave":
        advice = "give the address of the primary, of the sentinels, or of the cluster"
        yield Finding("error", "it is a replica: nothing can be written there", advice)
    yield from _memory(health)
    yield from _durability(health)


def _memory(health: Health) -> Iterator[Finding]:
    limit, used = health.number("maxmemory"), health.number("used_memory")
    policy = health.info.get("maxmemory_policy", "")
    if not limit:
        yield Finding("warning", "its memory has no limit", f"set maxmemory, and {_EVICTION}")
    elif policy == "noeviction" and used > _FULL * limit:
        what = f"it is full to {100 * used // limit} % and evicts nothing: soon it refuses marks and entries"
        yield Finding("error", what, _EVICTION)
    elif policy == "noeviction":
        yield Finding("warning", "it evicts nothing: when it is full it refuses marks and entries", _EVICTION)
    if policy.startswith("allkeys-") and health.foreign:
        yield Finding(
            "warning",
            f"it also holds keys that are not the cache's, and {policy} may evict them (sessions, queues)",
            "give the cache a server of its own, or set maxmemory-policy volatile-lfu here",
        )
    if policy.startswith("allkeys-") and health.number("evicted_keys"):
        yield Finding(
            "note",
            f"{health.info['evicted_keys']} keys were evicted; had the ledger's been among them, "
            "everything cached would have begun anew",
        )


def _durability(health: Health) -> Iterator[Finding]:
    if health.number("connected_slaves") and health.min_replicas == 0:
        yield Finding(
            "warning",
            "a primary that was replaced without noticing goes on confirming: the bound has to include that",
            "set min-replicas-to-write 1 (and min-replicas-max-lag to a few seconds)",
        )
    if health.info.get("rdb_last_bgsave_status", "ok") != "ok":
        advice = "give it disk space, or set stop-writes-on-bgsave-error no: a cache needs no snapshots"
        yield Finding("error", "its last snapshot failed, and then it refuses writes", advice)


def _ask(client: Client, ledger: str) -> Health:
    """Ask the server that keeps the ledger."""
    key = ledger_keys(ledger)[0]
    info = parsed(drive(client.run("INFO", key=key, timeout=1.0)))
    trips = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        drive(client.run("HGET", key, "epoch"))  # of the ledger: whoever may not read it finds out here
        trips.append(time.perf_counter() - began)
    _, keys = drive(client.run("SCAN", 0, "COUNT", _LOOKED_AT, key=key))
    foreign = any(not each.startswith(_OURS) for each in keys)
    return Health(info, min(trips), _min_replicas(client, key), foreign)


def _min_replicas(client: Client, key: str) -> int | None:
    try:
        answer = drive(client.run("CONFIG", "GET", "min-replicas-to-write", key=key))
    except ErrorReply:  # managed servers don't let us ask
        return None
    values = list(answer.values()) if isinstance(answer, dict) else answer[1:]
    return int(values[0]) if values else None


def _told(health: Health) -> dict[str, object]:
    hits, misses = health.number("keyspace_hits"), health.number("keyspace_misses")
    return {
        "server": "valkey" if "valkey_version" in health.info else "redis",
        "version": health.version,
        "latency": health.latency,
        "memory": health.number("used_memory"),
        "memory_limit": health.number("maxmemory"),
        "eviction": health.info.get("maxmemory_policy", ""),
        "evicted": health.number("evicted_keys"),
        "hit_ratio": hits / (hits + misses) if hits + misses else None,
        "replicas": health.number("connected_slaves"),
        "min_replicas_to_write": health.min_replicas,
        "snapshots": health.info.get("rdb_last_bgsave_status", ""),
        "append_only": health.info.get("aof_enabled") == "1",
        "other_keys": health.foreign,
    }


def _ledger(client: Client, name: str) -> dict[str, object]:
    """The ledger as the server has it."""
    meta, log, _ = ledger_keys(name)
    kept, length, oldest = drive(
        client.run_many(
            [("HMGET", meta, "epoch", "at"), ("XLEN", log), ("XRANGE", log, "-", "+", "COUNT", 1)]
        )
    )
    if isinstance(kept, BackendError) or not _all(kept):
        return {"ledger": name, "ledger_on_server": None}
    at = int(kept[1])
    first = int(oldest[0][0].partition(b"-")[0]) if _all([length, oldest]) else at
    return {
        "ledger": name,
        "ledger_on_server": at,
        "ledger_epoch_on_server": f"{int(kept[0]):x}",
        "ledger_records": length,
        "ledger_reaches_back": at - first,
    }


def _all(values: Sequence[Any]) -> bool:
    return all(value and not isinstance(value, BackendError) for value in values)


def parsed(info: bytes | str) -> dict[str, str]:
    """`INFO`, as names and values."""
    text = info.decode("utf-8", "replace") if isinstance(info, bytes) else info
    lines = (line.partition(":") for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {name: value for name, _, value in lines}
