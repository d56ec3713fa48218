"""The memory store itself, with real entries, counting hits as a decorated function's wrapper does."""

from __future__ import annotations

from collections.abc import Sequence

from afresh.backends.memory.limit import Limit
from afresh.backends.memory.store import MemoryStore
from afresh.core.entry import NEVER, Entry, Facts

_FACTS = Facts("", 0)


def ours(keys: Sequence[int], capacity: int) -> int:
    """Hits of a `MemoryStore` with room for `capacity` entries."""
    store = MemoryStore(Limit(capacity))
    space = store.space()
    admit, hits = store.admit, 0
    for key in keys:
        try:
            entry = space[key]
        except KeyError:
            admit(Entry(None, _FACTS, space, key, fresh_until=NEVER, checked_at=0))
        else:
            entry.hits += 1
            hits += 1
    return hits
