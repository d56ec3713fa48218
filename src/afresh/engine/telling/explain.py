"""What is known of one key, for people."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.codecs.opened import Damaged
from afresh.core.entry import Entry, Facts
from afresh.core.policy import Policy
from afresh.core.tags import hashed
from afresh.engine.engine import Engine
from afresh.engine.site import Site
from afresh.errors import BackendError


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a key.

    Attributes:
        key: The key within its namespace.
        layer: Where it was found: `memory`, `store` or `nowhere`.
        state: `fresh`, `stale`, `reserve` (served only if a load fails), `miss`, or `unknown` where the
            store doesn't answer.
        reason: Why it isn't fresh: `expired`, `invalidated`, `early`, `absent`, `not kept: …`,
            `damaged: …`.
        depends_on: Names of the tags that it carries, or of the first of them, and
        tags: how many it carries.
        invalidated_by: The tag that was marked, where that is still known, and
        written_by: by which write, if this process announced it: a statement, or who said so.
        age: Seconds since its load began.
        expires_in: Seconds until it is no longer fresh; infinite without a `ttl`.
        cost: Seconds that its load took.
        hits: Reads of it in this process.
    """

    key: str
    layer: str
    state: str
    reason: str
    depends_on: tuple[str, ...] = ()
    tags: int = 0
    invalidated_by: str = ""
    written_by: str = ""
    age: float = 0.0
    expires_in: float = 0.0
    cost: float = 0.0
    hits: int = 0

    def __str__(self) -> str:
        lines = [
            f"{self.key}: {self.state}" + (f" ({self.reason})" if self.reason else "") + f", in {self.layer}"
        ]
        if self.layer != "nowhere":
            lines.append(f"  loaded {self.age:.1f} s ago in {self.cost * 1000:.1f} ms, {self.hits} hits here")
            lines.append(f"  expires in {self.expires_in:.1f} s")
        if self.invalidated_by:
            lines.append(f"  invalidated by {self.invalidated_by}")
            lines.append(f"  written by {self.written_by or 'another process, or long ago'}")
        lines += [f"  depends on {name}" for name in self.depends_on]
        if self.tags > len(self.depends_on):
            lines.append(f"  and on {self.tags - len(self.depends_on)} more")
        return "\n".join(lines)


async def explain(engine: Engine, key: str) -> Explanation:
    """Find a key in memory, else in the store, and say what is known of it."""
    full = engine.names.full(key)
    for site in list(engine.sites.values()):
        for entry in list(site.space.values()):
            if entry.facts.key == full or (site is engine.values and entry.index == key):
                return _of_entry(engine, key, entry, site.policy)
    try:
        for site in _sites_of(engine, full):
            explained = await _of_stored(engine, site, key, full)
            if explained is not None:
                return explained
    except BackendError as error:
        return Explanation(key, "nowhere", "unknown", f"not in memory, and the store doesn't answer: {error}")
    refused = engine.refusals.get(full)
    return Explanation(key, "nowhere", "miss", f"not kept: {refused}" if refused else "absent")


def _sites_of(engine: Engine, full: str) -> list[Site]:
    """Who may have stored a value at a key: values set by hand, and functions whose keys begin so."""
    functions = (site for site in list(engine.sites.values()) if site.name)
    begins = (site for site in functions if full.startswith(engine.names.full(site.name)))
    return [engine.values, *begins]


async def _of_stored(engine: Engine, site: Site, key: str, full: str) -> Explanation | None:
    if engine.store is None or engine.sealer is None:
        return None
    envelope = await engine.store.get(engine.stored_key(site, full))
    if envelope is None:
        return None
    opened = engine.sealer.open(envelope, full, site.type)
    if isinstance(opened, Damaged):
        return Explanation(key, "store", "miss", f"damaged: {opened.reason}")
    if opened.epoch != engine.ledger.epoch:
        return Explanation(key, "store", "miss", "another epoch", opened.facts.names)
    since = None if engine.provable(opened.facts) else opened.facts.stamp
    return _of_facts(engine, key, "store", opened.facts, site.policy, since, 0)


def _name(facts: Facts, tag: int) -> str:
    return next((name for name in facts.names if hashed(name) == tag), f"a tag with the hash {tag:#018x}")


def _of_entry(engine: Engine, key: str, entry: Entry, policy: Policy) -> Explanation:
    if engine.usable(entry) and not entry.facts.key:
        return Explanation(
            key, "memory", "fresh", "", expires_in=entry.fresh_until - engine.now(), hits=entry.hits
        )
    since = None if engine.prove(entry, engine.now()) else abs(entry.checked_at)
    return _of_facts(engine, key, "memory", entry.facts, policy, since, entry.hits)


def _of_facts(
    engine: Engine, key: str, layer: str, facts: Facts, policy: Policy, since: int | None, hits: int
) -> Explanation:
    verdict = engine.verdict(facts, policy, 0.0, since=since)
    blamed = None if since is None else engine.ledger.blame(facts.tags, since)
    tag = "" if blamed is None else _name(facts, blamed)
    step = engine.trail.of(tag) if tag else None
    return Explanation(
        key=key,
        layer=layer,
        state=verdict.answer.value,
        reason=verdict.reason,
        depends_on=facts.names,
        tags=len(facts.tags),
        invalidated_by=tag,
        written_by="" if step is None else str(step),
        age=engine.now() - facts.loaded_at,
        expires_in=facts.soft - engine.now(),
        cost=facts.cost,
        hits=hits,
    )
