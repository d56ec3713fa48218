"""Which entry has to go when the memory store is full.

A hit must not cost a lock, a list operation or a look at a clock. All that it leaves behind is
`entry.hits += 1`, so everything here happens when something is *stored*: a few entries are looked
at, and those that were read since the last look are spared. This is CLOCK's idea (Corbató 1968),
and on real workloads it loses nothing against moving entries on every hit: SIEVE (Zhang et al.,
NSDI 2024) and S3-FIFO (Yang et al., SOSP 2023) often beat LRU with it. But none of them wins
everywhere. LRU is far ahead where an application works through one thing after the other;
S3-FIFO where many entries are read only once; W-TinyLFU (Einziger, Friedman, Manes, ACM TOS 2017)
where popularity lasts. So the structure is S3-FIFO's, and three measurements bend it to the workload.

::

                      read meanwhile                    read, or on credit
                    ┌────────────────┐                 ┌──────────────────┐
     new ──► small queue ──────────► └──► main queue ──┴──► look ─────────┘
                    │ not read               ▲                │ neither
                    ▼                        │                ▼
                  ghosts ── asked for again ─┴───────────── ghosts

* **Two queues.** A new entry enters the small queue. Leaving it unread, it is evicted: most
  one-time entries take no more room than that. Read once, it moves on to the main queue.
* **Ghosts.** Hashes of evicted places. A place that is asked for again while its ghost lives goes
  to the main queue at once: it came back sooner than the small queue could show.
* **How large is the small queue?** A ghost that left a queue only just now is a hit that this
  queue would have had with a little more room; the queue gets that room, from the other one.
  This is the rule of ARC. With a share of one half the whole behaves nearly like LRU; with one
  of a hundredth, like an LFU that hardly lets anything in.
* **What are former hits worth?** An entry of the main queue that was read since the last look
  is spared, and saves up to seven further hits as credit. When later it was *not* read, credit
  may spare it once more. Where popularity lasts, that is right (it makes the queue
  frequency-based, as W-TinyLFU is); where it drifts, it keeps what is over.
* **What is a return worth?** In a loop larger than the cache, every place returns, and letting it
  into the main queue only pushes out another one that will return as well.
* Both are *trials*: entries that get room on trust are counted, and how many of them were read by
  the next look; the other use of that room is measured by the ghosts of the main queue that
  return. Trust is given while it earns more, and tried now and then while it does not.
* **First filling.** While nothing has been evicted yet there is no reason to have a small queue,
  so the first entries fill most of the main queue. Otherwise a loop larger than the cache would
  find the small queue spread over all of it, and never hit.

Every operation is O(1): one eviction looks at no more than `_LOOKS` entries that deserve to stay;
each look uses up hits, or credit, that came from hits.

What it does not reach: on a pure loop 4 % larger than the cache W-TinyLFU hits 93 %, this about
80 %, LRU nothing; and where a loop that just fits moves on all the time, LRU is some points ahead.

A discarded entry leaves its place standing empty in the queue, because a queue can't be searched.
An empty place is thrown away when it gets to the front, and counted by `_vacant`; while many are,
each further discard turns the queues by two places, so they stay few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from afresh.backends.memory import mark
from afresh.backends.memory.balance import Balance
from afresh.backends.memory.ghosts import MAIN, SMALL, Ghosts
from afresh.backends.memory.queues import Queue, Space
from afresh.core.entry import Entry

_LOOKS = 32
"""How many entries one eviction may spare before it has to take what comes."""
_FILL = 0.80
"""The part of the capacity that the first entries fill of the main queue."""
_MAIN_GHOSTS = 0.25
"""How many capacities may leave the main queue before a return to it is no longer at once.

Ghosts live for one capacity: with less, a loop that just fits the cache would never be caught."""


class Eviction:
    """The order in which entries leave. It changes no dictionary: its caller does.

    Args:
        capacity: The largest sum of weights.
        expired: Says that an entry can't be served any more; then nothing spares it.

    Attributes:
        small: The queue of new entries.
        main: The queue of entries that have been asked for more than once.
        balance: What it has learnt about the workload.
    """

    __slots__ = (
        "_capacity", "_expired", "_filling", "_ghosts", "_numbers", "_vacant", "balance", "main", "small",
    )  # fmt: skip

    def __init__(self, capacity: int, expired: Callable[[Entry], bool] | None = None) -> None:
        self._capacity = capacity
        self._expired = expired
        self.balance = Balance(capacity)
        self._numbers: dict[int, int] = {}  # of the spaces, by id
        self.clear()

    def clear(self) -> None:
        """Forget all places; what was learnt about the workload stays."""
        self.small = Queue()
        self.main = Queue()
        self._ghosts = Ghosts(self._capacity)
        self._vacant: dict[tuple[int, Hashable], Queue] = {}
        self._filling = True

    def __len__(self) -> int:
        return len(self.small) + len(self.main) - len(self._vacant)

    @property
    def weight(self) -> int:
        """The sum of all weights."""
        return self.small.weight + self.main.weight

    def asked(self, space: Space, index: Hashable) -> bool:
        """Learn that a place is being filled that was empty; says whether it is a trusted return."""
        ghost = self._ghosts.take(self._hash(space, index))
        if ghost is None:
            return False
        queue, age = ghost
        self.balance.returned(queue, age)
        if queue == MAIN and age >= self._capacity * _MAIN_GHOSTS:
            return False
        return self.balance.returns.pays(self.balance.worth(self.main.weight))

    def insert(self, entry: Entry, weighed: int, *, returns: bool) -> None:
        """Take in an entry at a place that was empty.

        Args:
            entry: The entry.
            weighed: Its weight in bytes; 0 where entries are counted.
            returns: What `asked` said of its place.
        """
        queue = self._vacant.pop((id(entry.home), entry.index), None)
        if queue is None:
            fills = self._filling and self.main.weight < self._capacity * _FILL
            queue = self.main if returns or fills else self.small
            queue.push(entry.home, entry.index)
        state = mark.SMALL if queue is self.small else mark.RETURNED if returns else mark.MAIN
        mark.write(entry, state, 0, weighed)
        queue.weight += mark.weight(entry)

    def replace(self, old: Entry, new: Entry, weighed: int) -> None:
        """Put `new` in the place of `old`, with the use that was made of `old`."""
        queue = self._queue_of(old)
        queue.weight -= mark.weight(old)
        unseen = min(mark.used(old), mark.MOST_CREDIT)
        mark.write(new, mark.state(old), mark.credit(old), weighed, unseen=unseen)
        queue.weight += mark.weight(new)

    def remove(self, entry: Entry) -> None:
        """Forget an entry that leaves by itself."""
        queue = self._queue_of(entry)
        queue.weight -= mark.weight(entry)
        self._vacant[id(entry.home), entry.index] = queue
        if len(self._vacant) > 16 + len(self) // 8:
            for each in (self.small, self.main):
                self._turn(each)

    def evict(self) -> Entry:
        """Choose the entry that leaves, and forget it. There must be one."""
        self._filling = False
        looks = 0
        while True:
            hurried = looks >= _LOOKS
            small, main = self.small, self.main
            first = len(small) > 0 and (hurried or not len(main) or small.weight >= self.balance.small)
            entry = self._pop(small if first else main)
            if entry is None:
                continue
            if hurried or not (self._spare_small(entry) if first else self._spare_main(entry)):
                self._ghosts.fit(len(self) + 1)
                name = self._hash(entry.home, entry.index)
                self._ghosts.add(name, SMALL if first else MAIN, mark.weight(entry))
                return entry
            looks += 1

    def _spare_small(self, entry: Entry) -> bool:
        """Move an entry on to the main queue if it was read."""
        if not mark.used(entry) or self._gone(entry):
            return False
        self._send_to_main(entry, mark.MAIN, 0)
        return True

    def _spare_main(self, entry: Entry) -> bool:
        """Send an entry around again if it was read, or was read before and credit pays."""
        weight, used, credit = mark.weight(entry), mark.used(entry), mark.credit(entry)
        balance, state = self.balance, mark.state(entry)
        balance.looked(weight)
        if state != mark.MAIN:
            trial = balance.credit if state == mark.ON_CREDIT else balance.returns
            trial.result(weight, used > 0, len(self))
        if self._gone(entry):
            return False
        if used:
            self._send_to_main(entry, mark.MAIN, min(credit + used, mark.MOST_CREDIT) - 1)
        elif credit and balance.credit.pays(balance.worth(self.main.weight)):
            self._send_to_main(entry, mark.ON_CREDIT, credit - 1)
        else:
            return False
        return True

    def _send_to_main(self, entry: Entry, state: int, credit: int) -> None:
        self.main.push(entry.home, entry.index)
        mark.write(entry, state, credit, mark.weighed(entry))
        self.main.weight += mark.weight(entry)

    def _queue_of(self, entry: Entry) -> Queue:
        return self.small if mark.state(entry) == mark.SMALL else self.main

    def _pop(self, queue: Queue) -> Entry | None:
        """Take the first place of a queue; `None` if it stands empty."""
        space, index = queue.pop()
        entry = space.get(index)
        if entry is None:
            self._vacant.pop((id(space), index), None)
        else:
            queue.weight -= mark.weight(entry)
        return entry

    def _turn(self, queue: Queue) -> None:
        """Bring the first two places to the end, unless they stand empty."""
        for _ in range(min(2, len(queue))):
            space, index = queue.pop()
            if self._vacant.pop((id(space), index), None) is None:
                queue.push(space, index)

    def _hash(self, space: Space, index: Hashable) -> int:
        # Numbers instead of ids: the same requests shall meet the same collisions in every run.
        return hash((self._numbers.setdefault(id(space), len(self._numbers)), index))

    def _gone(self, entry: Entry) -> bool:
        return self._expired is not None and self._expired(entry)
