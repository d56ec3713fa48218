"""The eviction policy: hit ratios against references, and the reasons for its parts."""

from __future__ import annotations

import pytest
from eviction_references import (
    drift,
    entry_at,
    lru_ratio,
    s3fifo_ratio,
    store_ratio,
    with_scans,
    zipf,
)

from afresh.backends.memory import eviction as module
from afresh.backends.memory import mark
from afresh.backends.memory.eviction import Eviction
from afresh.backends.memory.limit import Limit
from afresh.backends.memory.store import MemoryStore
from afresh.core.entry import Entry

WORKLOADS = {
    "zipf": (zipf(1, 5000, 0.7, 60_000), 500),
    "zipf, little room": (zipf(2, 5000, 1.0, 60_000), 50),
    "scans": (with_scans(3, 4000, 50_000), 400),
    "drift": (drift(4, 60_000), 800),
    "drift, little room": (drift(5, 60_000), 60),
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_keeps_up_with_the_better_of_lru_and_s3fifo(name: str) -> None:
    keys, room = WORKLOADS[name]
    assert store_ratio(keys, room) >= max(lru_ratio(keys, room), s3fifo_ratio(keys, room)) - 0.005


def test_no_fixed_reference_would_have_passed_on_all_workloads() -> None:
    # Otherwise the test above would not show that the policy adapts.
    rows = [(lru_ratio(*each), s3fifo_ratio(*each)) for each in WORKLOADS.values()]
    assert any(lru < s3 - 0.01 for lru, s3 in rows)
    assert any(s3 < lru - 0.01 for lru, s3 in rows)


def test_bytes_are_evicted_as_well_as_entries() -> None:
    keys, room = WORKLOADS["scans"]
    keys = keys[:25_000]
    assert store_ratio(keys, room, value_bytes=1000) >= store_ratio(keys, room) - 0.01


@pytest.mark.parametrize(("length", "least"), [(520, 0.7), (600, 0.6), (800, 0.4), (1000, 0.3)])
def test_a_loop_larger_than_the_room_keeps_part_of_it(length: int, least: float) -> None:
    keys = list(range(length)) * 20
    assert lru_ratio(keys, 500) == 0
    assert store_ratio(keys, 500) > least


def test_a_loop_that_just_fits_is_caught_after_something_else() -> None:
    keys = zipf(8, 5000, 0.8, 20_000) + [10_000 + n % 480 for n in range(20_000)]
    before = store_ratio(keys[:20_000], 500)
    assert store_ratio(keys, 500) > (before + 0.8) / 2


def test_the_small_queue_follows_the_workload() -> None:
    def share(keys: list[int]) -> float:
        store = MemoryStore(Limit(300))
        space = store.space()
        for key in keys:
            if key in space:
                space[key].hits += 1
            else:
                store.admit(entry_at(space, key))
        return store._policy.balance.small / 300

    bursts = [1000 * (n // 400) + n % 80 for n in range(40_000)]
    late = [key for n in range(30_000) for key in ((n,) if n % 3 else (n, n - 60))]
    assert share(zipf(6, 5000, 1.0, 40_000)) < 0.06
    assert share(late) > 0.15
    assert share(bursts) <= 0.5


def test_a_used_entry_outlives_unused_ones() -> None:
    store = MemoryStore(Limit(100))
    space = store.space()
    for index in range(100):
        store.admit(entry_at(space, index))
    for round_ in range(50):
        for index in (3, 90):
            space[index].hits += 1
        for index in range(20):
            store.admit(entry_at(space, (round_, index)))
    assert 3 in space
    assert 90 in space


def test_one_eviction_looks_at_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(Limit(5000))
    space = store.space()
    for index in range(5000):
        store.admit(entry_at(space, index))
    looks = 0
    used = mark.used

    def counting(entry: Entry) -> int:
        nonlocal looks
        looks += 1
        return used(entry)

    monkeypatch.setattr(mark, "used", counting)
    for round_ in range(200):
        for entry in list(space.values()):
            entry.hits += 1
        looks = 0
        store.admit(entry_at(space, -1 - round_))
        assert looks <= module._LOOKS + 1
    assert len(space) == 5000


def test_a_place_that_returns_soon_enters_the_main_queue() -> None:
    policy = Eviction(100)
    space: dict = {}
    for index in range(100):
        entry = space[index] = entry_at(space, index)
        policy.insert(entry, 0, returns=policy.asked(space, index))
    victim = policy.evict()
    del space[victim.index]
    again = entry_at(space, victim.index)
    returns = policy.asked(space, victim.index)
    assert returns
    policy.insert(again, 0, returns=returns)
    assert mark.state(again) == mark.RETURNED
    assert not policy.asked(space, victim.index)


def test_expired_entries_go_first() -> None:
    expired: set[object] = set()
    store = MemoryStore(Limit(50), expired=lambda entry: entry.index in expired)
    space = store.space()
    for index in range(50):
        store.admit(entry_at(space, index))
    expired.update(range(0, 50, 2))
    for _ in range(25):
        for entry in list(space.values()):
            entry.hits += 1
        store.admit(entry_at(space, object()))
    assert [index for index in space if index in expired] == []


def test_a_reload_keeps_the_place_and_the_use_of_the_old_entry() -> None:
    policy = Eviction(10)
    space: dict = {}
    old = space[1] = entry_at(space, 1)
    policy.insert(old, 0, returns=True)
    old.hits = 5
    new = space[1] = entry_at(space, 1)
    policy.replace(old, new, 0)
    assert (len(policy), policy.weight) == (1, 1)
    assert mark.used(new) == 5
    assert mark.state(new) == mark.RETURNED


def test_empty_places_stay_few() -> None:
    store = MemoryStore(Limit(1000))
    space = store.space()
    for index in range(20_000):
        entry = entry_at(space, index)
        store.admit(entry)
        if index % 10:
            store.discard(entry)
        policy = store._policy
        assert len(policy._vacant) <= 16 + len(policy.small) + len(policy.main)
        assert len(policy.small) + len(policy.main) <= 2500
    assert store.entries == len(space)
