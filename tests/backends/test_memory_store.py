"""The memory store: its bound, its figures, its places, and threads."""

from __future__ import annotations

import gc
import os
import random
import threading
import weakref

import pytest
from eviction_references import entry_at
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from afresh.backends.memory import mark
from afresh.backends.memory.limit import Limit
from afresh.backends.memory.store import MemoryStore
from afresh.core.entry import Entry
from sizes import seed, size


class Machine(RuleBasedStateMachine):
    """The store against a model: what is stored, minus what it said was evicted."""

    made = Bundle("made")

    @initialize(bound=st.integers(1, 12), in_bytes=st.booleans())
    def open(self, bound: int, in_bytes: bool) -> None:
        self.evicted: list[Entry] = []
        self.limit = Limit(bound * 700 if in_bytes else bound, in_bytes)
        self.store = MemoryStore(self.limit, on_evict=self.evicted.append)
        self.spaces = [self.store.space(), self.store.space()]
        self.model: dict[tuple[int, int], Entry] = {}
        self.seen_evictions = 0

    def _too_large(self, entry: Entry) -> bool:
        return self.limit.in_bytes and self.store._weigh(entry) > self.limit.most

    def _settle(self) -> None:
        for entry in self.evicted[self.seen_evictions :]:
            place = self._place(entry)
            assert self.model.pop(place) is entry, "evicted something that was not stored"
        self.seen_evictions = len(self.evicted)

    def _place(self, entry: Entry) -> tuple[int, int]:
        return next(n for n, each in enumerate(self.spaces) if each is entry.home), entry.index

    @rule(target=made, space=st.integers(0, 1), index=st.integers(0, 20), length=st.integers(0, 3000))
    def admit(self, space: int, index: int, length: int) -> Entry:
        entry = entry_at(self.spaces[space], index, b"x" * length)
        self.store.admit(entry)
        replaced = self.model.pop((space, index), None)
        if replaced in self.evicted[self.seen_evictions :]:
            self.model[space, index] = replaced
        self._settle()
        if not self._too_large(entry):
            self.model[space, index] = entry
            assert self.spaces[space][index] is entry
        return entry

    @rule(entry=made, hits=st.integers(1, 20))
    def hit(self, entry: Entry, hits: int) -> None:
        entry.hits += hits

    @rule(entry=made)
    def restart_the_count(self, entry: Entry) -> None:
        entry.hits = 0

    @rule(entry=made)
    def discard(self, entry: Entry) -> None:
        self.store.discard(entry)
        if self.model.get(self._place(entry)) is entry:
            del self.model[self._place(entry)]

    @rule(entry=made)
    def admit_again(self, entry: Entry) -> None:
        self.store.admit(entry)
        place = self._place(entry)
        there = self.model.pop(place, None)
        if there in self.evicted[self.seen_evictions :]:
            self.model[place] = there
        self._settle()
        if not self._too_large(entry):
            self.model[place] = entry

    @rule(entry=made, remove=st.booleans(), length=st.integers(0, 500))
    def swap(self, entry: Entry, remove: bool, length: int) -> None:
        place = self._place(entry)
        new = None if remove else entry_at(entry.home, entry.index, b"x" * length)
        there = self.model.get(place) is entry
        assert self.store.swap(entry.home, entry.index, entry, new) is there
        if there:
            self.model.pop(place)
            if entry in self.evicted[self.seen_evictions :]:
                self.model[place] = entry
            self._settle()
            if new is not None and not self._too_large(new):
                self.model[place] = new

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.model.clear()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        found = {(n, index): entry for n, space in enumerate(self.spaces) for index, entry in space.items()}
        assert found == self.model
        assert self.store.entries == len(found)
        assert self.store.evictions == len(self.evicted)
        weight = sum(map(mark.weight, found.values()))
        assert weight <= self.limit.most
        assert self.store.bytes == (weight if self.limit.in_bytes else 0)
        assert self.store._policy.weight == weight


Machine.TestCase.settings = settings(
    max_examples=size(40, 1000),
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMachine = Machine.TestCase


def test_a_value_larger_than_the_whole_limit_is_not_stored_and_evicts_nothing_else() -> None:
    store = MemoryStore(Limit(5000, in_bytes=True))
    space = store.space()
    for index in range(3):
        store.admit(entry_at(space, index, b"x" * 500))
    store.admit(entry_at(space, 1, b"x" * 6000))
    assert sorted(space) == [0, 2]
    assert (store.entries, store.evictions) == (2, 0)


def test_the_weight_follows_the_value_that_replaces_another() -> None:
    store = MemoryStore(Limit(10_000, in_bytes=True))
    space = store.space()
    store.admit(entry_at(space, 0, b""))
    small = store.bytes
    store.admit(entry_at(space, 0, b"x" * 4000))
    assert store.bytes == small + 4000
    store.admit(entry_at(space, 0, b""))
    assert store.bytes == small


def test_what_leaves_is_freed() -> None:
    class Value:
        pass

    store = MemoryStore(Limit(2))
    space = store.space()
    gone = []
    for index in (0, 0, 1, 2, 3):
        value = Value()
        gone.append(weakref.ref(value))
        store.admit(entry_at(space, index, value))
        del value
    alive = {id(entry.value) for entry in space.values()}
    gc.collect()
    assert {id(ref()) for ref in gone if ref() is not None} == alive
    store.discard(next(iter(space.values())))
    store.clear()
    gc.collect()
    assert [ref for ref in gone if ref() is not None] == []


def test_on_evict_may_use_the_store() -> None:
    store = MemoryStore(Limit(3))
    space = store.space()
    told: list[object] = []

    def again(entry: Entry) -> None:
        told.append(entry.index)
        assert space.get(entry.index) is not entry
        if len(told) < 10:
            store.admit(entry_at(space, f"again {entry.index}"))

    store.on_evict = again
    for index in range(6):
        store.admit(entry_at(space, index))
    assert len(told) == store.evictions >= 10
    assert store.entries == len(space) == 3


def test_a_finaliser_that_stores_something_neither_hangs_nor_spoils_the_store() -> None:
    store = MemoryStore(Limit(4))
    space = store.space()

    class Index:
        """Stands for anything that runs in the middle of a change, in the same thread."""

        def __init__(self, number: int) -> None:
            self.number = number
            self.armed = True

        def __hash__(self) -> int:
            if store._busy and self.armed:
                self.armed = False
                store.admit(entry_at(space, f"from {self.number}"))
                store.discard(entry_at(space, "nothing"))
                assert store.swap(
                    space, f"swapped {self.number}", None, entry_at(space, f"swapped {self.number}")
                )
            return hash(self.number)

    for number in range(20):
        store.admit(entry_at(space, Index(number)))
        assert f"swapped {number}" in space
        assert store.entries == len(space) <= 4


def test_a_child_process_of_a_store_in_the_middle_of_a_change_can_use_it() -> None:
    store = MemoryStore(Limit(10))
    space = store.space()
    for index in range(10):
        store.admit(entry_at(space, index))
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with store._mutex:
            store._busy = True
            locked.set()
            release.wait()
            store._busy = False

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait()
    # What a fork does to the child: the holder of the mutex is not there any more.
    theirs, space_of_child = store._mutex, space
    store.after_fork()
    assert store._mutex is not theirs
    store.admit(entry_at(space_of_child, "child"))
    assert list(space_of_child) == ["child"]
    assert store.entries == 1
    release.set()
    thread.join()


@pytest.mark.slow
def test_fork_while_threads_store() -> None:
    store = MemoryStore(Limit(50))
    space = store.space()
    stop = threading.Event()

    def work(number: int) -> None:
        dice = random.Random(number)
        while not stop.is_set():
            store.admit(entry_at(space, dice.randrange(200)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(size(10, 200)):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for index in range(500):
                    store.admit(entry_at(space, index))
                status = 0 if store.entries == len(space) == 50 and store._policy.weight == 50 else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("limit", [Limit(64), Limit(40_000, in_bytes=True)])
def test_threads(limit: Limit) -> None:
    told: list[Entry] = []
    store = MemoryStore(limit, on_evict=told.append)
    spaces = [store.space() for _ in range(3)]
    errors: list[BaseException] = []

    def work(number: int) -> None:
        dice = random.Random(seed() + number)
        try:
            for _ in range(size(3000, 100_000)):
                space, index = dice.choice(spaces), dice.randrange(150)
                entry = space.get(index)
                if entry is None or dice.random() < 0.1:
                    store.admit(entry_at(space, index, (index, "x" * dice.randrange(200))))
                elif dice.random() < 0.05:
                    store.discard(entry)
                else:
                    entry.hits += 1
                    assert entry.value[0] == index
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    left = [entry for space in spaces for entry in space.values()]
    assert store.entries == len(left)
    assert store.evictions == len(told)
    assert store._policy.weight == sum(map(mark.weight, left)) <= limit.most
    assert all(entry.home[entry.index] is entry for entry in left)
