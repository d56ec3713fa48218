"""The entries of this process: dictionaries that readers read without a lock, bounded together.

A reader looks an entry up in its space, judges it and returns its value; it takes no lock, and may
do so while another thread replaces or evicts that entry: it then has the one or the other. Whoever
stores or removes something takes the one mutex. Nothing of the user's runs while it is held, with
two exceptions that Python brings: the `__hash__` and `__eq__` of an argument that is an index, and
whatever the garbage collector decides to finalise. If one of those stores something, it finds the
store busy in its own thread, and its change is made as soon as the one under way is done.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import RLock

from afresh.backends.memory import mark
from afresh.backends.memory.eviction import Eviction
from afresh.backends.memory.limit import Limit
from afresh.backends.memory.queues import Space
from afresh.backends.memory.size import deep_size
from afresh.core.entry import Entry
from afresh.runtime.fork import on_fork

__all__ = ["Limit", "MemoryStore"]

_OVERHEAD = 304
"""Bytes that an entry takes beside its value and index: `Entry`, `Facts`, its part of the dictionary,
of the queue and of the ghosts."""
_PER_TAG = 64
"""Bytes of a tag's hash and its place in the set of them."""


class MemoryStore:
    """Entries of this process, bounded by number or bytes.

    Args:
        limit: How much it may hold.
        on_evict: Called with each entry that had to go, when it is gone and no lock is held.
        expired: Says of an entry that it can't be served any more. It is asked under the lock, so
            it must be quick and must not use the store.

    Attributes:
        limit: How much it may hold.
        on_evict: See above; may be set later.
        evictions: How many entries had to go.
    """

    def __init__(
        self,
        limit: Limit,
        *,
        on_evict: Callable[[Entry], object] | None = None,
        expired: Callable[[Entry], bool] | None = None,
    ) -> None:
        self.limit = limit
        self.on_evict = on_evict
        self.evictions = 0
        self._policy = Eviction(limit.most, expired)
        self._spaces: list[Space] = []
        self._mutex = RLock()
        self._busy = False
        self._postponed: list[Callable[[list[Entry]], object]] = []
        on_fork(self)

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return len(self._policy)

    @property
    def bytes(self) -> int:
        """Their estimated size; 0 where the limit is a number of entries, as nothing is weighed then."""
        return self._policy.weight if self.limit.in_bytes else 0

    def space(self) -> Space:
        """A new dictionary whose entries count against the limit."""
        space: Space = {}
        self._spaces.append(space)
        return space

    def admit(self, entry: Entry) -> None:
        """Put an entry in its place, `entry.home[entry.index]`, and evict others if needed.

        One that is larger than the whole limit is not stored; what was in its place goes.
        """
        weighed = self._weigh(entry)
        self._change(lambda evicted: self._put(entry, weighed, evicted))

    def discard(self, entry: Entry) -> None:
        """Remove an entry if it is still the one in its place."""
        self._change(lambda _: self._remove(entry))

    def swap(self, space: Space, index: Hashable, old: Entry | None, new: Entry | None) -> bool:
        """Put `new` (`None`: nothing) in the place of `old` (`None`: nothing) if that is what is there.

        Returns:
            Whether it was.
        """
        weighed = 0 if new is None else self._weigh(new)
        # A finaliser that finds the store busy gets this answer; its change is made afterwards.
        done = space.get(index) is old

        def exchange(evicted: list[Entry]) -> None:
            nonlocal done
            done = space.get(index) is old
            if not done:
                return
            if new is not None:
                self._put(new, weighed, evicted)
            elif old is not None:
                self._remove(old)

        self._change(exchange)
        return done

    def clear(self) -> None:
        """Remove everything."""
        self._change(lambda _: self._empty())

    def after_fork(self) -> None:
        """Make a new mutex. Where another thread was in the middle of a change, begin anew."""
        self._mutex = RLock()
        if self._busy:
            self._busy = False
            self._postponed.clear()
            self._empty()

    # -- under the mutex ------------------------------------------------------------------------

    def _change(self, change: Callable[[list[Entry]], object]) -> None:
        """Make a change under the mutex, and what finalisers asked for meanwhile."""
        evicted: list[Entry] = []
        kept_alive: list[object] = []  # values are freed when the mutex is not held any more
        with self._mutex:
            if self._busy:
                self._postponed.append(change)
                return
            self._busy = True
            try:
                kept_alive.append(change(evicted))
                while self._postponed:
                    kept_alive.append(self._postponed.pop(0)(evicted))
            finally:
                self._busy = False
            self.evictions += len(evicted)
        if self.on_evict is not None:
            for entry in evicted:
                self.on_evict(entry)

    def _put(self, entry: Entry, weighed: int, evicted: list[Entry]) -> Entry | None:
        """Store an entry; returns the one that it replaced."""
        policy, space, index = self._policy, entry.home, entry.index
        weight = weighed or 1
        old = space.get(index)
        if weight > self.limit.most:
            return None if old is None else self._remove(old)
        returns = old is None and policy.asked(space, index)
        while policy.weight - (0 if old is None else mark.weight(old)) + weight > self.limit.most:
            victim = policy.evict()
            del victim.home[victim.index]
            evicted.append(victim)
            if victim is old:
                old = None
        if old is None:
            policy.insert(entry, weighed, returns=returns)
        else:
            policy.replace(old, entry, weighed)
        space[index] = entry
        return old

    def _remove(self, entry: Entry) -> Entry | None:
        if entry.home.get(entry.index) is not entry:
            return None
        self._policy.remove(entry)
        del entry.home[entry.index]
        return entry

    def _empty(self) -> list[Entry]:
        """Empty all spaces; returns what was in them."""
        removed: list[Entry] = []
        for space in self._spaces:
            removed.extend(space.values())
            space.clear()
        self._policy.clear()
        return removed

    def _weigh(self, entry: Entry) -> int:
        """The size of an entry in bytes; 0 where entries are counted."""
        if not self.limit.in_bytes:
            return 0
        facts = entry.facts
        own = _OVERHEAD + len(facts.key) + _PER_TAG * len(facts.tags) + sum(map(len, facts.names))
        return own + deep_size(entry.index) + deep_size(entry.value)
