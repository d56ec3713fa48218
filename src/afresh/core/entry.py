"""A stored value with its metadata.

`Entry` has only what a hit touches; everything else a result is known by is in its `Facts`.
Plain values (`cache.set`) have neither tags nor a cost, so they share one `Facts` per policy: a
million integers in memory cost about twice what a `dict` of them does.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

NEVER = float("inf")
"""An expiry that is not reached."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a value, apart from the value.

    Attributes:
        key: The full key, readable.
        stamp: The ledger's position before the load did anything (PROTOCOL: an entry is current
            iff no tag of its was marked after its stamp).
        tags: 64-bit hashes of what it was made from.
        names: Readable names of the first of the tags, for `explain`; not needed to judge it.
        loaded_at: When the load began, in seconds since 1970.
        cost: How long the load took, in seconds.
        soft: When it is no longer fresh.
        stale_until: Until when `stale_while_revalidate` may serve it.
        error_until: Until when `stale_if_error` may serve it.
        failed: The value is a remembered exception, to be raised.
    """

    key: str
    stamp: int
    tags: frozenset[int] = frozenset()
    names: tuple[str, ...] = ()
    loaded_at: float = 0.0
    cost: float = 0.0
    soft: float = NEVER
    stale_until: float = NEVER
    error_until: float = NEVER
    failed: bool = False

    @property
    def hard(self) -> float:
        """When nothing may serve it any more."""
        return max(self.soft, self.stale_until, self.error_until)


class Entry:
    """A value in this process's memory, as the hot path sees it.

    Attributes:
        value: The stored object itself.
        fresh_until: Before this time a hit needs no thought: the soft expiry, or earlier where
            early refresh has to be drawn, or minus infinity where each read must be judged.
        checked_at: The ledger's position up to which no tag of its was marked.
        hits: How often it was read; the only thing a hit writes. It is also the eviction
            policy's mark of use.
        seen: `hits` when the eviction policy last looked. The policy owns this slot.
        home: The dictionary that holds it, and
        index: its index there.
        facts: Everything else.
    """

    __slots__ = ("checked_at", "facts", "fresh_until", "hits", "home", "index", "seen", "value")

    value: Any
    fresh_until: float
    checked_at: int
    hits: int
    seen: int
    home: dict[Hashable, Entry]
    index: Hashable
    facts: Facts

    def __init__(
        self,
        value: Any,
        facts: Facts,
        home: dict[Hashable, Entry],
        index: Hashable,
        *,
        fresh_until: float,
        checked_at: int,
    ) -> None:
        self.value = value
        self.facts = facts
        self.home = home
        self.index = index
        self.fresh_until = fresh_until
        self.checked_at = checked_at
        self.hits = 0
        self.seen = 0
